// Package regular reads files whose place belongs to somebody else, who may
// have put anything there: a pipe that nobody writes to, a device whose opening
// alone has effects, a link to /dev/zero or to /proc/kmsg, a file of exabytes
// that is all holes. Nothing here waits, reads without end, or opens a device.
//
// It does not say whose bytes they are: a link may lead to a file that only the
// reader may read. Open with unix.O_NOFOLLOW where they are shown to others.
package regular

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"

	"golang.org/x/sys/unix"
)

// ErrNot is the error of what is no regular file, or one of more bytes than allowed.
var ErrNot = errors.New("not a file that can be read whole")

// File is a regular file, open for reading its size as of its opening.
type File struct {
	Stat unix.Stat_t

	fd   int
	path string
	left int64
}

// Open opens a regular file of at most most bytes. The only flag that makes
// sense is unix.O_NOFOLLOW. Errors are *fs.PathError.
func Open(path string, flags int, most int64) (*File, error) {
	// O_PATH looks at what is there without opening it: a driver's open may
	// wait, or arm a watchdog.
	at, err := retry(func() (int, error) { return unix.Open(path, unix.O_PATH|unix.O_CLOEXEC|flags, 0) })
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(at)
	f := &File{fd: -1, path: path}
	if err := unix.Fstat(at, &f.Stat); err != nil {
		return nil, &fs.PathError{Op: "stat", Path: path, Err: err}
	}
	if f.Stat.Mode&unix.S_IFMT != unix.S_IFREG {
		return nil, &fs.PathError{Op: "read", Path: path, Err: fmt.Errorf("%w: it is %s", ErrNot, kind(f.Stat.Mode))}
	}
	if f.left = f.Stat.Size; f.left > most {
		return nil, &fs.PathError{Op: "read", Path: path, Err: fmt.Errorf("%w: it has %d bytes, the limit is %d", ErrNot, f.left, most)}
	}
	// O_NONBLOCK, because somebody may hold a lease on the file.
	f.fd, err = retry(func() (int, error) {
		return unix.Open("/proc/self/fd/"+strconv.Itoa(at), unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	})
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return f, nil
}

// Read ends with io.EOF after the bytes that the file had when it was opened,
// or earlier if it has become shorter. Files below /proc have none.
func (f *File) Read(b []byte) (int, error) {
	if f.left <= 0 {
		return 0, io.EOF
	}
	b = b[:min(int64(len(b)), f.left)]
	n, err := retry(func() (int, error) { return unix.Read(f.fd, b) })
	switch {
	case err != nil:
		return 0, &fs.PathError{Op: "read", Path: f.path, Err: err}
	case n == 0 && len(b) > 0:
		return 0, io.EOF
	}
	f.left -= int64(n)
	return n, nil
}

// ReadAt reads from a place of the file, also behind the size as of its opening; see io.ReaderAt.
func (f *File) ReadAt(b []byte, at int64) (done int, err error) {
	for done < len(b) {
		n, err := retry(func() (int, error) { return unix.Pread(f.fd, b[done:], at+int64(done)) })
		if err != nil {
			return done, &fs.PathError{Op: "read", Path: f.path, Err: err}
		}
		if n == 0 {
			return done, io.EOF
		}
		done += n
	}
	return done, nil
}

// StatNow says what Stat has become since the file was opened.
func (f *File) StatNow() (st unix.Stat_t, err error) {
	if err := unix.Fstat(f.fd, &st); err != nil {
		return st, &fs.PathError{Op: "stat", Path: f.path, Err: err}
	}
	return st, nil
}

// Sync makes the file's bytes durable, whoever has written them.
func (f *File) Sync() error {
	if err := unix.Fsync(f.fd); err != nil {
		return &fs.PathError{Op: "fsync", Path: f.path, Err: err}
	}
	return nil
}

// Close closes the file.
func (f *File) Close() error { return unix.Close(f.fd) }

// Read returns the bytes of a regular file that has at most most.
func Read(path string, flags int, most int64) ([]byte, error) {
	f, err := Open(path, flags, most)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b := make([]byte, f.left)
	n, err := io.ReadFull(f, b)
	if err == io.EOF || err == io.ErrUnexpectedEOF { // it has become shorter
		err = nil
	}
	return b[:n], err
}

func retry(call func() (int, error)) (int, error) {
	for {
		if n, err := call(); err != unix.EINTR {
			return n, err
		}
	}
}

func kind(mode uint32) string {
	switch mode & unix.S_IFMT {
	case unix.S_IFDIR:
		return "a folder"
	case unix.S_IFLNK:
		return "a symbolic link"
	case unix.S_IFIFO:
		return "a pipe"
	case unix.S_IFSOCK:
		return "a socket"
	}
	return "a device"
}
