package tree

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"bantam/layer"
)

// A mounted layer is open. It has a place in the file system only while a tree is made of it: to bind a part of it, or to
// have it in an overlay, Linux before 6.15 wants that.
type mounted struct {
	fd int
	at string // its place, e.g. /run/bantam/tree/at/3; "" without
}

type mounts map[string]mounted

// detach takes their places from them. What was made of them stays.
func (m mounts) detach() {
	for hex, one := range m {
		if one.at != "" {
			_ = unix.Unmount(one.at, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
			_ = os.Remove(one.at)
			m[hex] = mounted{fd: one.fd}
		}
	}
}

// close lets go of them.
func (m mounts) close() {
	m.detach()
	for _, one := range m {
		unix.Close(one.fd)
	}
}

// open opens a file of the layer. No link is followed: it could lead out.
func (m mounted) open(name string, flags uint64) (*os.File, error) {
	fd, err := unix.Openat2(m.fd, name, &unix.OpenHow{Flags: flags | unix.O_CLOEXEC, Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS})
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: name, Err: err}
	}
	return os.NewFile(uintptr(fd), name), nil
}

// mountAll mounts layers, each at a place. What is mounted has to be closed also after an error.
func (t *Tree) mountAll(layers []Layer) (mounts, error) {
	all := mounts{}
	for i, l := range layers {
		one, err := t.mount(l)
		if err != nil {
			return all, err
		}
		at := fmt.Sprintf("%s/at/%d", t.o.Work, i)
		if err = os.MkdirAll(at, 0o700); err == nil {
			err = unix.MoveMount(one.fd, "", unix.AT_FDCWD, at, unix.MOVE_MOUNT_F_EMPTY_PATH)
		}
		if err != nil {
			unix.Close(one.fd)
			return all, fmt.Errorf("layer %s: at %s: %w", l.Name, at, err)
		}
		one.at = at
		all[l.Hex] = one
	}
	return all, nil
}

// load loads modules that were not loaded before.
func (t *Tree) load(modules ...string) error {
	for _, module := range modules {
		if slices.Contains(t.loaded, module) {
			continue
		}
		if err := t.o.Load(module); err != nil {
			return err
		}
		t.loaded = append(t.loaded, module)
	}
	return nil
}

func (t *Tree) mount(l Layer) (mounted, error) {
	fail := func(err error) (mounted, error) { return mounted{}, fmt.Errorf("layer %s: %w", l.Name, err) }
	if err := t.load("loop", "squashfs"); err != nil {
		return fail(err)
	}
	place, err := t.o.Find(l)
	if err != nil {
		return fail(err)
	}
	device, err := attach(place, l)
	if err != nil {
		return fail(err)
	}
	defer device.Close() // what is mounted keeps it
	fs, err := unix.Fsopen("squashfs", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return fail(fmt.Errorf("squashfs: %w", err))
	}
	defer unix.Close(fs)
	if err = unix.FsconfigSetString(fs, "source", device.Name()); err == nil {
		err = unix.FsconfigSetFlag(fs, "ro") // or the kernel wants to write to the device
	}
	if err == nil {
		err = unix.FsconfigCreate(fs)
	}
	if err != nil {
		return fail(fmt.Errorf("%w%s", err, said(fs)))
	}
	fd, err := unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, unix.MOUNT_ATTR_RDONLY|unix.MOUNT_ATTR_NODEV|unix.MOUNT_ATTR_NOSUID)
	if err != nil {
		return fail(err)
	}
	return mounted{fd: fd}, nil
}

// said is what the kernel says of a mount that failed.
func said(fs int) string {
	b := make([]byte, 512)
	n, err := unix.Read(fs, b)
	if err != nil || n < 2 {
		return ""
	}
	return ": " + strings.TrimSpace(string(b[2:n])) // after e, w or i
}

// attach makes a loop device of a layer's place, which is gone when nothing uses it any more. It is called by the layer, for lsblk.
func attach(place Place, l Layer) (*os.File, error) {
	backing, err := os.Open(place.Path)
	if err != nil {
		return nil, err
	}
	defer backing.Close()
	control, err := os.OpenFile("/dev/loop-control", os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer control.Close()
	// What is read is kept by those who read it, and need not be kept of the device too.
	const flags = unix.LO_FLAGS_READ_ONLY | unix.LO_FLAGS_AUTOCLEAR | unix.LO_FLAGS_DIRECT_IO
	info := unix.LoopInfo64{Offset: uint64(place.Offset), Sizelimit: uint64(l.Size), Flags: flags}
	copy(info.File_name[:len(info.File_name)-1], "layer "+l.Name)
	for range 100 { // somebody else may be faster
		n, err := unix.IoctlRetInt(int(control.Fd()), unix.LOOP_CTL_GET_FREE)
		if err != nil {
			return nil, fmt.Errorf("a free loop device: %w", err)
		}
		device, err := os.Open(fmt.Sprintf("/dev/loop%d", n))
		if err != nil {
			return nil, err
		}
		err = unix.IoctlLoopConfigure(int(device.Fd()), &unix.LoopConfig{Fd: uint32(backing.Fd()), Info: info})
		if err == nil {
			return device, nil
		}
		device.Close()
		if err != unix.EBUSY {
			return nil, fmt.Errorf("loop device of %s: %w", place.Path, err)
		}
	}
	return nil, errors.New("no loop device is free")
}

// Read reads a file of a layer, of at most so many bytes. Those of a layer of the tree that was made last are read without
// another mount, until Release.
func (t *Tree) Read(l Layer, name string, most int64) ([]byte, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	m, held := t.held[l.Hex]
	if !held {
		var err error
		if m, err = t.mount(l); err != nil {
			return nil, err
		}
		defer unix.Close(m.fd)
	}
	b, err := m.read(name, most)
	if err != nil {
		return nil, fmt.Errorf("layer %s: %w", l.Name, err)
	}
	return b, nil
}

// Release lets go of what Set has left open for Read.
func (t *Tree) Release() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.held.close()
	t.held = nil
}

func (m mounted) read(name string, most int64) ([]byte, error) {
	f, err := m.open(name, unix.O_RDONLY|unix.O_NONBLOCK)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(b)) > most {
		err = fmt.Errorf("%s has more than %d bytes", name, most)
	}
	return b, err
}

// Index reads what a layer says of itself. It need not be mounted for that.
func (t *Tree) Index(l Layer) (layer.Index, error) {
	place, err := t.o.Find(l)
	if err != nil {
		return nil, fmt.Errorf("layer %s: %w", l.Name, err)
	}
	f, err := os.Open(place.Path)
	if err != nil {
		return nil, fmt.Errorf("layer %s: %w", l.Name, err)
	}
	defer f.Close()
	x, err := layer.ReadTail(io.NewSectionReader(f, place.Offset, l.Size), l.Size)
	if err != nil {
		return nil, fmt.Errorf("layer %s is damaged: %w", l.Name, err)
	}
	return x, nil
}

// Verify reads all of a layer and compares it with its digest. What it reads does not stay in memory.
func (t *Tree) Verify(l Layer) error {
	place, err := t.o.Find(l)
	if err != nil {
		return fmt.Errorf("layer %s: %w", l.Name, err)
	}
	f, err := os.Open(place.Path)
	if err != nil {
		return fmt.Errorf("layer %s: %w", l.Name, err)
	}
	defer f.Close()
	sum := sha256.New()
	n, err := io.Copy(sum, io.NewSectionReader(f, place.Offset, l.Size))
	_ = unix.Fadvise(int(f.Fd()), place.Offset, l.Size, unix.FADV_DONTNEED)
	switch {
	case err != nil:
		return fmt.Errorf("layer %s: %w", l.Name, err)
	case n != l.Size || hex.EncodeToString(sum.Sum(nil)) != l.Hex:
		return fmt.Errorf("layer %s is damaged: what is at %s is not what sha256:%s names", l.Name, place.Path, l.Hex)
	}
	return nil
}
