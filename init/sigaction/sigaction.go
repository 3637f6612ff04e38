// Package sigaction sets what a signal does by default, also for the signals
// that Go's runtime keeps os/signal away from. A handler of the runtime that is
// in place is overwritten, so it is meant for signals that nobody waits for.
package sigaction

import (
	"fmt"
	"runtime"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Ignore makes the kernel discard the signal; programs that are started inherit that.
func Ignore(n syscall.Signal) error { return set(n, 1) }

// Default puts the signal's own action in place.
func Default(n syscall.Signal) error { return set(n, 0) }

// Ignored tells whether the kernel discards the signal.
func Ignored(n syscall.Signal) bool {
	var action [8]uintptr
	at, maskBytes := layout()
	_, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(n), 0, uintptr(unsafe.Pointer(&action)), maskBytes, 0, 0)
	return errno == 0 && action[at] == 1
}

// layout is where struct sigaction has its handler, and the size of a set of signals.
func layout() (handler int, maskBytes uintptr) {
	if strings.HasPrefix(runtime.GOARCH, "mips") { // the flags come first, and there are 128 signals
		return 1, 16
	}
	return 0, 8
}

// set calls rt_sigaction(2) with SIG_DFL (0) or SIG_IGN (1).
func set(n syscall.Signal, handler uintptr) error {
	// struct sigaction as the kernel takes it; all words but the handler stay 0.
	var action [8]uintptr
	at, maskBytes := layout()
	action[at] = handler
	_, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(n), uintptr(unsafe.Pointer(&action)), 0, maskBytes, 0, 0)
	if errno != 0 {
		return fmt.Errorf("rt_sigaction %d: %w", int(n), errno)
	}
	return nil
}
