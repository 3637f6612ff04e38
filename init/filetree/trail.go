package filetree

import (
	"errors"
	"strings"
	"syscall"
)

// held is how many of the deepest folders of a trail are open.
const held = 16

// ErrMoved says that a folder is no longer where it was entered, so that what is
// left of it is not touched.
var ErrMoved = errors.New("was exchanged or moved while it was walked")

// Trail is the way from a first folder down to the one that is worked in. Only
// the first and the deepest few are open, so that any depth needs the same few
// descriptors. On the way back one that was closed is opened anew, by .. or else
// by the names from the first, and must be the very same folder.
type Trail struct{ steps []step }

type step struct {
	dir    Dir
	name   string
	follow bool
	id     ID
}

// NewTrail begins in a folder, which is the trail's from now on.
func NewTrail(first Dir) *Trail { return &Trail{steps: []step{{dir: first}}} }

// Dir is the folder that is worked in, ErrMoved if it could not be found again.
func (t *Trail) Dir() (Dir, error) {
	last := t.steps[len(t.steps)-1]
	if last.dir == closed {
		return closed, ErrMoved
	}
	return last.dir, nil
}

// Enter goes down into a folder; through a link to one only if follow. what is
// the folder as it was looked at before; another one is ErrMoved. It may be nil.
func (t *Trail) Enter(name string, follow bool, what *Info) error {
	d, err := t.Dir()
	if err != nil {
		return err
	}
	fd, err := d.Folder(name, follow)
	if err != nil {
		if errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.ELOOP) {
			if what != nil && what.IsDir() {
				err = ErrMoved
			}
		}
		return err
	}
	info, err := fd.Info()
	if err == nil && what != nil && what.ID() != info.ID() {
		err = ErrMoved
	}
	if err != nil {
		fd.Close()
		return err
	}
	t.steps = append(t.steps, step{fd, name, follow, info.ID()})
	if i := len(t.steps) - 1 - held; i > 0 {
		t.steps[i].dir.Close()
		t.steps[i].dir = closed
	}
	return nil
}

// Leave goes up again. Where the folder above cannot be found again, Dir says so.
func (t *Trail) Leave() {
	child := t.steps[len(t.steps)-1]
	t.steps = t.steps[:len(t.steps)-1]
	if last := &t.steps[len(t.steps)-1]; last.dir == closed {
		if child.dir != closed {
			last.dir = verified(child.dir, "..", true, last.id)
		}
		if last.dir == closed {
			last.dir = t.again()
		}
	}
	child.dir.Close()
}

// again opens the last folder from the first down.
func (t *Trail) again() Dir {
	d := t.steps[0].dir
	for i, s := range t.steps[1:] {
		next := verified(d, s.name, s.follow, s.id)
		if i > 0 {
			d.Close()
		}
		if d = next; d == closed {
			break
		}
	}
	return d
}

func verified(d Dir, name string, follow bool, want ID) Dir {
	fd, err := d.Folder(name, follow)
	if err != nil {
		return closed
	}
	if info, err := fd.Info(); err != nil || info.ID() != want {
		fd.Close()
		return closed
	}
	return fd
}

// Depth is how many folders were entered.
func (t *Trail) Depth() int { return len(t.steps) - 1 }

// Has tells whether a folder is one that was entered.
func (t *Trail) Has(id ID) bool {
	for _, s := range t.steps[1:] {
		if s.id == id {
			return true
		}
	}
	return false
}

// Close closes what is open.
func (t *Trail) Close() {
	for _, s := range t.steps {
		s.dir.Close()
	}
	t.steps = nil
}

// OpenParent opens the folder that path, whose .. and leading slashes the caller
// has refused, lies in below d, and returns the name in it. No link is followed
// on the way, whoever made it: one is ELOOP or ENOTDIR. With a mode other than 0
// it makes the folders that are missing. The folder is the caller's to close.
func (d Dir) OpenParent(path string, mode uint32) (Dir, string, error) {
	parts := strings.FieldsFunc(path, func(r rune) bool { return r == '/' })
	if len(parts) == 0 {
		return closed, "", syscall.ENOENT
	}
	at, err := d.Folder(".", false)
	for _, part := range parts[:len(parts)-1] {
		if err != nil {
			break
		}
		next, openErr := at.Folder(part, false)
		if errors.Is(openErr, syscall.ENOENT) && mode != 0 {
			if err = at.Mkdir(part, mode); err == nil || errors.Is(err, syscall.EEXIST) {
				next, openErr = at.Folder(part, false)
			}
		}
		at.Close()
		at, err = next, openErr
	}
	return at, parts[len(parts)-1], err
}
