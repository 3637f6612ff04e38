package screen

import "math"

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
	notAtAll                // what differs is painted
)

// A picture is worth at most so many scrolls, one after the other.
const mostScrolls = 3

// update returns the state after the shortest way found to show want. p is the
// first of the states and will have been changed.
func (p *pen) update(want []*row, goal place, region int) *pen {
	s := &p.states
	base, next, best, scrolled, painted := &s[0], &s[1], &s[2], &s[3], &s[4]
	least := math.MaxInt // bytes of the best, and its debt
	for n := range mostScrolls {
		better := false
		for i, way := range base.findScrolls(want, region, n == 0) {
			if p.spent() && n+i > 0 {
				break
			}
			for above := range 2 {
				// Enter within a line erases the rest of the line where the cursor stands, and
				// goes down then: rows above, which a scroll does not touch, may come first.
				scrolled.set(base)
				if above == 1 {
					if scrolled.paintAbove(way.from, want, place{way.from, 0}, least); len(scrolled.out) == len(base.out) {
						break
					}
				}
				scrolled.scroll(way)
				scrolled.plan = append(scrolled.plan, step{way, above == 1})
				limit := least - scrolled.debt(region)
				if scrolled.atLeast(want) >= limit {
					continue
				}
				painted.set(scrolled)
				if painted.paint(want, goal, limit); len(painted.out) < limit {
					*best, *painted = *painted, *best
					*next, *scrolled = *scrolled, *next
					least = len(best.out) + best.debt(region)
					better = way.how != notAtAll
				}
			}
		}
		if !better {
			break
		}
		*base, *next = *next, *base
	}
	return best
}

// follow goes the way of a plan until most bytes are sent, and tells whether that
// was all of it.
func (p *pen) follow(plan []step, want []*row, goal place, most int) (whole bool) {
	for _, s := range plan {
		if s.above && !p.paintAbove(s.from, want, place{s.from, 0}, most) {
			return false
		}
		if p.scroll(s.scroll); len(p.out) >= most {
			return false
		}
	}
	if whole = p.paintAbove(len(want), want, goal, most); whole {
		p.moveTo(goal)
	}
	return whole
}

// atLeast is what p will have sent at least when it has painted what differs.
func (p *pen) atLeast(want []*row) int {
	n := len(p.out)
	for i, w := range want {
		switch have := p.rows[i]; {
		case have == w:
		case have == p.empty:
			n += w.printed + 1
		default:
			n += 2
		}
	}
	return n - 1
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
	if s.how == notAtAll {
		return
	}
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
	moved := p.rows[s.from:s.to]
	kept := max(len(moved)-n, 0)
	if s.n > 0 {
		copy(moved, moved[len(moved)-kept:])
		moved = moved[kept:]
	} else {
		copy(moved[len(moved)-kept:], moved[:kept])
		moved = moved[:len(moved)-kept]
	}
	for i := range moved {
		moved[i] = p.empty
	}
}

// editLines inserts or deletes lines in column 0, where some terminals take the
// cursor anyway.
func (p *pen) editLines(row, n int, final string) {
	p.moveTo(place{row, 0})
	p.csi(n, final)
}
