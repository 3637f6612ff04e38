package screen

import (
	"sort"
	"unicode"
)

// Width is the number of columns that terminals give r: 2 for East Asian wide
// characters and emoji, 0 for marks that stand on the character before, else 1.
// It is -1 for what must not be sent as it is, because terminals act on it, show
// nothing, or disagree (controls, formatting characters, blanks other than
// space, characters that change how their neighbour looks): a person who edits
// a configuration wants to see those anyway.
func Width(r rune) int {
	switch {
	case r < 0x7f:
		if r < ' ' {
			return -1
		}
		return 1
	case r < 0x300:
		if !unicode.IsPrint(r) {
			return -1
		}
		return 1
	case r >= 0xfe00 && r <= 0xfe0f, r >= 0xe0100, // variation selectors, private use
		r >= 0x3248 && r <= 0x324f, r >= 0x4dc0 && r <= 0x4dff, // wide since Unicode 16
		r >= 0x1f1e6 && r <= 0x1f1ff, r >= 0x1f3fb && r <= 0x1f3ff: // halves of flags, skin tones
		return -1
	case r >= 0x1160 && r <= 0x11ff, r >= 0xd7b0 && r <= 0xd7ff, // vowels and finals of a Hangul syllable
		unicode.In(r, unicode.Mn, unicode.Me):
		return 0
	case r == 0x3000: // the blank of wide text
		return 2
	case !unicode.IsPrint(r) || r == unicode.ReplacementChar: // the latter looks like an invalid byte
		return -1
	case wide(r):
		return 2
	}
	return 1
}

func wide(r rune) bool {
	i := sort.Search(len(wideRanges), func(i int) bool { return wideRanges[i].last >= r })
	return i < len(wideRanges) && wideRanges[i].first <= r
}
