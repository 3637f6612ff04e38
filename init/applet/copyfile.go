package applet

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"bantam/init/filetree"
)

// copier copies files and trees for cp and mv. Below the operands neither the
// source's nor the target's links are followed, unless -L says so of the source:
// a link in the target loses its name to the copy.
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
	done      map[filetree.ID]copied // of what has several names: its first copy

	operand string          // where the present tree goes, as it was given
	name    string          // its last part
	trail   *filetree.Trail // to the folder of the target that is filled
	made    []bool          // which of the trail's folders are new
}

// copied is where a file went.
type copied struct{ operand, below string }

// copying is one file on its way.
type copying struct {
	*filetree.Entry
	dir    filetree.Dir // the target's folder
	name   string       // the target's name there
	target *filetree.Info

	operand, from string // the operands, of which to is made
}

// to is the target's path for people.
func (f *copying) to() string {
	if f.Depth == 0 {
		return f.operand
	}
	return filepath.Join(f.operand, strings.TrimPrefix(f.Path(), f.from))
}

// copy copies one file or tree and tells whether all of it arrived. Errors are
// reported.
func (p *copier) copy(from, to string) bool {
	dir, name, err := filetree.OpenOperand(to)
	if err != nil {
		p.c.fail(to, err)
		return false
	}
	p.operand, p.name, p.trail, p.made = to, name, filetree.NewTrail(dir), nil
	defer func() { p.trail.Close() }()
	w := filetree.Walk{
		FollowFirst: !p.links,
		Follow:      !p.links,
		Enter: func(e *filetree.Entry) bool {
			err := p.come(e, from)
			if err != nil {
				p.c.failEntry(e, err)
			}
			return err == nil && p.trail.Depth() > e.Depth
		},
		Leave: func(e *filetree.Entry) {
			if p.trail.Depth() <= e.Depth {
				return // a file, or a folder that was not entered
			}
			p.rise(e.Depth + 1)
			if err := p.finish(e); err != nil {
				p.c.failEntry(e, err)
			}
		},
		Fail: p.c.failEntry,
	}
	return w.Walk(from)
}

// rise goes up in the target until depth folders are left.
func (p *copier) rise(depth int) {
	for p.trail.Depth() > depth {
		p.trail.Leave()
		p.made = p.made[:len(p.made)-1]
	}
}

// come copies what a walk of the source comes to; of a folder only the folder.
func (p *copier) come(e *filetree.Entry, from string) error {
	f, err := p.destination(e, from)
	if err != nil {
		return err
	}
	if f.target != nil {
		if e.Info.ID() == f.target.ID() || e.Info.IsLink() && f.takesTarget() {
			return fmt.Errorf("%s is the same file", f.to())
		}
		if p.ask && !e.Info.IsDir() && !p.c.confirm("overwrite %s?", f.to()) {
			return nil
		}
	}
	if p.verbose {
		p.c.printf("%s -> %s\n", e.Path(), f.to())
	}
	if p.keep && stat(e.Info).Nlink > 1 && !e.Info.IsDir() {
		if first, seen := p.done[e.Info.ID()]; seen {
			return f.link(first)
		}
		p.done[e.Info.ID()] = copied{p.operand, strings.TrimPrefix(e.Path(), from)}
	}
	switch mode := e.Info.Mode(); {
	case mode.IsDir():
		return p.folder(f)
	case mode&fs.ModeSymlink != 0 && p.links:
		err = f.symlink()
	case p.recursive && mode&(fs.ModeDevice|fs.ModeNamedPipe|fs.ModeSocket) != 0:
		err = f.node()
	default:
		err = p.file(f)
	}
	if err != nil {
		return err
	}
	return p.attributes(f)
}

// destination finds where an entry of the source goes, and what is there.
func (p *copier) destination(e *filetree.Entry, from string) (f copying, err error) {
	p.rise(e.Depth)
	f = copying{Entry: e, name: e.Name, operand: p.operand, from: from}
	if f.dir, err = p.trail.Dir(); err != nil {
		return f, fmt.Errorf("%s: %w", f.to(), err)
	}
	look := f.dir.Lstat
	if e.Depth == 0 {
		f.name = p.name
		if !p.moves {
			look = f.dir.Stat
		}
	}
	if there, err := look(f.name); err == nil {
		f.target = there
	}
	return f, nil
}

// symlink makes the target the link that the source is.
func (f *copying) symlink() error {
	text, err := f.Dir.Readlink(f.Name)
	if err != nil {
		return err
	}
	if err := f.makeRoom(); err != nil {
		return err
	}
	return f.dir.Symlink(text, f.name)
}

// node makes the target the device, pipe or socket that the source is.
func (f *copying) node() error {
	if err := f.makeRoom(); err != nil {
		return err
	}
	st := stat(f.Info)
	return f.dir.Mknod(f.name, st.Mode, int(st.Rdev))
}

// takesTarget tells whether the source is a link to the file that has the
// target's name, which the link would take from it.
func (f *copying) takesTarget() bool {
	source, err := f.Dir.Stat(f.Name)
	if err != nil {
		return false
	}
	target, err := f.dir.Lstat(f.name)
	return err == nil && source.ID() == target.ID()
}

// link makes the target another name of what was copied before.
func (f *copying) link(first copied) error {
	if err := f.makeRoom(); err != nil {
		return err
	}
	dir, name, err := filetree.OpenOperand(first.operand)
	if err != nil {
		return err
	}
	defer dir.Close()
	if first.below != "" {
		top, err := dir.Folder(name, true)
		if err != nil {
			return err
		}
		defer top.Close()
		dir, name, err = top.OpenParent(first.below, 0)
		if err != nil {
			return err
		}
		defer dir.Close()
	}
	return dir.Link(name, f.dir, f.name)
}

// makeRoom makes room for a new file of that name; folders stay.
func (f *copying) makeRoom() error {
	err := f.dir.Unlink(f.name)
	if errors.Is(err, syscall.EISDIR) {
		return fmt.Errorf("%s is a directory", f.to())
	}
	if err != nil && !errors.Is(err, syscall.ENOENT) {
		return fmt.Errorf("%s: %w", f.to(), err)
	}
	return nil
}

// file copies content. An existing target is replaced as a whole, so a full
// disk leaves it as it was; one with several names keeps them by being
// overwritten in place.
func (p *copier) file(f copying) error {
	in, err := p.open(f.Entry)
	if err != nil {
		return err
	}
	defer in.Close()
	if f.target != nil && f.target.IsDir() {
		return fmt.Errorf("%s is a directory", f.to())
	}
	write := func(w io.Writer) error { return copyContent(w, in, f.Info) }
	mode := f.Info.Mode() & (fs.ModePerm)
	if f.target == nil {
		mask := syscall.Umask(0o22)
		syscall.Umask(mask)
		mode &^= fs.FileMode(mask)
	}
	truncate := os.O_TRUNC
	if f.Depth > 0 {
		truncate |= syscall.O_NOFOLLOW
	}
	replace := func() error {
		switch {
		case p.moves:
			return replaceName(f.dir, f.name, mode, nil, write)
		case f.target != nil && f.target.Mode().IsRegular() && stat(f.target).Nlink > 1:
			return overwriteFile(f.dir, f.name, truncate, write)
		case f.Depth == 0:
			return replaceFile(f.to(), mode, write)
		case f.target != nil && f.target.Mode().IsRegular():
			return replaceName(f.dir, f.name, mode, f.target, write)
		case f.target != nil && !f.target.IsLink():
			return overwriteFile(f.dir, f.name, syscall.O_NOFOLLOW, write) // a device or pipe
		}
		return replaceName(f.dir, f.name, mode, nil, write)
	}
	err = replace()
	if errors.Is(err, syscall.EBUSY) && f.target != nil && !p.moves {
		// Something is mounted on the name, so that only its content can change.
		if _, err = in.Seek(0, io.SeekStart); err == nil {
			err = overwriteFile(f.dir, f.name, truncate, write)
		}
	}
	// -f is for a target that may not be opened; on a full disk it must stay.
	locked := errors.Is(err, syscall.EACCES) || errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ETXTBSY)
	if locked && p.force && f.target != nil && f.dir.Unlink(f.name) == nil {
		if _, err = in.Seek(0, io.SeekStart); err == nil {
			err = replaceName(f.dir, f.name, mode, nil, write)
		}
	}
	if err != nil {
		return fmt.Errorf("%s: %s", f.to(), reason(err))
	}
	return nil
}

// open opens the source, which is still the file that was looked at. A pipe or
// device, which only an operand can be here, may wait.
func (p *copier) open(e *filetree.Entry) (*os.File, error) {
	flags := os.O_RDONLY
	if p.links {
		flags |= syscall.O_NOFOLLOW
	}
	regular := e.Info.Mode().IsRegular()
	if regular {
		flags |= syscall.O_NONBLOCK
	}
	in, err := e.Dir.File(e.Name, flags, 0)
	if err != nil || !regular {
		return in, err
	}
	if info, err := in.Stat(); err != nil || uint64(stat(info).Dev) != e.Info.ID().Device || uint64(stat(info).Ino) != e.Info.ID().Inode {
		in.Close()
		return nil, filetree.ErrMoved
	}
	return in, nil
}

// folder makes or finds the target and enters it.
func (p *copier) folder(f copying) error {
	if !p.recursive {
		return errors.New("is a directory (use -r)")
	}
	inside := p.trail.Has(f.Info.ID())
	if f.Depth == 0 {
		var err error
		if inside, err = isInside(f.operand, f.from); err != nil {
			inside = true
		}
	}
	if inside {
		return fmt.Errorf("cannot copy a folder into itself, %s", f.to())
	}
	if f.target == nil {
		if err := f.dir.Mkdir(f.name, uint32(f.Info.Mode().Perm()|0o700)); err != nil {
			return fmt.Errorf("%s: %w", f.to(), err)
		}
	} else if !f.target.IsDir() {
		return fmt.Errorf("%s is not a directory", f.to())
	}
	if err := p.trail.Enter(f.name, f.Depth == 0 && !p.moves && f.target != nil, f.target); err != nil {
		return fmt.Errorf("%s: %w", f.to(), err)
	}
	p.made = append(p.made, f.target == nil)
	return nil
}

// finish gives the folder that was filled its attributes, and goes up.
func (p *copier) finish(e *filetree.Entry) error {
	f := copying{Entry: e, name: "."}
	made := p.made[e.Depth]
	var err error
	if f.dir, err = p.trail.Dir(); err == nil {
		if made && !p.keep {
			mask := syscall.Umask(0o22)
			syscall.Umask(mask)
			f.dir.Chmod(".", uint32(e.Info.Mode().Perm()&^fs.FileMode(mask)))
		}
		err = p.attributes(f)
	}
	p.rise(e.Depth)
	return err
}

// attributes copies what -p and -a keep. The owner may only be set by root, so that
// failing is no error, but then the set-id bits must go.
func (p *copier) attributes(f copying) error {
	if !p.keep {
		return nil
	}
	st := stat(f.Info)
	mode := f.Info.Mode()
	if f.dir.Chown(f.name, int(st.Uid), int(st.Gid)) != nil {
		mode &^= fs.ModeSetuid | fs.ModeSetgid
	}
	if !f.Info.IsLink() {
		if err := f.dir.Chmod(f.name, toUnix(mode)); err != nil {
			return err
		}
	}
	if p.all {
		if err := copyAttributes(f.Dir.Path(f.Name), f.dir.Path(f.name), ""); err != nil {
			return err
		}
	}
	return f.dir.Chtimes(f.name, unix.NsecToTimespec(accessTime(st).UnixNano()), unix.NsecToTimespec(f.Info.ModTime().UnixNano()))
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
