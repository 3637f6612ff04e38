package mtd

import (
	"errors"
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A Chip is a device that is open for writing, or a run of its blocks.
type Chip struct {
	f            *os.File
	device       Device
	offset, size int64
}

// Open opens a run of erase blocks of a device. Blocks that the chip has locked are unlocked by Erase.
func Open(d Device, offset, size int64) (*Chip, error) {
	if offset < 0 || size <= 0 || offset%d.EraseBlock != 0 || size%d.EraseBlock != 0 || offset > d.Size || size > d.Size-offset {
		return nil, fmt.Errorf("%s (%s): %d bytes from %#x on are not whole erase blocks of its %d bytes", d.Path(), d.Name, size, offset, d.Size)
	}
	f, err := os.OpenFile(d.Path(), os.O_RDWR|unix.O_CLOEXEC, 0)
	switch {
	case errors.Is(err, unix.EACCES), errors.Is(err, unix.EROFS):
		return nil, fmt.Errorf("%s (%s): the kernel's device tree has it for reading alone: %w", d.Path(), d.Name, err)
	case err != nil:
		return nil, err
	}
	return &Chip{f, d, offset, size}, nil
}

// Close closes it.
func (c *Chip) Close() error { return c.f.Close() }

// Sync returns when all that was written is on the chip. Most chips keep nothing back; what stands for one, as block2mtd, does. The kernel
// does it when the file is closed, and has no other call for it.
func (c *Chip) Sync() error {
	again, err := os.OpenFile(c.device.Path(), os.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	old := c.f
	c.f = again
	if err := old.Close(); err != nil {
		return fmt.Errorf("%s: sync: %w", c.device.Path(), err)
	}
	return nil
}

// Size is how many bytes it has.
func (c *Chip) Size() int64 { return c.size }

// EraseBlock is how many bytes are erased at once.
func (c *Chip) EraseBlock() int64 { return c.device.EraseBlock }

// Unit is how many bytes are written at least, at a multiple of that.
func (c *Chip) Unit() int64 { return max(c.device.WriteSize, 1) }

// Clears is Device.Clears.
func (c *Chip) Clears() bool { return c.device.Clears() }

// within refuses what reaches beyond its end.
func (c *Chip) within(what string, at, count int64) error {
	if at < 0 || count < 0 || at > c.size || count > c.size-at {
		return fmt.Errorf("%s: %s %d bytes at %#x: it has %d", c.device.Path(), what, count, at, c.size)
	}
	return nil
}

// ReadAt reads, past no cache: an MTD has none.
func (c *Chip) ReadAt(b []byte, at int64) (int, error) {
	if err := c.within("read", at, int64(len(b))); err != nil {
		return 0, err
	}
	n, err := c.f.ReadAt(b, c.offset+at)
	if err != nil {
		err = fmt.Errorf("%s: read at %#x: %w", c.device.Path(), at, err)
	}
	return n, err
}

// Write turns ones to zeros. It returns when the chip has done it.
func (c *Chip) Write(b []byte, at int64) error {
	if err := c.within("write", at, int64(len(b))); err != nil {
		return err
	}
	if _, err := c.f.WriteAt(b, c.offset+at); err != nil {
		return fmt.Errorf("%s: write at %#x: %w", c.device.Path(), at, err)
	}
	return nil
}

// Erase makes all bits of a block ones, which it first unlocks where the chip has that.
func (c *Chip) Erase(at int64) error {
	if err := c.within("erase", at, c.device.EraseBlock); err != nil {
		return err
	}
	lock := unix.EraseInfo{Start: uint32(c.offset + at), Length: uint32(c.device.EraseBlock)}
	if err := ioctl(c.f, unix.MEMUNLOCK, unsafe.Pointer(&lock)); err != nil && err != unix.EOPNOTSUPP && err != unix.ENOTTY {
		return fmt.Errorf("%s: unlock at %#x: %w", c.device.Path(), at, err)
	}
	block := unix.EraseInfo64{Start: uint64(c.offset + at), Length: uint64(c.device.EraseBlock)}
	if err := ioctl(c.f, unix.MEMERASE64, unsafe.Pointer(&block)); err != nil {
		return fmt.Errorf("%s: erase at %#x: %w", c.device.Path(), at, err)
	}
	return nil
}

// Bad tells whether a block of NAND is marked as bad.
func (c *Chip) Bad(at int64) (bool, error) {
	if err := c.within("ask for", at, c.device.EraseBlock); err != nil {
		return false, err
	}
	offset := c.offset + at
	bad, err := ioctlResult(c.f, unix.MEMGETBADBLOCK, unsafe.Pointer(&offset))
	switch err {
	case nil:
		return bad > 0, nil
	case unix.EOPNOTSUPP, unix.ENOTTY:
		return false, nil // NOR has none
	}
	return false, fmt.Errorf("%s: ask whether the block at %#x is bad: %w", c.device.Path(), at, err)
}
