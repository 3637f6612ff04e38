package screen

import (
	"hash/maphash"
	"slices"
	"unicode/utf8"
)

// A cell as the terminal shows it: styles that look the same are the same, and
// so is every blank that is not in reverse video.
type cell struct {
	text string // "" is the second half of a wide character
	look look
}

var blank = cell{text: " "}

// unknown is what is left of a wide character of which the other half was
// overwritten: a blank on some terminals, half a character on others.
var unknown = cell{text: "\x00"}

// A row of the terminal, every column of it. It does not change once it is made,
// so that states of the terminal can share it.
type row struct {
	cells []cell
	end   int // behind the last cell that is not blank
	hash  uint64
}

var seed = maphash.MakeSeed()

// newRow makes of a picture's row what t can show of it.
func newRow(from []Cell, t Terminal) *row {
	cells := make([]cell, t.Cols)
	for i := range cells {
		cells[i] = blank
	}
	for i := 0; i < min(len(from), t.Cols-1); i++ {
		c := cell{from[i].Text, t.look(from[i].Style)}
		switch w := widthOf(c.text); {
		case w == 2 && i+1 < min(len(from), t.Cols-1) && from[i+1].Text == "":
			cells[i], cells[i+1] = c, cell{"", c.look}
			i++
		case w == 1 && (c.text != " " || c.look&reverse != 0):
			cells[i] = c
		case w != 1 && c.text != "": // cut in half, or nothing to be sent to a terminal
			cells[i] = cell{"?", c.look}
		}
	}
	return finish(cells)
}

func finish(cells []cell) *row {
	r := &row{cells: cells, end: len(cells)}
	for r.end > 0 && cells[r.end-1] == blank {
		r.end--
	}
	var h maphash.Hash
	h.SetSeed(seed)
	for _, c := range cells[:r.end] {
		h.WriteString(c.text)
		h.WriteByte(byte(c.look))
	}
	r.hash = h.Sum64()
	return r
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

func (r *row) equal(o *row) bool {
	return r == o || r.hash == o.hash && slices.Equal(r.cells, o.cells)
}

// firstDifference is the column where two rows begin to differ, or their length.
func firstDifference(a, b []cell) int {
	for i := range a {
		if a[i] != b[i] {
			return i
		}
	}
	return len(a)
}

func differences(a, b []cell) (n int) {
	for i := range a {
		if a[i] != b[i] {
			n++
		}
	}
	return n
}
