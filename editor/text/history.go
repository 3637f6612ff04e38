package text

import "bytes"

// step is one that can be undone, or redone.
type step struct {
	root          *node // the text on the other side of it
	before, after int   // cursors
}

// Replace puts s in the place of n bytes at off: one undo step, or a part of
// the open group.
func (t *Text) Replace(off, n int, s []byte) {
	off = t.inside(off)
	n = max(0, min(n, t.Len()-off))
	if n == 0 && len(s) == 0 || !t.fits(len(s)-n) {
		return
	}
	t.record(off, len(s))
	t.typed = -1
	t.change(off, n, s)
}

// Type puts s in at off. It melts into the typing just before it if that ended
// there, so that one undo takes back a word: a blank ends a run. So do all
// other changes, Undo, Redo and MarkSaved. A group around each Type does not.
func (t *Text) Type(off int, s []byte) {
	off = t.inside(off)
	if len(s) == 0 || !t.fits(len(s)) {
		return
	}
	melts := t.typed == off
	if melts {
		t.steps[t.done-1].after = off + len(s)
		t.stepped = t.depth > 0
	} else {
		t.record(off, len(s))
	}
	if melts && t.private {
		// What was added last is the end of the piece before off.
		t.added.write(s)
		t.root.grow(off, len(s))
		t.unbroken.edited(off, 0, s)
		t.version++
		t.leaf = nil
	} else {
		t.change(off, 0, s)
		t.private = true
	}
	t.typed = off + len(s)
	if bytes.ContainsAny(s, " \t\n") {
		t.typed = -1
	}
}

// change makes n bytes at off s.
func (t *Text) change(off, n int, s []byte) {
	var list [1]piece
	pieces := list[:0]
	if len(s) > 0 {
		pieces = append(pieces, pieceOfAdded(t.added.write(s), len(s)))
	}
	t.unbroken.edited(off, n, s)
	t.become(splice(t.root, off, off+n, pieces))
}

// record makes the step that takes back what is about to happen, unless the
// open group has one.
func (t *Text) record(off, n int) {
	if t.stepped {
		return
	}
	clear(t.steps[t.done:]) // let go of the texts that cannot be redone any more
	s := step{root: t.root, before: off, after: off + n}
	if t.depth > 0 {
		s.before = t.cursor
		t.stepped = true
	}
	t.steps = append(t.steps[:t.done], s)
	t.done++
}

// Begin opens a group: what changes until its End is one undo step. Groups
// nest; the outermost remembers where the cursor was.
func (t *Text) Begin(cursor int) {
	if t.depth++; t.depth == 1 {
		t.cursor, t.stepped = cursor, false
	}
}

// End closes the group; cursor is where Redo will put it.
func (t *Text) End(cursor int) {
	if t.depth == 0 {
		return
	}
	if t.depth--; t.depth == 0 && t.stepped {
		t.steps[t.done-1].after = cursor
		t.stepped = false
	}
}

// Undo takes back the latest step and tells where the cursor was before it.
func (t *Text) Undo() (cursor int, ok bool) {
	if t.done == 0 {
		return 0, false
	}
	t.done--
	s := &t.steps[t.done]
	t.swap(s)
	return s.before, true
}

// Redo does again what Undo took back and tells where the cursor was after it.
func (t *Text) Redo() (cursor int, ok bool) {
	if t.done == len(t.steps) {
		return 0, false
	}
	s := &t.steps[t.done]
	t.done++
	t.swap(s)
	return s.after, true
}

func (t *Text) swap(s *step) {
	root := s.root
	s.root = t.root
	t.become(root)
	t.unbroken = stretch{}
	t.typed, t.stepped = -1, false
}

// Modified tells whether the text is another than when it was saved or opened.
// Undo and Redo may bring it back to that.
func (t *Text) Modified() bool { return t.root != t.saved }

// MarkSaved makes the present text the saved one.
func (t *Text) MarkSaved() {
	t.saved, t.typed = t.root, -1
}

// Append makes the text longer at its end, and all texts of its history: what
// comes from a pipe is not for the person to take back, nor does it modify.
func (t *Text) Append(s []byte) {
	if len(s) == 0 || !t.fits(len(s)) {
		return
	}
	p := []piece{pieceOfAdded(t.added.write(s), len(s))}
	grown := func(n *node) *node { return splice(n, n.length(), n.length(), p) }
	was, saved := t.root, t.saved
	t.unbroken.edited(t.Len(), 0, s)
	t.become(grown(was))
	t.typed = -1
	if t.saved = t.root; saved != was {
		t.saved = grown(saved)
	}
	for i := range t.steps {
		u := &t.steps[i]
		if u.root == saved {
			u.root = t.saved
		} else {
			u.root = grown(u.root)
		}
	}
}
