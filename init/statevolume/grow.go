package statevolume

import (
	"context"
	"fmt"
	"os"
	"unsafe"

	"bantam/init/statevolume/sparse"

	"golang.org/x/sys/unix"
)

// The kernel enlarges a mounted ext4 while it is used, and journals that: a power cut leaves a size between the old and
// the new one, with every file. But it takes minutes on a disk of terabytes, and neither a signal nor an unmount ends it.
// So it is asked for steps.
const (
	growAtOnce = 4 << 30  // before the volume is used: much less than a second
	growStep   = 64 << 30 // a second on a slow machine
)

// growSteps are the sizes in bytes over which a file system of a size grows to another.
func growSteps(from, to int64) (sizes []int64) {
	for at := from; at < to; {
		at = min((at/growStep+1)*growStep, to)
		sizes = append(sizes, at)
	}
	return sizes
}

// CanGrow gives the size in bytes that Grow leads to; 0 if the volume has it.
func (v Volume) CanGrow() int64 {
	if v.Kind != OnDisk || v.fileSystem >= v.place.size() {
		return 0
	}
	return v.place.size()
}

// Grow enlarges the mounted volume to its partition, while it is used. It calls told with the bytes that the file system
// offers after each step, and ends between two steps when ctx ends. The next boot goes on.
func (v Volume) Grow(ctx context.Context, told func(size int64)) error {
	if v.CanGrow() == 0 {
		return nil
	}
	for _, size := range growSteps(v.fileSystem, v.place.size()) {
		if ctx.Err() != nil {
			return nil
		}
		if err := growTo(v.Dir, size); err != nil {
			return err
		}
		usable, err := mountedSize(v.Dir)
		if err != nil {
			return err
		}
		told(usable)
	}
	return nil
}

// ioctlResizeFS is EXT4_IOC_RESIZE_FS, _IOW('f', 16, __u64). The bits that say "write" differ on MIPS; they are taken
// from another _IOW of the same architecture.
const ioctlResizeFS = unix.BLKBSZSET&0xE0000000 | 8<<16 | 'f'<<8 | 16

// growTo enlarges the file system mounted at dir.
func growTo(dir string, size int64) error {
	f, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("grow the state volume: %w", err)
	}
	defer f.Close()
	blocks := uint64(size / sparse.BlockSize)
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, f.Fd(), ioctlResizeFS, uintptr(unsafe.Pointer(&blocks)))
	if errno != 0 {
		return fmt.Errorf("grow the state volume to %d blocks: %w", blocks, errno)
	}
	return nil
}
