package pid1

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"golang.org/x/sys/unix"

	"bantam/init/sigaction"
)

// Stdio makes sure that descriptors 0 to 2 are open, on the console or on
// /dev/null, so that no file opened later takes their place.
//
// The kernel starts init without them when it has no console. Go's runtime
// then opens /dev/null before main and aborts, which is a kernel panic, if
// there is none: an image must carry /dev/null. What is left to us is a
// descriptor closed on purpose, as a test does.
func Stdio() error {
	for fd := 0; fd <= 2; fd++ {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); !errors.Is(err, unix.EBADF) {
			continue
		}
		// The lowest free descriptor is fd: all below it are open.
		if _, err := unix.Open("/dev/console", unix.O_RDWR|unix.O_NOCTTY, 0); err == nil {
			continue
		}
		_ = os.Mkdir("/dev", 0o755)
		if err := unix.Mknod("/dev/null", unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))); err != nil && !errors.Is(err, unix.EEXIST) {
			return fmt.Errorf("mknod /dev/null: %w", err)
		}
		if _, err := unix.Open("/dev/null", unix.O_RDWR, 0); err != nil {
			return fmt.Errorf("open /dev/null: %w", err)
		}
	}
	return nil
}

// Signals are the channels that all signals to PID 1 end in.
type Signals struct {
	// Child has one place: a SIGCHLD only means that there is something to
	// reap, and the reaper reaps until there is nothing.
	Child chan os.Signal
	Other chan os.Signal
}

// The signals that Go's runtime leaves to a C library: 32 and 33 are glibc's,
// 34 is musl's. Their default action is to end the process, and the kernel's
// protection of init has a gap there: while the first thread blocks all
// signals, as the runtime makes it do for moments, such a signal is not
// discarded on arrival, and the kernel ends the whole group on behalf of
// another thread (complete_signal in kernel/signal.c). Ignored, they end nothing.
const firstLibrarySignal, lastLibrarySignal = 32, 34

// CatchSignals takes over every signal but SIGURG, which the runtime uses for
// itself. Without it twelve ordinary signals would end PID 1, because the
// runtime's handlers cancel the kernel's protection of init.
func CatchSignals() Signals {
	for n := syscall.Signal(firstLibrarySignal); n <= lastLibrarySignal; n++ {
		if err := sigaction.Ignore(n); err != nil {
			Logf(Critical, "%v", err)
		}
	}
	s := Signals{Child: make(chan os.Signal, 1), Other: make(chan os.Signal, 32)}
	var other []os.Signal
	for n := syscall.Signal(1); n <= 64; n++ {
		switch n {
		case unix.SIGURG, unix.SIGCHLD, unix.SIGKILL, unix.SIGSTOP:
		default:
			other = append(other, n)
		}
	}
	signal.Notify(s.Other, other...)
	signal.Notify(s.Child, unix.SIGCHLD)
	return s
}

// Panic is a recovered panic of one of PID 1's goroutines.
type Panic struct {
	Name  string // of the goroutine, e.g. "hotplug"
	Value any
	Stack []byte
}

func (p Panic) Error() string { return fmt.Sprintf("panic in %s: %v", p.Name, p.Value) }

// OnPanic is called with what Guard recovered, on the goroutine that failed.
// It is set before the first Guard.
var OnPanic = func(Panic) {}

// Guard runs f, which is the whole of a goroutine or of the main line, and
// keeps its panic from ending PID 1: the panic goes to the kernel log and to
// OnPanic. It cannot catch a concurrent map write, a stack overflow or
// exhausted memory; then the kernel panics and panic=10 restarts the machine.
func Guard(name string, f func()) {
	defer func() {
		if value := recover(); value != nil {
			p := Panic{name, value, debug.Stack()}
			Logf(Critical, "%v; dmesg has the details", p)
			Logf(Warning, "%s", p.Stack)
			OnPanic(p)
		}
	}()
	f()
}
