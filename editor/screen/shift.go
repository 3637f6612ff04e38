package screen

// A shift inserts n blank cells at a column, or deletes -n.
type shift struct {
	at, n int
	left  int // cells that still differ afterwards
}

const (
	longestShift = 16 // beyond, printing costs about the same
	triedShifts  = 3  // for a row
)

// findShifts returns the shifts of have that leave the fewest cells to print, of
// the differ cells that do now; all over the place a third may fit by accident.
func (p *pen) findShifts(have, want []cell, differ, near, level int) []shift {
	found := p.shifts[level][:0]
	o := overlay{have: have, want: want, near: near, first: min(firstDifference(have, want), near), differ: differ}
	for o.end = len(have); o.end > 0 && have[o.end-1] == blank && want[o.end-1] == blank; {
		o.end--
	}
	most := min(differ-2, differ*2/3) // may be left
	for n := -longestShift; n <= longestShift; n++ {
		if n == 0 || max(n, -n) >= len(have) {
			continue
		}
		best := shift{n: n, left: most + 1}
		if n < 0 {
			o.delete(&best)
		} else {
			o.insert(&best)
		}
		p.work += o.looked
		if best.left > most {
			continue
		}
		i := len(found)
		for i > 0 && found[i-1].left > best.left {
			i--
		}
		if len(found) < triedShifts {
			found = found[:len(found)+1]
		}
		if i < len(found) {
			copy(found[i+1:], found[i:])
			found[i] = best
		}
	}
	return found
}

// An overlay compares a row with what is wanted in place of it, shifted at one
// column after the other, from the right.
type overlay struct {
	have, want []cell
	first, end int // the columns to shift at
	near       int // among columns that are equally good (in "aaa") the one close to it is taken
	differ     int // cells that differ in place
	looked     int // at cells
}

// delete finds the column where deleting -best.n cells leaves the fewest.
func (o *overlay) delete(best *shift) {
	n := -best.n
	before, left := o.differ, 0 // cells on the left that differ in place, and others that will
	at := o.end - 1
	for ; at >= o.first && left <= best.left; at-- {
		w := o.want[at]
		if o.have[at] != w {
			before--
		}
		if c := at + n; c < len(o.have) && o.have[c] != w || c >= len(o.have) && w != blank {
			left++
		}
		o.take(best, at, before+left)
	}
	o.looked = o.end - at
}

// insert finds the column where inserting best.n cells does.
func (o *overlay) insert(best *shift) {
	n := best.n
	before, left, inserted := o.differ, 0, 0 // and cells to print into the gap
	at := o.end - 1
	for ; at >= o.first && left <= best.left; at-- {
		w, h := o.want[at], o.have[at]
		if h != w {
			before--
		}
		if c := at + n; c < len(o.want) { // what is pushed out does not matter
			if h != o.want[c] {
				left++
			}
			if o.want[c] != blank {
				inserted--
			}
		}
		if w != blank {
			inserted++
		}
		o.take(best, at, before+left+inserted)
	}
	o.looked = o.end - at
}

// take makes a shift at a column the best if it leaves less.
func (o *overlay) take(best *shift, at, left int) {
	if left > best.left || left == best.left && max(at-o.near, o.near-at) >= max(best.at-o.near, o.near-best.at) {
		return
	}
	if at+max(best.n, -best.n) < len(o.have) && whole(o.have, at, best.n) {
		best.at, best.left = at, left
	}
}

// whole tells whether a shift cuts no wide character, which terminals treat differently.
func whole(have []cell, at, n int) bool {
	cut := at - n // the first cell behind those deleted
	if n > 0 {
		cut = len(have) - n // the first cell pushed out
	}
	return !have[at].half() && (cut >= len(have) || !have[cut].half())
}

func (p *pen) shift(i int, s shift) {
	p.moveTo(place{i, s.at})
	p.steady()
	cells := p.rows[i].cells
	if s.n > 0 {
		p.csi(s.n, "@")
		copy(cells[s.at+s.n:], cells[s.at:])
		fill(cells[s.at:min(s.at+s.n, len(cells))])
	} else {
		p.csi(-s.n, "P")
		copy(cells[s.at:], cells[s.at-s.n:])
		fill(cells[len(cells)+s.n:])
	}
}

func fill(cells []cell) {
	for i := range cells {
		cells[i] = blank
	}
}
