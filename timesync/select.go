package timesync

import (
	"cmp"
	"time"

	"bantam/order"
)

// agreed finds the largest group of samples that can all be right: their
// intervals, the time that each says and its distance to both sides, have a
// moment in common (RFC 5905, 11.2.1, after Marzullo). It is nil unless the group
// is more than half of all: who lies is outvoted, and where half say one thing
// and half another nobody knows.
func agreed(samples []Sample) (group []int) {
	type edge struct {
		at    time.Duration // from the first sample's time
		opens bool
	}
	var edges []edge
	interval := func(s Sample) (from, to time.Duration) {
		off := s.Zero.Sub(samples[0].Zero)
		return off - s.Distance, off + s.Distance
	}
	for _, s := range samples {
		from, to := interval(s)
		edges = append(edges, edge{from, true}, edge{to, false})
	}
	order.By(edges, func(a, b edge) int {
		if a.at == b.at && a.opens != b.opens { // those that only touch have a moment in common, too
			if a.opens {
				return -1
			}
			return 1
		}
		return cmp.Compare(a.at, b.at)
	})
	open, most, moment := 0, 0, time.Duration(0)
	for _, e := range edges {
		if !e.opens {
			open--
			continue
		}
		if open++; open > most {
			most, moment = open, e.at
		}
	}
	if 2*most <= len(samples) {
		return nil
	}
	for i, s := range samples {
		if from, to := interval(s); from <= moment && moment <= to {
			group = append(group, i)
		}
	}
	return group
}

// nearest is the one of a group with the lowest distance to the true time.
func nearest(samples []Sample, group []int) int {
	best := group[0]
	for _, i := range group[1:] {
		if samples[i].Distance < samples[best].Distance {
			best = i
		}
	}
	return best
}
