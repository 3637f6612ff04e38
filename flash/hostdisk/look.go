package hostdisk

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"bantam/flash"
)

// Resolve gives the kernel's name of the device that a path means, e.g. sdb of /dev/disk/by-id/usb-SanDisk-0:0.
func Resolve(path string, h flash.Host) (string, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) && filepath.Base(path) == path {
		return Resolve("/dev/"+path, h)
	}
	if err != nil {
		return "", err
	}
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return "", &fs.PathError{Op: "stat", Path: path, Err: err}
	}
	if info.Mode()&fs.ModeDevice == 0 || info.Mode()&fs.ModeCharDevice != 0 {
		return "", fmt.Errorf("%s is no disk but %s", path, nature(info.Mode()))
	}
	number := fmt.Sprintf("%d:%d", unix.Major(st.Rdev), unix.Minor(st.Rdev))
	for _, d := range h.Devices {
		if d.Number == number {
			return d.Name, nil
		}
	}
	return "", fmt.Errorf("%s is block device %s, which the kernel does not know", path, number)
}

func nature(m fs.FileMode) string {
	switch {
	case m.IsDir():
		return "a folder; name the disk, not where it is mounted"
	case m&fs.ModeCharDevice != 0:
		return "a character device"
	}
	return "a file"
}

// Look fills in what is on devices where udev has not said it, as far as they may be read.
func Look(devices []flash.Device) {
	for i := range devices {
		if d := &devices[i]; d.Content == "" && d.Size > 0 {
			d.Content = look(d.Path, d.Size)
		}
	}
}

func look(path string, size int64) string {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return ""
	}
	defer f.Close()
	head := make([]byte, min(size, 128<<10))
	if _, err := io.ReadFull(f, head); err != nil {
		return "what cannot be read"
	}
	return flash.Identify(head, size).What
}

// MayWrite tells whether this user may open a device for writing.
func MayWrite(path string) bool { return unix.Access(path, unix.W_OK|unix.R_OK) == nil }

// Unmount unmounts what nobody uses any more; of what somebody does the error says so.
func Unmount(point string) error {
	err := unix.Unmount(point, unix.UMOUNT_NOFOLLOW)
	switch {
	case errors.Is(err, unix.EBUSY):
		return fmt.Errorf("unmount %s: somebody still uses it; `fuser -vm %[1]s` says who", point)
	case errors.Is(err, unix.EPERM):
		return fmt.Errorf("unmount %s: only root may; `udisksctl unmount` may for whoever has plugged it in", point)
	case err != nil:
		return fmt.Errorf("unmount %s: %w", point, err)
	}
	return nil
}
