package pid1

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"bantam/atomicfile"
	"bantam/init/filetree"
	"bantam/regular"
	"bantam/switcher"
	"bantam/system"
)

// The files of a system lie below folders that a service may own. So no link on the way is followed: nobody can have
// PID 1 write elsewhere.

// FileState says what is at path.
func (m *Machine) FileState(file string) (string, error) {
	dir, err := filetree.FolderOf(file, false)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", nil
	case errors.Is(err, filetree.ErrNoFolder) && strings.HasPrefix(file, "/etc/"):
		return notAFile, nil // a switch makes the folders there again
	case err != nil:
		return "", err
	}
	defer dir.Close()
	f, err := regular.Open(dir.Path(path.Base(file)), unix.O_NOFOLLOW, system.MaxSize)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if errors.Is(err, regular.ErrNot) {
		return otherThanFile(dir, path.Base(file))
	}
	if err != nil {
		return "", fmt.Errorf("%s: %w", file, reason(err))
	}
	defer f.Close()
	return switcher.FileState(f.Stat.Mode&0o7777, int(f.Stat.Uid), int(f.Stat.Gid), f)
}

// mostEtc is how many files below /etc are looked at; no package of Debian has so many.
const mostEtc = 10_000

// madeAtBoot are files of /etc that are always the same, where no system has others.
var madeAtBoot = map[string]Creator{
	"/etc/profile": File{"/etc/profile", 0o644, "export PATH=" + system.SearchPath + "\numask 022\n"},
	"/etc/shells":  File{"/etc/shells", 0o644, "/bin/sh\n"},
}

// EtcPaths lists what is below /etc and of the generation, or somebody's.
func (m *Machine) EtcPaths() (paths []string, err error) {
	w := filetree.Walk{Fail: func(e *filetree.Entry, fault error) { err = errors.Join(err, fmt.Errorf("%s: %w", e.Path(), fault)) }}
	w.Enter = func(e *filetree.Entry) bool {
		file := e.Path()
		if e.Info == nil || e.Info.IsDir() || system.IsOwnFile(file) || madeAtBoot[file] != nil || atomicfile.IsTemp(e.Name) {
			return true
		}
		if paths = append(paths, file); len(paths) > mostEtc {
			err = fmt.Errorf("/etc has more than %d files", mostEtc)
			w.Stop()
		}
		return true
	}
	w.Walk("/etc")
	return paths, err
}

// textOf is what is in one of Bantam's own files, "" if that cannot be read whole.
func textOf(path string) string {
	f, err := regular.Open(path, 0, system.MaxSize)
	if err != nil {
		return ""
	}
	defer f.Close()
	text, err := io.ReadAll(f)
	if err != nil {
		return ""
	}
	return string(text)
}

// notAFile is the state of what is neither a file nor a folder nor a link.
const notAFile = "no file of a system"

// otherThanFile says what is at name that is no file. All but a folder can be replaced by one.
func otherThanFile(dir filetree.Dir, name string) (string, error) {
	info, err := dir.Lstat(name)
	if err != nil {
		return "", err
	}
	switch {
	case info.IsDir():
		return " a folder", nil
	case info.Mode()&fs.ModeSymlink != 0:
		target, err := dir.Readlink(name)
		return switcher.LinkState(target), err
	}
	return notAFile, nil
}

// WriteFile replaces the file at path, which has its rights and owner before it has its name.
func (m *Machine) WriteFile(file string, data []byte, mode uint32, uid, gid int) error {
	dir, err := filetree.FolderOf(file, true)
	if err != nil {
		return err
	}
	defer dir.Close()
	err = atomicfile.WriteUnsyncedBy(dir.Path(path.Base(file)), 0o600, func(f *os.File) error {
		_, err := f.Write(data)
		if err == nil {
			err = f.Chown(uid, gid)
		}
		if err == nil {
			err = f.Chmod(fs.FileMode(mode))
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("%s: %w", file, reason(err))
	}
	return nil
}

// WriteLink makes a symbolic link in place of what is at path.
func (m *Machine) WriteLink(file, target string) error {
	dir, err := filetree.FolderOf(file, true)
	if err != nil {
		return err
	}
	defer dir.Close()
	if err := dir.Relink(target, path.Base(file)); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}

// MakeFolder makes a folder at path in place of what else is there, and those above it.
func (m *Machine) MakeFolder(file string) error {
	above, err := filetree.FolderOf(file, true)
	if err != nil {
		return err
	}
	defer above.Close()
	if info, fault := above.Lstat(path.Base(file)); fault == nil && !info.IsDir() {
		if err := above.Unlink(path.Base(file)); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
	}
	dir, err := filetree.FolderOf(path.Join(file, "in it"), true)
	if err == nil {
		dir.Close()
	}
	return err
}

// RemoveFile removes the file at path.
func (m *Machine) RemoveFile(file string) error {
	dir, err := filetree.FolderOf(file, false)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, filetree.ErrNoFolder) && strings.HasPrefix(file, "/etc/") {
		return nil
	}
	if err != nil {
		return err
	}
	defer dir.Close()
	if err := dir.Unlink(path.Base(file)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove %s: %w", file, err)
	}
	if always := madeAtBoot[file]; always != nil {
		return always.Create()
	}
	return nil
}
