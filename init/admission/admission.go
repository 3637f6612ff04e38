// Package admission decides whose connections a server takes while it does not know yet who they are: how many strangers at once,
// how many of them from one place, and how long a place has to wait that has sent many who did not show who they are.
//
// It is pure: times are those since boot, and whoever asks does what the answers say. What it remembers is bounded.
package admission

import (
	"net/netip"
	"time"
)

// Limits of what is taken.
const (
	Strangers     = 10 // at once
	StrangersFrom = 4  // from one place
	Known         = 16 // that have shown who they are
	freeFailures  = 3  // of a place, until it has to wait
	firstWait     = time.Second
	lastWait      = time.Minute
	forgetAfter   = 10 * time.Minute       // without a failure
	mostPlaces    = 256                    // that are remembered
	pace          = 250 * time.Millisecond // of strangers, of all places together
	burst         = 20                     // that may come faster
)

// Gate is a server's door. The zero value is open.
type Gate struct {
	strangers []stranger // oldest first
	known     map[uint64]bool
	places    map[netip.Prefix]*place
	paced     time.Duration // when all who were taken would have come, at that pace
}

type stranger struct {
	id   uint64
	from netip.Prefix
}

// place is where failures came from.
type place struct {
	failures int
	last     time.Duration
	wait     time.Duration // nobody is taken before
}

// Arrive says whether connection id, which nobody else has, is taken; if evict is not 0 that one has to leave for it.
func (g *Gate) Arrive(now time.Duration, id uint64, from netip.Addr) (evict uint64, taken bool) {
	source := placeOf(from)
	if p := g.places[source]; p != nil && now < p.wait || len(g.known) >= Known || g.paced-now > (burst-1)*pace {
		return 0, false
	}
	count := map[netip.Prefix]int{}
	most := 0
	for _, s := range g.strangers {
		count[s.from]++
		most = max(most, count[s.from])
	}
	if count[source] >= StrangersFrom {
		return 0, false
	}
	if len(g.strangers) >= Strangers {
		for i, s := range g.strangers { // the oldest one of the place that has most
			if count[s.from] == most {
				evict = s.id
				g.strangers = append(g.strangers[:i:i], g.strangers[i+1:]...)
				g.fail(now, s.from)
				break
			}
		}
	}
	g.paced = max(g.paced, now) + pace
	g.strangers = append(g.strangers, stranger{id, source})
	return evict, true
}

// Known says that a stranger has shown who he is, and tells whether there is room for him. It forgives the place that he comes from.
func (g *Gate) Known(id uint64) bool {
	if len(g.known) >= Known {
		return false
	}
	from, ok := g.remove(id)
	if ok {
		if g.known == nil {
			g.known = map[uint64]bool{}
		}
		g.known[id] = true
		delete(g.places, from)
	}
	return ok
}

// Gone says that a connection has ended. A stranger's end is a failure.
func (g *Gate) Gone(now time.Duration, id uint64) {
	delete(g.known, id)
	if from, ok := g.remove(id); ok {
		g.fail(now, from)
	}
}

func (g *Gate) remove(id uint64) (from netip.Prefix, ok bool) {
	for i, s := range g.strangers {
		if s.id == id {
			g.strangers = append(g.strangers[:i:i], g.strangers[i+1:]...)
			return s.from, true
		}
	}
	return from, false
}

func (g *Gate) fail(now time.Duration, from netip.Prefix) {
	if g.places == nil {
		g.places = map[netip.Prefix]*place{}
	}
	p := g.places[from]
	if p == nil || now-p.last > forgetAfter {
		if p == nil && len(g.places) >= mostPlaces {
			g.forget()
		}
		p = &place{}
		g.places[from] = p
	}
	p.failures++
	p.last = now
	if over := p.failures - freeFailures; over > 0 {
		p.wait = now + min(firstWait<<min(over-1, 10), lastWait)
	}
}

// forget makes room: the place that has been quiet for longest goes.
func (g *Gate) forget() {
	var oldest netip.Prefix
	for from, p := range g.places {
		if o := g.places[oldest]; o == nil || p.last < o.last || p.last == o.last && from.Addr().Less(oldest.Addr()) {
			oldest = from
		}
	}
	delete(g.places, oldest)
}

// placeOf is where an address is: who has one of IPv6 has 2^64 of them.
func placeOf(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	bits := a.BitLen()
	if a.Is6() {
		bits = 64
	}
	p, _ := a.Prefix(bits)
	return p
}
