package plain

import (
	"bytes"

	"bantam/editor/text"
)

// Lines count from 1 here, and what follows the last newline is a line only if
// there is something.

// last is the number of the last line, 0 in an empty text.
func (s *session) last() int {
	n, known := s.t.Lines()
	for !known {
		s.t.Index(indexPages)
		n, known = s.t.Lines()
	}
	if s.t.Byte(s.t.Len()-1) == '\n' || s.t.Len() == 0 {
		n--
	}
	return n
}

// indexPages is how much is counted at once; nobody waits for less.
const indexPages = 1024

// start is the offset of line n; of the one after the last it is the end.
func (s *session) start(n int) int {
	if n > s.last() {
		return s.t.Len()
	}
	off, known := s.t.LineOffset(n - 1)
	for !known {
		s.t.Index(indexPages)
		off, known = s.t.LineOffset(n - 1)
	}
	return off
}

// at is the number of the line that holds off.
func (s *session) at(off int) int {
	n, known := s.t.LineNumber(off)
	for !known {
		s.t.Index(indexPages)
		n, known = s.t.LineNumber(off)
	}
	return min(n+1, s.last())
}

// moveTo makes line n the current one, or the one nearest to it.
func (s *session) moveTo(n int) {
	s.cur = max(min(n, s.last()), min(1, s.last()))
	s.shown = false
}

// endingSample is how much of a text decides about its line ends.
const endingSample = 64 << 10

// lineEnding is "\r\n" if all lines at the beginning of the text end so.
func lineEnding(t *text.Text) string {
	sample := t.Bytes(0, endingSample)
	n := bytes.Count(sample, []byte("\n"))
	if n > 0 && n == bytes.Count(sample, []byte("\r\n")) {
		return "\r\n"
	}
	return "\n"
}
