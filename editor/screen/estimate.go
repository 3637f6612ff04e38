package screen

import "slices"

const (
	triedScrolls = 5 // each is painted to see what it costs
	leastGain    = 6 // bytes; no scroll costs less
)

// findScrolls returns the scrolls that look best, by estimate; still takes no scroll
// at all for one. A scroll is looked at where rows that are wanted stand together
// n rows away.
func (p *pen) findScrolls(want []*row, region int, still bool) []scroll {
	e := &p.estimates
	e.begin(p, want)
	now := e.before[len(want)]
	if still {
		e.add(scroll{how: notAtAll, estimate: now})
	}
	if e.dirty < 2 {
		return e.found
	}
	for n := 1 - len(want); n < len(want) && !p.spent(); n++ {
		if n == 0 {
			continue
		}
		for from := 0; from < len(want); {
			to, gain := e.run(from, n)
			if gain > leastGain {
				top, bottom := from, to+n
				if n < 0 {
					top, bottom = from+n, to
				}
				p.ways(scroll{from: top, to: bottom, n: n}, region, now)
			}
			from = max(to, from+1)
		}
	}
	found := e.found
	if 2*e.dirty > len(want) { // never cost more than a fresh draw
		found = append(found, scroll{from: e.first, to: len(want), n: len(want), how: byErasing})
		if p.t.Lines && e.first >= p.top && e.first < p.bottom { // one sequence instead of an erase for each line
			found = append(found, scroll{from: e.first, to: p.bottom, n: p.bottom - e.first, how: byLines})
		}
	}
	return found
}

// ways looks at the ways to scroll at least the rows of s, or those of them that
// are text: blank rows below it seem to scroll along.
func (p *pen) ways(s scroll, region, now int) {
	home := p.home(region)
	froms, tos := [...]int{0, p.top, s.from}, [...]int{s.to, p.bottom, home, len(p.rows)}
	for i, from := range froms {
		for j, to := range tos {
			wide := from <= s.from && (to >= s.to || to == home) && to-from > 1
			if wide && !slices.Contains(froms[:i], from) && !slices.Contains(tos[:j], to) {
				p.estimate(scroll{from: from, to: to, n: s.n}, now)
			}
		}
	}
	if p.t.Lines && s.from >= p.top && s.to <= p.bottom {
		p.estimate(scroll{from: s.from, to: s.to, n: s.n, how: byLines}, now)
		if s.to < p.bottom {
			p.estimate(scroll{from: s.from, to: p.bottom, n: s.n, how: byLines}, now)
		}
	}
}

// estimate takes s among those found if that is less than now.
func (p *pen) estimate(s scroll, now int) {
	e := &p.estimates
	most := min(now, e.worst()) // of what is taken
	s.estimate = p.price(s) + now - e.before[s.to] + e.before[s.from]
	for i := s.from; i < s.to && s.estimate < most; i++ {
		s.estimate += e.row(s.source(i), i)
		p.work++
	}
	if s.estimate < most {
		e.add(s)
	}
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
	known      []int32  // one more than the estimate, for each pair; 0: not known yet
	before     []int    // what the rows before each one cost now
	dirty      int      // so many differ
	first      int      // of them
	found      []scroll // the best first
	work       *int
}

func (e *estimates) begin(p *pen, want []*row) {
	e.have, e.want, e.found, e.work = p.rows, want, e.found[:0], &p.work
	n := len(want) * (len(want) + 1)
	e.known = slices.Grow(e.known[:0], n)[:n]
	clear(e.known)
	e.dirty, e.first, e.before = 0, -1, append(e.before[:0], 0)
	for i := range want {
		n := e.row(i, i)
		if n > 0 {
			if e.dirty++; e.first < 0 {
				e.first = i
			}
		}
		e.before = append(e.before, e.before[i]+n)
	}
}

// worst is what a scroll must be below to be taken.
func (e *estimates) worst() int {
	if len(e.found) < triedScrolls+1 {
		return 1 << 30
	}
	return e.found[len(e.found)-1].estimate
}

// add takes a scroll in its place, once.
func (e *estimates) add(s scroll) {
	if slices.Contains(e.found, s) {
		return
	}
	i := len(e.found)
	for i > 0 && e.found[i-1].estimate > s.estimate {
		i--
	}
	e.found = slices.Insert(e.found, i, s)
	e.found = e.found[:min(len(e.found), triedScrolls+1)]
}

// row estimates how many bytes make have[j] look like want[i]; j -1 is a blank row.
func (e *estimates) row(j, i int) int {
	known := &e.known[i*(len(e.want)+1)+j+1]
	if *known > 0 {
		return int(*known - 1)
	}
	const motion, erase = 3, 3
	n := 0
	w := e.want[i]
	switch {
	case j < 0 && w.end > 0:
		n = motion + w.end
	case j >= 0 && e.have[j] != w:
		h := e.have[j]
		n = motion + differences(h.cells[:w.end], w.cells[:w.end])
		if h.end > w.end {
			n += erase
		}
		*e.work += w.end
	}
	*known = int32(n + 1)
	return n
}

// run is the end of the rows from on that are shown already, n rows below where
// they are wanted, and what is gained by having them there.
func (e *estimates) run(from, n int) (to, gain int) {
	for to = from; to < len(e.want); to++ {
		j := to + n
		if j < 0 || j >= len(e.have) || e.have[j] != e.want[to] {
			break
		}
		gain += e.before[to+1] - e.before[to]
	}
	*e.work += to - from + 1
	return to, gain
}
