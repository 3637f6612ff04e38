package vt

import (
	"unicode"

	"bantam/editor/screen"
)

// The line drawing characters of a VT100, from '_' to '~'.
var drawing = []rune(" ◆▒␉␌␍␊°±␤␋┘┐┌└┼⎺⎻─⎼⎽├┤┴┬│≤≥π≠£·")

// width is what a terminal makes of r. What screen.Width calls unprintable may
// still come from other programs.
func width(r rune) int {
	if w := screen.Width(r); w >= 0 {
		return w
	}
	if unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf) {
		return 0
	}
	if r >= 0x1f3fb && r <= 0x1f3ff {
		return 2
	}
	return 1
}

func (t *Terminal) print(r rune) {
	if r >= 0x80 && r < 0xa0 {
		t.fault("control character %U", r)
		return
	}
	if t.graphics[t.shift] && r >= '_' && r <= '~' {
		r = drawing[r-'_']
	}
	w := width(r)
	if w == 0 {
		t.mark(r)
		return
	}
	if w > t.cols {
		t.fault("%q is wider than the screen", r)
		return
	}
	if t.pending || t.col+w > t.cols {
		if t.noWrap {
			t.col = t.cols - w
		} else {
			t.col = 0
			t.index()
		}
		t.pending = false
	}
	if t.insert {
		t.insertCells(w)
	}
	t.mend(t.row, t.col)
	t.mend(t.row, t.col+w)
	t.grid[t.row][t.col] = cell{string(r), t.style}
	if w == 2 {
		t.grid[t.row][t.col+1] = cell{"", t.style}
	}
	t.last = r
	if t.col += w; t.col == t.cols {
		t.col--
		t.pending = !t.noWrap
		t.fault("row %d: the last column was written: a wrap is pending", t.row)
	}
}

// mark puts r on top of the character before the cursor.
func (t *Terminal) mark(r rune) {
	col := t.col - 1
	if t.pending {
		col = t.col
	}
	if col < 0 {
		t.fault("%U stands on nothing", r)
		return
	}
	if t.grid[t.row][col].text == "" {
		col--
	}
	t.grid[t.row][col].text += string(r)
}
