// Package text holds the text of an editor: a piece table with its lines, its
// history and its search.
//
// What the text began as, the Source, is never written and hardly kept: a few
// pages of it are in memory while they are looked at, so that a file of 1 GB
// opens at once. What is added goes to a buffer that only grows. The text is a
// balanced tree of pieces of the two. The tree is persistent, a change makes
// new nodes along one path: the former root is the undo step, a root is a
// snapshot, and the root of the last save tells whether anything changed since.
// Undo by reversed edits would take less memory a step (here it is about 900
// bytes), but needs an inverse of every operation, each of which can be wrong.
//
// Bytes are bytes: nothing here decodes or repairs them. Offsets count bytes
// from 0, a line ends before its newline, and a text that ends in a newline has
// an empty last line. Offsets outside the text are taken as its nearest end.
//
// A Text belongs to one goroutine, its Snapshots to any.
package text

import (
	"errors"
	"io"
	"math"
)

// Text is a text that changes.
type Text struct {
	original original
	added    added
	limits   limits

	root    *node // nil: empty
	version int

	steps    []step
	done     int   // steps[:done] can be undone, steps[done:] redone
	saved    *node // the root that was saved last
	depth    int   // of open groups
	cursor   int   // where the outermost open group began
	stepped  bool  // the open group has made its step
	typed    int   // typing that goes on at this offset melts, -1: nothing to melt into
	private  bool  // no snapshot has the path to what was typed
	leaf     *node // where piece looked last
	leafAt   int
	unbroken stretch
}

// limits are smaller in tests, to have many of everything in a small text.
type limits struct {
	page  int // bytes of the source that are read and counted at a time
	pages int // pages kept
	block int // bytes that a search reads at a time
	line  int // bytes of a line that a regular expression sees at a time
	chunk int // bytes by which added grows; small enough for a text to which little is added
}

var usual = limits{page: 64 << 10, pages: 8, block: 64 << 10, line: 1 << 20, chunk: 16 << 10}

// New is a text that begins as src. It reads nothing yet.
func New(src Source) *Text { return newText(src, usual) }

func newText(src Source, l limits) *Text {
	t := &Text{limits: l, typed: -1}
	t.original = newOriginal(src, l)
	t.added.tally.page = l.chunk
	if t.original.size > 0 {
		t.root = build([]piece{{0, t.original.size}})
	}
	t.saved = t.root
	return t
}

// Len is the length in bytes.
func (t *Text) Len() int { return t.root.length() }

// Version grows with every change, undo and redo included.
func (t *Text) Version() int { return t.version }

// Err is the first failed read of the source. The bytes that could not be read
// are zero in the text: it must not be saved.
func (t *Text) Err() error { return t.original.err }

// ReadAt reads the present text, as an io.ReaderAt. A failed read of the source
// gives zero bytes and shows in Err.
func (t *Text) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, errors.New("read of a text: negative offset")
	}
	if off >= int64(t.Len()) {
		return 0, io.EOF
	}
	n := t.read(p, int(off))
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// read fills p from off as far as the text goes.
func (t *Text) read(p []byte, off int) int {
	p = p[:min(len(p), t.Len()-off)]
	for n := 0; n < len(p); {
		c, at := t.piece(off + n)
		c = c.cut(off+n-at, min(c.len, off+len(p)-at))
		part := p[n : n+c.len]
		if c.isAdded() {
			t.added.read(part, c.start())
		} else {
			t.original.read(part, c.start())
		}
		n += c.len
	}
	return len(p)
}

// Bytes is a copy of the text from one offset to another.
func (t *Text) Bytes(from, to int) []byte {
	from, to = t.inside(from), t.inside(to)
	if from >= to {
		return nil
	}
	b := make([]byte, to-from)
	t.read(b, from)
	return b
}

// Byte is the byte at off, 0 outside the text.
func (t *Text) Byte(off int) byte {
	if off < 0 || off >= t.Len() {
		return 0
	}
	return t.after(off)[0]
}

func (t *Text) inside(off int) int { return max(0, min(off, t.Len())) }

// piece is the piece that holds the byte at off, and where that piece begins.
func (t *Text) piece(off int) (p piece, at int) {
	if t.leaf == nil || off < t.leafAt || off >= t.leafAt+t.leaf.size {
		t.leaf, t.leafAt = t.root.find(off)
	}
	at = t.leafAt
	for _, p = range t.leaf.pieces {
		if off < at+p.len {
			break
		}
		at += p.len
	}
	return p, at
}

// after is what lies together in memory from off on: at least one byte.
// The next read of the text may overwrite it.
func (t *Text) after(off int) []byte {
	p, at := t.piece(off)
	p = p.cut(off-at, p.len)
	return t.store(p).after(p.start(), p.start()+p.len)
}

// before is what lies together in memory up to off: at least one byte.
// The next read of the text may overwrite it.
func (t *Text) before(off int) []byte {
	p, at := t.piece(off - 1)
	p = p.cut(0, off-at)
	return t.store(p).before(p.start(), p.start()+p.len)
}

// store is where the bytes of p are.
func (t *Text) store(p piece) store {
	if p.isAdded() {
		return &t.added
	}
	return &t.original
}

// become makes root the text.
func (t *Text) become(root *node) {
	t.root = root
	t.version++
	t.leaf = nil
}

// longest is what a text may be: short enough that an offset and the size of a
// block do not overflow where an int has 32 bits.
const longest = math.MaxInt - 2<<20

// fits tells whether the text may grow by n bytes. A change that does not fit
// is not made.
func (t *Text) fits(n int) bool { return n <= longest-t.Len() }
