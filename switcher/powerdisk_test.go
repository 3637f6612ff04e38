package switcher

import (
	"bytes"
	"fmt"
	"hash/maphash"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"bantam/atomicfile"
)

// powerDisk is a file system in memory that knows what would be left of it
// without power: what was synced for certain, and of the rest anything.
type powerDisk struct {
	root *inode
	free int64

	after func(op string)       // called after every operation that changes something
	fault func(op string) error // asked before; of a write that fails, half is done
}

// inode is a file or a directory, as it is and as it is on the medium.
type inode struct {
	isDir                  bool
	data, dataOnDisk       []byte
	entries, entriesOnDisk map[string]*inode
}

func newDir() *inode {
	return &inode{isDir: true, entries: map[string]*inode{}, entriesOnDisk: map[string]*inode{}}
}

// newPowerDisk has one empty directory, /state, that is on the medium.
func newPowerDisk() *powerDisk {
	d := &powerDisk{root: newDir(), free: 1 << 30}
	state := newDir()
	d.root.entries["state"], d.root.entriesOnDisk["state"] = state, state
	return d
}

// put makes a file as if it had always been there.
func (d *powerDisk) put(path string, data []byte) {
	dir := d.root
	parts := strings.Split(strings.Trim(path, "/"), "/")
	for _, part := range parts[:len(parts)-1] {
		if dir.entries[part] == nil {
			dir.entries[part] = newDir()
		}
		dir = dir.entries[part]
	}
	dir.entries[parts[len(parts)-1]] = &inode{data: data, dataOnDisk: data}
}

// diskOf is a disk that holds what a power cut has left of another.
func diskOf(tree map[string][]byte) *powerDisk {
	d := newPowerDisk()
	for path, data := range tree {
		if !strings.HasSuffix(path, "/") {
			d.put(path, data)
		}
	}
	var settle func(n *inode)
	settle = func(n *inode) {
		n.entriesOnDisk = maps.Clone(n.entries)
		for _, child := range n.entries {
			if child.isDir {
				settle(child)
			}
		}
	}
	settle(d.root)
	return d
}

func pathError(op, path string, err error) error { return &fs.PathError{Op: op, Path: path, Err: err} }

func (d *powerDisk) find(path string) *inode {
	n := d.root
	for _, part := range strings.Split(strings.Trim(path, "/"), "/") {
		if n == nil || !n.isDir {
			return nil
		}
		if part != "" {
			n = n.entries[part]
		}
	}
	return n
}

// change does one operation on the directory of path, unless the disk fails.
func (d *powerDisk) change(op, path string, do func(dir *inode, name string) error) error {
	text := op + " " + path
	if d.fault != nil {
		if err := d.fault(text); err != nil {
			return pathError(op, path, err)
		}
	}
	dir := d.find(filepath.Dir(path))
	if dir == nil || !dir.isDir {
		return pathError(op, path, fs.ErrNotExist)
	}
	if err := do(dir, filepath.Base(path)); err != nil {
		return pathError(op, path, err)
	}
	if d.after != nil {
		d.after(text)
	}
	return nil
}

func (d *powerDisk) Mkdir(path string) error {
	return d.change("mkdir", path, func(dir *inode, name string) error {
		if dir.entries[name] != nil {
			return fs.ErrExist
		}
		dir.entries[name] = newDir()
		return nil
	})
}

func (d *powerDisk) ReadFile(path string, most int64) ([]byte, error) {
	n := d.find(path)
	if n == nil {
		return nil, pathError("open", path, fs.ErrNotExist)
	}
	if n.isDir || int64(len(n.data)) > most {
		return nil, pathError("read", path, errNotAFile)
	}
	return slices.Clone(n.data), nil
}

func (d *powerDisk) Open(path string, most int64) (source, error) {
	data, err := d.ReadFile(path, most)
	if err != nil {
		return nil, err
	}
	return &powerSource{powerFile{d, d.find(path), path}, bytes.NewReader(data)}, nil
}

// Lock is anybody's: what two do at once is for the real disk.
func (d *powerDisk) Lock(path string) (unlock func(), err error) {
	if d.find(path) == nil {
		if _, err := d.Create(path, private); err != nil {
			return nil, err
		}
	}
	return func() {}, nil
}

func (d *powerDisk) Size(path string) (int64, error) {
	n := d.find(path)
	if n == nil {
		return 0, pathError("lstat", path, fs.ErrNotExist)
	}
	return int64(len(n.data)), nil
}

func (d *powerDisk) List(path string) ([]string, error) {
	n := d.find(path)
	if n == nil {
		return nil, pathError("open", path, fs.ErrNotExist)
	}
	return slices.Sorted(maps.Keys(n.entries)), nil
}

func (d *powerDisk) Create(path string, _ fs.FileMode) (f file, err error) {
	err = d.change("create", path, func(dir *inode, name string) error {
		if dir.entries[name] != nil {
			return fs.ErrExist
		}
		n := &inode{}
		dir.entries[name], f = n, &powerFile{d, n, path}
		return nil
	})
	return f, err
}

func (d *powerDisk) Append(path string) (file, error) {
	n := d.find(path)
	if n == nil {
		return nil, pathError("open", path, fs.ErrNotExist)
	}
	return &powerFile{d, n, path}, nil
}

// Overwrite makes the bytes durable in a second operation: before it there may be the old ones, the new ones, or some of each.
func (d *powerDisk) Overwrite(path string, data []byte) error {
	n := d.find(path)
	if n == nil {
		return pathError("open", path, fs.ErrNotExist)
	}
	err := d.change("overwrite", path, func(*inode, string) error {
		n.data = append(slices.Clone(data), n.data[min(len(data), len(n.data)):]...)
		return nil
	})
	if err != nil {
		n.data = append(slices.Clone(data[:len(data)/2]), n.data[len(data)/2:]...)
		return err
	}
	return (&powerFile{d, n, path}).Sync()
}

func (d *powerDisk) Rename(from, to string) error {
	return d.change("rename", to, func(dir *inode, name string) error {
		source := d.find(filepath.Dir(from))
		n := source.entries[filepath.Base(from)]
		if n == nil {
			return fs.ErrNotExist
		}
		delete(source.entries, filepath.Base(from))
		dir.entries[name] = n
		return nil
	})
}

func (d *powerDisk) Remove(path string) error {
	return d.change("remove", path, func(dir *inode, name string) error {
		if dir.entries[name] == nil {
			return fs.ErrNotExist
		}
		delete(dir.entries, name)
		return nil
	})
}

func (d *powerDisk) SyncDir(path string) error {
	return d.change("syncdir", path+"/.", func(*inode, string) error {
		n := d.find(path)
		n.entriesOnDisk = maps.Clone(n.entries)
		return nil
	})
}

func (d *powerDisk) Free(string) (int64, error) { return d.free, nil }

type powerFile struct {
	d    *powerDisk
	n    *inode
	path string
}

func (f *powerFile) Write(p []byte) (int, error) {
	err := f.d.change("write", f.path, func(*inode, string) error {
		f.n.data = append(slices.Clone(f.n.data), p...)
		return nil
	})
	if err != nil {
		f.n.data = append(slices.Clone(f.n.data), p[:len(p)/2]...)
		return len(p) / 2, err
	}
	return len(p), nil
}

func (f *powerFile) Sync() error {
	return f.d.change("sync", f.path, func(*inode, string) error {
		f.n.dataOnDisk = f.n.data
		return nil
	})
}

func (f *powerFile) Close() error { return nil }

// powerSource is a file open for reading.
type powerSource struct {
	powerFile
	r *bytes.Reader
}

func (s *powerSource) Read(p []byte) (int, error) { return s.r.Read(p) }

// The ways in which data that was not synced may be found.
var lostData = []func(n *inode) []byte{
	func(n *inode) []byte { return n.dataOnDisk }, // not at all
	func(n *inode) []byte { return n.data },       // all the same
	func(n *inode) []byte { // torn
		return n.data[:(len(n.dataOnDisk)+len(n.data))/2]
	},
	func(n *inode) []byte { // overwritten in part
		if len(n.dataOnDisk) != len(n.data) {
			return n.data
		}
		half := len(n.data) / 2
		return append(slices.Clone(n.data[:half]), n.dataOnDisk[half:]...)
	},
	func(n *inode) []byte { // the length is there, the bytes are not
		return append(slices.Clone(n.dataOnDisk), make([]byte, max(0, len(n.data)-len(n.dataOnDisk)))...)
	},
}

// leftovers calls each for every tree that a power cut now may leave: each way
// of losing data, with the directories as on the medium, as in memory, or one
// of them as in memory and the others as on the medium.
func (d *powerDisk) leftovers(each func(tree map[string][]byte)) {
	var dirs []*inode
	var collect func(n *inode)
	collect = func(n *inode) {
		dirs = append(dirs, n)
		for _, name := range slices.Sorted(maps.Keys(n.entries)) {
			if child := n.entries[name]; child.isDir {
				collect(child)
			}
		}
	}
	collect(d.root)
	for one := -2; one < len(dirs); one++ {
		for _, data := range lostData {
			tree := map[string][]byte{}
			var walk func(n *inode, path string)
			walk = func(n *inode, path string) {
				tree[path] = nil
				entries := n.entriesOnDisk
				if one == -1 || one >= 0 && dirs[one] == n {
					entries = n.entries
				}
				for name, child := range entries {
					if child.isDir {
						walk(child, path+name+"/")
					} else {
						tree[path+name] = data(child)
					}
				}
			}
			walk(d.root, "/")
			each(tree)
		}
	}
}

var treeSeed = maphash.MakeSeed()

// treeKey tells trees apart, whatever the temporary files are called. An emulated processor takes most of its time for SHA-256.
func treeKey(tree map[string][]byte) string {
	var b bytes.Buffer
	for _, path := range slices.Sorted(maps.Keys(tree)) {
		if strings.Contains(path, atomicfile.TempPrefix) {
			path = filepath.Dir(path) + "/temp"
		}
		fmt.Fprintf(&b, "%s %d %x\n", path, len(tree[path]), maphash.Bytes(treeSeed, tree[path]))
	}
	return b.String()
}

// writeTree makes the tree below dir.
func writeTree(dir string, tree map[string][]byte) error {
	for _, path := range slices.Sorted(maps.Keys(tree)) { // directories come before what is in them
		var err error
		if strings.HasSuffix(path, "/") {
			err = os.MkdirAll(dir+path, 0o755)
		} else {
			err = os.WriteFile(dir+path, tree[path], 0o644)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

var errFull = syscall.ENOSPC
