package language

import (
	"bytes"

	"bantam/editor/screen"
)

// maxNested is how many brackets deep a State remembers what encloses a line.
// Deeper ones are counted as arrays.
const maxNested = 32

// State is what the lines above leave open. The zero State is the start of a
// file; equal States colour a line alike, so that a change needs to be followed
// only until the State behind a line is what it was.
type State struct {
	quote  byte   // of a multi-line string, 0 outside
	depth  uint16 // of brackets around a value
	tables uint32 // bit i: bracket i from outside, below maxNested, is an inline table
}

// TOML colours one line, with or without its line end, and says what it leaves
// open for the next one.
func TOML(line []byte, s State) (styles []screen.Style, next State) {
	l := lexer{line: line, styles: make([]screen.Style, len(line)), state: s}
	l.scan()
	return l.styles, l.state
}

// After is the State behind a line, without the cost of colours.
func (s State) After(line []byte) State {
	l := lexer{line: line, state: s}
	l.scan()
	return l.state
}

// lexer goes over one line once.
type lexer struct {
	line   []byte
	pos    int
	styles []screen.Style // nil: only the state is wanted
	state  State
}

func (l *lexer) scan() {
	if l.state.quote != 0 {
		l.multiline(0)
		l.values()
		return
	}
	if l.state.depth > 0 && l.recovers() {
		l.state = State{}
	}
	l.skipBlanks()
	if l.state == (State{}) && l.peek() == '[' {
		l.header()
		return
	}
	if l.state == (State{}) || l.state.inTable() {
		l.keys()
	}
	l.values()
}

// values colours from a place where values, brackets and commas may stand.
func (l *lexer) values() {
	for l.pos < len(l.line) {
		switch c := l.line[l.pos]; c {
		case ' ', '\t', '\r', '\n', '=':
			l.pos++
		case '#':
			l.paint(len(l.line), screen.Comment)
		case '"', '\'':
			l.quoted(c)
		case '[', '{':
			l.pos++
			l.state.push(c == '{')
			if c == '{' {
				l.keys()
			}
		case ']', '}':
			l.pos++
			l.state.pop()
		case ',':
			l.pos++
			if l.state.inTable() {
				l.keys()
			}
		default:
			l.scalar()
		}
	}
}

// keys colours a dotted key up to its =, or nothing if none stands here.
func (l *lexer) keys() {
	for {
		l.skipBlanks()
		switch c := l.peek(); {
		case c == '"' || c == '\'':
			l.paint(l.stringEnd(), screen.Key)
		case bare(c):
			l.paint(l.bareEnd(), screen.Key)
		case c != '.':
			return
		}
		if l.skipBlanks(); l.peek() != '.' {
			return
		}
		l.pos++
	}
}

// header colours [a."b.c"] with its brackets, also where it is not closed.
func (l *lexer) header() {
	start, end := l.pos, l.pos
	for closed := false; !closed && l.pos < len(l.line) && l.peek() != '#'; {
		switch c := l.peek(); c {
		case '"', '\'':
			l.pos = l.stringEnd()
		case ' ', '\t', '\r', '\n':
			l.pos++
			continue
		case ']':
			for l.peek() == ']' {
				l.pos++
			}
			closed = true
		default:
			l.pos++
		}
		end = l.pos
	}
	l.pos = start
	l.paint(end, screen.Header)
	l.values() // a comment, or a fault that colours no further line
	l.state = State{}
}

// quoted colours a string that begins here; a multi-line one may stay open.
func (l *lexer) quoted(q byte) {
	if !bytes.HasPrefix(l.line[l.pos:], []byte{q, q, q}) {
		l.paint(l.stringEnd(), screen.String)
		return
	}
	l.state.quote = q
	l.multiline(3)
}

// multiline colours up to the closing quotes, or the whole rest; the first
// bytes are the opening quotes.
func (l *lexer) multiline(opening int) {
	q := l.state.quote
	stops := string(q)
	if q == '"' {
		stops += "\\"
	}
	for at := l.pos + opening; at < len(l.line); {
		i := bytes.IndexAny(l.line[at:], stops)
		if i < 0 {
			break
		}
		if l.line[at+i] != q { // an escape
			at += i + 2
			continue
		}
		at += i
		quotes := 1
		for at+quotes < len(l.line) && l.line[at+quotes] == q && quotes < 5 {
			quotes++
		}
		at += quotes
		if quotes >= 3 { // up to two may stand before the closing ones
			l.state.quote = 0
			l.paint(at, screen.String)
			return
		}
	}
	l.paint(len(l.line), screen.String)
}

// stringEnd is behind the one-line string that begins here, or behind the line's
// last character if it is not closed.
func (l *lexer) stringEnd() int {
	q := l.line[l.pos]
	for i := l.pos + 1; i < len(l.line); i++ {
		switch c := l.line[i]; {
		case c == q:
			return i + 1
		case c == '\\' && q == '"':
			i++
		}
	}
	return l.pos + len(bytes.TrimRight(l.line[l.pos:], "\r\n"))
}

// scalar colours a number, date or boolean; other words stay plain.
func (l *lexer) scalar() {
	end := l.pos
	for end < len(l.line) && bytes.IndexByte([]byte(" \t\r\n,]}#=[{\"'"), l.line[end]) < 0 {
		end++
	}
	style := screen.Plain
	if isScalar(l.line[l.pos:end]) {
		style = screen.Number
	}
	l.paint(end, style)
}

// isScalar reports whether a word looks like a number, date or boolean.
func isScalar(word []byte) bool {
	if len(word) > 0 && (word[0] == '+' || word[0] == '-') {
		word = word[1:]
	}
	switch string(word) {
	case "true", "false", "inf", "nan":
		return true
	}
	return len(word) > 0 && word[0] >= '0' && word[0] <= '9'
}

// recovers reports whether the line begins a statement though a bracket above
// is still open, which then was forgotten: people see where the text goes wrong.
func (l *lexer) recovers() bool {
	try := lexer{line: l.line}
	try.skipBlanks()
	if try.peek() == '[' {
		for try.peek() == '[' {
			try.pos++
		}
		at := try.pos
		end := try.bareEnd()
		word := l.line[at:end]
		if len(word) == 0 || isScalar(word) {
			return false // an array within the array
		}
		try.pos = at
		try.keys()
		if try.peek() != ']' {
			return false
		}
		for try.peek() == ']' {
			try.pos++
		}
		try.skipBlanks()
		return try.pos == len(l.line) || try.peek() == '#'
	}
	if l.state.inTable() {
		return false // a key of the inline table
	}
	at := try.pos
	try.keys()
	return try.pos > at && try.peek() == '='
}

// paint moves on to end, colouring what is passed.
func (l *lexer) paint(end int, style screen.Style) {
	end = min(end, len(l.line))
	if l.styles != nil && style != screen.Plain {
		for i := l.pos; i < end; i++ {
			l.styles[i] = style
		}
	}
	l.pos = end
}

// peek is the next byte, 0 at the end.
func (l *lexer) peek() byte {
	if l.pos < len(l.line) {
		return l.line[l.pos]
	}
	return 0
}

func (l *lexer) skipBlanks() {
	for c := l.peek(); c == ' ' || c == '\t' || c == '\r' || c == '\n'; c = l.peek() {
		l.pos++
	}
}

func (l *lexer) bareEnd() int {
	end := l.pos
	for end < len(l.line) && bare(l.line[end]) {
		end++
	}
	return end
}

// bare reports whether c may stand in a key without quotes, or is written there
// by people although TOML wants quotes.
func bare(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c >= 0x80 ||
		c != 0 && bytes.IndexByte([]byte("_-/@+*%$&!?:"), c) >= 0
}

func (s *State) push(table bool) {
	if s.depth < 1<<16-1 {
		s.depth++
	}
	if bit := uint32(1) << (s.depth - 1); table && s.depth <= maxNested {
		s.tables |= bit
	}
}

func (s *State) pop() {
	if s.depth == 0 {
		return // a bracket too many
	}
	s.depth--
	if s.depth < maxNested {
		s.tables &^= 1 << s.depth
	}
}

// inTable reports whether the innermost bracket is an inline table's.
func (s State) inTable() bool {
	return s.depth > 0 && s.depth <= maxNested && s.tables&(1<<(s.depth-1)) != 0
}
