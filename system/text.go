package system

import (
	"bytes"
	"fmt"
	"sort"
	"unicode/utf8"
)

// MaxSize is the largest system.toml that is read, in bytes. Real ones have a few
// hundred bytes; anything near the limit is the wrong file.
const MaxSize = 1 << 20

// Position is a place in the file.
type Position struct {
	Line, Col int // from 1; Col counts bytes
}

// text is a file without its byte order mark, and where its lines start.
type text struct {
	src   []byte
	lines []int // offset of each line's first byte
}

func newText(src []byte) text {
	src = bytes.TrimPrefix(src, []byte("\ufeff"))
	lines := []int{0}
	for i, c := range src {
		if c == '\n' {
			lines = append(lines, i+1)
		}
	}
	return text{src, lines}
}

func (t text) position(at int) Position {
	at = min(max(at, 0), len(t.src))
	line := sort.SearchInts(t.lines, at+1)
	return Position{line, at - t.lines[line-1] + 1}
}

// checkBytes reports what cannot be in a TOML file at all, at most once a
// line, and returns a text of equal length with those bytes replaced, so that
// the rest can still be read.
func (t text) checkBytes() (text, []fault) {
	var faults []fault
	clean, lastLine := t.src, 0
	for at := 0; at < len(t.src); {
		r, size := utf8.DecodeRune(t.src[at:])
		message := ""
		switch {
		case r == utf8.RuneError && size == 1:
			message = fmt.Sprintf("byte 0x%02x is not UTF-8 text", t.src[at])
		case r == '\r' && at+1 < len(t.src) && t.src[at+1] == '\n', r == '\t', r == '\n':
		case r < ' ' || r == 0x7f:
			message = fmt.Sprintf("control character 0x%02x", r)
		}
		if message != "" {
			if len(faults) == 0 {
				clean = bytes.Clone(t.src)
			}
			clean[at] = '?'
			if line := t.position(at).Line; line != lastLine {
				lastLine = line
				faults = append(faults, fault{at, message, "remove it; in a string it can be written as \\u00XX"})
			}
		}
		at += size
	}
	return text{clean, t.lines}, faults
}
