package supervise

import (
	"os/signal"
	"syscall"

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
	if fd, err = revoked(fd, def); err != nil {
		return err
	}
	tty.Reset(fd)
	if err := unix.SetNonblock(fd, false); err != nil {
		return err
	}
	for std := 0; std <= 2; std++ {
		if err := unix.Dup3(fd, std, 0); err != nil {
			return err
		}
	}
	return unix.Close(fd)
}

// revoked gives the terminal to the definition's user. Was it another's, of a session before, then whatever that has left open of it
// is closed: else it could read what is typed from now on.
func revoked(fd int, def Definition) (int, error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil || st.Uid == def.UID {
		return fd, err
	}
	if err := unix.Fchown(fd, int(def.UID), int(def.GID)); err != nil {
		return fd, err
	}
	if st.Uid == 0 {
		return fd, nil
	}
	if err := unix.Fchmod(fd, 0o600); err != nil {
		return fd, err
	}
	signal.Ignore(syscall.SIGHUP) // the hang-up is meant for others; the program gets it back
	if _, _, errno := unix.RawSyscall(unix.SYS_VHANGUP, 0, 0, 0); errno != 0 {
		return fd, errno
	}
	unix.Close(fd)
	fd, err := unix.Open(def.TTY, unix.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	return fd, unix.IoctlSetInt(fd, unix.TIOCSCTTY, 1)
}
