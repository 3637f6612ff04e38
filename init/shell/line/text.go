package line

import (
	"fmt"
	"unicode"
	"unicode/utf8"
)

// A line is kept as runes. A byte that is not UTF-8 is a rune above Unicode's
// last, so that it survives editing unchanged.
const rawBase = unicode.MaxRune + 1

func rawByte(b byte) rune { return rawBase + rune(b) }

func decode(s string) []rune {
	runes := make([]rune, 0, len(s))
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 {
			r = rawByte(s[i])
		}
		runes = append(runes, r)
		i += size
	}
	return runes
}

func encode(runes []rune) string {
	out := make([]byte, 0, len(runes))
	for _, r := range runes {
		if r >= rawBase {
			out = append(out, byte(r-rawBase))
		} else {
			out = utf8.AppendRune(out, r)
		}
	}
	return string(out)
}

// shape is how a rune is shown, and in how many columns.
func shape(r rune) (text string, width int) {
	switch {
	case r >= rawBase:
		return fmt.Sprintf("<%02x>", r-rawBase), 4
	case r < ' ':
		return "^" + string(r+'@'), 2
	case r == 0x7f:
		return "^?", 2
	case r < 0x7f:
		return string(r), 1
	case r < 0xa0:
		return fmt.Sprintf("<%02x>", r), 4
	case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		return string(r), 0
	case isWide(r):
		return string(r), 2
	}
	return string(r), 1
}

// wide holds the blocks that terminals draw two columns wide (Unicode's East
// Asian width W and F, rounded to whole blocks).
var wide = [][2]rune{
	{0x1100, 0x115f}, {0x2e80, 0x303e}, {0x3041, 0xa4cf}, {0xac00, 0xd7a3}, {0xf900, 0xfaff},
	{0xfe30, 0xfe6f}, {0xff01, 0xff60}, {0xffe0, 0xffe6}, {0x1f300, 0x1f64f}, {0x1f680, 0x1f6ff},
	{0x1f900, 0x1f9ff}, {0x20000, 0x3fffd},
}

func isWide(r rune) bool {
	for _, block := range wide {
		if r >= block[0] && r <= block[1] {
			return true
		}
	}
	return false
}

func isWord(r rune) bool {
	return r >= rawBase || unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_'
}
