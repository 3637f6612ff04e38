package applet

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// replaceFile gives path new content so that at any moment, a full disk or a
// power cut included, path holds either the old content or the new: the content
// goes to a temporary file beside it, is flushed to disk, and takes its place.
// An existing file keeps its mode, owner and extended attributes. A symbolic link is followed.
func replaceFile(path string, mode fs.FileMode, write func(io.Writer) error) (err error) {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	old, statErr := os.Stat(path)
	if statErr == nil && !old.Mode().IsRegular() {
		return overwriteFile(path, 0, write) // a device or pipe: there is nothing to keep
	}
	return replaceName(path, mode, old, write)
}

// overwriteFile writes into the file that is there.
func overwriteFile(path string, flag int, write func(io.Writer) error) error {
	f, err := os.OpenFile(path, os.O_WRONLY|flag, 0)
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}

// replaceName is replaceFile for the very name path, link or not. The new file
// takes mode, owner and extended attributes of old unless that is nil.
func replaceName(path string, mode fs.FileMode, old fs.FileInfo, write func(io.Writer) error) (err error) {
	if old != nil {
		mode = old.Mode()
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".bantam-*")
	if err != nil {
		return err
	}
	defer removeWhenKilled(f.Name())()
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	if err = write(f); err != nil {
		return err
	}
	if old != nil {
		// Only root may; for others the file becomes theirs, as with any copy.
		st := stat(old)
		f.Chown(int(st.Uid), int(st.Gid))
		if err = copyAttributes(path, f.Name(), capabilities); err != nil {
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
	if err = os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

// removeWhenKilled removes the file if a signal such as that of Ctrl-C ends the
// process before stop is called; nobody would find its name again.
func removeWhenKilled(path string) (stop func()) {
	signals := make(chan os.Signal, 1)
	for _, sig := range []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT} {
		if !signal.Ignored(sig) {
			signal.Notify(signals, sig)
		}
	}
	go func() {
		for sig := range signals {
			os.Remove(path)
			signal.Reset(sig)
			syscall.Kill(os.Getpid(), sig.(syscall.Signal))
		}
	}()
	return func() {
		signal.Stop(signals)
		close(signals)
	}
}

func syncFolder(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	defer dir.Close()
	if err := dir.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) {
		return err
	}
	return nil
}

// copier copies files and trees for cp and mv.
type copier struct {
	c         *call
	recursive bool
	keep      bool // mode, owner and times
	all       bool // and extended attributes
	moves     bool // take the place of what is there, as rename does, and follow no link to it
	links     bool // copy symbolic links as links
	force     bool
	ask       bool
	verbose   bool
	ok        bool
	done      map[[2]uint64]string // inode of what has several names: its first copy
}

// copy copies one file or tree. Errors are reported; ok turns false.
func (p *copier) copy(from, to string) {
	if err := p.one(from, to, true); err != nil {
		p.ok = false
		if !errors.Is(err, errReported) {
			p.c.fail(from, err)
		}
	}
}

var errReported = errors.New("reported")

func (p *copier) one(from, to string, top bool) error {
	info, err := os.Lstat(from)
	if err == nil && info.Mode()&fs.ModeSymlink != 0 && !p.links {
		info, err = os.Stat(from)
	}
	if err != nil {
		return err
	}
	look := os.Stat
	if p.moves {
		look = os.Lstat
	}
	target, targetErr := look(to)
	if targetErr == nil {
		if os.SameFile(info, target) || linksTo(from, to) && info.Mode()&fs.ModeSymlink != 0 {
			return fmt.Errorf("%s is the same file", to)
		}
		if p.ask && !info.IsDir() && !p.c.confirm("overwrite %s?", to) {
			return nil
		}
	}
	if p.verbose {
		p.c.printf("%s -> %s\n", from, to)
	}
	st := stat(info)
	if p.keep && st.Nlink > 1 && !info.IsDir() {
		key := [2]uint64{uint64(st.Dev), st.Ino}
		if first, seen := p.done[key]; seen {
			if err := removeName(to); err != nil {
				return err
			}
			return os.Link(first, to)
		}
		p.done[key] = to
	}
	switch mode := info.Mode(); {
	case mode.IsDir():
		if !p.recursive {
			return errors.New("is a directory (use -r)")
		}
		return p.folder(from, to, info, target)
	case mode.IsRegular():
		err = p.file(from, to, info, target)
	case mode&fs.ModeSymlink != 0:
		var text string
		if text, err = os.Readlink(from); err == nil {
			err = removeName(to)
		}
		if err == nil {
			err = os.Symlink(text, to)
		}
	case p.recursive && mode&(fs.ModeDevice|fs.ModeNamedPipe|fs.ModeSocket) != 0:
		if err = removeName(to); err == nil {
			err = unix.Mknod(to, st.Mode, int(st.Rdev))
		}
	default:
		err = p.file(from, to, info, target)
	}
	if err != nil {
		return err
	}
	return p.attributes(from, to, info)
}

// linksTo tells whether from is a link to the file that has the name to, which
// the link would take from it.
func linksTo(from, to string) bool {
	source, err := os.Stat(from)
	if err != nil {
		return false
	}
	target, err := os.Lstat(to)
	return err == nil && os.SameFile(source, target)
}

// removeName makes room for a new file of that name; folders stay.
func removeName(path string) error {
	err := syscall.Unlink(path)
	if errors.Is(err, syscall.EISDIR) {
		return fmt.Errorf("%s is a directory", path)
	}
	if err != nil && !errors.Is(err, syscall.ENOENT) {
		return fmt.Errorf("%s: %s", path, reason(err))
	}
	return nil
}

// file copies content. An existing target is replaced as a whole, so a full
// disk leaves it as it was; one with several names keeps them by being
// overwritten in place.
func (p *copier) file(from, to string, info fs.FileInfo, target fs.FileInfo) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	if target != nil && target.IsDir() {
		return fmt.Errorf("%s is a directory", to)
	}
	write := func(w io.Writer) error { return copyContent(w, in, info) }
	mode := info.Mode() & (fs.ModePerm)
	if target == nil {
		mask := syscall.Umask(0o22)
		syscall.Umask(mask)
		mode &^= fs.FileMode(mask)
	}
	replace := func() error {
		switch {
		case p.moves:
			return replaceName(to, mode, nil, write)
		case target != nil && target.Mode().IsRegular() && stat(target).Nlink > 1:
			return overwriteFile(to, os.O_TRUNC, write)
		}
		return replaceFile(to, mode, write)
	}
	err = replace()
	if errors.Is(err, syscall.EBUSY) && target != nil && !p.moves {
		// Something is mounted on the name, so that only its content can change.
		if _, err = in.Seek(0, io.SeekStart); err == nil {
			err = overwriteFile(to, os.O_TRUNC, write)
		}
	}
	// -f is for a target that may not be opened; on a full disk it must stay.
	locked := errors.Is(err, syscall.EACCES) || errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ETXTBSY)
	if locked && p.force && target != nil && os.Remove(to) == nil {
		if _, err = in.Seek(0, io.SeekStart); err == nil {
			err = replaceFile(to, mode, write)
		}
	}
	if err != nil {
		return fmt.Errorf("%s: %s", to, reason(err))
	}
	return nil
}

func (p *copier) folder(from, to string, info, target fs.FileInfo) error {
	if inside, err := isInside(to, from); err != nil || inside {
		return fmt.Errorf("cannot copy a folder into itself, %s", to)
	}
	if target == nil {
		if err := os.Mkdir(to, info.Mode().Perm()|0o700); err != nil {
			return fmt.Errorf("%s: %s", to, reason(err))
		}
	} else if !target.IsDir() {
		return fmt.Errorf("%s is not a directory", to)
	}
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	failed := false
	for _, entry := range entries {
		path := filepath.Join(from, entry.Name())
		if err := p.one(path, filepath.Join(to, entry.Name()), false); err != nil {
			failed = true
			if !errors.Is(err, errReported) {
				p.c.fail(path, err)
			}
		}
	}
	if target == nil && !p.keep {
		mask := syscall.Umask(0o22)
		syscall.Umask(mask)
		os.Chmod(to, info.Mode().Perm()&^fs.FileMode(mask))
	}
	if err := p.attributes(from, to, info); err != nil {
		return err
	}
	if failed {
		return errReported
	}
	return nil
}

// attributes copies what -p and -a keep. The owner may only be set by root, so that
// failing is no error, but then the set-id bits must go.
func (p *copier) attributes(from, to string, info fs.FileInfo) error {
	if !p.keep {
		return nil
	}
	st := stat(info)
	mode := info.Mode()
	if os.Lchown(to, int(st.Uid), int(st.Gid)) != nil {
		mode &^= fs.ModeSetuid | fs.ModeSetgid
	}
	isLink := mode&fs.ModeSymlink != 0
	if !isLink {
		if err := os.Chmod(to, mode); err != nil {
			return err
		}
	}
	if p.all && (!isLink || p.links) {
		if err := copyAttributes(from, to, ""); err != nil {
			return err
		}
	}
	times := []unix.Timespec{unix.NsecToTimespec(accessTime(st).UnixNano()), unix.NsecToTimespec(info.ModTime().UnixNano())}
	return unix.UtimesNanoAt(unix.AT_FDCWD, to, times, unix.AT_SYMLINK_NOFOLLOW)
}

// isInside tells whether path lies in folder, links resolved.
func isInside(path, folder string) (bool, error) {
	resolved, err := filepath.EvalSymlinks(folder)
	if err != nil {
		return false, err
	}
	parent, err := filepath.EvalSymlinks(filepath.Dir(path))
	if err != nil {
		return false, err
	}
	if resolved, err = filepath.Abs(resolved); err != nil {
		return false, err
	}
	if parent, err = filepath.Abs(parent); err != nil {
		return false, err
	}
	for {
		if parent == resolved {
			return true, nil
		}
		if parent == "/" {
			return false, nil
		}
		parent = filepath.Dir(parent)
	}
}
