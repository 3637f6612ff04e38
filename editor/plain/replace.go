package plain

import (
	"errors"
	"math"
	"strings"

	"bantam/editor/text"
)

// replacement is a taken apart s/OLD/NEW/FLAGS.
type replacement struct {
	pattern text.Pattern
	old     string
	with    string
	all     bool // each in a line, not the first only
}

var errSubstitute = errors.New("write s/OLD/NEW/, or s/OLD/NEW/g for each in a line; any other character may stand for /")

// parseReplacement reads what follows s. A backslash before the character that
// parts it makes that one an ordinary character; all other backslashes stay.
func parseReplacement(rest string) (replacement, error) {
	var r replacement
	if rest == "" || rest[0] == ' ' || rest[0] == '\t' || rest[0] == '\\' || rest[0] >= 0x80 {
		return r, errSubstitute
	}
	parts := split(rest[1:], rest[0])
	if len(parts) < 2 || len(parts) > 3 || parts[0] == "" {
		return r, errSubstitute
	}
	r.old, r.with = parts[0], parts[1]
	expression := false
	if len(parts) == 3 {
		for _, f := range strings.TrimSpace(parts[2]) {
			switch f {
			case 'g':
				r.all = true
			case 'r':
				expression = true
			case 'p': // ed's; the line is shown in any case
			default:
				return r, errors.New("behind s/OLD/NEW/ there may be g (each in a line) and r (a regular expression)")
			}
		}
	}
	var err error
	r.pattern, err = pattern(r.old, expression, true)
	return r, err
}

// split parts s at the unescaped parts.
func split(s string, part byte) (list []string) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s) && s[i+1] == part:
			i++
			b.WriteByte(part)
		case s[i] == part:
			list = append(list, b.String())
			b.Reset()
		default:
			b.WriteByte(s[i])
		}
	}
	return append(list, b.String())
}

// pattern is for a search, where small letters find capitals too, or exact for
// a replacement.
func pattern(what string, expression, exact bool) (text.Pattern, error) {
	if !expression {
		return text.Literal(what, !exact && !text.Capital(what)), nil
	}
	p, err := text.Regexp(what)
	if err == nil && exact {
		p, err = text.Regexp("(?-i:" + what + ")")
	}
	return p, err
}

// substitute is s/OLD/NEW/; s alone does the last one again.
func (s *session) substitute(r request) {
	if r.rest != "" {
		with, err := parseReplacement(r.rest)
		if err != nil {
			s.fail("%v", err)
			return
		}
		s.replace = &with
	}
	if s.replace == nil {
		s.fail("%v", errSubstitute)
		return
	}
	n, last := s.replaceIn(r.from, r.to)
	switch {
	case n == 0 && r.from == r.to:
		s.fail("%s is not in line %d", visible([]byte(s.replace.old), quoteMost), r.from)
	case n == 0:
		s.fail("%s is not in lines %d to %d", visible([]byte(s.replace.old), quoteMost), r.from, r.to)
	case n == 1:
		s.moveTo(last)
		s.show(last, s.faultsNote())
	default:
		s.moveTo(last)
		s.changed("%d replaced", n)
	}
}

// replaceIn replaces in some lines and tells how often, and where last.
func (s *session) replaceIn(from, to int) (n, last int) {
	p, start, end := s.replace.pattern, s.start(from), s.t.LineEnd(s.start(to))
	if s.replace.all {
		m, ok := s.search(p, end+1, true)
		if !ok || m.Wrapped || m.From < start {
			return 0, 0
		}
		last = s.at(m.From)
		s.t.Begin(s.start(s.cur))
		n = s.t.ReplaceAll(p, s.replace.with, start, end)
		s.t.End(s.start(last))
		return n, last
	}
	s.group(func() {
		for off := start; off <= end; {
			m, ok := s.search(p, off, false)
			if !ok || m.Wrapped || m.To > end {
				return
			}
			with := s.t.Replacement(p, m, s.replace.with)
			s.t.Replace(m.From, m.To-m.From, with)
			grown := len(with) - (m.To - m.From)
			end += grown
			s.cur = s.at(m.From)
			n, last = n+1, s.cur
			off = s.t.LineEnd(m.To+grown) + 1
		}
	})
	return n, last
}

// search looks through the whole text at once.
func (s *session) search(p text.Pattern, from int, backward bool) (text.Match, bool) {
	f := s.t.Find(p, from, backward)
	for !f.Step(math.MaxInt) {
	}
	return f.Match()
}
