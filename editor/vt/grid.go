package vt

// blank is what erasing leaves: the Linux console and xterm keep the background,
// the former also reverse video.
func (t *Terminal) blank() cell {
	c := cell{text: " "}
	if t.level >= Linux {
		c.style.Background = t.style.Background
		c.style.Reverse = t.level == Linux && t.style.Reverse
	}
	return c
}

func (t *Terminal) blankRow() []cell {
	row := make([]cell, t.cols)
	fill(row, t.blank())
	return row
}

func (t *Terminal) blankGrid() [][]cell {
	g := make([][]cell, t.rows)
	for i := range g {
		g[i] = t.blankRow()
	}
	return g
}

func fill(row []cell, c cell) {
	for i := range row {
		row[i] = c
	}
}

// erase blanks columns from..to-1 of a row, and what is left of wide characters.
func (t *Terminal) erase(row, from, to int) {
	if from >= to {
		return
	}
	t.mend(row, from)
	t.mend(row, to)
	fill(t.grid[row][from:to], t.blank())
}

// mend blanks a wide character whose second half is at col: it is about to be cut there.
func (t *Terminal) mend(row, col int) {
	if col > 0 && col < t.cols && t.grid[row][col].text == "" {
		t.grid[row][col-1].text, t.grid[row][col].text = " ", " "
	}
}

// scrollUp moves rows from..to-1 up by n, scrollDown down; blank ones follow.
func (t *Terminal) scrollUp(from, to, n int) {
	n = min(n, to-from)
	copy(t.grid[from:to], t.grid[from+n:to])
	for i := to - n; i < to; i++ {
		t.grid[i] = t.blankRow()
	}
}

func (t *Terminal) scrollDown(from, to, n int) {
	n = min(n, to-from)
	copy(t.grid[from+n:to], t.grid[from:to-n])
	for i := from; i < from+n; i++ {
		t.grid[i] = t.blankRow()
	}
}

// insertCells and deleteCells shift the row of the cursor.
func (t *Terminal) insertCells(n int) {
	row := t.grid[t.row]
	n = min(n, t.cols-t.col)
	t.mend(t.row, t.col)
	t.mend(t.row, t.cols-n)
	copy(row[t.col+n:], row[t.col:t.cols-n])
	fill(row[t.col:t.col+n], t.blank())
}

func (t *Terminal) deleteCells(n int) {
	row := t.grid[t.row]
	n = min(n, t.cols-t.col)
	t.mend(t.row, t.col)
	t.mend(t.row, t.col+n)
	copy(row[t.col:], row[t.col+n:])
	fill(row[t.cols-n:], t.blank())
}

func (t *Terminal) inRegion() bool { return t.row >= t.top && t.row < t.bottom }

// index moves down, scrolling at the bottom of the region; reverseIndex up.
func (t *Terminal) index() {
	switch {
	case t.row == t.bottom-1:
		t.scrollUp(t.top, t.bottom, 1)
	case t.row < t.rows-1:
		t.row++
	}
	t.pending = false
}

func (t *Terminal) reverseIndex() {
	switch {
	case t.row == t.top:
		t.scrollDown(t.top, t.bottom, 1)
	case t.row > 0:
		t.row--
	}
	t.pending = false
}

// moveTo goes to a place of the screen, as near as it has one.
func (t *Terminal) moveTo(row, col int) {
	t.row = min(max(row, 0), t.rows-1)
	t.col = min(max(col, 0), t.cols-1)
	t.pending = false
}

// position is CUP: rows count from the top of the region in origin mode.
func (t *Terminal) position(row, col int) {
	if t.origin {
		row = min(row+t.top, t.bottom-1)
	}
	t.moveTo(row, col)
}

// up and down stop at the region's margin, if they begin on the inner side of it.
func (t *Terminal) up(n int) {
	limit := 0
	if t.row >= t.top {
		limit = t.top
	}
	t.moveTo(max(t.row-n, limit), t.col)
}

func (t *Terminal) down(n int) {
	limit := t.rows - 1
	if t.row < t.bottom {
		limit = t.bottom - 1
	}
	t.moveTo(min(t.row+n, limit), t.col)
}
