package screen

import (
	"math"
	"slices"
)

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
	var dirty []int
	for i := range end {
		if !p.rows[i].equal(want[i]) {
			dirty = append(dirty, i)
		}
	}
	if n := len(dirty); n > 1 && n < 5 && p.row >= dirty[n-1] {
		slices.Reverse(dirty) // nearer to the cursor; going up costs a byte more for each row
	}
	for k, i := range dirty {
		next := goal
		if k+1 < len(dirty) {
			j := dirty[k+1]
			next = place{j, firstDifference(p.rows[j].cells, want[j].cells)}
		}
		p.paintRow(i, want[i], next, mostShifts)
		if len(p.out) >= limit {
			return false
		}
	}
	return true
}

// paintRow makes row i look like want in the shortest way, counting the motion to
// where the cursor goes next.
func (p *pen) paintRow(i int, want *row, next place, shifts int) {
	have := p.rows[i]
	var best pen
	least := math.MaxInt
	try := func(draw func(q *pen)) {
		q := *p
		q.out = nil
		q.rows[i] = &row{cells: slices.Clone(have.cells)}
		draw(&q)
		if n := len(q.out) + q.distance(next); n < least {
			best, least = q, n
		}
	}
	erased := false
	try(func(q *pen) { erased = q.overwrite(i, want, 0, p.t.Cols, true) })
	if erased {
		try(func(q *pen) { q.overwrite(i, want, 0, p.t.Cols, false) })
	}
	if n := differences(have.cells, want.cells); n > 1 {
		if blanksAmong(have.cells, want) > len("\x1b[K") {
			try(func(q *pen) {
				q.moveTo(place{i, firstDifference(have.cells, want.cells)})
				q.eraseLine()
				q.overwrite(i, want, 0, p.t.Cols, true)
			})
		}
		if p.t.Insert && shifts > 0 && least > len("\x1b[P") {
			for _, s := range findShifts(have.cells, want.cells, n, p.nearby(i)) {
				if s.left+len("\x1b[P") >= least {
					break
				}
				try(func(q *pen) {
					q.shift(i, s)
					q.overwrite(i, want, s.at, s.at+s.n, false) // what was inserted, before the cursor goes on
					q.paintRow(i, want, next, shifts-1)
				})
			}
		}
	}
	best.out = append(p.out, best.out...)
	*p = best
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
	if want.cells[from].text == "" {
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
		if c+1 < len(have) && want.cells[c+1].text == "" {
			c++
			p.col++
			have[c] = want.cells[c]
		}
		if c+1 < len(have) && have[c+1].text == "" {
			have[c+1] = unknown
		}
	}
	return false
}
