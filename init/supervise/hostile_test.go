package supervise

import (
	"fmt"
	"net"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

var floodLine = strings.Repeat("flood ", 20) + "\n"

// hostile is the service that does what services should not do.
func hostile(args []string) {
	switch args[0] {
	case "exit": // exit N
		n, _ := strconv.Atoi(args[1])
		os.Exit(n)
	case "ignore": // everything that can be ignored
		signal.Ignore()
		fmt.Println("ignoring")
		sleep()
	case "flood":
		for {
			os.Stdout.WriteString(floodLine)
		}
	case "close": // all descriptors
		fmt.Println("closing")
		unix.CloseRange(0, 1000, 0)
		time.Sleep(time.Hour)
	case "nonblock": // tell whether its output blocks, and make it not
		flags, _ := unix.FcntlInt(1, unix.F_GETFL, 0)
		fmt.Println("blocks", flags&unix.O_NONBLOCK == 0)
		unix.SetNonblock(1, true)
	case "daemon": // leave a grandchild in a session of its own, which ignores TERM
		fork("daemon-parent")
		fmt.Println("daemonised")
		sleep()
	case "daemon-parent":
		fmt.Println("grandchild", fork("ignore"))
	case "leave": // leave such a grandchild and exit
		fork("daemon-parent")
		time.Sleep(100 * time.Millisecond)
		os.Exit(1)
	case "bomb": // fork DEPTH levels of two
		depth, _ := strconv.Atoi(args[1])
		if depth > 0 {
			for range 2 {
				fork("bomb", strconv.Itoa(depth-1))
			}
		}
		signal.Ignore()
		fmt.Println("ticking")
		sleep()
	case "listen": // listen PORT
		if _, err := net.Listen("tcp", "127.0.0.1:"+args[1]); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		sleep()
	case "notify": // notify TEXT...
		fd, _ := strconv.Atoi(os.Getenv("NOTIFY_FD"))
		for _, text := range args[1:] {
			syscall.Write(fd, []byte(text))
			time.Sleep(50 * time.Millisecond)
		}
		sleep()
	case "limits":
		text, _ := os.ReadFile("/proc/self/status")
		for line := range strings.Lines(string(text)) {
			switch key, _, _ := strings.Cut(line, ":"); key {
			case "Umask", "Uid", "Gid", "Groups", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "SigIgn", "SigBlk":
				fmt.Print(line)
			}
		}
		var files unix.Rlimit
		unix.Getrlimit(unix.RLIMIT_NOFILE, &files)
		score, _ := os.ReadFile("/proc/self/oom_score_adj")
		dir, _ := os.Getwd()
		fmt.Printf("oom %s", score)
		fmt.Println("dir", dir)
		fmt.Println("env", os.Environ())
	case "tty":
		hostileTTY()
	}
}

func sleep() {
	for {
		time.Sleep(time.Hour)
	}
}

// fork starts another hostile process in a session of its own.
func fork(args ...string) int {
	pid, err := syscall.ForkExec("/proc/self/exe", self(args...), &syscall.ProcAttr{
		Env: os.Environ(), Files: []uintptr{0, 1, 2}, Sys: &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		fmt.Println("fork:", err)
	}
	return pid
}

// hostileTTY tells what it has for a terminal, reads a line, leaves the
// terminal raw and silent, and dies.
func hostileTTY() {
	sid, _ := unix.Getsid(0)
	foreground, err := unix.IoctlGetInt(0, unix.TIOCGPGRP)
	mode, _ := unix.IoctlGetTermios(0, unix.TCGETS)
	fmt.Printf("leader %v foreground %v error %v sane %v\n", sid == os.Getpid(), foreground == os.Getpid(), err,
		mode != nil && mode.Lflag&unix.ICANON != 0 && mode.Lflag&unix.ECHO != 0 && mode.Oflag&unix.ONLCR != 0)
	if tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0); err == nil {
		fmt.Fprintln(tty, "controlling terminal")
	}
	var word string
	fmt.Scanln(&word)
	fmt.Println("read", word)
	mode.Lflag, mode.Oflag, mode.Iflag = 0, 0, 0
	unix.IoctlSetTermios(0, unix.TCSETS, mode)
	os.Exit(1)
}
