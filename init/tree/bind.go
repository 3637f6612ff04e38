package tree

import (
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"bantam/init/filetree"
)

// setBinds makes binds all that there are. Those that stay the same are left alone.
func (t *Tree) setBinds(binds []Bind, layers mounts) error {
	for _, old := range slices.Backward(slices.Clone(t.binds)) {
		if slices.Contains(binds, old) {
			continue
		}
		if err := unbind(old.Path); err != nil {
			return err
		}
		t.binds = slices.DeleteFunc(t.binds, func(b Bind) bool { return b == old })
	}
	for _, b := range binds {
		if slices.Contains(t.binds, b) {
			continue
		}
		m, known := layers[b.Layer.Hex]
		if !known {
			return fmt.Errorf("%s: layer %s is not one of the tree", b.Path, b.Layer.Name)
		}
		if err := bind(b.Path, m); err != nil {
			return fmt.Errorf("%s: %w", b.Path, err)
		}
		t.binds = append(t.binds, b)
	}
	return nil
}

// bind shows a file or folder of a layer at its own path.
func bind(name string, m mounted) error {
	source, err := m.open(strings.TrimPrefix(name, "/"), unix.O_PATH) // no link leads out of the layer
	if err != nil {
		return err
	}
	defer source.Close()
	info, err := source.Stat()
	if err != nil {
		return err
	}
	target, err := place(name, info.IsDir())
	if err != nil {
		return err
	}
	defer target.Close()
	return unix.Mount(fmt.Sprintf("/proc/self/fd/%d", source.Fd()), fmt.Sprintf("/proc/self/fd/%d", target.Fd()), "", unix.MS_BIND, "")
}

// place makes the mount point, and opens it. The folders on the way belong to root; no link is followed.
func place(name string, folder bool) (*os.File, error) {
	at, err := filetree.FolderOf(name, true)
	if err != nil {
		return nil, err
	}
	defer at.Close()
	base, flags := path.Base(name), unix.O_NOFOLLOW|unix.O_NONBLOCK
	if !folder {
		return at.File(base, flags|unix.O_CREAT, 0o600)
	}
	if err := at.Mkdir(base, 0o755); err != nil && !errors.Is(err, os.ErrExist) { // it may be of a start before
		return nil, err
	}
	return at.File(base, flags|unix.O_DIRECTORY, 0)
}

// unbind takes it away, with its mount point if that is empty.
func unbind(name string) error {
	if err := unix.Unmount(name, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW); err != nil && err != unix.EINVAL && err != unix.ENOENT {
		return fmt.Errorf("unmount %s: %w", name, err)
	}
	_ = os.Remove(name) // something may have been made there meanwhile
	return nil
}
