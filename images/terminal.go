package images

import (
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// keepTerminal returns what puts a terminal back into its present state: a QEMU that is killed leaves it raw, without
// echo, and not waiting for input.
func keepTerminal(in io.Reader) (restore func()) {
	f, ok := in.(*os.File)
	if !ok {
		return func() {}
	}
	fd := int(f.Fd())
	modes, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil { // no terminal
		return func() {}
	}
	flags, err := unix.FcntlInt(f.Fd(), unix.F_GETFL, 0)
	return func() {
		// Set only what changed: from the background even the same modes would stop us.
		if now, err := unix.IoctlGetTermios(fd, unix.TCGETS); err == nil && *now != *modes {
			unix.IoctlSetTermios(fd, unix.TCSETS, modes)
		}
		if now, errNow := unix.FcntlInt(f.Fd(), unix.F_GETFL, 0); err == nil && errNow == nil && now != flags {
			unix.FcntlInt(f.Fd(), unix.F_SETFL, flags)
		}
	}
}
