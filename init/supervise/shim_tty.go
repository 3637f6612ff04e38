package supervise

import (
	"golang.org/x/sys/unix"
)

// takeTTY makes the definition's terminal the controlling terminal and stdin,
// stdout and stderr. It takes the terminal from a session that may still hold
// it, and puts it into a sane mode: what ran there before may have died in raw
// mode with echo off.
func takeTTY(def Definition) error {
	if def.TTY == "" {
		return nil
	}
	// Nonblocking, because opening a serial line without carrier waits for one.
	fd, err := unix.Open(def.TTY, unix.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	if err := unix.IoctlSetInt(fd, unix.TIOCSCTTY, 1); err != nil {
		return err
	}
	if mode, err := unix.IoctlGetTermios(fd, unix.TCGETS); err == nil {
		sane(mode)
		unix.IoctlSetTermios(fd, unix.TCSETS, mode)
	}
	if err := unix.SetNonblock(fd, false); err != nil {
		return err
	}
	if def.UID != 0 {
		if err := unix.Fchown(fd, int(def.UID), int(def.GID)); err != nil {
			return err
		}
	}
	for std := 0; std <= 2; std++ {
		if err := unix.Dup3(fd, std, 0); err != nil {
			return err
		}
	}
	return unix.Close(fd)
}

// sane is what "stty sane" does, as far as a console needs it. Speed and
// framing stay as they are.
func sane(t *unix.Termios) {
	t.Iflag = unix.BRKINT | unix.ICRNL | unix.IXON | unix.IMAXBEL | t.Iflag&unix.IUTF8
	t.Oflag = unix.OPOST | unix.ONLCR
	t.Lflag = unix.ISIG | unix.ICANON | unix.IEXTEN | unix.ECHO | unix.ECHOE | unix.ECHOK | unix.ECHOCTL | unix.ECHOKE
	t.Cflag |= unix.CREAD | unix.CLOCAL // without CLOCAL a missing carrier blocks reads
	t.Cflag &^= unix.HUPCL
	control := map[int]uint8{
		unix.VINTR: 'C' - '@', unix.VQUIT: '\\' - '@', unix.VERASE: 0x7f, unix.VKILL: 'U' - '@',
		unix.VEOF: 'D' - '@', unix.VSTART: 'Q' - '@', unix.VSTOP: 'S' - '@', unix.VSUSP: 'Z' - '@',
		unix.VREPRINT: 'R' - '@', unix.VWERASE: 'W' - '@', unix.VLNEXT: 'V' - '@', unix.VDISCARD: 'O' - '@',
		unix.VEOL: 0, unix.VEOL2: 0, unix.VMIN: 1, unix.VTIME: 0,
	}
	for at, c := range control {
		t.Cc[at] = c
	}
}
