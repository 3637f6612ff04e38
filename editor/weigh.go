package editor

import (
	"math"

	"bantam/editor/screen"
	"bantam/order"
)

// What is spent on where a jump ends best is bounded by work, not by time, so that
// the same keys send the same bytes on every machine.
const (
	// Places are estimated until the screen has looked at so many cells: all
	// places of 24 rows of 80 columns take a fifth.
	weighWork = 1 << 19

	// So many that seem cheapest are drawn on trial: as good as all to 1 %.
	weighedWell = 3
)

// place is where the text may begin on the screen.
type place struct {
	top      int // offset
	estimate int // of the bytes that it takes
}

// cheapest is the top, of those where a jump may end, for which the screen changes
// with the fewest bytes.
func (m *model) cheapest(to *screen.Screen, full bool, tops []int) int {
	d := m.doc()
	defer func(before int) { d.top = before }(d.top)
	enough := to.Work() + weighWork
	var places []place
	for _, top := range tops {
		if to.Work() > enough {
			break
		}
		d.top = top
		places = append(places, place{top, to.Estimate(m.compose(full))})
	}
	order.Stably(places, func(a, b place) int { return a.estimate - b.estimate })
	best, least := 0, math.MaxInt
	for _, p := range places[:min(len(places), weighedWell)] {
		d.top = p.top
		if cost := to.Cost(m.compose(full)); cost < least {
			best, least = p.top, cost
		}
	}
	return best
}
