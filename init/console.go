package main

import (
	"fmt"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"bantam/boottime"
	"bantam/init/control"
	"bantam/init/pid1"
	"bantam/init/shell"
	"bantam/init/supervise"
	"bantam/system"
	"bantam/tty"
)

// woken is what a console is called with that has dozed; see shell.Doze.
const woken = "woken"

// console greets whoever is at a terminal and becomes the shell there.
func console(args []string) int {
	name := "console"
	if len(args) > 0 {
		name = args[0]
	}
	if len(args) > 1 && (args[1] == system.LoginPassword || args[1] == pid1.RescueLogin) {
		return login(name, args[1], args[2:])
	}
	if len(args) > 1 && args[1] == woken {
		return wake(args[2:])
	}
	tty.Bytes(0)
	// What else was typed while the machine started came in parts, and is no command.
	asked, _ := control.Knocked()
	tty.Reset(0)
	_ = unix.IoctlSetInt(0, unix.TCFLSH, unix.TCIFLUSH)
	greeting, menuUntil := control.Greeting(name)
	shell.Doze = func() { // without, there is a shell at once
		_ = supervise.Doze([]string{pid1.ConsoleName, name, woken, strconv.FormatInt(int64(menuUntil), 10)})
	}
	fmt.Print(greeting)
	if asked {
		control.Main([]string{"menu"})
	}
	return shell.Main([]string{"-sh"})
}

// wake becomes the shell with the first key, unless that asks for the boot menu. Times are those since the start of the kernel.
func wake(args []string) int {
	var until int64
	if len(args) > 0 {
		until, _ = strconv.ParseInt(args[0], 10, 64)
	}
	shell.Woken = true
	if boottime.Now() < time.Duration(until) {
		asked, typed := control.Knocked()
		if asked {
			tty.Reset(0)
			fmt.Fprintln(os.Stdout)
			control.Main([]string{"menu"})
		} else {
			shell.Typed = typed
		}
	}
	return shell.Main([]string{"-sh"})
}
