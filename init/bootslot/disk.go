package bootslot

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// A disk is one while slots on it are read or written.
type disk interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	Sync() error // returns when the disk has what was written
	// ReadBack reads whole sectors from the disk itself, not from what the kernel remembers of it.
	ReadBack(b []byte, at int64) error
}

// chunk is how much is read or written at once.
const chunk = 1 << 20

// blockDevice is a disk of the machine.
type blockDevice struct {
	*os.File
	direct  *os.File // reads past the kernel's cache; nil: the disk's driver cannot
	aligned []byte   // of the kernel, for direct
}

func openDisk(path string, write bool) (disk, error) {
	flags := os.O_RDONLY
	if write {
		flags = os.O_RDWR
	}
	f, err := os.OpenFile(path, flags|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	return &blockDevice{File: f}, nil
}

// Close lets go of the disk.
func (d *blockDevice) Close() error {
	if d.direct != nil {
		_ = d.direct.Close()
	}
	if d.aligned != nil {
		_ = unix.Munmap(d.aligned)
	}
	return d.File.Close()
}

// ReadBack asks the disk itself, and where its driver cannot be passed by, the kernel after it was told to forget.
func (d *blockDevice) ReadBack(b []byte, at int64) error {
	if err := d.prepare(); err != nil {
		return err
	}
	for len(b) > 0 {
		part := d.aligned[:min(len(b), chunk)]
		var err error
		if d.direct != nil {
			_, err = d.direct.ReadAt(part, at)
			if errors.Is(err, unix.EINVAL) { // in need of larger blocks
				_ = d.direct.Close()
				d.direct = nil
				continue
			}
		} else {
			_ = unix.Fadvise(int(d.Fd()), at, int64(len(part)), unix.FADV_DONTNEED)
			_, err = d.ReadAt(part, at)
		}
		if err != nil {
			return fmt.Errorf("read back %d bytes of %s at %d: %w", len(part), d.Name(), at, err)
		}
		b, at = b[copy(b, part):], at+int64(len(part))
	}
	return nil
}

// prepare opens what ReadBack reads by, once.
func (d *blockDevice) prepare() error {
	if d.aligned != nil {
		return nil
	}
	memory, err := unix.Mmap(-1, 0, chunk, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return fmt.Errorf("memory to read %s by: %w", d.Name(), err)
	}
	d.aligned = memory
	d.direct, _ = os.OpenFile(d.Name(), os.O_RDONLY|unix.O_DIRECT|unix.O_CLOEXEC, 0)
	return nil
}
