package serial

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"bantam/tty"
)

// What a line may say; the rest are errors of the kernel.
var (
	ErrGone  = errors.New("it is gone: was it unplugged?")
	ErrInUse = errors.New("another program has it")
)

// A Line is an open serial line.
type Line struct {
	file    *os.File
	restore func()
}

// Open opens a serial line, e.g. /dev/ttyUSB0, at a speed in bits a second, for us alone. rtscts has both ends say by wires of their
// own when they can take more.
func Open(path string, baud int, rtscts bool) (*Line, error) {
	// Non-blocking: a line without a carrier would be waited for, and reads must end with Close.
	file, err := os.OpenFile(path, os.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	switch {
	case errors.Is(err, unix.EBUSY):
		return nil, fmt.Errorf("%s: %w", path, ErrInUse)
	case errors.Is(err, unix.ENXIO), errors.Is(err, unix.ENODEV), errors.Is(err, unix.EIO):
		return nil, fmt.Errorf("%s: no line is behind it (%w)", path, err)
	case errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf("you may not open %s; whoever is in its group (often dialout) may: sudo usermod -aG dialout $USER, and log in anew", path)
	case err != nil:
		return nil, err
	}
	l := &Line{file: file}
	if err := l.prepare(baud, rtscts); err != nil {
		file.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return l, nil
}

func (l *Line) prepare(baud int, rtscts bool) error {
	if !tty.Is(l.file) {
		return errors.New("it is no serial line")
	}
	// The lock is what other terminal programs look for; the exclusive mode keeps out those that do not look.
	if err := unix.Flock(l.fd(), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return ErrInUse
	}
	if err := unix.IoctlSetInt(l.fd(), unix.TIOCEXCL, 0); err != nil {
		return err
	}
	old, err := unix.IoctlGetTermios(l.fd(), unix.TCGETS2)
	if err != nil {
		return err
	}
	modes := *old
	tty.Raw(&modes)
	modes.Cflag &^= unix.CSIZE | unix.PARENB | unix.CSTOPB | unix.CRTSCTS | unix.HUPCL
	modes.Cflag |= unix.CS8 | unix.CREAD | unix.CLOCAL
	modes.Iflag |= unix.IGNBRK
	if rtscts {
		modes.Cflag |= unix.CRTSCTS
	}
	if err := l.set(&modes, baud); err != nil {
		return err
	}
	l.restore = func() { _ = unix.IoctlSetTermios(l.fd(), unix.TCSETS2, old) }
	return nil
}

// set puts modes and a speed into effect, behind what is still to be sent.
func (l *Line) set(modes *unix.Termios, baud int) error {
	modes.Cflag = modes.Cflag&^unix.CBAUD | unix.BOTHER
	modes.Ispeed, modes.Ospeed = uint32(baud), uint32(baud)
	if err := unix.IoctlSetTermios(l.fd(), unix.TCSETSW2, modes); err != nil {
		return fmt.Errorf("%d baud: %w", baud, err)
	}
	got, err := unix.IoctlGetTermios(l.fd(), unix.TCGETS2)
	if err != nil {
		return err
	}
	// A divisor of the clock is near the speed, or it is another one.
	if off := int(got.Ospeed) - baud; off > baud/20 || off < -baud/20 {
		return fmt.Errorf("it has no %d baud; the nearest is %d", baud, got.Ospeed)
	}
	return nil
}

// SetBaud changes the line's speed, once all that was written has gone.
func (l *Line) SetBaud(baud int) error {
	modes, err := unix.IoctlGetTermios(l.fd(), unix.TCGETS2)
	if err != nil {
		return gone(err)
	}
	return l.set(modes, baud)
}

func (l *Line) fd() int {
	// Not Fd, which makes reads block for ever.
	fd := -1
	if raw, err := l.file.SyscallConn(); err == nil {
		_ = raw.Control(func(n uintptr) { fd = int(n) })
	}
	return fd
}

// Read waits for bytes.
func (l *Line) Read(b []byte) (int, error) {
	n, err := l.file.Read(b)
	return n, gone(err)
}

// Write waits until the kernel has taken all.
func (l *Line) Write(b []byte) (int, error) {
	n, err := l.file.Write(b)
	return n, gone(err)
}

// gone tells the absence of a device from other faults. A USB converter that is pulled out says the end of input, or one of these.
func gone(err error) error {
	if err == nil || errors.Is(err, os.ErrClosed) {
		return err
	}
	for _, sign := range []error{io.EOF, unix.EIO, unix.ENXIO, unix.ENODEV, unix.EPROTO, unix.ESHUTDOWN} {
		if errors.Is(err, sign) {
			return ErrGone
		}
	}
	return err
}

// breakLength is more than the time of a byte at 300 baud, and what systems take for a break at least.
const breakLength = 300 * time.Millisecond

// Break holds the line down, which a kernel takes for SysRq and some boot loaders for a key.
func (l *Line) Break() error {
	if err := unix.IoctlSetInt(l.fd(), unix.TIOCSBRK, 0); err != nil {
		return gone(err)
	}
	time.Sleep(breakLength)
	return gone(unix.IoctlSetInt(l.fd(), unix.TIOCCBRK, 0))
}

// Close puts the line's modes back and lets others have it.
func (l *Line) Close() error {
	l.restore()
	_ = unix.IoctlSetInt(l.fd(), unix.TIOCNXCL, 0)
	return l.file.Close()
}
