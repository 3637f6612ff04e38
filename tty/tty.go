// Package tty is a terminal as the kernel sees it: whether there is one, how
// large it is, and the modes of its line (termios(3), ioctl_tty(2)).
package tty

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Is tells whether a terminal is behind f.
func Is(f *os.File) bool {
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}

// Size is that of the window, as far as the kernel has been told; 0 is unknown.
func Size(f *os.File) (rows, cols int) {
	size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return 0, 0
	}
	return int(size.Row), int(size.Col)
}

// Set changes the modes of a terminal once what was written has drained, and
// returns what puts the old ones back.
func Set(f *os.File, change func(*unix.Termios)) (restore func(), err error) {
	fd := int(f.Fd())
	old, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return nil, errors.New("is not a terminal")
	}
	modes := *old
	change(&modes)
	if err := unix.IoctlSetTermios(fd, unix.TCSETSW, &modes); err != nil {
		return nil, fmt.Errorf("modes of the terminal: %w", err)
	}
	return func() { unix.IoctlSetTermios(fd, unix.TCSETSW, old) }, nil
}

// Keys lets every key come at once, and unseen.
func Keys(t *unix.Termios) {
	t.Lflag &^= unix.ICANON | unix.ECHO
	t.Cc[unix.VMIN], t.Cc[unix.VTIME] = 1, 0
}

// Raw lets bytes pass in both directions as they are. Speed and framing stay.
func Raw(t *unix.Termios) {
	Keys(t)
	t.Iflag &^= unix.IGNBRK | unix.BRKINT | unix.PARMRK | unix.INPCK | unix.ISTRIP | unix.INLCR | unix.IGNCR | unix.ICRNL | unix.IXON | unix.IXOFF | unix.IXANY | unix.IUCLC
	t.Oflag &^= unix.OPOST
	t.Lflag &^= unix.ECHONL | unix.ISIG | unix.IEXTEN
}

// Bytes lets every byte come at once, unseen and as it is, and waits for nothing: neither a Ctrl-C nor a Ctrl-S or break that
// a bad line makes up does anything. Output stays as it is with Sane. What is no terminal stays as it is.
func Bytes(fd int) {
	change(fd, func(t *unix.Termios) {
		Sane(t)
		Keys(t)
		t.Iflag = t.Iflag&^(unix.BRKINT|unix.ICRNL|unix.IXON) | unix.IGNBRK
		t.Lflag &^= unix.ISIG | unix.IEXTEN
	})
}

// Sane lets lines come, seen, with Ctrl-C and the other special characters where
// everybody expects them. What belongs to the line stays: speed, framing, parity,
// whether its text is UTF-8, and what a hang-up or a missing carrier means.
func Sane(t *unix.Termios) {
	t.Iflag = unix.BRKINT | unix.ICRNL | unix.IXON | unix.IMAXBEL | t.Iflag&(unix.IUTF8|unix.INPCK|unix.IGNPAR)
	t.Oflag = unix.OPOST | unix.ONLCR
	t.Lflag = unix.ISIG | unix.ICANON | unix.IEXTEN | unix.ECHO | unix.ECHOE | unix.ECHOK | unix.ECHOCTL | unix.ECHOKE
	t.Cflag |= unix.CREAD
	for at, c := range map[int]uint8{
		unix.VINTR: 'C' - '@', unix.VQUIT: '\\' - '@', unix.VERASE: 0x7f, unix.VKILL: 'U' - '@',
		unix.VEOF: 'D' - '@', unix.VSTART: 'Q' - '@', unix.VSTOP: 'S' - '@', unix.VSUSP: 'Z' - '@',
		unix.VREPRINT: 'R' - '@', unix.VWERASE: 'W' - '@', unix.VLNEXT: 'V' - '@', unix.VDISCARD: 'O' - '@',
		unix.VEOL: 0, unix.VEOL2: 0, unix.VMIN: 1, unix.VTIME: 0,
	} {
		t.Cc[at] = c
	}
}

// Reset makes a terminal fit for a console's shell: what ran there before may
// have died in raw mode with echo off. It waits for nothing, not even for output
// that somebody's Ctrl-S holds up. What is no terminal stays as it is.
func Reset(fd int) { change(fd, Sane) }

func change(fd int, modes func(*unix.Termios)) {
	t, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return
	}
	modes(t)
	t.Cflag |= unix.CLOCAL // without, a missing carrier blocks reads
	// The end of a shell is none of the line: without DTR a modem or a converter
	// hangs up, and what it says of the next shell's start is lost.
	t.Cflag &^= unix.HUPCL
	_ = unix.IoctlSetTermios(fd, unix.TCSETS, t)
}
