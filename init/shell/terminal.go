package shell

import (
	"os"
	"runtime"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

type termios = unix.Termios

// terminal is the controlling terminal of an interactive shell.
type terminal struct {
	fd      int
	pgid    int // the shell's own group
	initial int // the group to give the terminal back to
	cooked  termios
}

// terminalInput is the shell's own non-blocking view of the terminal, which
// lets Ctrl-C end the read builtin; children get the real standard input.
var terminalInput atomic.Pointer[os.File]

// openTerminal takes the terminal on standard input for the shell. It returns
// nil when there is none, or no job control on it.
func openTerminal() *terminal {
	t := &terminal{fd: 0, pgid: unix.Getpgrp()}
	if err := t.load(&t.cooked); err != nil {
		return nil
	}
	group, err := unix.IoctlGetInt(t.fd, unix.TIOCGPGRP)
	if err != nil {
		// A console opened by an init that did not make it controlling.
		if sid, _ := unix.Getsid(0); sid != os.Getpid() || unix.IoctlSetInt(t.fd, unix.TIOCSCTTY, 0) != nil {
			return nil
		}
		if group, err = unix.IoctlGetInt(t.fd, unix.TIOCGPGRP); err != nil {
			return nil
		}
	}
	t.initial = group
	for group != t.pgid && group > 0 {
		// Started in the background: wait until somebody puts us in front.
		syscall.Kill(-t.pgid, syscall.SIGTTIN)
		if group, err = unix.IoctlGetInt(t.fd, unix.TIOCGPGRP); err != nil {
			return nil
		}
		t.pgid = unix.Getpgrp()
	}
	if t.pgid != os.Getpid() && unix.Setpgid(0, 0) == nil {
		t.pgid = os.Getpid()
	}
	t.take()
	return t
}

// give makes a process group the foreground one.
//
// SIGTTOU is blocked meanwhile, in this thread only: a shell that is itself in
// the background would be stopped by it, and ignoring it for the whole process
// would be inherited by every child.
func (t *terminal) give(pgid int) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	block, old := unix.Sigset_t{}, unix.Sigset_t{}
	const bits = 32 << (^uintptr(0) >> 63) // width of an unsigned long, the elements of Val
	block.Val[(int(unix.SIGTTOU)-1)/bits] |= 1 << ((uint(unix.SIGTTOU) - 1) % bits)
	if unix.PthreadSigmask(unix.SIG_BLOCK, &block, &old) != nil {
		return
	}
	unix.IoctlSetPointerInt(t.fd, unix.TIOCSPGRP, pgid)
	unix.PthreadSigmask(unix.SIG_SETMASK, &old, nil)
}

// take makes the shell the foreground group.
func (t *terminal) take() { t.give(t.pgid) }

// release returns the terminal to who had it before the shell.
func (t *terminal) release() {
	t.store(&t.cooked)
	t.give(t.initial)
}

func (t *terminal) owner() int {
	group, err := unix.IoctlGetInt(t.fd, unix.TIOCGPGRP)
	if err != nil {
		return -1
	}
	return group
}

func (t *terminal) load(into *termios) error {
	got, err := unix.IoctlGetTermios(t.fd, unix.TCGETS)
	if err == nil {
		*into = *got
	}
	return err
}

// store changes the settings once written output has drained; typed input stays.
func (t *terminal) store(settings *termios) error {
	return unix.IoctlSetTermios(t.fd, unix.TCSETSW, settings)
}
