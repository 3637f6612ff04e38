package statevolume

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
	"unsafe"

	"bantam/gpt"

	"golang.org/x/sys/unix"
)

// partitionDevice returns the kernel's name of the partition at a place, e.g. "vda2", and tells the kernel about it if
// it was made after the kernel had read the table.
func partitionDevice(o Options, disk string, number int, p Place) (string, error) {
	if name := partitionAt(o, disk, p); name != "" {
		return name, waitForNode(o.dev + "/" + name)
	}
	f, err := os.OpenFile(o.dev+"/"+disk, os.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", err
	}
	defer f.Close()
	if err := partitionChange(f, unix.BLKPG_ADD_PARTITION, number, p); err != nil {
		return "", fmt.Errorf("%s: add partition %d to what the kernel knows: %w", disk, number, err)
	}
	name := partitionAt(o, disk, p)
	if name == "" {
		return "", fmt.Errorf("%s: the kernel does not show partition %d", disk, number)
	}
	return name, waitForNode(o.dev + "/" + name)
}

// partitionChange has the kernel know a partition of a disk, or forget it, whatever the disk's table says.
func partitionChange(disk *os.File, op int32, number int, p Place) error {
	part := unix.BlkpgPartition{Start: int64(p.First) * gpt.SectorSize, Length: p.size(), Pno: int32(number)}
	arg := unix.BlkpgIoctlArg{Op: op, Datalen: int32(unsafe.Sizeof(part)), Data: (*byte)(unsafe.Pointer(&part))}
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, disk.Fd(), unix.BLKPG, uintptr(unsafe.Pointer(&arg)))
	runtime.KeepAlive(&part)
	if errno != 0 {
		return errno
	}
	return nil
}

// partitionAt finds a partition by its first sector: names and numbers differ between kinds of disks.
func partitionAt(o Options, disk string, p Place) string {
	found, _ := filepath.Glob(filepath.Join(o.sys, disk, disk+"*"))
	for _, path := range found {
		name := filepath.Base(path)
		if o.number(disk, name+"/start") == int64(p.First) && o.number(disk, name+"/size") == int64(p.Last-p.First+1) {
			return name
		}
	}
	return ""
}

// waitForNode waits for devtmpfs, which makes nodes in a thread of its own.
func waitForNode(path string) error {
	for range 100 {
		if _, err := os.Stat(path); err == nil {
			return nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	return fmt.Errorf("%s did not appear", path)
}

// mountExt4 mounts the partition at dir; the kernel replays its journal. Errors that show only then make it untrusted too.
func mountExt4(o Options, part, dir string) error {
	var missing error
	if o.LoadModule != nil {
		// ext4 asks the kernel's crypto layer for crc32c by name, which no module dependency says. Both may be built in.
		_ = o.LoadModule("crc32c_generic")
		missing = o.LoadModule("ext4")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("state volume: %w", err)
	}
	device := o.dev + "/" + part
	if err := unix.Mount(device, dir, "ext4", unix.MS_NODEV|unix.MS_NOSUID|unix.MS_NOATIME, "errors=remount-ro"); err != nil {
		if err == unix.ENODEV {
			if missing != nil {
				err = missing
			}
			return fmt.Errorf("state volume: mount %s: the kernel has no ext4: %w", device, err)
		}
		return untrusted{fmt.Sprintf("the state volume on %s cannot be mounted: %v; it is left as it is", device, err)}
	}
	if reason := faults(dir, part); reason != "" {
		unix.Unmount(dir, unix.MNT_DETACH)
		return untrusted{fmt.Sprintf("the state volume on %s cannot be trusted: %s; it is left as it is", device, reason)}
	}
	return os.Chmod(dir, 0o700)
}

// faults says what the kernel has found wrong with a mounted file system.
func faults(dir, part string) string {
	if b, err := os.ReadFile("/sys/fs/ext4/" + part + "/errors_count"); err == nil {
		if n, _ := strconv.Atoi(strings.TrimSpace(string(b))); n != 0 {
			return fmt.Sprintf("the kernel has counted %d errors in it", n)
		}
	}
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return fmt.Sprintf("statfs: %v", err)
	}
	if s.Flags&unix.ST_RDONLY != 0 {
		return "the kernel mounted it read-only"
	}
	return ""
}

// Check says what the kernel has found wrong with the volume since it was mounted; "" is nothing.
func (v Volume) Check() string {
	if v.Kind != OnDisk {
		return ""
	}
	return faults(v.Dir, filepath.Base(v.Device))
}

func mountedSize(dir string) (int64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, fmt.Errorf("statfs %s: %w", dir, err)
	}
	return int64(s.Blocks) * int64(s.Bsize), nil
}
