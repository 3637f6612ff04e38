package editor

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// isUART tells whether a UART is behind the terminal. Pseudo-terminals and the
// virtual console know their size themselves.
func isUART(f *os.File) bool {
	var s [128]byte // larger than struct serial_struct on every architecture
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, f.Fd(), unix.TIOCGSERIAL, uintptr(unsafe.Pointer(&s)))
	return errno == 0
}

// speeds of the slow lines, in bits a second.
var speeds = map[uint32]int{unix.B50: 50, unix.B75: 75, unix.B110: 110, unix.B134: 134, unix.B150: 150, unix.B200: 200, unix.B300: 300,
	unix.B600: 600, unix.B1200: 1200, unix.B1800: 1800, unix.B2400: 2400, unix.B4800: 4800, unix.B9600: 9600, unix.B19200: 19200}

// speed is that of a slow line; 0: it is not slow.
func speed(t *unix.Termios) int { return speeds[t.Cflag&unix.CBAUD] }
