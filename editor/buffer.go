package editor

import (
	"bytes"
	"sort"
)

// Buffer is a text with its lines and its history. Offsets count bytes, lines
// count from 0. A line ends before its newline; a text that ends in a newline
// has an empty last line, so joining the lines gives the text back exactly.
type Buffer struct {
	text    []byte
	starts  []int // offset of each line; starts[0] is 0
	undo    []edit
	redo    []edit
	version int  // counts changes, for whoever caches something about the text
	saved   int  // len(undo) when last saved, -1: that state cannot be reached any more
	open    bool // the last edit may still grow by typing
}

// edit replaces old by new at off. Undoing it swaps the two.
type edit struct {
	off      int
	old, new []byte
	cursor   int // before the edit
}

// NewBuffer holds a copy of text.
func NewBuffer(text []byte) *Buffer {
	b := &Buffer{text: bytes.Clone(text)}
	b.index()
	return b
}

func (b *Buffer) index() {
	b.starts = append(b.starts[:0], 0)
	for i, c := range b.text {
		if c == '\n' {
			b.starts = append(b.starts, i+1)
		}
	}
}

// Bytes is the text; the caller leaves it as it is.
func (b *Buffer) Bytes() []byte { return b.text }

// Len is the length in bytes.
func (b *Buffer) Len() int { return len(b.text) }

// Version grows with each change.
func (b *Buffer) Version() int { return b.version }

// Lines is the number of lines, at least 1.
func (b *Buffer) Lines() int { return len(b.starts) }

// LineStart is the offset of line n's first byte.
func (b *Buffer) LineStart(n int) int { return b.starts[n] }

// LineEnd is the offset of line n's newline, or of the end of the text.
func (b *Buffer) LineEnd(n int) int {
	if n+1 < len(b.starts) {
		return b.starts[n+1] - 1
	}
	return len(b.text)
}

// Line is line n without its newline.
func (b *Buffer) Line(n int) []byte { return b.text[b.starts[n]:b.LineEnd(n)] }

// Position is the line and the byte within it of an offset.
func (b *Buffer) Position(off int) (line, col int) {
	line = sort.SearchInts(b.starts, off+1) - 1
	return line, off - b.starts[line]
}

// Replace puts s in the place of n bytes at off. cursor is where the cursor was,
// for undo. typing lets it melt into the edit before, so that one undo takes back a word.
func (b *Buffer) Replace(off, n int, s []byte, cursor int, typing bool) {
	old := bytes.Clone(b.text[off : off+n])
	b.apply(off, n, s)
	b.redo = nil
	if b.saved > len(b.undo) {
		b.saved = -1
	}
	if last := len(b.undo) - 1; typing && b.open && n == 0 && b.saved != len(b.undo) &&
		off == b.undo[last].off+len(b.undo[last].new) {
		b.undo[last].new = append(b.undo[last].new, s...)
	} else {
		b.undo = append(b.undo, edit{off, old, bytes.Clone(s), cursor})
	}
	// A blank ends the run: the next word is taken back by itself.
	b.open = typing && n == 0 && !bytes.ContainsAny(s, " \t\n")
}

func (b *Buffer) apply(off, n int, s []byte) {
	tail := b.text[off+n:]
	text := make([]byte, 0, len(b.text)-n+len(s)+64)
	text = append(append(append(text, b.text[:off]...), s...), tail...)
	b.text = text
	b.index()
	b.version++
}

// Undo takes back the newest edit and returns where the cursor goes.
func (b *Buffer) Undo() (cursor int, ok bool) {
	if len(b.undo) == 0 {
		return 0, false
	}
	e := b.undo[len(b.undo)-1]
	b.undo = b.undo[:len(b.undo)-1]
	b.redo = append(b.redo, e)
	b.apply(e.off, len(e.new), e.old)
	b.open = false
	return e.cursor, true
}

// Redo does again what Undo took back.
func (b *Buffer) Redo() (cursor int, ok bool) {
	if len(b.redo) == 0 {
		return 0, false
	}
	e := b.redo[len(b.redo)-1]
	b.redo = b.redo[:len(b.redo)-1]
	b.undo = append(b.undo, e)
	b.apply(e.off, len(e.old), e.new)
	b.open = false
	return e.off + len(e.new), true
}

// Modified tells whether the text differs from what was last saved or opened.
func (b *Buffer) Modified() bool { return b.saved != len(b.undo) }

// MarkSaved makes the present state the saved one.
func (b *Buffer) MarkSaved() { b.saved, b.open = len(b.undo), false }
