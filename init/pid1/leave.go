package pid1

import (
	"os"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Action is a way for the machine to end.
type Action int

// What reboot, poweroff and halt ask for.
const (
	Restart Action = iota
	PowerOff
	Halt
)

var actions = [...]struct {
	name   string
	signal syscall.Signal
	reboot uint32
	sysrq  string
}{
	Restart:  {"reboot", unix.SIGTERM, unix.LINUX_REBOOT_CMD_RESTART, "b"},
	PowerOff: {"poweroff", unix.SIGUSR2, unix.LINUX_REBOOT_CMD_POWER_OFF, "o"},
	Halt:     {"halt", unix.SIGUSR1, unix.LINUX_REBOOT_CMD_HALT, ""},
}

// String is the verb.
func (a Action) String() string { return actions[a].name }

// Signal asks PID 1 for the action when there is no control socket, as at the
// rescue prompt. They are busybox's, which other tools know too.
func (a Action) Signal() syscall.Signal { return actions[a].signal }

// ActionOf is the action that a signal to PID 1 asks for. SIGINT is
// Ctrl-Alt-Del on the keyboard.
func ActionOf(s os.Signal) (Action, bool) {
	if s == unix.SIGINT {
		return Restart, true
	}
	for a := range actions {
		if s == actions[a].signal {
			return Action(a), true
		}
	}
	return 0, false
}

// CatchCtrlAltDel makes the kernel send SIGINT instead of restarting at once.
func CatchCtrlAltDel() error { return unix.Reboot(unix.LINUX_REBOOT_CMD_CAD_OFF) }

// leave ends the machine, at once and without saving anything. It does not return.
func leave(a Action) {
	go Guard("reboot", func() {
		// reboot(2) may hang in a driver, and may end the thread that calls it.
		runtime.LockOSThread()
		err := unix.Reboot(int(int32(actions[a].reboot)))
		Logf(Critical, "%v: reboot(2): %v", a, err)
	})
	time.Sleep(10 * time.Second)
	if key := actions[a].sysrq; key != "" {
		Logf(Critical, "%v: reboot(2) has done nothing in 10 s, trying sysrq", a)
		sysrq(key)
	}
	for { // what is left is the watchdog
		time.Sleep(time.Hour)
	}
}

// sysrq is the kernel's emergency key; it works also where the keyboard's is disabled.
func sysrq(key string) {
	if err := os.WriteFile("/proc/sysrq-trigger", []byte(key), 0); err != nil {
		Logf(Critical, "sysrq %s: %v", key, err)
	}
}
