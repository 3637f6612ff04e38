package switcher

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"bantam/atomicfile"
	"bantam/regular"
)

// disk is the file system as this package uses it. The tests put one in its
// place that loses power, fills up or flips bits at every single operation.
type disk interface {
	atomicfile.Disk
	Mkdir(dir string) error
	ReadFile(path string, most int64) ([]byte, error) // errNotAFile: something else, or more bytes than most
	Open(path string, most int64) (source, error)     // likewise, for what is too large to be held in memory
	Append(path string) (file, error)                 // must exist
	Overwrite(path string, data []byte) error         // its first bytes, in place and durably; must exist
	Size(path string) (int64, error)
	Free(dir string) (int64, error)              // bytes that may still be written
	Lock(path string) (unlock func(), err error) // the file is made if there is none; ErrImporting: another has it
}

// file is a file open for writing.
type file = atomicfile.File

// source is a file open for reading. Sync makes its bytes durable, whoever has written them.
type source interface {
	io.ReadCloser
	Sync() error
}

// osDisk is the real one. Every error names call and path (os.PathError).
type osDisk struct{ atomicfile.OS }

func (osDisk) Mkdir(dir string) error { return os.Mkdir(dir, 0o755) }

// maxFile is the most that is read of what a switch writes beside blobs; real ones have some kilobytes.
const maxFile = 16 << 20

// errNotAFile: there is something at the path that cannot be what it should be.
var errNotAFile = regular.ErrNot

// ReadFile neither waits for a pipe nor fills the memory of PID 1, whatever is found at path.
func (osDisk) ReadFile(path string, most int64) ([]byte, error) { return regular.Read(path, 0, most) }

// Open waits for no pipe either.
func (osDisk) Open(path string, most int64) (source, error) {
	f, err := regular.Open(path, unix.O_NOFOLLOW, most)
	if err != nil {
		return nil, err // and no *regular.File that is nil
	}
	return f, nil
}

func (osDisk) Append(path string) (file, error) {
	return os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
}

// Overwrite waits for the bytes alone (O_DSYNC): nothing else of the file has changed that would matter.
func (osDisk) Overwrite(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|unix.O_DSYNC|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}

func (osDisk) Size(path string) (int64, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

func (osDisk) Free(dir string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, fmt.Errorf("statfs %s: %w", dir, err)
	}
	return int64(st.Bavail) * int64(st.Bsize), nil
}

// Lock does not wait. The lock ends with the process, however that ends.
func (osDisk) Lock(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW|unix.O_NONBLOCK, private)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, ErrImporting
		}
		return nil, &os.PathError{Op: "flock", Path: path, Err: err}
	}
	return func() { f.Close() }, nil
}
