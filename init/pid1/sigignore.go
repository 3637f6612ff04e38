package pid1

import (
	"runtime"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The signals that Go's runtime leaves to a C library: 32 and 33 are glibc's,
// 34 is musl's. Their default action is to end the process, and the kernel's
// protection of init has a gap there: while the first thread blocks all
// signals, as the runtime makes it do for moments, such a signal is not
// discarded on arrival, and the kernel ends the whole group on behalf of
// another thread (complete_signal in kernel/signal.c).
const firstLibrarySignal, lastLibrarySignal = 32, 34

// ignoreLibrarySignals closes the gap: what is ignored ends nothing. A C
// library in a child installs handlers of its own before it uses them.
func ignoreLibrarySignals() error {
	// struct sigaction as the kernel takes it; all words but the handler stay 0.
	var action [8]uintptr
	handler, maskBytes := 0, uintptr(8)
	if strings.HasPrefix(runtime.GOARCH, "mips") { // the flags come first, and there are 128 signals
		handler, maskBytes = 1, 16
	}
	action[handler] = 1 // SIG_IGN
	for n := uintptr(firstLibrarySignal); n <= lastLibrarySignal; n++ {
		_, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGACTION, n, uintptr(unsafe.Pointer(&action)), 0, maskBytes, 0, 0)
		if errno != 0 {
			return errno
		}
	}
	return nil
}
