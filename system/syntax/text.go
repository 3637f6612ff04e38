// Package syntax reads TOML as somebody is writing it: it goes on after a fault,
// and knows where in the text everything stands. The toml package stops at the
// first fault and gives keys no position. It knows nothing of system.toml.
package syntax

import (
	"bytes"
	"fmt"
	"sort"
	"strings"
	"unicode/utf8"
)

// Position is a place in the file.
type Position struct {
	Line, Col int // from 1; Col counts bytes
}

// Text is a file without its byte order mark, and where its lines start.
type Text struct {
	Src   []byte
	Lines []int // offset of each line's first byte
}

func NewText(src []byte) Text {
	src = bytes.TrimPrefix(src, []byte("\ufeff"))
	lines := []int{0}
	for i, c := range src {
		if c == '\n' {
			lines = append(lines, i+1)
		}
	}
	return Text{src, lines}
}

func (t Text) Position(at int) Position {
	at = min(max(at, 0), len(t.Src))
	line := sort.SearchInts(t.Lines, at+1)
	return Position{line, at - t.Lines[line-1] + 1}
}

// CheckBytes reports what cannot be in a TOML file at all, at most once a
// line, and returns a text of equal length with those bytes replaced, so that
// the rest can still be read.
func (t Text) CheckBytes() (Text, []Fault) {
	var faults []Fault
	clean, lastLine := t.Src, 0
	for at := 0; at < len(t.Src); {
		r, size := utf8.DecodeRune(t.Src[at:])
		message := ""
		switch {
		case r == utf8.RuneError && size == 1:
			message = fmt.Sprintf("byte 0x%02x is not UTF-8 text", t.Src[at])
		case r == '\r' && at+1 < len(t.Src) && t.Src[at+1] == '\n', r == '\t', r == '\n':
		case r < ' ' || r == 0x7f:
			message = fmt.Sprintf("control character 0x%02x", r)
		}
		if message != "" {
			if len(faults) == 0 {
				clean = bytes.Clone(t.Src)
			}
			clean[at] = '?'
			if line := t.Position(at).Line; line != lastLine {
				lastLine = line
				faults = append(faults, Fault{at, message, "remove it; in a string it can be written as \\u00XX"})
			}
		}
		at += size
	}
	return Text{clean, t.Lines}, faults
}

// LineStart is the offset of the first byte of the line that an offset is on.
func (t Text) LineStart(at int) int { return bytes.LastIndexByte(t.Src[:at], '\n') + 1 }

// LineEnd is the offset of the end of the line that an offset is on.
func (t Text) LineEnd(at int) int {
	if i := bytes.IndexByte(t.Src[at:], '\n'); i >= 0 {
		return at + i
	}
	return len(t.Src)
}

// Rest is what follows an offset on its line, without blanks and comment.
func (t Text) Rest(at int) string {
	rest := strings.Trim(string(t.Src[at:t.LineEnd(at)]), " \t\r")
	if strings.HasPrefix(rest, "#") {
		return ""
	}
	return rest
}
