package applet

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// capabilities is the extended attribute that lets a program do what root may;
// new content must not inherit it.
const capabilities = "security.capability"

// copyAttributes copies the extended attributes of a file, access lists and
// capabilities among them, except one. Links are not followed. What the target's
// file system does not know or the user may not set is left out.
func copyAttributes(from, to, except string) error {
	names := make([]byte, 64<<10) // the kernel's bound
	n, err := unix.Llistxattr(from, names)
	if err != nil || n == 0 {
		return nil // none
	}
	value := make([]byte, 64<<10)
	for _, raw := range bytes.Split(bytes.TrimSuffix(names[:n], []byte{0}), []byte{0}) {
		name := string(raw)
		if name == except {
			continue
		}
		size, err := unix.Lgetxattr(from, name, value)
		if err != nil {
			continue // gone meanwhile, or not ours to read
		}
		err = unix.Lsetxattr(to, name, value[:size], 0)
		if err != nil && !errors.Is(err, unix.ENOTSUP) && !errors.Is(err, unix.EPERM) && !errors.Is(err, unix.EINVAL) {
			return fmt.Errorf("%s: attribute %s: %w", to, name, err)
		}
	}
	return nil
}

// copyContent copies a file; where a sparse one has holes its copy in a regular
// file has them too.
func copyContent(w io.Writer, in *os.File, info os.FileInfo) error {
	out, ok := w.(*os.File)
	size := info.Size()
	if ok && info.Mode().IsRegular() && stat(info).Blocks*512 < size {
		if target, err := out.Stat(); err == nil && target.Mode().IsRegular() {
			if _, err := in.Seek(0, unix.SEEK_HOLE); err == nil {
				return copyData(out, in, size)
			}
		}
		if _, err := in.Seek(0, io.SeekStart); err != nil {
			return err
		}
	}
	_, err := io.Copy(w, in)
	return err
}

func copyData(out, in *os.File, size int64) error {
	for at := int64(0); at < size; {
		data, err := in.Seek(at, unix.SEEK_DATA)
		if errors.Is(err, syscall.ENXIO) {
			break // the rest is a hole
		}
		if err != nil {
			return err
		}
		if at, err = in.Seek(data, unix.SEEK_HOLE); err != nil {
			return err
		}
		if _, err := in.Seek(data, io.SeekStart); err != nil {
			return err
		}
		if _, err := out.Seek(data, io.SeekStart); err != nil {
			return err
		}
		n, err := io.CopyN(out, in, at-data)
		if err == io.EOF {
			return out.Truncate(data + n) // shorter than it says, as files of /sys are
		}
		if err != nil {
			return err
		}
	}
	return out.Truncate(size)
}
