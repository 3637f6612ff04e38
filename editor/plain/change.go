package plain

import (
	"bytes"
	"fmt"
	"strings"
)

// insertAfter puts whole lines behind line n; 0 is the top. Each of block's
// lines has its end. Behind a last line without one, that line gets an end and
// the new last line has none.
func (s *session) insertAfter(n int, block []byte) {
	off, end := s.start(n+1), s.t.Len()
	if off == end && end > 0 && s.t.Byte(end-1) != '\n' {
		block = append([]byte(s.ending), asLast(block)...)
	}
	s.t.Replace(off, 0, block)
}

// asLast is block for the end of a text whose last line has no end: so it stays.
// Only an empty line needs one to be there at all.
func asLast(block []byte) []byte {
	b := withoutEnd(block)
	if len(b) == 0 || b[len(b)-1] == '\n' {
		return block
	}
	return b
}

// withoutEnd is a line, or lines, without the last line end.
func withoutEnd(b []byte) []byte {
	if b, ok := bytes.CutSuffix(b, []byte("\r\n")); ok {
		return b
	}
	return bytes.TrimSuffix(b, []byte("\n"))
}

// whole are the lines of a range, all with an end.
func (s *session) whole(from, to int) []byte {
	b := s.t.Bytes(s.start(from), s.start(to+1))
	if !bytes.HasSuffix(b, []byte("\n")) {
		b = append(b, s.ending...)
	}
	return b
}

// group makes one undo step of what f does. f ends with the current line set.
func (s *session) group(f func()) {
	s.t.Begin(s.start(max(s.cur, 1)))
	f()
	s.t.End(s.start(max(s.cur, 1)))
}

func (s *session) append(r request) { s.enter(r.to+1, r.to, r.rest) }

func (s *session) insert(r request) { s.enter(max(r.to, 1), max(r.to, 1)-1, r.rest) }

func (s *session) change(r request) { s.enter(r.from, r.to, r.rest) }

// enter takes lines for the place of lines from to to; there is no such line
// if to is from-1. text is one line in place of those that would follow.
func (s *session) enter(from, to int, text string) {
	if text != "" {
		s.put(from, to, []byte(text[1:]+s.ending), 1)
		return
	}
	var block []byte
	n := 0
	finish := func() {
		s.answer = nil
		s.put(from, to, block, n)
	}
	s.answer = &question{
		prompt: func() string { return s.number(from + n) },
		line: func(line []byte) {
			if s.ending == "\r\n" || isDots(bytes.TrimSuffix(line, []byte("\r"))) {
				line = bytes.TrimSuffix(line, []byte("\r"))
			}
			if isDots(line) {
				if line = line[1:]; len(line) == 0 {
					finish()
					return
				}
			}
			block = append(append(block, line...), s.ending...)
			n++
		},
		// What was typed is never lost: u takes it back.
		broken: func() {
			if n > 0 {
				finish()
				return
			}
			s.answer = nil
			s.say("nothing changed")
		},
		ended: func() {
			if n > 0 {
				finish()
			}
			s.answer = nil
			s.done = !s.opt.Person
		},
	}
}

// isDots tells whether a line is nothing but dots: one ends the lines that are
// entered, more stand for a line with one less.
func isDots(line []byte) bool {
	return len(line) > 0 && len(bytes.Trim(line, ".")) == 0
}

// put replaces lines by n others.
func (s *session) put(from, to int, block []byte, n int) {
	old := to - from + 1
	if old == 0 && n == 0 {
		s.say("nothing changed")
		return
	}
	s.group(func() {
		switch {
		case n == 0:
			s.remove(from, to)
		case old > 0 && to == s.last() && s.t.Byte(s.t.Len()-1) != '\n': // ends as it did
			s.t.Replace(s.start(from), s.t.Len()-s.start(from), asLast(block))
		case old > 0:
			s.t.Replace(s.start(from), s.start(to+1)-s.start(from), block)
		default:
			s.insertAfter(to, block)
		}
		s.moveTo(from + max(n, 1) - 1)
		s.shown = n > 0 // it was typed just now
	})
	switch {
	case old == 0:
		s.changed("%s added", plural(n, "line"))
	case n == 0:
		s.changed("%s deleted", plural(old, "line"))
	default:
		s.changed("%s in place of %s", plural(n, "line"), plural(old, "line"))
	}
}

// changed answers a command that changed the text.
func (s *session) changed(format string, args ...any) {
	s.say("%s; %s%s", fmt.Sprintf(format, args...), s.where(), s.faultsNote())
}

func (s *session) remove(from, to int) {
	s.t.Replace(s.start(from), s.start(to+1)-s.start(from), nil)
}

func (s *session) delete(r request) { s.put(r.from, r.to, nil, 0) }

// destination reads the line of move and copy behind which the lines go.
func (s *session) destination(r request) (int, bool) {
	text := strings.TrimSpace(r.rest)
	n, given, rest, err := address(text, s.cur, s.last())
	switch {
	case err != nil:
		s.fail("%v", err)
	case !given || rest != "":
		s.fail("%s needs the line to go behind: %d,%d%s$ or %s0 for the top", r.name, r.from, r.to, r.name, r.name)
	case n < 0 || n > s.last():
		s.fail("there is no line %d; the last is %d", n, s.last())
	default:
		return n, true
	}
	return 0, false
}

func (s *session) move(r request) {
	to, ok := s.destination(r)
	switch {
	case !ok:
		return
	case to >= r.from && to < r.to:
		s.fail("lines %d to %d cannot go into themselves", r.from, r.to)
		return
	case to == r.to || to == r.from-1:
		s.moveTo(r.to)
		s.say("they are there already; %s", s.where())
		return
	}
	n := r.to - r.from + 1
	s.group(func() {
		block := s.whole(r.from, r.to)
		if to > r.to {
			s.insertAfter(to, block)
			s.remove(r.from, r.to)
			s.moveTo(to)
			return
		}
		s.remove(r.from, r.to)
		s.insertAfter(to, block)
		s.moveTo(to + n)
	})
	s.changed("%s moved", plural(n, "line"))
}

func (s *session) copy(r request) {
	to, ok := s.destination(r)
	if !ok {
		return
	}
	n := r.to - r.from + 1
	s.group(func() {
		s.insertAfter(to, s.whole(r.from, r.to))
		s.moveTo(to + n)
	})
	s.changed("%s copied", plural(n, "line"))
}

func (s *session) undo(request) { s.step("undone", "nothing to undo", s.t.Undo) }

func (s *session) redo(request) { s.step("done again", "nothing to do again", s.t.Redo) }

func (s *session) step(done, nothing string, f func() (int, bool)) {
	off, ok := f()
	if !ok {
		s.fail("%s", nothing)
		return
	}
	s.moveTo(s.at(off))
	s.changed("%s", done)
}
