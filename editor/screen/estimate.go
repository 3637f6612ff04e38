package screen

import "slices"

const (
	triedScrolls = 5 // each is painted to see what it costs
	leastGain    = 6 // bytes; no scroll costs less
)

// findScrolls returns the scrolls that look best, by estimate. A scroll is looked
// at where rows that are wanted stand together n rows away.
func (p *pen) findScrolls(want []*row, region int) []scroll {
	e := estimates{p.rows, want, make([]int, len(want)*(len(want)+1))}
	now, dirty, first := 0, 0, -1
	for i := range want {
		if n := e.row(i, i); n > 0 {
			now += n
			if dirty++; first < 0 {
				first = i
			}
		}
	}
	if dirty < 2 {
		return nil
	}
	found := []scroll{}
	add := func(s scroll) {
		s.estimate = p.price(s)
		for i := range want {
			s.estimate += e.row(s.source(i), i)
		}
		if s.estimate < now {
			found = append(found, s)
		}
	}
	for n := 1 - len(want); n < len(want); n++ {
		for from := 0; from < len(want); {
			to, gain := e.run(from, n)
			if gain > leastGain {
				top, bottom := from, to+n
				if n < 0 {
					top, bottom = from+n, to
				}
				p.ways(scroll{from: top, to: bottom, n: n}, region, add)
			}
			from = max(to, from+1)
		}
	}
	slices.SortStableFunc(found, func(a, b scroll) int { return a.estimate - b.estimate })
	found = slices.Compact(found)
	found = found[:min(len(found), triedScrolls)]
	if 2*dirty > len(want) { // never cost more than a fresh draw
		found = append(found, scroll{from: first, to: len(want), n: len(want), how: byErasing})
		if p.t.Lines && first >= p.top && first < p.bottom { // one sequence instead of an erase for each line
			found = append(found, scroll{from: first, to: p.bottom, n: p.bottom - first, how: byLines})
		}
	}
	return found
}

// ways calls add with the ways to scroll at least the rows of s.
func (p *pen) ways(s scroll, region int, add func(scroll)) {
	for _, from := range unique(s.from, p.top, 0) {
		for _, to := range unique(s.to, p.bottom, p.home(region), len(p.rows)) {
			if from <= s.from && to >= s.to && to-from > 1 {
				add(scroll{from: from, to: to, n: s.n})
			}
		}
	}
	if p.t.Lines && s.from >= p.top && s.to <= p.bottom {
		for _, to := range unique(s.to, p.bottom) {
			add(scroll{from: s.from, to: to, n: s.n, how: byLines})
		}
	}
}

func unique(n ...int) []int {
	slices.Sort(n)
	return slices.Compact(n)
}

// price is about what the scroll itself costs.
func (p *pen) price(s scroll) int {
	const motion, sequence = 5, 4
	switch {
	case s.how == byLines && s.to == p.bottom:
		return motion + sequence
	case s.how == byLines:
		return 2 * (motion + sequence)
	}
	n := motion + s.n
	if s.n < 0 {
		n = motion - 2*s.n
	}
	if s.from != p.top || s.to != p.bottom {
		n += len("\x1b[10;20r")
	}
	return n
}

// estimates of what it costs to paint one row over another.
type estimates struct {
	have, want []*row
	known      []int // one more than the estimate, for each pair; 0: not known yet
}

// row estimates how many bytes make have[j] look like want[i]; j -1 is a blank row.
func (e *estimates) row(j, i int) int {
	known := &e.known[i*(len(e.want)+1)+j+1]
	if *known > 0 {
		return *known - 1
	}
	const motion, erase = 3, 3
	n := 0
	w := e.want[i]
	switch {
	case j < 0 && w.end > 0:
		n = motion + w.end
	case j >= 0 && !e.have[j].equal(w):
		h := e.have[j]
		n = motion + differences(h.cells[:w.end], w.cells[:w.end])
		if h.end > w.end {
			n += erase
		}
	}
	*known = n + 1
	return n
}

// run is the end of the rows from on that are shown already, n rows below where
// they are wanted, and what is gained by having them there.
func (e *estimates) run(from, n int) (to, gain int) {
	for to = from; to < len(e.want); to++ {
		j := to + n
		if j < 0 || j >= len(e.have) || !e.have[j].equal(e.want[to]) {
			break
		}
		gain += e.row(to, to)
	}
	return to, gain
}
