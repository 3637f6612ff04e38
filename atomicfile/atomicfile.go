// Package atomicfile replaces files: whoever opens one finds its old bytes or
// its new ones and never a part of them, also after a power cut.
//
// The new bytes go to a temporary file in the same folder, which then takes the
// name. If the name is a symbolic link, the link is replaced, not what it leads to.
//
// Two others replace files in their own way. The editor (editor/file) must keep
// everything that makes a file that file, and overwrites it where it cannot; and
// the commands (init/applet) work in folders that they have opened, so that no
// link leads out of them, and follow a link that they are given.
package atomicfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Write replaces path by data so that after a power cut at any moment the file
// holds either its old or its new bytes, and so that after it returns nil it
// holds the new ones. On an error the old file is untouched.
func Write(path string, data []byte, mode fs.FileMode) error {
	return WriteOn(OS{}, path, data, mode)
}

// WriteOn is Write on another disk.
func WriteOn(d Disk, path string, data []byte, mode fs.FileMode) error {
	temp, err := Temp(d, filepath.Dir(path), bytes.NewReader(data), mode)
	if err != nil {
		return told(path, err)
	}
	return told(path, Commit(d, temp, path))
}

// WriteGroup is Write for a file that belongs to a group, which it does before
// it has its name.
func WriteGroup(path string, data []byte, mode fs.FileMode, group int) error {
	temp, err := Temp(OS{}, filepath.Dir(path), bytes.NewReader(data), mode)
	if err != nil {
		return told(path, err)
	}
	if err := os.Chown(temp, -1, group); err != nil {
		os.Remove(temp)
		return told(path, err)
	}
	return told(path, Commit(OS{}, temp, path))
}

// WriteUnsynced replaces path by data without waiting for the disk: for what is
// in memory, can be made again, or is not worth the wear. After a power cut the
// file may be gone, or empty.
func WriteUnsynced(path string, data []byte, mode fs.FileMode) error {
	return WriteUnsyncedBy(path, mode, func(f *os.File) error {
		_, err := f.Write(data)
		return err
	})
}

// WriteUnsyncedBy is WriteUnsynced with what write writes.
func WriteUnsyncedBy(path string, mode fs.FileMode, write func(*os.File) error) error {
	temp, f, err := create(OS{}, filepath.Dir(path), mode)
	if err != nil {
		return told(path, err)
	}
	err = write(f.(*os.File))
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(temp, path)
	}
	if err != nil {
		os.Remove(temp) // the first error is the one to tell
	}
	return told(path, err)
}

// Temp writes what r gives to a new file in dir and makes it durable. It leaves
// nothing behind on an error.
func Temp(d Disk, dir string, r io.Reader, mode fs.FileMode) (path string, err error) {
	path, f, err := create(d, dir, mode)
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

// Commit gives the finished file its name.
func Commit(d Disk, temp, path string) error {
	if err := d.Rename(temp, path); err != nil {
		d.Remove(temp)
		return err
	}
	return d.SyncDir(filepath.Dir(path))
}

// told says that path could not be written. A system call's error on the
// temporary file is told as one on path, which is the file that somebody wanted.
func told(path string, err error) error {
	var call *fs.PathError
	var link *os.LinkError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &link):
		return &fs.PathError{Op: "write", Path: path, Err: link.Err}
	case errors.As(err, &call) && IsTemp(filepath.Base(call.Path)):
		return &fs.PathError{Op: "write", Path: path, Err: call.Err}
	}
	return fmt.Errorf("write %s: %w", path, err)
}
