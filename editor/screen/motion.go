package screen

import "strconv"

// moveTo takes the shortest way to a place.
func (p *pen) moveTo(to place) {
	w := p.way(to)
	p.out = append(p.out, w.bytes[:w.len]...)
	p.place = to
}

// distance is the number of bytes that moveTo would send.
func (p *pen) distance(to place) int { return p.way(to).len }

// A way is a cursor motion being put together; no sensible one is longer than the
// absolute motion, of at most "\x1b[999;999H".
type way struct {
	bytes [12]byte
	len   int // more than the bytes have room for: too long to be of use
}

func (w *way) put(s string) {
	if w.len+len(s) <= len(w.bytes) {
		copy(w.bytes[w.len:], s)
	}
	w.len += len(s)
}

func (w *way) cell(k *clusters, c cell) {
	if c&clusterFlag == 0 && c&textMask < 0x80 && !c.half() {
		if w.len < len(w.bytes) {
			w.bytes[w.len] = byte(c)
		}
		w.len++
		return
	}
	var b [64]byte
	w.put(string(k.append(b[:0], c)))
}

func (w *way) csi(n int, final string) {
	w.put("\x1b[")
	if n != 1 {
		w.put(strconv.Itoa(n))
	}
	w.put(final)
}

// repeat puts s n times, or the control sequence with n, which is shorter for many.
func (w *way) repeat(n int, s, final string) {
	if n*len(s) > 2+len(strconv.Itoa(n))+len(final) {
		w.csi(n, final)
		return
	}
	for range n {
		w.put(s)
	}
}

func (p *pen) way(to place) way {
	var best way
	if p.place == to {
		return best
	}
	best.csi(to.row+1, "")
	if to.col > 0 {
		best.put(";" + strconv.Itoa(to.col+1))
	}
	best.put("H")

	var w way
	if p.vertical(&w, p.col, to.row) {
		p.horizontal(&w, to.row, p.col, to.col)
		best = shorter(best, w)

		w = way{}
		w.put("\r")
		p.vertical(&w, 0, to.row)
		p.horizontal(&w, to.row, 0, to.col)
		best = shorter(best, w)
	}
	if to.col > 0 {
		w = way{}
		w.csi(to.row+1, "H")
		p.horizontal(&w, to.row, 0, to.col)
		best = shorter(best, w)
	}
	return best
}

func shorter(a, b way) way {
	if b.len < a.len {
		return b
	}
	return a
}

// vertical moves to another row of the same column, false if the margins of the
// scroll region are in between: lines would scroll there.
func (p *pen) vertical(w *way, col, to int) bool {
	switch n := to - p.row; {
	case n > 0:
		if p.row < p.bottom && to >= p.bottom {
			return false
		}
		step := "\n"
		if col > 0 && !p.t.LineFeed {
			step = "\x1b[B"
		}
		w.repeat(n, step, "B")
	case n < 0:
		if p.row >= p.top && to < p.top {
			return false
		}
		w.repeat(-n, "\x1bM", "A")
	}
	return true
}

// horizontal moves within a row. What is there already may be printed again.
func (p *pen) horizontal(w *way, row, from, to int) {
	switch n := to - from; {
	case n < 0:
		w.repeat(-n, "\b", "D")
	case n > 0:
		right := *w
		right.csi(n, "C")
		again := *w
		for _, c := range p.rows[row].cells[from:to] {
			again.cell(&p.clusters, c)
			if again.len >= right.len || !p.ready(c) {
				*w = right
				return
			}
		}
		*w = again
		if p.rows[row].cells[to].half() || p.rows[row].cells[from].half() { // halves of wide characters
			*w = right
		}
	}
}

// ready tells whether c can be printed without a change of look.
func (p *pen) ready(c cell) bool {
	return c != unknown && (c.look() == p.look || c == blank && p.look&reverse == 0)
}
