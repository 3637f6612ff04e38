package screen

import "strconv"

// A pen is the state of a terminal and what was sent to bring it there. Ways to
// draw are tried on copies.
type pen struct {
	t     Terminal
	rows  []*row // what is shown
	place        // the cursor
	look  look   // of what is printed next
	// The rows top to bottom-1 scroll when the cursor leaves them.
	top, bottom int
	out         []byte
	plan        []step // how out came about
	*scratch
}

// A step is a scroll, after which the rows above it were painted or not.
type step struct {
	scroll
	above bool
}

type place struct{ row, col int }

// set makes p a copy of q, in its own memory.
func (p *pen) set(q *pen) {
	rows, out, plan := append(p.rows[:0], q.rows...), append(p.out[:0], q.out...), append(p.plan[:0], q.plan...)
	*p = *q
	p.rows, p.out, p.plan = rows, out, plan
}

func (p *pen) put(s string) { p.out = append(p.out, s...) }

func (p *pen) csi(n int, final string) {
	p.put("\x1b[")
	if n != 1 {
		p.out = strconv.AppendInt(p.out, int64(n), 10)
	}
	p.put(final)
}

// begin clears a terminal of which nothing is known, unless it is Clean not even
// whether it still draws lines instead of letters after a binary file was shown.
func (p *pen) begin(region int) {
	if !p.t.Clean {
		p.put("\x0f\x1b[m")
	}
	p.bottom = -1
	p.setRegion(0, p.home(region))
	p.put("\x1b[J")
	p.rows = p.rows[:0]
	for range p.t.Rows {
		p.rows = append(p.rows, p.empty)
	}
}

// home is the bottom of the scroll region for a picture with that many rows of
// text; a region has at least two.
func (p *pen) home(region int) int {
	if region < 2 || region > p.t.Rows {
		return p.t.Rows
	}
	return region
}

// goal is where the cursor of a picture ends.
func (p *pen) goal(of Picture) place {
	return place{min(max(of.Row, 0), p.t.Rows-1), min(max(of.Col, 0), p.t.Cols-1)}
}

// setRegion makes the rows from..to-1 scroll together. Terminals put the cursor home.
func (p *pen) setRegion(from, to int) {
	if p.top == from && p.bottom == to {
		return
	}
	p.put("\x1b[")
	if from > 0 {
		p.out = strconv.AppendInt(p.out, int64(from+1), 10)
	}
	if to < p.t.Rows {
		p.put(";")
		p.out = strconv.AppendInt(p.out, int64(to), 10)
	}
	p.put("r")
	p.top, p.bottom = from, to
	p.place = place{}
}

// print prints a cell at the cursor; blanks look the same in every colour.
func (p *pen) print(c cell) {
	if c == blank {
		p.steady()
	} else {
		p.setLook(c.look())
	}
	p.out = p.clusters.append(p.out, c)
	p.col++
}

// eraseLine blanks the row from the cursor on.
func (p *pen) eraseLine() {
	p.steady()
	p.put("\x1b[K")
	fill(p.rows[p.row].cells[p.col:])
}
