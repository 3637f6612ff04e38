package syntax

import (
	"bytes"
	"fmt"
	"strings"
)

// Scanner reads TOML into a tree of nodes and goes on after a fault: the
// toml package stops at the first one and gives keys no position. It knows
// statements, brackets and quotes; what a number or an escape means it asks
// the toml package.
type Scanner struct {
	Text
	Pos    int
	faults []Fault
	Root   *Node

	// lost is set inside a value whose end cannot be found, e.g. for want
	// of a bracket. The statement is given up.
	Lost       bool
	headerOnly bool // when lost: go on at a table header, not at any key
}

// Part is one key of a dotted one.
type Part struct {
	Text string
	at   int
}

// Scan never fails: what it cannot read is in the faults, the rest in the tree.
func Scan(t Text) (*Node, []Fault) {
	s := NewScanner(t)
	for table := s.Root; s.Next(); {
		table = s.Statement(table)
	}
	return s.Root, s.faults
}

func NewScanner(t Text) *Scanner {
	return &Scanner{Text: t, Root: &Node{Kind: TableKind, Origin: headed}}
}

// Next goes to the next statement; false at the end of the text.
func (s *Scanner) Next() bool {
	s.skipBlank()
	return s.Pos < len(s.Src)
}

// Statement reads a header or an assignment to table, and returns the table
// that what follows belongs to.
func (s *Scanner) Statement(table *Node) *Node {
	s.Lost = false
	if s.Peek() == '[' {
		return s.header()
	}
	s.assignment(table)
	return table
}

// fault notes a problem, unless its line has one: the first is the cause.
func (s *Scanner) fault(at int, suggestion, format string, args ...any) {
	if n := len(s.faults); n > 0 && s.Position(s.faults[n-1].At).Line == s.Position(at).Line {
		return
	}
	s.faults = append(s.faults, Fault{at, fmt.Sprintf(format, args...), suggestion})
}

// header reads [a.b] or [[a.b]] and returns the table that follows it.
func (s *Scanner) header() *Node {
	start := s.Pos
	s.Pos++
	closing := "]"
	if s.Peek() == '[' {
		s.Pos++
		closing = "]]"
	}
	keys, ok := s.Keys()
	if !ok {
		s.skipLine()
		return &Node{Kind: TableKind} // what follows is read, but belongs nowhere
	}
	end := s.Pos
	if bytes.HasPrefix(s.Src[end:], []byte(closing)) {
		end += len(closing)
		s.Pos = end
		s.endLine("the table header")
	} else {
		path := ""
		for _, k := range keys {
			path = Join(path, k.Text)
		}
		s.fault(s.Pos, "write "+strings.Repeat("[", len(closing))+path+closing, "table header is not closed with %s", closing)
		s.skipLine()
	}
	return s.open(keys, closing == "]]", start, end)
}

// assignment reads key = value into the table.
func (s *Scanner) assignment(table *Node) {
	start, before := s.Pos, len(s.faults)
	keys, ok := s.Keys()
	if !ok {
		s.skipLine()
		return
	}
	last := keys[len(keys)-1]
	if s.Peek() != '=' {
		suggestion := "write " + last.Text + " = ..."
		if s.Peek() == ':' {
			suggestion = "write = instead of :"
		}
		s.fault(s.Pos, suggestion, "no = after the key %s", last.Text)
		s.skipLine()
		return
	}
	s.Pos++
	s.SkipSpace()
	s.headerOnly = false
	value := s.value(0)
	if s.Lost {
		s.resume(start, before)
	} else if value.Kind != InvalidKind {
		s.endLine("the value")
	} else {
		s.skipLine()
	}
	s.assign(table, keys, value)
}

// resume looks for the first line after start that reads as a statement. Faults
// found further on were the search's own; those lines are read again.
func (s *Scanner) resume(start, before int) {
	s.Pos = start
	for {
		s.skipLine()
		if s.Pos == len(s.Src) || s.statementAhead() {
			break
		}
	}
	keep := before
	for keep < len(s.faults) && (s.faults[keep].At < s.Pos || keep == before) {
		keep++
	}
	s.faults = s.faults[:keep]
}

// statementAhead reports whether the line at the current position reads as a
// table header or the start of an assignment.
func (s *Scanner) statementAhead() bool {
	try := *s
	try.SkipSpace()
	closing := ""
	for try.Peek() == '[' && len(closing) < 2 {
		try.Pos++
		closing += "]"
	}
	at := try.Pos
	if _, ok := try.Keys(); !ok || len(try.faults) != len(s.faults) {
		return false
	}
	if closing == "" {
		return try.Peek() == '=' && !s.headerOnly
	}
	// [true] and [1] may be elements of an array.
	name := string(try.Src[at:try.Pos])
	if c := name[0]; c >= '0' && c <= '9' || c == '-' || c == '"' || c == '\'' || name == "true" || name == "false" || name == "inf" || name == "nan" {
		return false
	}
	if !bytes.HasPrefix(try.Src[try.Pos:], []byte(closing)) {
		return false
	}
	try.Pos += len(closing)
	try.SkipSpace()
	c := try.Peek()
	return c == 0 || c == '\n' || c == '#'
}

// MaxParts bounds a dotted key: paths are compared part by part, and each has
// its own text. The longest names of kernel parameters have six.
const MaxParts = 16

// Keys reads a possibly dotted key and the space behind it.
func (s *Scanner) Keys() ([]Part, bool) {
	var keys []Part
	for {
		s.SkipSpace()
		at := s.Pos
		if c := s.Peek(); c == '"' || c == '\'' {
			text, ok := s.quoted(false)
			if !ok {
				return nil, false
			}
			keys = append(keys, Part{text, at})
		} else {
			for IsBare(s.Peek()) || LikeBare(s.Peek()) {
				s.Pos++
			}
			name := string(s.Src[at:s.Pos])
			if name == "" {
				s.missingKey()
				return nil, false
			}
			if !BareKey(name) {
				s.fault(at, "write "+Quote(name), "the key %s needs quotes", name)
			}
			keys = append(keys, Part{name, at})
		}
		s.SkipSpace()
		if s.Peek() != '.' {
			return keys, true
		}
		if len(keys) == MaxParts {
			s.fault(keys[0].at, "", "a key has at most %d parts", MaxParts)
			return nil, false
		}
		s.Pos++
	}
}

// LikeBare is for characters that people write in keys though TOML wants quotes.
func LikeBare(c byte) bool { return c >= 0x80 || strings.IndexByte("/@+*%$&!?", c) >= 0 && c != 0 }

func (s *Scanner) missingKey() {
	switch c := s.Peek(); c {
	case 0, '\n', '\r', '#':
		s.fault(s.Pos, "", "a key is missing here")
	case '=', ']', '.':
		s.fault(s.Pos, "", "a key is missing before %c", c)
	default:
		s.fault(s.Pos, "a line is [table], key = value or # comment", "unexpected %q where a key should be", c)
	}
}

// endLine checks that nothing but a comment follows on the line.
func (s *Scanner) endLine(what string) {
	s.SkipSpace()
	if c := s.Peek(); c != 0 && c != '\n' && c != '#' {
		s.fault(s.Pos, "start a new line", "unexpected text after %s", what)
	}
	s.skipLine()
}

// Peek is the next byte, 0 at the end. The text itself has no 0 any more.
func (s *Scanner) Peek() byte {
	if s.Pos < len(s.Src) {
		return s.Src[s.Pos]
	}
	return 0
}

func (s *Scanner) SkipSpace() {
	for c := s.Peek(); c == ' ' || c == '\t' || c == '\r'; c = s.Peek() {
		s.Pos++
	}
}

func (s *Scanner) skipLine() {
	if i := bytes.IndexByte(s.Src[s.Pos:], '\n'); i >= 0 {
		s.Pos += i + 1
	} else {
		s.Pos = len(s.Src)
	}
}

// skipBlank skips space, comments and line ends; it reports whether it went
// into another line.
func (s *Scanner) skipBlank() (newLine bool) {
	for {
		s.SkipSpace()
		switch s.Peek() {
		case '\n':
			s.Pos++
			newLine = true
		case '#':
			if i := bytes.IndexByte(s.Src[s.Pos:], '\n'); i >= 0 {
				s.Pos += i
			} else {
				s.Pos = len(s.Src)
			}
		default:
			return newLine
		}
	}
}
