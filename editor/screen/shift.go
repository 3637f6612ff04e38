package screen

import (
	"slices"
	"unicode/utf8"
)

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
// Among columns that are equally good (in "aaa") it takes the one close to near.
func findShifts(have, want []cell, differ, near int) []shift {
	var found []shift
	size := len(have)
	h, w := keys(have), keys(want)
	first := min(firstDifference(have, want), near)
	for n := -longestShift; n <= longestShift; n++ {
		if n == 0 || max(n, -n) >= size {
			continue
		}
		best := shift{n: n, left: differ}
		left, inserted, before := 0, 0, differ
		// From the right: before are the cells on the left that differ in place,
		// inserted those to print into the gap, left the others that will differ.
		for at := max(len(h), len(w)) - 1; at >= first; at-- {
			before -= count(key(h, at) != key(w, at))
			switch {
			case n < 0:
				left += count(key(h, at-n) != key(w, at))
			case at+n < size: // what is pushed out does not matter
				left += count(key(h, at) != key(w, at+n))
				inserted -= count(key(w, at+n) != key(nil, 0))
				fallthrough
			default:
				inserted += count(key(w, at) != key(nil, 0))
			}
			total := before + left + inserted
			if total < best.left || total == best.left && max(at-near, near-at) < max(best.at-near, near-best.at) {
				if at+max(n, -n) < size && whole(have, at, n) {
					best.at, best.left = at, total
				}
			}
		}
		if best.left+2 <= differ && best.left*3 <= differ*2 {
			found = append(found, best)
		}
	}
	slices.SortStableFunc(found, func(a, b shift) int { return a.left - b.left })
	return found[:min(len(found), triedShifts)]
}

// keys are numbers for cells, faster to compare; they may be the same for cells
// that carry different marks. The blanks at the end have none.
func keys(cells []cell) []uint32 {
	end := len(cells)
	for end > 0 && cells[end-1] == blank {
		end--
	}
	k := make([]uint32, end)
	for i, c := range cells[:end] {
		r, n := utf8.DecodeRuneInString(c.text)
		k[i] = uint32(r)<<5 | uint32(c.look)
		if len(c.text) != n || n == 0 {
			k[i] |= 1 << 31
		}
	}
	return k
}

func key(k []uint32, i int) uint32 {
	if i < len(k) {
		return k[i]
	}
	return ' ' << 5
}

func count(b bool) int {
	if b {
		return 1
	}
	return 0
}

// whole tells whether a shift cuts no wide character, which terminals treat differently.
func whole(have []cell, at, n int) bool {
	cut := at - n // the first cell behind those deleted
	if n > 0 {
		cut = len(have) - n // the first cell pushed out
	}
	return have[at].text != "" && (cut >= len(have) || have[cut].text != "")
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
