package screen

import (
	"math"
	"slices"
)

// A scroll moves the rows from..to-1 by n, up if n is positive; what is pushed
// out is lost, blank rows come in.
type scroll struct {
	from, to, n int
	how         method
	estimate    int // of bytes, with what is to be painted afterwards
}

type method uint8

const (
	byRegion  method = iota // a scroll region, and LF or RI at its margin
	byLines                 // IL and DL
	byErasing               // ED: everything from row from on goes
)

// A picture is worth at most so many scrolls, one after the other.
const mostScrolls = 3

// update returns the state after the shortest way found to show want.
func (p *pen) update(want []*row, goal place, region int) pen {
	best := p.clone()
	best.paint(want, goal, math.MaxInt)
	for range mostScrolls {
		var next *pen
		for _, s := range p.findScrolls(want, region) {
			for _, scrolled := range p.scrolled(s, want) {
				q := scrolled.clone()
				limit := len(best.out) + best.debt(region) - q.debt(region)
				q.paint(want, goal, limit)
				if len(q.out) < limit {
					best, next = q, scrolled
				}
			}
		}
		if next == nil {
			break
		}
		p = next
	}
	return best
}

// scrolled is the state after a scroll, and after one for which the rows above,
// which it does not touch, were painted first: Enter within a line erases the
// rest of the line where the cursor stands, and goes down then.
func (p *pen) scrolled(s scroll, want []*row) []*pen {
	a, b := p.clone(), p.clone()
	a.scroll(s)
	b.paintAbove(s.from, want, place{s.from, 0}, math.MaxInt)
	if len(b.out) == len(p.out) {
		return []*pen{&a}
	}
	b.scroll(s)
	return []*pen{&a, &b}
}

// debt is what the next scroll of all the text costs more, because the scroll
// region has been used for something else.
func (p *pen) debt(region int) int {
	if p.top == 0 && p.bottom == p.home(region) {
		return 0
	}
	return len("\x1b[;22r") + len("\x1b[22H")
}

// source is the row that s brings to row i; -1 for a blank one.
func (s scroll) source(i int) int {
	if i < s.from || i >= s.to {
		return i
	}
	if j := i + s.n; j >= s.from && j < s.to {
		return j
	}
	return -1
}

// scroll does it.
func (p *pen) scroll(s scroll) {
	p.steady()
	n := max(s.n, -s.n)
	switch {
	case s.how == byErasing:
		p.moveTo(place{s.from, 0})
		p.put("\x1b[J")
	case s.how == byLines && s.n > 0:
		p.editLines(s.from, n, "M")
		if s.to < p.bottom {
			p.editLines(s.to-n, n, "L")
		}
	case s.how == byLines:
		if s.to < p.bottom {
			p.editLines(s.to-n, n, "M")
		}
		p.editLines(s.from, n, "L")
	default:
		p.setRegion(s.from, s.to)
		margin, step := s.to-1, "\n"
		keeps := p.t.LineFeed // the column
		if s.n < 0 {
			margin, step, keeps = s.from, "\x1bM", true
		}
		if p.row != margin {
			to := place{margin, 0}
			if same := (place{margin, p.col}); p.distance(same) < p.distance(to) && keeps {
				to = same
			}
			p.moveTo(to)
		} else if p.col > 0 && !keeps {
			p.put("\r")
			p.col = 0
		}
		for range n {
			p.put(step)
		}
	}
	before := slices.Clone(p.rows)
	var empty *row
	for i := s.from; i < s.to; i++ {
		if j := s.source(i); j >= 0 {
			p.rows[i] = before[j]
			continue
		}
		if empty == nil {
			empty = newRow(nil, p.t)
		}
		p.rows[i] = empty
	}
}

// editLines inserts or deletes lines in column 0, where some terminals take the
// cursor anyway.
func (p *pen) editLines(row, n int, final string) {
	p.moveTo(place{row, 0})
	p.csi(n, final)
}
