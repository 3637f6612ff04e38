package filetree

import (
	"errors"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Beneath opens a folder below this one, as a place for files. Links on the way
// are followed as long as they stay below; one that leads out is an error, so
// that a path of unknown origin reaches nothing else. Kernels before Linux 5.6
// follow none.
func (d Dir) Beneath(path string) (Dir, error) {
	before("openat2", path)
	how := unix.OpenHow{
		Flags:   unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_MAGICLINKS,
	}
	for {
		fd, err := unix.Openat2(int(d), path, &how)
		switch {
		case err == nil:
			return Dir(fd), nil
		case err == syscall.EINTR, err == syscall.EAGAIN: // something was renamed meanwhile
		case errors.Is(err, syscall.ENOSYS), errors.Is(err, syscall.EPERM):
			return d.stepwise(path)
		default:
			return closed, err
		}
	}
}

// stepwise is Beneath without links.
func (d Dir) stepwise(path string) (Dir, error) {
	at, err := open(d, ".", unix.O_PATH|unix.O_DIRECTORY)
	for _, name := range strings.Split(path, "/") {
		if err != nil || name == "" || name == "." {
			continue
		}
		if name == ".." {
			at.Close()
			return closed, syscall.EXDEV
		}
		var next Dir
		next, err = open(at, name, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW)
		at.Close()
		at = next
	}
	return at, err
}
