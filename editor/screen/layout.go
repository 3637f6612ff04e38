package screen

import (
	"fmt"
	"unicode/utf8"
)

// TabWidth is the distance of tab stops.
const TabWidth = 8

// A character carries so many marks; more are shown by their numbers. It bounds
// what one column costs.
const mostMarks = 4

// Layout turns a piece of a line into cells: tabs reach to the next stop, control
// bytes become ^X, invalid bytes <ff> and characters without a width <200b>.
//
// The piece begins at the given column of its line. Only whole characters are
// laid out, and no more than fit into most cells; what follows costs nothing.
// at[i] is the column of byte i in the line, so at[0] is column; len(at) is one
// more than the number of bytes laid out and the last is the column behind them.
// A mark has the column behind the character it stands on.
// style gives the Style of the character that begins at a byte; nil is Plain.
func Layout(line []byte, column, most int, style func(i int) Style) (row []Cell, at []int) {
	size := min(max(most, 0), len(line))
	row, at = make([]Cell, 0, size), make([]int, 0, size+1)
	marks := mostMarks // nothing to stand on at the beginning
	for i := 0; i < len(line); {
		c := next(line[i:], column+len(row), marks < mostMarks)
		if len(row)+c.width > most {
			break
		}
		for range c.bytes {
			at = append(at, column+len(row))
		}
		var st Style
		if style != nil {
			st = style(i)
		}
		switch {
		case c.width == 0:
			marks++
			row[baseOf(row)].Text += c.text
		case c.whole:
			marks = 0
			row = append(row, Cell{c.text, st})
			if c.width == 2 {
				row = append(row, Cell{"", st})
			}
		default:
			marks = mostMarks
			for j := range c.width {
				row = append(row, Cell{c.text[j : j+1], st})
			}
		}
		i += c.bytes
	}
	return row, append(at, column+len(row))
}

// baseOf is the index of the last character's first cell.
func baseOf(row []Cell) int {
	if i := len(row) - 1; row[i].Text != "" {
		return i
	}
	return len(row) - 2
}

// Skip passes over the characters of a line that end at column to or before it,
// where the line's first byte stands at the given column. It returns the bytes
// passed and the column reached: where to begin a Layout of a line scrolled
// sideways. With to = math.MaxInt the column is that of the line's end.
func Skip(line []byte, column, to int) (bytes, reached int) {
	marks := mostMarks
	for bytes < len(line) {
		c := next(line[bytes:], column, marks < mostMarks)
		if column+c.width > to {
			break
		}
		switch {
		case c.width == 0:
			marks++
		case c.whole:
			marks = 0
		default:
			marks = mostMarks
		}
		bytes += c.bytes
		column += c.width
	}
	return bytes, column
}

// A character as it is shown.
type character struct {
	text         string
	bytes, width int
	whole        bool // text is one character, not one ASCII character for each column
}

const blanks = "        "

// next is the first character of a line that stands at a column; markable tells
// whether a mark may join the character before it.
func next(line []byte, column int, markable bool) character {
	if b := line[0]; b >= ' ' && b < 0x7f {
		return character{ascii[b-' ' : b-' '+1], 1, 1, true}
	} else if b == '\t' {
		n := TabWidth - column%TabWidth
		return character{blanks[:n], 1, n, false}
	} else if b < ' ' || b == 0x7f {
		return character{"^" + string(rune(b^0x40)), 1, 2, false}
	}
	r, n := utf8.DecodeRune(line)
	if r == utf8.RuneError && n == 1 {
		return character{fmt.Sprintf("<%02x>", line[0]), 1, 4, false}
	}
	if w := Width(r); w > 0 || w == 0 && markable {
		return character{string(line[:n]), n, w, true}
	}
	s := fmt.Sprintf("<%04x>", r)
	return character{s, n, len(s), false}
}

const ascii = " !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~"
