package filetree

import (
	"io/fs"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Info is what the kernel says of a file; Sys is a *syscall.Stat_t.
type Info struct {
	name string
	st   syscall.Stat_t
}

// Lstat asks for a file, or for a link itself.
func (d Dir) Lstat(name string) (*Info, error) { return d.ask(name, unix.AT_SYMLINK_NOFOLLOW) }

// Stat asks for a file, links followed.
func (d Dir) Stat(name string) (*Info, error) { return d.ask(name, 0) }

// Info asks for the folder itself.
func (d Dir) Info() (*Info, error) {
	var st unix.Stat_t
	if err := unix.Fstat(int(d), &st); err != nil {
		return nil, err
	}
	return newInfo(".", &st), nil
}

func (d Dir) ask(name string, flags int) (*Info, error) {
	before("fstatat", name)
	var st unix.Stat_t
	for {
		err := unix.Fstatat(int(d), name, &st, flags)
		if err == nil {
			return newInfo(name, &st), nil
		}
		if err != syscall.EINTR {
			return nil, err
		}
	}
}

// newInfo copies field by field: the two packages' types differ in names and
// widths from architecture to architecture.
func newInfo(name string, from *unix.Stat_t) *Info {
	i := &Info{name: name}
	set(&i.st.Dev, from.Dev)
	set(&i.st.Ino, from.Ino)
	set(&i.st.Mode, from.Mode)
	set(&i.st.Nlink, from.Nlink)
	set(&i.st.Uid, from.Uid)
	set(&i.st.Gid, from.Gid)
	set(&i.st.Rdev, from.Rdev)
	set(&i.st.Size, from.Size)
	set(&i.st.Blksize, from.Blksize)
	set(&i.st.Blocks, from.Blocks)
	i.st.Atim = syscall.Timespec(from.Atim)
	i.st.Mtim = syscall.Timespec(from.Mtim)
	i.st.Ctim = syscall.Timespec(from.Ctim)
	return i
}

type integer interface {
	~int32 | ~int64 | ~uint32 | ~uint64
}

func set[A, B integer](to *A, from B) { *to = A(from) }

// Name is the last part of the path.
func (i *Info) Name() string { return i.name }

// Size is in bytes.
func (i *Info) Size() int64 { return i.st.Size }

// IsDir tells whether it is a folder.
func (i *Info) IsDir() bool { return i.st.Mode&syscall.S_IFMT == syscall.S_IFDIR }

// IsLink tells whether it is a symbolic link.
func (i *Info) IsLink() bool { return i.st.Mode&syscall.S_IFMT == syscall.S_IFLNK }

// ModTime is when the content last changed.
func (i *Info) ModTime() time.Time { return time.Unix(i.st.Mtim.Unix()) }

// Sys is the *syscall.Stat_t.
func (i *Info) Sys() any { return &i.st }

// ID is what no two files that exist at the same time have in common.
func (i *Info) ID() ID { return ID{uint64(i.st.Dev), uint64(i.st.Ino)} }

// ID is the device and the inode of a file.
type ID struct{ Device, Inode uint64 }

// Mode is the type and the permissions in the library's bits.
func (i *Info) Mode() fs.FileMode {
	mode := fs.FileMode(i.st.Mode & 0o777)
	switch i.st.Mode & syscall.S_IFMT {
	case syscall.S_IFBLK:
		mode |= fs.ModeDevice
	case syscall.S_IFCHR:
		mode |= fs.ModeDevice | fs.ModeCharDevice
	case syscall.S_IFDIR:
		mode |= fs.ModeDir
	case syscall.S_IFIFO:
		mode |= fs.ModeNamedPipe
	case syscall.S_IFLNK:
		mode |= fs.ModeSymlink
	case syscall.S_IFSOCK:
		mode |= fs.ModeSocket
	}
	for bit, name := range map[uint32]fs.FileMode{syscall.S_ISUID: fs.ModeSetuid, syscall.S_ISGID: fs.ModeSetgid, syscall.S_ISVTX: fs.ModeSticky} {
		if uint32(i.st.Mode)&bit != 0 {
			mode |= name
		}
	}
	return mode
}
