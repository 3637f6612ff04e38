package text

import "bytes"

// fill reads the text from one offset to another into the space of b.
func (t *Text) fill(b []byte, from, to int) []byte {
	if cap(b) < to-from {
		b = make([]byte, to-from)
	}
	b = b[:to-from]
	t.read(b, from)
	return b
}

// folded is fill for a literal.
func (t *Text) folded(b []byte, p Pattern, from, to int) []byte {
	b = t.fill(b, from, to)
	if p.fold {
		lower(b)
	}
	return b
}

// An expression sees whole lines, but a long one in parts that are of the
// same size from its beginning. Those parts are lines here.

// lineOf is where the line that holds off begins.
func (t *Text) lineOf(off int) int {
	start := t.LineStart(off)
	return start + (off-start)/t.limits.line*t.limits.line
}

// lineEndOf is where the line that holds off ends, with its newline.
func (t *Text) lineEndOf(off int) int {
	return min(t.LineEnd(off)+1, t.lineOf(off)+t.limits.line, t.Len())
}

// wholeLines reads lines from off, where one begins: a block of them, or one
// that is longer.
func (t *Text) wholeLines(b []byte, off int) []byte {
	end := min(off+t.limits.block, t.Len())
	b = t.fill(b, off, end)
	if end == t.Len() {
		return b
	}
	if i := bytes.LastIndexByte(b, '\n'); i >= 0 {
		return b[:i+1]
	}
	return t.fill(b, off, t.lineEndOf(off))
}

// matches are the first ones, -1: all, of the expression p in the first line of
// b, which is at off in the text; length is that of the line with its end.
func (t *Text) matches(p Pattern, b []byte, off, most int) (list [][]int, length int) {
	b = b[:min(len(b), t.limits.line)]
	length = bytes.IndexByte(b, '\n') + 1
	cut := length == 0 && off+len(b) < t.Len()
	if length == 0 {
		length = len(b)
	} else {
		b = bytes.TrimSuffix(b[:length-1], carriageReturn)
	}
	list = p.expr.FindAllSubmatchIndex(b, most)
	if n := len(list); n > 0 && cut && list[n-1][0] == len(b) {
		list = list[:n-1] // nothing, between two parts of a line: the next part has it too
	}
	return list, length
}

var carriageReturn = []byte{'\r'}
