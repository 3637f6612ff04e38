package screen

import "unicode/utf8"

// A cell as the terminal shows it: styles that look the same are the same, and
// so is every blank that is not in reverse video. Rows of such numbers are soon
// compared. The low 21 bits are the character, or the number of a cluster, the
// next five its look. The second half of a wide character is 0 but for its look.
type cell uint32

const (
	lookShift   = 21
	textMask    = 1<<lookShift - 1
	lookMask    = 31 << lookShift
	clusterFlag = 1 << 26

	blank cell = ' '

	// unknown is what is left of a wide character of which the other half was
	// overwritten: a blank on some terminals, half a character on others.
	unknown cell = 1 << 27
)

func (c cell) look() look { return look(c & lookMask >> lookShift) }

// half tells whether c is the second half of a wide character.
func (c cell) half() bool { return c&^lookMask == 0 }

// clusters are the characters with marks that were shown so far.
type clusters struct {
	texts  []string
	number map[string]cell
}

// With so many the terminal is cleared and they are forgotten.
const mostClusters = 1 << 13

// cell of a text that widthOf knows, with its width; 0 is no text, and -1
// anything else, which must not be sent to a terminal.
func (k *clusters) cell(text string, l look) (c cell, width int) {
	if len(text) == 1 && text[0] >= ' ' && text[0] < 0x7f {
		return cell(text[0]) | cell(l)<<lookShift, 1
	}
	width = widthOf(text)
	r, n := utf8.DecodeRuneInString(text)
	switch {
	case text == "" || width < 0:
		return cell(l) << lookShift, min(width, 0)
	case n == len(text):
		c = cell(r)
	default:
		var ok bool
		if c, ok = k.number[text]; !ok {
			if k.number == nil {
				k.number = map[string]cell{}
			}
			c = cell(len(k.texts)) | clusterFlag
			k.texts = append(k.texts, text)
			k.number[text] = c
		}
	}
	return c | cell(l)<<lookShift, width
}

// append adds the bytes that print c.
func (k *clusters) append(b []byte, c cell) []byte {
	if c&clusterFlag != 0 {
		return append(b, k.texts[c&textMask]...)
	}
	if c.half() {
		return b
	}
	return utf8.AppendRune(b, rune(c&textMask))
}

// widthOf is the width of a cell's text: one character and its marks; -1 if it is
// anything else.
func widthOf(text string) int {
	if len(text) == 1 {
		return Width(rune(text[0]))
	}
	first := -1
	for i, r := range text {
		w := Width(r)
		if r == utf8.RuneError || i > 0 && w != 0 || i == 0 && w < 1 {
			return -1
		}
		if i == 0 {
			first = w
		}
	}
	return first
}
