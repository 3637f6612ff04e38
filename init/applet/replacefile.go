package applet

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"bantam/init/filetree"
)

// replaceFile gives path new content so that at any moment, a full disk or a
// power cut included, path holds either the old content or the new: the content
// goes to a temporary file beside it, is flushed to disk, and takes its place.
// An existing file keeps its mode, owner and extended attributes. A symbolic link is followed.
func replaceFile(path string, mode fs.FileMode, write func(io.Writer) error) (err error) {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	dir, name, err := filetree.OpenOperand(path)
	if err != nil {
		return err
	}
	defer dir.Close()
	old, err := dir.Stat(name)
	switch {
	case err != nil:
		return replaceName(dir, name, mode, nil, write)
	case !old.Mode().IsRegular():
		return overwriteFile(dir, name, 0, write) // a device or pipe: there is nothing to keep
	}
	return replaceName(dir, name, mode, old, write)
}

// overwriteFile writes into the file that is there.
func overwriteFile(dir filetree.Dir, name string, flag int, write func(io.Writer) error) error {
	f, err := dir.File(name, os.O_WRONLY|flag, 0)
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}

// replaceName is replaceFile for the very name in an open folder, link or not.
// The new file takes mode, owner and extended attributes of old unless that is nil.
func replaceName(dir filetree.Dir, name string, mode fs.FileMode, old *filetree.Info, write func(io.Writer) error) (err error) {
	if old != nil {
		mode = old.Mode()
	}
	f, err := temporaryFile(dir)
	if err != nil {
		return err
	}
	defer removeWhenKilled(dir, f.Name())()
	defer func() {
		if err != nil {
			f.Close()
			dir.Unlink(f.Name())
		}
	}()
	if err = write(f); err != nil {
		return err
	}
	if old != nil {
		// Only root may; for others the file becomes theirs, as with any copy.
		st := stat(old)
		f.Chown(int(st.Uid), int(st.Gid))
		if err = copyAttributes(dir.Path(name), dir.Path(f.Name()), capabilities); err != nil {
			return err
		}
	}
	if err = f.Chmod(mode); err != nil {
		return err
	}
	if err = f.Sync(); err != nil {
		return err
	}
	if err = f.Close(); err != nil {
		return err
	}
	if err = dir.Rename(f.Name(), name); err != nil {
		return err
	}
	return syncFolder(dir)
}

// temporaryFile makes a hidden file in a folder, for its user alone.
func temporaryFile(dir filetree.Dir) (*os.File, error) {
	for n := time.Now().UnixNano(); ; n++ {
		f, err := dir.File(".bantam-"+strconv.FormatInt(n, 36), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
		if !errors.Is(err, fs.ErrExist) {
			return f, err
		}
	}
}

// removeWhenKilled removes the file if a signal such as that of Ctrl-C ends the
// process before stop is called; nobody would find its name again.
func removeWhenKilled(dir filetree.Dir, name string) (stop func()) {
	signals := make(chan os.Signal, 1)
	for _, sig := range []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT} {
		if !signal.Ignored(sig) {
			signal.Notify(signals, sig)
		}
	}
	go func() {
		for sig := range signals {
			dir.Unlink(name)
			signal.Reset(sig)
			syscall.Kill(os.Getpid(), sig.(syscall.Signal))
		}
	}()
	return func() {
		signal.Stop(signals)
		close(signals)
	}
}

func syncFolder(dir filetree.Dir) error {
	f, err := dir.File(".", os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) {
		return err
	}
	return nil
}
