// Package printable makes text of others harmless for a terminal, which takes
// control characters for commands: names of files, lines of logs, what came from
// the network.
package printable

import (
	"fmt"
	"strings"
)

// Escape writes what is not printable in its place: control characters, bytes
// that are not UTF-8 and the invisible marks that reverse the direction of
// text become visible as \x1b, \x9b or \u202e. Tab stays.
func Escape(line string) string {
	clean := true
	for _, r := range line {
		if command(r) {
			clean = false
			break
		}
	}
	if clean {
		return line
	}
	out := make([]byte, 0, len(line)+16)
	for i, r := range line {
		switch {
		case !command(r):
			out = append(out, string(r)...)
		case r == '\uFFFD' && (len(line)-i < 3 || line[i:i+3] != "\uFFFD"):
			out = fmt.Appendf(out, `\x%02x`, line[i])
		case r == '\uFFFD':
			out = append(out, "\uFFFD"...)
		case r < 0x100:
			out = fmt.Appendf(out, `\x%02x`, r)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
	}
	return string(out)
}

// Lines is Escape for a text of several lines.
func Lines(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = Escape(line)
	}
	return strings.Join(lines, "\n")
}

// Line has a ? for each character that is not printable, the tab among them: as
// many columns as before, for a name in a table or a message of a line.
func Line(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' || r != '\uFFFD' && command(r) {
			return '?'
		}
		return r
	}, text)
}

// command holds for what a terminal may obey, and for U+FFFD,
// which stands for a byte that is not UTF-8 when ranging over a string.
func command(r rune) bool {
	return r < 0x20 && r != '\t' || r >= 0x7f && r < 0xa0 || r == '\uFFFD' ||
		r >= 0x200e && r <= 0x200f || r >= 0x2028 && r <= 0x202e || r >= 0x2066 && r <= 0x2069
}
