package text

import "bytes"

// Search looks for a pattern in slices, so that a person can go on meanwhile.
type Search struct {
	text     *Text
	pattern  Pattern
	version  int
	backward bool
	ranges   [2]span // where matches may begin; of a literal, those not yet looked at
	wrapped  int     // the range: 1 after the wrap
	at, end  int     // of an expression: how far it came in the lines of the range
	entered  bool    // at and end are those of the range
	buffer   []byte
	match    Match
	found    bool
	done     bool
}

type span struct{ from, to int }

// Find looks for the first match that begins at from or after it, or backward
// for the last that begins before from, and goes on once at the other end of the
// text. It does not look yet: that is Step. A change of the text ends a search
// without a match.
func (t *Text) Find(p Pattern, from int, backward bool) *Search {
	from = t.inside(from)
	s := &Search{text: t, pattern: p, version: t.version, backward: backward}
	before, after := span{0, from}, span{from, t.Len() + 1}
	s.ranges = [2]span{after, before}
	if backward {
		s.ranges = [2]span{before, after}
	}
	s.done = p.expr == nil && len(p.literal) == 0
	return s
}

// Step looks through about as many bytes more, and a block at least. When it is
// done, see Match.
func (s *Search) Step(budget int) (done bool) {
	s.done = s.done || s.version != s.text.version
	for !s.done && budget > 0 {
		if s.ranges[s.wrapped].from >= s.ranges[s.wrapped].to {
			s.next()
			continue
		}
		if s.pattern.expr != nil {
			budget -= s.lines()
		} else {
			budget -= s.literal()
		}
	}
	if s.done {
		s.buffer = nil
	}
	return s.done
}

// Match is what was found.
func (s *Search) Match() (m Match, ok bool) { return s.match, s.found }

// next goes on in the second range, or ends.
func (s *Search) next() {
	s.done = s.wrapped == 1
	s.wrapped, s.entered = 1, false
}

func (s *Search) hit(m Match) {
	m.Wrapped = s.wrapped == 1
	s.match, s.found, s.done = m, true, true
}

// literal looks through one block and tells how many bytes it was.
func (s *Search) literal() int {
	t, r, need := s.text, &s.ranges[s.wrapped], len(s.pattern.literal)
	last := min(r.to, t.Len()-need+1) // matches begin before it
	if r.from >= last {
		r.from = r.to
		return 0
	}
	from, to := r.from, min(last, r.from+t.limits.block)
	if s.backward {
		from, to = max(r.from, last-t.limits.block), last
	}
	s.buffer = t.folded(s.buffer, s.pattern, from, to+need-1)
	i := -1
	if s.backward {
		i = bytes.LastIndex(s.buffer, s.pattern.literal)
		r.to = from
	} else {
		i = bytes.Index(s.buffer, s.pattern.literal)
		r.from = to
	}
	if i >= 0 {
		s.hit(Match{From: from + i, To: from + i + need})
	}
	return to - from
}

// lines looks through a block of whole lines and tells how many bytes it was.
func (s *Search) lines() int {
	t, r := s.text, &s.ranges[s.wrapped]
	if !s.entered {
		s.at, s.end, s.entered = t.lineOf(r.from), min(r.to, t.Len()), true
		if s.backward {
			s.at, s.end = t.lineEndOf(r.to-1), s.at
		}
	}
	if s.backward && s.at <= s.end || !s.backward && s.at >= s.end {
		r.from = r.to
		return 0
	}
	off := s.at
	if s.backward {
		off = t.lineOf(max(0, s.at-t.limits.block))
		s.buffer = t.fill(s.buffer, off, s.at)
		s.at = off
	} else {
		s.buffer = t.wholeLines(s.buffer, off)
		s.at += len(s.buffer)
	}
	s.scan(off)
	return len(s.buffer)
}

// scan looks through the lines in the buffer, which begins at off: for the
// first match, or backward for the last.
func (s *Search) scan(off int) {
	r := s.ranges[s.wrapped]
	for b := s.buffer; len(b) > 0 && off < r.to; {
		most := -1
		if !s.backward && off >= r.from {
			most = 1
		}
		list, seen := s.text.matches(s.pattern, b, off, most)
		for _, loc := range list {
			if at := off + loc[0]; at < r.from || at >= r.to {
				continue
			}
			s.hit(match(off, loc))
			if !s.backward {
				return
			}
		}
		b, off = b[seen:], off+seen
	}
}
