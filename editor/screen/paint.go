package screen

import "math"

// A row is worth at most so many shifts of its characters.
const mostShifts = 2

// paint brings the rows that differ up to date and ends at goal. It gives up when
// it has sent limit bytes: somebody else was shorter.
func (p *pen) paint(want []*row, goal place, limit int) {
	if p.paintAbove(len(want), want, goal, limit) {
		p.moveTo(goal)
	}
}

// paintAbove does so for the rows before end, without going to goal in the end.
func (p *pen) paintAbove(end int, want []*row, goal place, limit int) (done bool) {
	i, last, n := 0, 0, 0
	for k := range end {
		if p.rows[k] != want[k] {
			if last = k; n == 0 {
				i = k
			}
			n++
		}
	}
	step := 1
	if n > 1 && n < 5 && p.row >= last {
		i, step = last, -1 // nearer to the cursor; going up costs a byte more for each row
	}
	for ; n > 0; n-- {
		next, j := goal, i
		if n > 1 {
			for j += step; p.rows[j] == want[j]; j += step {
			}
			next = place{j, firstDifference(p.rows[j].cells, want[j].cells)}
		}
		p.paintRow(i, want[i], next, mostShifts)
		if len(p.out) >= limit {
			return false
		}
		i = j
	}
	return true
}

// painting is a row that is being drawn in different ways.
type painting struct {
	*try
	from  *pen
	best  pen // after the best way so far, which sent try.best
	least int // bytes of that, with the motion to next
	i     int
	have  *row
	next  place
}

// begin gives a pen to draw with.
func (d *painting) begin() *pen {
	q := &d.pen
	*q = *d.from
	q.out = d.out[:0]
	d.row.cells = append(d.row.cells[:0], d.have.cells...)
	q.rows[d.i] = &d.row
	q.work += len(d.have.cells)
	return q
}

// end keeps what q drew if it is the best so far.
func (d *painting) end(q *pen) {
	d.out = q.out
	if n := len(q.out) + q.distance(d.next); n < d.least {
		d.least, d.best = n, *q
		d.try.best, d.out = d.out, d.try.best
	}
}

// paintRow makes row i look like want in the shortest way, counting the motion to
// where the cursor goes next.
func (p *pen) paintRow(i int, want *row, next place, shifts int) {
	have := p.rows[i]
	d := painting{try: &p.tries[shifts], from: p, least: math.MaxInt, i: i, have: have, next: next}
	q := d.begin()
	erased := q.overwrite(i, want, 0, p.t.Cols, true)
	d.end(q)
	if have != p.empty { // where nothing can be erased or moved there is no other way
		if erased {
			q = d.begin()
			q.overwrite(i, want, 0, p.t.Cols, false)
			d.end(q)
		}
		if n := differences(have.cells, want.cells); n > 1 {
			if blanksAmong(have.cells, want) > len("\x1b[K") {
				q = d.begin()
				q.moveTo(place{i, firstDifference(have.cells, want.cells)})
				q.eraseLine()
				q.overwrite(i, want, 0, p.t.Cols, true)
				d.end(q)
			}
			if p.t.Insert && shifts > 0 && d.least > len("\x1b[P") && !p.spent() {
				for _, s := range p.findShifts(have.cells, want.cells, n, p.nearby(i), shifts) {
					if s.left+len("\x1b[P") >= d.least {
						break
					}
					q = d.begin()
					q.shift(i, s)
					q.overwrite(i, want, s.at, s.at+s.n, false) // what was inserted, before the cursor goes on
					q.paintRow(i, want, next, shifts-1)
					d.end(q)
				}
			}
		}
	}
	out := append(p.out, d.try.best...)
	*p = d.best
	p.out = out
	p.rows[i] = want
}

// nearby is the column that is cheap to reach in row i.
func (p *pen) nearby(i int) int {
	if p.row == i {
		return p.col
	}
	return 0
}

// blanksAmong counts the blanks before want's end that something else must make
// room for: erasing all of it first would print less.
func blanksAmong(have []cell, want *row) (n int) {
	for i, c := range want.cells[:want.end] {
		if c == blank && have[i] != blank {
			n++
		}
	}
	return n
}

// overwrite prints the cells from..end-1 that differ, and may erase what lies
// behind the last character of want.
func (p *pen) overwrite(i int, want *row, from, end int, erase bool) (erased bool) {
	have := p.rows[i].cells
	if want.cells[from].half() {
		from-- // a wide character is printed as a whole
	}
	for c := from; c < end; c++ {
		if have[c] == want.cells[c] {
			continue
		}
		if c >= want.end && (erase || c == len(have)-1) { // the last column is never printed
			to := place{i, c}
			if last := (place{i, want.end}); p.distance(last) < p.distance(to) {
				to = last
			}
			if p.row == i && p.col >= want.end && p.col < c {
				to = p.place
			}
			p.moveTo(to)
			p.eraseLine()
			return true
		}
		p.moveTo(place{i, c})
		p.print(want.cells[c])
		have[c] = want.cells[c]
		if c+1 < len(have) && want.cells[c+1].half() {
			c++
			p.col++
			have[c] = want.cells[c]
		}
		if c+1 < len(have) && have[c+1].half() {
			have[c+1] = unknown
		}
	}
	return false
}
