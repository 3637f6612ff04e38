package systemfile

import (
	"bytes"

	"bantam/system/syntax"
)

// role is what a place in the text is for.
type role int

const (
	nowhere    role = iota // a comment, the inside of a long string, or behind a value
	headerRole             // within a table's header
	keyRole                // where a key stands or could
	valueRole              // where a value stands or could
)

// place is what stands around an offset. The tree knows only what can be read
// as a whole; a place is found also in the middle of what is being typed.
type place struct {
	role  role
	first int // offset of the statement it is in, -1 if it is in none
	root  *syntax.Node
	table *syntax.Node // what the last header above opened

	// The word that ends at the offset.
	from  int
	word  string
	quote byte // that it began with, 0 for none

	base  []string // the table that a key here is relative to
	start int      // where the dotted key begins
	path  []string // base and those parts of the key that are complete: of a value, all

	inline   []string // keys that the inline table around the place has so far
	isInline bool
	isItem   bool // a value that is an element of an array
	closes   bool // of an element: its array is not closed and began on this line
}

// locate finds the place of an offset.
func locate(t syntax.Text, offset int) place {
	s := syntax.NewScanner(t)
	p := place{first: -1, root: s.Root, table: s.Root}
	header, unclosed := -1, false
	for table := s.Root; s.Next(); {
		start := s.Pos
		table = s.Statement(table)
		if start <= offset {
			p.first, p.table, unclosed = start, table, s.Lost
			if t.Src[start] == '[' {
				header = start
			}
		}
	}
	var above []string
	if header >= 0 {
		above = headerPath(t, header)
	}
	if p.first >= 0 {
		w := newWalk(t, offset, p)
		if w.in(above) {
			w.place.closes = unclosed && w.place.closes
			return w.place
		}
	}
	// The statement above has ended, or there is none: the line has at most a comment.
	p.first, p.base, p.path, p.start, p.from = -1, above, above, offset, offset
	if bytes.IndexByte(t.Src[t.LineStart(offset):offset], '#') < 0 {
		p.role = keyRole
	}
	return p
}

// headerPath is what the header at an offset names, as far as it can be read.
func headerPath(t syntax.Text, at int) []string {
	w := newWalk(t, t.LineEnd(at), place{first: at})
	w.header()
	if w.place.word != "" || len(w.place.path) == 0 {
		return append(w.place.path, w.place.word)
	}
	return w.place.path
}
