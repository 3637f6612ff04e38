package file

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// linux is the real disk. Its errors name call and path.
type linux struct{}

func (linux) Rename(from, to string) error { return os.Rename(from, to) }
func (linux) Remove(path string) error     { return os.Remove(path) }

// Resolve follows the links of the last name by itself, because that which the
// last one points to may not be there yet. The folders before are resolved
// first, and nothing is cleaned before that: ".." behind a link is not what
// it looks like.
func (linux) Resolve(path string) (string, error) {
	whole := path
	if !filepath.IsAbs(whole) {
		wd, err := os.Getwd()
		if err != nil {
			return "", err
		}
		whole = wd + "/" + whole
	}
	for range 40 {
		at := strings.LastIndexByte(whole, '/') + 1
		dir, name := whole[:at], whole[at:]
		if name == "" || name == "." || name == ".." {
			return filepath.EvalSymlinks(whole) // a folder, if anything
		}
		dir, err := filepath.EvalSymlinks(dir)
		if err != nil {
			return "", err
		}
		whole = filepath.Join(dir, name)
		target, err := os.Readlink(whole)
		if err != nil {
			return whole, nil // no link
		}
		if !filepath.IsAbs(target) {
			target = dir + "/" + target
		}
		whole = target
	}
	return "", &fs.PathError{Op: "open", Path: path, Err: unix.ELOOP}
}

func (linux) Stat(path string) (state, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return state{}, err
	}
	return stateOf(info), nil
}

func (linux) Writable(path string) error {
	if err := unix.Faccessat(unix.AT_FDCWD, path, unix.W_OK, 0); err != nil {
		return &fs.PathError{Op: "write", Path: path, Err: err}
	}
	return nil
}

func (linux) Open(path string, write bool) (handle, error) {
	flag := os.O_RDONLY
	if write {
		flag = os.O_RDWR
	}
	return opened(os.OpenFile(path, flag|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY, 0))
}

func (linux) Create(path string, mode fs.FileMode) (handle, error) {
	return opened(os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL|unix.O_NOFOLLOW, mode))
}

// SyncDir makes the names in a folder safe. A folder that cannot be read
// cannot be opened either; then everything is synced. Some file systems keep
// no folders that could be synced (EINVAL).
func (linux) SyncDir(dir string) error {
	d, err := os.Open(dir)
	if errors.Is(err, fs.ErrPermission) {
		unix.Sync()
		return nil
	}
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, unix.EINVAL) {
		return err
	}
	return nil
}

// openFile adds to an *os.File what the handle needs.
type openFile struct{ *os.File }

func opened(f *os.File, err error) (handle, error) {
	if err != nil {
		return nil, err
	}
	return openFile{f}, nil
}

func (f openFile) fail(op string, err error) error {
	if err == nil {
		return nil
	}
	return &fs.PathError{Op: op, Path: f.Name(), Err: err}
}

func (f openFile) Stat() (state, error) {
	info, err := f.File.Stat()
	if err != nil {
		return state{}, err
	}
	return stateOf(info), nil
}

func stateOf(info fs.FileInfo) state {
	st := info.Sys().(*syscall.Stat_t)
	return state{
		dev: uint64(st.Dev), ino: st.Ino, size: info.Size(), mtime: info.ModTime(),
		ctime: time.Unix(st.Ctim.Unix()),
		links: uint64(st.Nlink), uid: int(st.Uid), gid: int(st.Gid), mode: st.Mode,
	}
}

// Lock takes a file system without locks for one that nobody else uses.
func (f openFile) Lock() error {
	err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return f.fail("lock", ErrBusy)
	}
	return nil
}

func (f openFile) Chown(uid, gid int) error {
	return f.fail("chown", unix.Fchown(int(f.Fd()), uid, gid))
}

func (f openFile) Chmod(mode uint32) error {
	return f.fail("chmod", unix.Fchmod(int(f.Fd()), mode&0o7777))
}

// largestXattr is the kernel's bound for the list of names and for one value.
const largestXattr = 64 << 10

func (f openFile) Xattrs() (map[string]string, error) {
	buf := make([]byte, largestXattr)
	n, err := unix.Flistxattr(int(f.Fd()), buf)
	if errors.Is(err, unix.ENOTSUP) {
		return nil, nil
	}
	if err != nil {
		return nil, f.fail("listxattr", err)
	}
	all := map[string]string{}
	for _, name := range strings.FieldsFunc(string(buf[:n]), func(r rune) bool { return r == 0 }) {
		n, err := unix.Fgetxattr(int(f.Fd()), name, buf)
		if err != nil {
			return nil, f.fail("getxattr "+name, err)
		}
		all[name] = string(buf[:n])
	}
	return all, nil
}

func (f openFile) SetXattr(name, value string) error {
	return f.fail("setxattr "+name, unix.Fsetxattr(int(f.Fd()), name, []byte(value), 0))
}

func (f openFile) RemoveXattr(name string) error {
	return f.fail("removexattr "+name, unix.Fremovexattr(int(f.Fd()), name))
}
