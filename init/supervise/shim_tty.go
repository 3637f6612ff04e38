package supervise

import (
	"golang.org/x/sys/unix"

	"bantam/tty"
)

// takeTTY makes the definition's terminal the controlling terminal and stdin,
// stdout and stderr, in sane modes. It takes the terminal from a session that may still hold
// it.
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
	tty.Reset(fd)
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
