package hostdisk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"bantam/flash"
)

// ErrBusy is returned by Open for a disk that somebody else has.
var ErrBusy = errors.New("it is in use")

// Disk is an open one. It implements flash.Disk.
type Disk struct {
	file   *os.File
	device flash.Device
	size   int64
	direct bool   // reads and writes go past the host's cache
	buffer []byte // aligned, as direct ones want it
}

// patience is how long udev, which looks at a new disk, is waited for. Tests have less.
var patience = 5 * time.Second

// Open opens a disk for us alone: neither another of us nor a mount may come between. The error wraps fs.ErrPermission, ErrBusy,
// flash.ErrProtected or flash.ErrGone.
func Open(ctx context.Context, d flash.Device) (*Disk, error) {
	// Non-blocking: of a drive without a medium the error comes when it is read.
	const flags = os.O_RDWR | unix.O_EXCL | unix.O_CLOEXEC
	file, err := openPatiently(ctx, d.Path, flags|unix.O_DIRECT)
	direct := err == nil
	if errors.Is(err, unix.EINVAL) {
		file, err = openPatiently(ctx, d.Path, flags)
	}
	switch {
	case errors.Is(err, unix.EBUSY):
		return nil, fmt.Errorf("%s: %w", d.Path, busy(d))
	case errors.Is(err, unix.EROFS):
		return nil, fmt.Errorf("%s: %w", d.Path, flash.ErrProtected)
	case errors.Is(err, unix.ENOMEDIUM), errors.Is(err, unix.ENXIO), errors.Is(err, unix.ENODEV), errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%s: %w", d.Path, flash.ErrGone)
	case err != nil:
		return nil, err
	}
	disk := &Disk{file: file, device: d, direct: direct}
	if err := disk.prepare(); err != nil {
		disk.Close()
		return nil, fmt.Errorf("%s: %w", d.Path, err)
	}
	return disk, nil
}

// openPatiently waits for who has the disk for a moment: udev, which looks at a disk that is new or was written.
func openPatiently(ctx context.Context, path string, flags int) (*os.File, error) {
	for end := time.Now().Add(patience); ; {
		file, err := os.OpenFile(path, flags, 0)
		if err == nil {
			if err = unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err == nil {
				return file, nil
			}
			file.Close()
			if errors.Is(err, unix.EWOULDBLOCK) {
				err = unix.EBUSY
			}
		}
		if !errors.Is(err, unix.EBUSY) || time.Now().After(end) {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// busy says who has a disk, as far as the kernel's list of locks tells.
func busy(d flash.Device) error {
	for _, pid := range lockers(d.Path) {
		return fmt.Errorf("%w: process %d (%s) works on it", ErrBusy, pid, word("/proc/"+strconv.Itoa(pid), "comm"))
	}
	return fmt.Errorf("%w by something that is not seen from here, e.g. a mount of a container", ErrBusy)
}

// lockers are the processes that hold a lock of a file (proc_locks(5)).
func lockers(path string) (pids []int) {
	info, err := os.Stat(path)
	if err != nil {
		return nil
	}
	text, _ := os.ReadFile("/proc/locks")
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) < 6 {
			continue
		}
		pid, err := strconv.Atoi(fields[4])
		place := strings.Split(fields[5], ":")
		if err == nil && len(place) == 3 && place[2] == fmt.Sprint(info.Sys().(*syscall.Stat_t).Ino) {
			pids = append(pids, pid)
		}
	}
	return pids
}

func (d *Disk) prepare() error {
	// What was asked of /sys a question ago may be another card by now.
	if now := (under{"/"}).device(d.device.Name); now.Sequence != d.device.Sequence || now.Number != d.device.Number || now.Size != d.device.Size {
		return errors.New("it is another disk than a moment ago")
	}
	var info unix.Stat_t
	if err := unix.Fstat(d.fd(), &info); err != nil {
		return err
	}
	if fmt.Sprintf("%d:%d", unix.Major(info.Rdev), unix.Minor(info.Rdev)) != d.device.Number || info.Mode&unix.S_IFMT != unix.S_IFBLK {
		return fmt.Errorf("it is not block device %s", d.device.Number)
	}
	var err error
	if d.size, err = d.file.Seek(0, io.SeekEnd); err != nil {
		return fmt.Errorf("its size: %w", err)
	}
	d.buffer, err = unix.Mmap(-1, 0, flash.ChunkSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	return err
}

func (d *Disk) fd() int { return int(d.file.Fd()) }

// Size is that of the disk in bytes.
func (d *Disk) Size() int64 { return d.size }

// Block is how much is written at once, in bytes.
func (d *Disk) Block() int { return d.device.Sector }

// ReadAt reads from the medium.
func (d *Disk) ReadAt(b []byte, at int64) (n int, err error) {
	for n < len(b) {
		part := d.buffer[:min(len(b)-n, len(d.buffer))]
		if !d.direct {
			_ = unix.Fadvise(d.fd(), at+int64(n), int64(len(part)), unix.FADV_DONTNEED)
		}
		got, err := d.file.ReadAt(part, at+int64(n))
		n += copy(b[n:], part[:got])
		if err != nil {
			return n, d.fault(err)
		}
	}
	return n, nil
}

// WriteAt writes to the medium; what it answers is its error of this write, not of an earlier one.
func (d *Disk) WriteAt(b []byte, at int64) (n int, err error) {
	for n < len(b) {
		part := d.buffer[:copy(d.buffer, b[n:])]
		put, err := d.file.WriteAt(part, at+int64(n))
		n += put
		if err != nil {
			return n, d.fault(err)
		}
	}
	return n, nil
}

// Zero has the device forget a range: by what guarantees zeros, else by what does not.
func (d *Disk) Zero(at, length int64) error {
	err := unix.Fallocate(d.fd(), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, at, length)
	if errors.Is(err, unix.EOPNOTSUPP) {
		err = discard(d.fd(), at, length)
	}
	if err != nil {
		return d.fault(err)
	}
	return nil
}

// Sync waits until the medium has what was written.
func (d *Disk) Sync() error {
	if err := d.file.Sync(); err != nil {
		return d.fault(err)
	}
	return nil
}

// Close lets the kernel read the new partition table, if it lets us, and gives the disk free.
func (d *Disk) Close() error {
	if d.buffer != nil {
		unix.Munmap(d.buffer)
		_ = unix.IoctlSetInt(d.fd(), unix.BLKRRPART, 0)
	}
	return d.file.Close()
}

// fault tells an error of the medium from its absence.
func (d *Disk) fault(err error) error {
	now := (under{"/"}).device(d.device.Name)
	switch {
	case errors.Is(err, unix.ENXIO), errors.Is(err, unix.ENODEV), errors.Is(err, unix.ENOMEDIUM),
		now.Number == "", now.Sequence != d.device.Sequence, now.Size == 0:
		return flash.ErrGone
	case errors.Is(err, unix.EROFS), errors.Is(err, unix.EPERM), now.ReadOnly:
		return flash.ErrProtected
	}
	var call *fs.PathError
	if errors.As(err, &call) {
		return call.Err // the path is known
	}
	return err
}

func discard(fd int, at, length int64) error {
	span := [2]uint64{uint64(at), uint64(length)}
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.BLKDISCARD, uintptr(unsafe.Pointer(&span))); errno != 0 {
		return errno
	}
	return nil
}
