package plain

import (
	"bytes"
	"fmt"
	"strings"

	"bantam/editor/language"
)

// check asks what is wrong with the text.
func (s *session) check() []language.Fault {
	if s.opt.Checker == nil {
		return nil
	}
	return s.opt.Checker.Check(s.t.Bytes(0, s.t.Len()))
}

// faultsNote is the end of the answer to a change: what is wrong now, if that
// is news.
func (s *session) faultsNote() string {
	n, before := len(s.check()), s.faults
	s.faults = n
	switch {
	case n == before:
		return ""
	case n == 0:
		return "; no faults any more"
	}
	return fmt.Sprintf("; %s, e shows the next", plural(n, "fault"))
}

// nextFault goes to the first fault behind the current line, or the first of all.
func (s *session) nextFault(request) {
	faults := s.check()
	s.faults = len(faults)
	switch {
	case s.opt.Checker == nil:
		s.fail("nothing checks this file")
		return
	case len(faults) == 0:
		s.say("no faults")
		return
	}
	next := faults[0]
	for _, f := range faults {
		if f.Line > s.cur {
			next = f
			break
		}
	}
	s.moveTo(next.Line)
	if s.cur > 0 {
		s.show(s.cur, "")
	}
	s.say("%d:%d %s", next.Line, next.Col, next.Text)
}

// explain says what stands in line n.
func (s *session) explain(n int) {
	if s.opt.Checker == nil {
		s.fail("nothing explains this file; ?TEXT finds backwards")
		return
	}
	all := s.t.Bytes(0, s.t.Len())
	off := s.start(n)
	off += len(all[off:]) - len(bytes.TrimLeft(all[off:], " \t"))
	text := s.opt.Checker.Explain(all, off)
	if text == "" {
		s.fail("there is nothing to say about line %d", n)
		return
	}
	for line := range strings.Lines(strings.TrimSpace(text)) {
		s.say("%s", strings.TrimSuffix(line, "\n"))
	}
}
