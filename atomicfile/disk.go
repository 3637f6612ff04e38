package atomicfile

import (
	"io"
	"io/fs"
	"os"
	"syscall"
)

// Disk is a file system as far as replacing files goes. OS is the real one; the
// switcher's tests have one that loses power, fills up or flips bits.
type Disk interface {
	List(dir string) ([]string, error)
	Create(path string, mode fs.FileMode) (File, error) // must not exist yet
	Rename(from, to string) error
	Remove(path string) error
	SyncDir(dir string) error
}

// File is a file open for writing.
type File interface {
	io.Writer
	Sync() error
	Close() error
}

// OS is the real one. Every error names call and path (os.PathError, os.LinkError).
type OS struct{}

// Rename is rename(2).
func (OS) Rename(from, to string) error { return os.Rename(from, to) }

// Remove is unlink(2).
func (OS) Remove(path string) error { return os.Remove(path) }

// List gives the names in a folder, in no order.
func (OS) List(dir string) ([]string, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.Readdirnames(-1)
}

// Create makes a file, an *os.File, that is not there yet, also not as a link.
func (OS) Create(path string, mode fs.FileMode) (File, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL|syscall.O_NOFOLLOW, mode)
	if err != nil {
		return nil, err
	}
	return f, nil
}

// SyncDir makes the names in a folder durable.
func (OS) SyncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}
