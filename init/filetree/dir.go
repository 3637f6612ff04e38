// Package filetree walks file trees by descriptors. A walk by paths resolves
// each name anew, so that who may write in a tree can exchange a folder for a
// link between two calls and have root remove, give away or overwrite what is
// elsewhere. Here a folder that was entered is held open, everything is done to
// a name in it (openat and its kin), and no link is followed that nobody asked
// to follow.
//
// Names that the caller gives are resolved once, as every command does it; what
// is found below is not. Trees may be deeper than the kernel's longest path,
// than the number of open files and than the stack: see Trail.
package filetree

import (
	"errors"
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// BeforeCall, when set, is called before each system call that has a name in it,
// with the call's name. It is for tests, which exchange files there.
var BeforeCall func(call, name string)

func before(call, name string) {
	if BeforeCall != nil {
		BeforeCall(call, name)
	}
}

// Dir is the descriptor of an open folder. The names that its methods take are
// of files in it. Errors are plain errnos.
type Dir int

// Here is the current folder.
const Here Dir = unix.AT_FDCWD

const closed Dir = -1

// OpenOperand opens the folder that path lies in, links on the way followed, and
// returns the name of the file in it. A slash at the end of path stays with the
// name, with which the kernel follows a link to a folder.
func OpenOperand(path string) (Dir, string, error) {
	if path == "" {
		return closed, "", syscall.ENOENT
	}
	stem := strings.TrimRight(path, "/")
	i := strings.LastIndexByte(stem, '/')
	folder, name := path[:i+1], path[i+1:]
	switch {
	case stem == "":
		folder, name = "/", "."
	case i < 0:
		folder = "."
	}
	before("openat", folder)
	fd, err := open(Here, folder, unix.O_PATH|unix.O_DIRECTORY)
	return fd, name, err
}

func open(d Dir, name string, flags int) (Dir, error) {
	for {
		fd, err := unix.Openat(int(d), name, flags|unix.O_CLOEXEC, 0)
		if err == nil {
			return Dir(fd), nil
		}
		if err != syscall.EINTR {
			return closed, err
		}
	}
}

// Close closes the folder unless it is Here or closed.
func (d Dir) Close() {
	if d >= 0 {
		unix.Close(int(d))
	}
}

// Folder opens a folder to be read; a link to one only if follow.
func (d Dir) Folder(name string, follow bool) (Dir, error) {
	before("openat", name)
	flags := unix.O_RDONLY | unix.O_DIRECTORY | unix.O_NONBLOCK
	if !follow {
		flags |= unix.O_NOFOLLOW
	}
	return open(d, name, flags)
}

// File opens a file. Flags are those of os.OpenFile; add O_NOFOLLOW to refuse a
// link, and O_NONBLOCK where a pipe could wait for ever.
func (d Dir) File(name string, flags int, mode uint32) (*os.File, error) {
	before("openat", name)
	for {
		fd, err := unix.Openat(int(d), name, flags|unix.O_CLOEXEC, mode)
		if err == nil {
			return os.NewFile(uintptr(fd), name), nil
		}
		if err != syscall.EINTR {
			return nil, err
		}
	}
}

// Names are all names in the folder but . and .., in the kernel's order. It reads
// from where the descriptor stands, that is, once.
func (d Dir) Names() ([]string, error) {
	var names []string
	buf := make([]byte, 16<<10)
	for {
		n, err := unix.Getdents(int(d), buf)
		if err == syscall.EINTR {
			continue
		}
		if err != nil || n <= 0 {
			return names, err
		}
		_, _, names = unix.ParseDirent(buf[:n], -1, names)
	}
}

// Unlink removes a name that is not a folder's.
func (d Dir) Unlink(name string) error {
	before("unlinkat", name)
	return unix.Unlinkat(int(d), name, 0)
}

// Rmdir removes an empty folder.
func (d Dir) Rmdir(name string) error {
	before("rmdir", name)
	return unix.Unlinkat(int(d), name, unix.AT_REMOVEDIR)
}

// Mkdir makes a folder.
func (d Dir) Mkdir(name string, mode uint32) error {
	before("mkdirat", name)
	return unix.Mkdirat(int(d), name, mode)
}

// Mknod makes a pipe, socket or device; mode and dev are the kernel's.
func (d Dir) Mknod(name string, mode uint32, dev int) error {
	before("mknodat", name)
	return unix.Mknodat(int(d), name, mode, dev)
}

// Symlink makes a link that says target.
func (d Dir) Symlink(target, name string) error {
	before("symlinkat", name)
	return unix.Symlinkat(target, int(d), name)
}

// Readlink is what a link says.
func (d Dir) Readlink(name string) (string, error) {
	before("readlinkat", name)
	buf := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(int(d), name, buf)
	return string(buf[:max(n, 0)]), err
}

// Link gives the file that is called name in d another name in to. A link is not
// followed; it gets the other name itself.
func (d Dir) Link(name string, to Dir, other string) error {
	before("linkat", name)
	return unix.Linkat(int(d), name, int(to), other, 0)
}

// Rename renames within the folder.
func (d Dir) Rename(name, other string) error {
	before("renameat", name)
	return unix.Renameat(int(d), name, int(d), other)
}

// Chown changes the owner of a file or of a link itself; -1 leaves one alone.
func (d Dir) Chown(name string, uid, gid int) error {
	before("fchownat", name)
	return unix.Fchownat(int(d), name, uid, gid, unix.AT_SYMLINK_NOFOLLOW)
}

// Chmod changes the mode, in the kernel's bits. A link is ELOOP: it has no mode,
// and is not followed.
func (d Dir) Chmod(name string, mode uint32) error {
	before("fchmodat", name)
	err := unix.Fchmodat(int(d), name, mode, unix.AT_SYMLINK_NOFOLLOW)
	if !errors.Is(err, unix.EOPNOTSUPP) && !errors.Is(err, unix.ENOSYS) {
		return err
	}
	// Before Linux 6.6 only a descriptor of the very file can say which is meant.
	before("openat", name)
	fd, err := open(d, name, unix.O_PATH|unix.O_NOFOLLOW)
	if err != nil {
		return err
	}
	defer fd.Close()
	var st unix.Stat_t
	if err := unix.Fstat(int(fd), &st); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT == unix.S_IFLNK {
		return syscall.ELOOP
	}
	return unix.Fchmodat(unix.AT_FDCWD, fd.Path(""), mode, 0)
}

// Chtimes sets the times of access and of the last change of a file, or of a
// link itself.
func (d Dir) Chtimes(name string, access, modified unix.Timespec) error {
	before("utimensat", name)
	return unix.UtimesNanoAt(int(d), name, []unix.Timespec{access, modified}, unix.AT_SYMLINK_NOFOLLOW)
}

// Path is a path to a file in the open folder, or to the folder itself for "",
// for calls that take no descriptor. It is valid while the folder is open, needs
// /proc, and the call must not follow a link at its end.
func (d Dir) Path(name string) string {
	if d == Here {
		return name
	}
	if name != "" {
		name = "/" + name
	}
	return "/proc/self/fd/" + strconv.Itoa(int(d)) + name
}
