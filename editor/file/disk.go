package file

import (
	"io"
	"io/fs"
	"time"
)

// disk is the file system as this package uses it. The tests put one in its
// place that loses power or fails at every single operation.
type disk interface {
	Resolve(path string) (string, error) // absolute, links followed; the last name need not be there
	Stat(path string) (state, error)
	Writable(path string) error                           // nil if the access rights and the file system allow it
	Open(path string, write bool) (handle, error)         // never a link, never waits
	Create(path string, mode fs.FileMode) (handle, error) // must not be there yet
	Rename(from, to string) error
	Remove(path string) error
	SyncDir(dir string) error
}

// handle is an open file. Locks are between programs and end with Close.
type handle interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	Stat() (state, error)
	Truncate(size int64) error
	Sync() error
	Lock() error // ErrBusy if another has it

	Xattrs() (map[string]string, error)
	SetXattr(name, value string) error
	RemoveXattr(name string) error
	Chown(uid, gid int) error
	Chmod(mode uint32) error
}

// state is what the file system says of a file.
type state struct {
	dev, ino uint64
	size     int64
	mtime    time.Time
	ctime    time.Time // unlike mtime nobody can set it back
	links    uint64
	uid, gid int
	mode     uint32 // as in stat(2)
}

func (s state) sameInode(o state) bool { return s.dev == o.dev && s.ino == o.ino }

// sameContent says whether nobody has written between the two, as far as a
// file system tells: with coarse time stamps a change of equal length escapes.
// Where owner, mode or number of names differ, that is what changed ctime.
func (s state) sameContent(o state) bool {
	return s.sameInode(o) && s.size == o.size && s.mtime.Equal(o.mtime) && (s.ctime.Equal(o.ctime) || !s.sameAttributes(o))
}

func (s state) sameAttributes(o state) bool {
	return s.links == o.links && s.uid == o.uid && s.gid == o.gid && s.mode == o.mode
}
