package screen

import "slices"

// A row of the terminal, every column of it. It does not change once it is made,
// so that states of the terminal can share it, and of rows that look the same a
// Screen has only one: it compares addresses.
type row struct {
	cells   []cell
	hash    uint64
	end     int // behind the last cell that is not blank
	printed int // cells that are not blank
}

// wanted makes the rows that show a picture: those that are shown already where
// they look the same.
func (p *pen) wanted(from [][]Cell) []*row {
	s := p.scratch
	want := s.want[:0]
	for i := range p.t.Rows {
		var cells []Cell
		if i < len(from) {
			cells = from[i]
		}
		want = append(want, p.wantedRow(cells, i, want))
	}
	s.want = want
	return want
}

// wantedRow makes row i of a picture, of which those above are made.
func (p *pen) wantedRow(from []Cell, i int, above []*row) *row {
	s := p.scratch
	if len(from) == 0 {
		return s.empty
	}
	made := &s.made
	made.cells = append(made.cells[:0], s.empty.cells...)
	p.lay(from, made.cells)
	made.finish()
	s.work += len(made.cells)
	if made.equal(s.empty) {
		return s.empty
	}
	for k := range p.rows { // first where it was, or near
		if r := p.rows[(i+k)%len(p.rows)]; made.equal(r) {
			return r
		}
	}
	for _, r := range above {
		if made.equal(r) {
			return r
		}
	}
	kept := *made
	kept.cells = slices.Clone(made.cells)
	return &kept
}

// lay puts what the terminal can show of a picture's row into blank cells.
func (p *pen) lay(from []Cell, cells []cell) {
	k := &p.scratch.clusters
	n := min(len(from), len(cells)-1)
	for i := 0; i < n; i++ {
		l := p.t.look(from[i].Style)
		switch c, w := k.cell(from[i].Text, l); {
		case w == 2 && i+1 < n && from[i+1].Text == "":
			cells[i], cells[i+1] = c, cell(l)<<lookShift
			i++
		case w == 1 && (c&^lookMask != blank || l&reverse != 0):
			cells[i] = c
		case w != 1 && from[i].Text != "": // cut in half, or nothing to be sent to a terminal
			cells[i] = '?' | cell(l)<<lookShift
		}
	}
}

// finish finds the end and the hash (FNV-1a).
func (r *row) finish() {
	r.end = len(r.cells)
	for r.end > 0 && r.cells[r.end-1] == blank {
		r.end--
	}
	r.hash, r.printed = 14695981039346656037, 0
	for _, c := range r.cells[:r.end] {
		if c != blank && !c.half() {
			r.printed++
		}
		r.hash = (r.hash ^ uint64(c)) * 1099511628211
	}
}

func (r *row) equal(o *row) bool {
	return r.hash == o.hash && r.end == o.end && firstDifference(r.cells[:r.end], o.cells) == r.end
}

// firstDifference is the column where two rows begin to differ, or the length of a.
func firstDifference(a, b []cell) int {
	b = b[:len(a)]
	for i, c := range a {
		if c != b[i] {
			return i
		}
	}
	return len(a)
}

func differences(a, b []cell) (n int) {
	b = b[:len(a)]
	for i, c := range a {
		if c != b[i] {
			n++
		}
	}
	return n
}
