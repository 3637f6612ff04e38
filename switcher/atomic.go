package switcher

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
)

// WriteFileAtomic replaces path by data so that after a power cut at any moment
// the file holds either its old or its new bytes, and so that after it returns
// nil it holds the new ones. On an error the old file is untouched. If path is
// a symbolic link, the link is replaced, not what it points to.
func WriteFileAtomic(path string, data []byte, mode fs.FileMode) error {
	return writeAtomic(osDisk{}, path, data, mode)
}

// WriteGroupFileAtomic is WriteFileAtomic for a file that belongs to a group,
// which it does before it has its name.
func WriteGroupFileAtomic(path string, data []byte, mode fs.FileMode, group int) error {
	temp, err := writeTemp(osDisk{}, filepath.Dir(path), bytes.NewReader(data), mode)
	if err != nil {
		return err
	}
	if err := os.Chown(temp, -1, group); err != nil {
		os.Remove(temp)
		return err
	}
	return commitTemp(osDisk{}, temp, path)
}

func writeAtomic(d disk, path string, data []byte, mode fs.FileMode) error {
	temp, err := writeTemp(d, filepath.Dir(path), bytes.NewReader(data), mode)
	if err != nil {
		return err
	}
	return commitTemp(d, temp, path)
}

// tempPrefix starts the name of every unfinished file: tempPrefix, our process id, "-", a number.
const tempPrefix = ".unfinished-"

var tempCount atomic.Uint32

// writeTemp writes what r gives to a new file in dir and makes it durable. It leaves nothing behind on an error.
func writeTemp(d disk, dir string, r io.Reader, mode fs.FileMode) (path string, err error) {
	var f file
	for { // another copy of us may have left a file of the same name: same process id, different boot
		path = filepath.Join(dir, tempPrefix+strconv.Itoa(os.Getpid())+"-"+strconv.Itoa(int(tempCount.Add(1))))
		f, err = d.Create(path, mode)
		if !errors.Is(err, fs.ErrExist) {
			break
		}
	}
	if err != nil {
		return "", err
	}
	_, err = io.Copy(f, r)
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		d.Remove(path) // the write's error is the one to tell
		return "", err
	}
	return path, nil
}

// commitTemp gives the finished file its name.
func commitTemp(d disk, temp, path string) error {
	if err := d.Rename(temp, path); err != nil {
		d.Remove(temp)
		return err
	}
	return d.SyncDir(filepath.Dir(path))
}

// removeTemps removes files in dir that a power cut left unfinished. Those of
// other living processes stay: on a host two builds may share a store.
func removeTemps(d disk, dir string) error {
	names, err := d.List(dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		rest, ok := strings.CutPrefix(name, tempPrefix)
		if !ok {
			continue
		}
		number, _, _ := strings.Cut(rest, "-")
		if pid, err := strconv.Atoi(number); err == nil && pid > 0 && pid != os.Getpid() && !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			continue
		}
		if err := d.Remove(filepath.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// makeDirs makes dir and its parents, each durable in its parent.
func makeDirs(d disk, dir string) error {
	_, err := d.List(dir)
	if err == nil {
		return nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	parent := filepath.Dir(dir)
	if parent == dir {
		return fmt.Errorf("make directory %s: no parent", dir)
	}
	if err := makeDirs(d, parent); err != nil {
		return err
	}
	if err := d.Mkdir(dir); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return d.SyncDir(parent)
}
