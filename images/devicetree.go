package images

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"bantam/board"
	"bantam/firmware"
	"bantam/spelling"
)

// A device tree tells a kernel what hardware there is. It belongs to the kernel, so they lie in a slot together: the trees of the
// board in front, each in treeRoom bytes, then the kernel. The boot script knows how many there are.

// treeRoom is what each takes. Debian's have at most 110 kB; what is free behind one U-Boot fills with what it has found out.
const treeRoom = 128 << 10

const treeSlack = 8 << 10 // for U-Boot

// withTrees puts the device trees of a board before its kernel, as the loader takes it. A tree that the kernel lacks is an error.
func withTrees(b board.Board, k Kernel, kernel []byte) ([]byte, error) {
	all := make([]byte, 0, len(b.DeviceTrees)*treeRoom+len(kernel))
	for i, name := range b.DeviceTrees {
		tree, err := k.tree(name)
		if err != nil {
			return nil, fmt.Errorf("board %s: %w", b.Name, err)
		}
		all = append(all, tree...)
		all = append(all, make([]byte, (i+1)*treeRoom-len(all))...)
	}
	return append(all, kernel...), nil
}

// tree reads one by its name, e.g. allwinner/sun8i-h3-orangepi-pc.dtb. Older kernels have no folders of vendors.
func (k Kernel) tree(name string) ([]byte, error) {
	data, err := os.ReadFile(filepath.Join(k.Trees, name))
	if errors.Is(err, fs.ErrNotExist) {
		data, err = os.ReadFile(filepath.Join(k.Trees, path.Base(name)))
	}
	if errors.Is(err, fs.ErrNotExist) {
		if near := spelling.Nearest(name, k.trees()); near != "" {
			return nil, fmt.Errorf("Linux %s has no device tree %s; did you mean %q?", k.Version, name, near)
		}
		return nil, fmt.Errorf("Linux %s has no device tree %s", k.Version, name)
	}
	if err != nil {
		return nil, err
	}
	if _, size, err := firmware.ReadTree(bytes.NewReader(data)); err != nil || size != int64(len(data)) {
		return nil, fmt.Errorf("%s of Linux %s is no device tree of %d bytes: %w", name, k.Version, len(data), err)
	}
	if len(data) > treeRoom-treeSlack {
		return nil, fmt.Errorf("device tree %s of Linux %s: %d bytes: at most %d", name, k.Version, len(data), treeRoom-treeSlack)
	}
	return data, nil
}

// trees are the names of all there are.
func (k Kernel) trees() (names []string) {
	filepath.WalkDir(k.Trees, func(file string, d fs.DirEntry, err error) error {
		if err == nil && filepath.Ext(file) == ".dtb" {
			name, _ := filepath.Rel(k.Trees, file)
			names = append(names, name)
		}
		return nil
	})
	return names
}
