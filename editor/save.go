package editor

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// recoverySuffix names the file that keeps the text of a lost session.
const recoverySuffix = ".save"

// file is what is edited, as it was when last read or written.
type file struct {
	path   string // symbolic links resolved: the target is replaced, never the link
	text   []byte
	exists bool
	inode  uint64
	mtime  time.Time
	size   int64
}

func open(path string) (*file, error) {
	path, err := resolve(path)
	if err != nil {
		return nil, err
	}
	f := &file{path: path}
	h, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		if _, err := os.Stat(filepath.Dir(path)); err != nil {
			return nil, err
		}
		return f, nil // a new file
	}
	if err != nil {
		return nil, err
	}
	defer h.Close()
	info, err := h.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: not a regular file", path)
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("%s: %d bytes; the editor holds at most %d", path, info.Size(), maxFile)
	}
	if f.text, err = io.ReadAll(io.LimitReader(h, maxFile)); err != nil {
		return nil, err
	}
	f.note(info)
	return f, nil
}

// resolve follows symbolic links, also one that points to nothing yet.
func resolve(path string) (string, error) {
	for range 40 {
		target, err := os.Readlink(path)
		if err != nil {
			return path, nil // no link
		}
		if !filepath.IsAbs(target) {
			target = filepath.Join(filepath.Dir(path), target)
		}
		path = target
	}
	return "", &os.PathError{Op: "open", Path: path, Err: syscall.ELOOP}
}

func (f *file) name() string { return filepath.Base(f.path) }

func (f *file) note(info os.FileInfo) {
	f.exists, f.mtime, f.size = true, info.ModTime(), info.Size()
	f.inode = info.Sys().(*syscall.Stat_t).Ino
}

// changedOnDisk tells whether somebody else wrote, made or removed the file.
func (f *file) changedOnDisk() (bool, error) {
	info, err := os.Stat(f.path)
	if errors.Is(err, os.ErrNotExist) {
		return f.exists, nil
	}
	if err != nil {
		return false, err
	}
	return !f.exists || info.Sys().(*syscall.Stat_t).Ino != f.inode ||
		!info.ModTime().Equal(f.mtime) || info.Size() != f.size, nil
}

// save writes text so that at any moment the path names the whole old or the whole
// new text: temporary file, sync, rename, sync of the folder. On an error the old
// file is as it was. A file with several names (hard links) gets a new inode, the
// other names keep the old text.
func (f *file) save(text []byte) (err error) {
	mode, owner := os.FileMode(0o644), (*syscall.Stat_t)(nil)
	if info, err := os.Stat(f.path); err == nil {
		mode, owner = info.Mode(), info.Sys().(*syscall.Stat_t)
	}
	dir := filepath.Dir(f.path)
	tmp, err := os.CreateTemp(dir, "."+f.name()+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			tmp.Close()
			os.Remove(tmp.Name())
		}
	}()
	if owner != nil {
		if err := tmp.Chown(int(owner.Uid), int(owner.Gid)); err != nil {
			return err
		}
	}
	if err := tmp.Chmod(mode); err != nil {
		return err
	}
	if _, err := tmp.Write(text); err != nil {
		return err
	}
	if err := tmp.Sync(); err != nil {
		return err
	}
	info, err := tmp.Stat()
	if err != nil {
		return err
	}
	if err := tmp.Close(); err != nil {
		return err
	}
	if err := os.Rename(tmp.Name(), f.path); err != nil {
		return err
	}
	f.note(info)
	return syncDir(dir)
}

// keep writes what a dying session would lose, beside what earlier ones left, and
// returns the name of the copy.
func (f *file) keep(text []byte) (string, error) {
	name := f.path + recoverySuffix
	for n := 2; ; n++ {
		h, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if errors.Is(err, os.ErrExist) && n < 100 {
			name = fmt.Sprintf("%s%s%d", f.path, recoverySuffix, n)
			continue
		}
		if err != nil {
			return "", err
		}
		_, err = h.Write(text)
		return name, errors.Join(err, h.Sync(), h.Close())
	}
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
