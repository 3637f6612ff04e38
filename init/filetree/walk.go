package filetree

import (
	"errors"
	"sort"
	"syscall"
)

// ErrLoop says that a folder is one of those above it.
var ErrLoop = errors.New("leads back to a folder above it")

// Entry is a file that a walk has come to. It is valid until the callback that
// got it returns, that of a folder until it is left.
type Entry struct {
	Dir    Dir    // the folder that it is in
	Name   string // its name there
	Info   *Info  // as it was looked at before it was entered; nil where that failed
	Depth  int    // 0 for the operand
	Broken bool   // something at or below it failed; callbacks set it too
	walk   *Walk
	end    int // of its path in walk.path
}

// Path is the path for people, which begins with the operand. It may be longer
// than the kernel takes.
func (e *Entry) Path() string { return string(e.walk.path[:e.end]) }

// Walk says what is done on a walk. All callbacks but Fail may be nil.
type Walk struct {
	FollowFirst bool // an operand that is a link to a folder is entered
	Follow      bool // so are all others

	Enter func(*Entry) bool               // comes to a file or folder; false keeps out of the folder
	List  func(*Entry, []string) []string // what of a folder's names, sorted, is walked; Dir is the folder's own there
	Leave func(*Entry)                    // after all that is in it, and after Enter for files
	Fail  func(*Entry, error)             // it cannot be looked at, entered or read; the walk goes on

	path  []byte
	trail *Trail
	stop  bool
}

// folder is one that is being walked.
type folder struct {
	entry *Entry
	names []string
}

// Stop ends the walk without leaving what was entered.
func (w *Walk) Stop() { w.stop = true }

// Walk walks the tree below path, which it comes to first, and tells whether
// nothing of it is Broken.
func (w *Walk) Walk(path string) bool {
	w.path = append(w.path[:0], path...)
	first := &Entry{Name: path, walk: w, end: len(path)}
	dir, name, err := OpenOperand(path)
	if err != nil {
		w.fail(first, err)
		return false
	}
	w.trail = NewTrail(dir)
	defer func() { w.trail.Close() }()
	first.Dir, first.Name = dir, name
	var folders []folder
	folders = w.visit(folders, first)
	for len(folders) > 0 && !w.stop {
		top := &folders[len(folders)-1]
		w.path = w.path[:top.entry.end]
		dir, err := w.trail.Dir()
		if err != nil && len(top.names) > 0 {
			w.fail(top.entry, err)
			top.names = nil
		}
		if len(top.names) > 0 {
			name := top.names[0]
			top.names = top.names[1:]
			if n := len(w.path); n > 0 && w.path[n-1] != '/' {
				w.path = append(w.path, '/')
			}
			w.path = append(w.path, name...)
			folders = w.visit(folders, &Entry{Dir: dir, Name: name, Depth: top.entry.Depth + 1, walk: w, end: len(w.path)})
			continue
		}
		e := top.entry
		folders = folders[:len(folders)-1]
		w.trail.Leave()
		if e.Dir, err = w.trail.Dir(); err != nil {
			w.fail(e, err)
		} else if w.Leave != nil {
			w.Leave(e)
		}
		spread(folders, e)
	}
	return !first.Broken
}

// visit comes to a file; a folder that is entered joins the list.
func (w *Walk) visit(folders []folder, e *Entry) []folder {
	follow := w.Follow || w.FollowFirst && e.Depth == 0
	var err error
	if follow {
		e.Info, err = e.Dir.Stat(e.Name)
	}
	if !follow || errors.Is(err, syscall.ENOENT) || errors.Is(err, syscall.ELOOP) {
		e.Info, err = e.Dir.Lstat(e.Name) // a link that leads nowhere is only a link
	}
	if err != nil {
		w.fail(e, err)
		spread(folders, e)
		return folders
	}
	enter := (w.Enter == nil || w.Enter(e)) && e.Info.IsDir() && !w.stop
	if enter {
		names, err := w.enter(e, follow)
		if err == nil {
			return append(folders, folder{e, names})
		}
		w.fail(e, err)
	}
	if w.Leave != nil && !w.stop {
		w.Leave(e)
	}
	spread(folders, e)
	return folders
}

func (w *Walk) enter(e *Entry, follow bool) ([]string, error) {
	if w.trail.Has(e.Info.ID()) {
		return nil, ErrLoop
	}
	if err := w.trail.Enter(e.Name, follow, e.Info); err != nil {
		return nil, err
	}
	dir, _ := w.trail.Dir()
	names, err := dir.Names()
	sort.Strings(names)
	if err != nil {
		w.fail(e, err) // what was read is walked
	}
	if w.List != nil {
		above := e.Dir
		e.Dir = dir
		names = w.List(e, names)
		e.Dir = above
	}
	return names, nil
}

func (w *Walk) fail(e *Entry, err error) {
	e.Broken = true
	w.Fail(e, err)
}

// spread tells the folder above of what failed.
func spread(folders []folder, e *Entry) {
	if e.Broken && len(folders) > 0 {
		folders[len(folders)-1].entry.Broken = true
	}
}
