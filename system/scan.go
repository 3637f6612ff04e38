package system

import (
	"bytes"
	"fmt"
	"strings"
)

// scanner reads TOML into a tree of nodes and goes on after a fault: the
// toml package stops at the first one and gives keys no position. It knows
// statements, brackets and quotes; what a number or an escape means it asks
// the toml package.
type scanner struct {
	text
	pos    int
	faults []fault
	root   *node

	// lost is set inside a value whose end cannot be found, e.g. for want
	// of a bracket. The statement is given up.
	lost       bool
	headerOnly bool // when lost: go on at a table header, not at any key
}

// part is one key of a dotted one.
type part struct {
	text string
	at   int
}

// scan never fails: what it cannot read is in the faults, the rest in the tree.
func scan(t text) (*node, []fault) {
	s := newScanner(t)
	for table := s.root; s.next(); {
		table = s.statement(table)
	}
	return s.root, s.faults
}

func newScanner(t text) *scanner {
	return &scanner{text: t, root: &node{kind: tableKind, origin: headed}}
}

// next goes to the next statement; false at the end of the text.
func (s *scanner) next() bool {
	s.skipBlank()
	return s.pos < len(s.src)
}

// statement reads a header or an assignment to table, and returns the table
// that what follows belongs to.
func (s *scanner) statement(table *node) *node {
	s.lost = false
	if s.peek() == '[' {
		return s.header()
	}
	s.assignment(table)
	return table
}

// fault notes a problem, unless its line has one: the first is the cause.
func (s *scanner) fault(at int, suggestion, format string, args ...any) {
	if n := len(s.faults); n > 0 && s.position(s.faults[n-1].at).Line == s.position(at).Line {
		return
	}
	s.faults = append(s.faults, fault{at, fmt.Sprintf(format, args...), suggestion})
}

// header reads [a.b] or [[a.b]] and returns the table that follows it.
func (s *scanner) header() *node {
	start := s.pos
	s.pos++
	closing := "]"
	if s.peek() == '[' {
		s.pos++
		closing = "]]"
	}
	keys, ok := s.keys()
	if !ok {
		s.skipLine()
		return &node{kind: tableKind} // what follows is read, but belongs nowhere
	}
	end := s.pos
	if bytes.HasPrefix(s.src[end:], []byte(closing)) {
		end += len(closing)
		s.pos = end
		s.endLine("the table header")
	} else {
		path := ""
		for _, k := range keys {
			path = join(path, k.text)
		}
		s.fault(s.pos, "write "+strings.Repeat("[", len(closing))+path+closing, "table header is not closed with %s", closing)
		s.skipLine()
	}
	return s.open(keys, closing == "]]", start, end)
}

// assignment reads key = value into the table.
func (s *scanner) assignment(table *node) {
	start, before := s.pos, len(s.faults)
	keys, ok := s.keys()
	if !ok {
		s.skipLine()
		return
	}
	last := keys[len(keys)-1]
	if s.peek() != '=' {
		suggestion := "write " + last.text + " = ..."
		if s.peek() == ':' {
			suggestion = "write = instead of :"
		}
		s.fault(s.pos, suggestion, "no = after the key %s", last.text)
		s.skipLine()
		return
	}
	s.pos++
	s.skipSpace()
	s.headerOnly = false
	value := s.value(0)
	if s.lost {
		s.resume(start, before)
	} else if value.kind != invalidKind {
		s.endLine("the value")
	} else {
		s.skipLine()
	}
	s.assign(table, keys, value)
}

// resume looks for the first line after start that reads as a statement. Faults
// found further on were the search's own; those lines are read again.
func (s *scanner) resume(start, before int) {
	s.pos = start
	for {
		s.skipLine()
		if s.pos == len(s.src) || s.statementAhead() {
			break
		}
	}
	keep := before
	for keep < len(s.faults) && (s.faults[keep].at < s.pos || keep == before) {
		keep++
	}
	s.faults = s.faults[:keep]
}

// statementAhead reports whether the line at the current position reads as a
// table header or the start of an assignment.
func (s *scanner) statementAhead() bool {
	try := *s
	try.skipSpace()
	closing := ""
	for try.peek() == '[' && len(closing) < 2 {
		try.pos++
		closing += "]"
	}
	at := try.pos
	if _, ok := try.keys(); !ok || len(try.faults) != len(s.faults) {
		return false
	}
	if closing == "" {
		return try.peek() == '=' && !s.headerOnly
	}
	// [true] and [1] may be elements of an array.
	name := string(try.src[at:try.pos])
	if c := name[0]; c >= '0' && c <= '9' || c == '-' || c == '"' || c == '\'' || name == "true" || name == "false" || name == "inf" || name == "nan" {
		return false
	}
	if !bytes.HasPrefix(try.src[try.pos:], []byte(closing)) {
		return false
	}
	try.pos += len(closing)
	try.skipSpace()
	c := try.peek()
	return c == 0 || c == '\n' || c == '#'
}

// maxParts bounds a dotted key: paths are compared part by part, and each has
// its own text. The longest names of kernel parameters have six.
const maxParts = 16

// keys reads a possibly dotted key and the space behind it.
func (s *scanner) keys() ([]part, bool) {
	var keys []part
	for {
		s.skipSpace()
		at := s.pos
		if c := s.peek(); c == '"' || c == '\'' {
			text, ok := s.quoted(false)
			if !ok {
				return nil, false
			}
			keys = append(keys, part{text, at})
		} else {
			for isBare(s.peek()) || likeBare(s.peek()) {
				s.pos++
			}
			name := string(s.src[at:s.pos])
			if name == "" {
				s.missingKey()
				return nil, false
			}
			if !bareKey(name) {
				s.fault(at, "write "+quote(name), "the key %s needs quotes", name)
			}
			keys = append(keys, part{name, at})
		}
		s.skipSpace()
		if s.peek() != '.' {
			return keys, true
		}
		if len(keys) == maxParts {
			s.fault(keys[0].at, "", "a key has at most %d parts", maxParts)
			return nil, false
		}
		s.pos++
	}
}

// likeBare is for characters that people write in keys though TOML wants quotes.
func likeBare(c byte) bool { return c >= 0x80 || strings.IndexByte("/@+*%$&!?", c) >= 0 && c != 0 }

func (s *scanner) missingKey() {
	switch c := s.peek(); c {
	case 0, '\n', '\r', '#':
		s.fault(s.pos, "", "a key is missing here")
	case '=', ']', '.':
		s.fault(s.pos, "", "a key is missing before %c", c)
	default:
		s.fault(s.pos, "a line is [table], key = value or # comment", "unexpected %q where a key should be", c)
	}
}

// endLine checks that nothing but a comment follows on the line.
func (s *scanner) endLine(what string) {
	s.skipSpace()
	if c := s.peek(); c != 0 && c != '\n' && c != '#' {
		s.fault(s.pos, "start a new line", "unexpected text after %s", what)
	}
	s.skipLine()
}

// peek is the next byte, 0 at the end. The text itself has no 0 any more.
func (s *scanner) peek() byte {
	if s.pos < len(s.src) {
		return s.src[s.pos]
	}
	return 0
}

func (s *scanner) skipSpace() {
	for c := s.peek(); c == ' ' || c == '\t' || c == '\r'; c = s.peek() {
		s.pos++
	}
}

func (s *scanner) skipLine() {
	if i := bytes.IndexByte(s.src[s.pos:], '\n'); i >= 0 {
		s.pos += i + 1
	} else {
		s.pos = len(s.src)
	}
}

// skipBlank skips space, comments and line ends; it reports whether it went
// into another line.
func (s *scanner) skipBlank() (newLine bool) {
	for {
		s.skipSpace()
		switch s.peek() {
		case '\n':
			s.pos++
			newLine = true
		case '#':
			if i := bytes.IndexByte(s.src[s.pos:], '\n'); i >= 0 {
				s.pos += i
			} else {
				s.pos = len(s.src)
			}
		default:
			return newLine
		}
	}
}
