package text

import "bytes"

// stretch is a part of the text known to have no newline. Lines may be long:
// what was found out about the last one is kept, and kept up while it is edited.
type stretch struct {
	from, to   int
	start, end bool // the line begins at from, ends at to
}

// LineStart is the offset of the first byte of the line that holds off. A
// newline belongs to the line that it ends.
func (t *Text) LineStart(off int) int {
	u := t.near(t.inside(off))
	for !u.start {
		t.back(u)
	}
	return u.from
}

// LineEnd is the offset of the newline of the line that holds off, or Len.
func (t *Text) LineEnd(off int) int {
	u := t.near(t.inside(off))
	for !u.end {
		t.forward(u)
	}
	return u.to
}

// near is the stretch that holds off: the last one, grown if it is close by, or
// a new one.
func (t *Text) near(off int) *stretch {
	const close = 4 << 10
	u := &t.unbroken
	for off > u.to && off-u.to < close && !u.end {
		t.forward(u)
	}
	for off < u.from && u.from-off < close && !u.start {
		t.back(u)
	}
	if off < u.from || off > u.to {
		*u = stretch{from: off, to: off}
	}
	return u
}

// back grows the stretch at its beginning, by what lies together in memory.
func (t *Text) back(u *stretch) {
	if u.from == 0 {
		u.start = true
		return
	}
	b := t.before(u.from)
	i := bytes.LastIndexByte(b, '\n')
	u.from -= len(b) - 1 - i
	u.start = i >= 0
}

// forward grows the stretch at its end.
func (t *Text) forward(u *stretch) {
	if u.to == t.Len() {
		u.end = true
		return
	}
	b := t.after(u.to)
	i := bytes.IndexByte(b, '\n')
	if u.end = i >= 0; !u.end {
		i = len(b)
	}
	u.to += i
}

// edited keeps the stretch true when n bytes at off become s.
func (u *stretch) edited(off, n int, s []byte) {
	by := len(s) - n
	switch {
	case off+n < u.from: // the newline before from is not touched
		u.from += by
		u.to += by
	case off > u.to: // nor the one at to
	case off >= u.from && off+n <= u.to && bytes.IndexByte(s, '\n') < 0:
		u.to += by
	default:
		*u = stretch{}
	}
}
