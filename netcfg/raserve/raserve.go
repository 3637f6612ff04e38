// Package raserve sends router advertisements on one link, without input and
// output (RFC 4861, section 6.2; RFC 8106; RFC 9096): Step takes the time, a
// random number and an event, and returns what to send. Who calls it owns
// sockets and clock.
//
// Lifetimes are those of RFC 9096 at most, and never go beyond the end of what
// the prefix is good for, so that they fall with each advertisement once that is
// near. A prefix that is gone is advertised as deprecated for as long as a host
// may still have an address of it: with the preferred lifetime 0 and what is
// left of the valid one that was last promised, an hour and a half at most.
//
// Answers to solicitations go to everybody, after the delay that RFC 4861 wants
// and no nearer than three seconds to the one before, so that a flood of
// questions makes no flood of answers. M and O are never set: there is no DHCPv6
// server. Not done: routes to networks beyond (RFC 4191) and the advertisement
// interval of Mobile IP.
package raserve

import (
	"net/netip"
	"slices"
	"time"
)

// Config is what is advertised.
type Config struct {
	MAC      [6]byte
	MTU      int  // of the link; 0 advertises none
	Router   bool // this machine leads to everywhere
	Prefixes []Prefix
	DNS      []netip.Addr
	Search   []string // domains; valid ones
}

// Prefix is one network of the link.
type Prefix struct {
	Prefix    netip.Prefix  // masked
	Preferred time.Duration // until when, on the clock of Step; Forever
	Valid     time.Duration
}

// Forever is a time that never comes.
const Forever = time.Duration(1<<63 - 1)

// Event is one of the types below; nil only lets time pass.
type Event any

type (
	// Solicit is the payload of an ICMPv6 message that arrived, with what its IPv6 header says.
	Solicit struct {
		From     netip.Addr
		HopLimit int
		Payload  []byte
	}
	// Configure says what is advertised from now on.
	Configure struct{ Config Config }
	// Stop ends the advertising, with a last one that says so.
	Stop struct{}
)

// Send is an ICMPv6 message to all nodes of the link; who sends it sums it up.
type Send struct{ Payload []byte }

// Times of RFC 4861, sections 6.2.1 and 10, and of RFC 9096, section 3.4.
const (
	maxInterval     = 600 * time.Second
	minInterval     = 200 * time.Second
	initialInterval = 16 * time.Second
	initialCount    = 3
	minDelay        = 3 * time.Second // between two advertisements
	maxAnswerDelay  = 500 * time.Millisecond
	routerLifetime  = 3 * maxInterval
	serverLifetime  = 3 * maxInterval // of name servers
	preferredLimit  = 45 * time.Minute
	validLimit      = 90 * time.Minute
)

// mostOld bounds how many prefixes that are gone are remembered.
const mostOld = 8

// Router is the state of one link's advertising. Make it with New.
type Router struct {
	config   Config
	begun    bool
	promised []Promise // prefixes that hosts may have addresses of

	initial int           // advertisements that are still to be sent soon
	next    time.Duration // the next one
	last    time.Duration // the one before
	sent    bool

	ignored, answered, advertised int
}

// Promise is a prefix that hosts may have addresses of, and until when.
type Promise struct {
	Prefix netip.Prefix
	Until  time.Duration
}

// New returns a router that advertises nothing before Configure. Old promises are those of before a restart.
func New(now time.Duration, old []Promise) *Router {
	r := &Router{next: Forever}
	for _, p := range old {
		if len(r.promised) < mostOld && p.Prefix.IsValid() && p.Prefix.Addr().Is6() && p.Until > now {
			r.promise(p.Prefix.Masked(), min(p.Until, now+validLimit))
		}
	}
	return r
}

// Promises are the prefixes that hosts may have addresses of now.
func (r *Router) Promises(now time.Duration) (list []Promise) {
	for _, p := range r.promised {
		if p.Until > now {
			list = append(list, p)
		}
	}
	return list
}

// ValidLimit is how long hosts keep an address at most after they have heard of its prefix last.
const ValidLimit = validLimit

// Counts are the advertisements that were sent, the solicitations that were heard, and those that were none.
func (r *Router) Counts() (advertised, answered, ignored int) {
	return r.advertised, r.answered, r.ignored
}

// Deadline returns when Step wants to be called though nothing happens, Forever for never.
func (r *Router) Deadline() time.Duration { return r.next }

// Step tells the router what happened and returns what is to be sent.
func (r *Router) Step(now time.Duration, random uint64, ev Event) (out []Send) {
	switch ev := ev.(type) {
	case Configure:
		if !r.begun || !same(r.config, ev.Config) {
			r.config, r.begun = ev.Config, true
			r.initial = initialCount
			r.soon(now, 0)
		}
		r.config = ev.Config // also lifetimes that were made longer
	case Solicit:
		if !r.begun || !valid(ev) {
			r.ignored++
			return nil
		}
		r.answered++
		r.soon(now, time.Duration(random%uint64(maxAnswerDelay)))
	case Stop:
		if !r.begun {
			return nil
		}
		r.begun, r.next = false, Forever
		last := r.config
		last.Router, last.DNS, last.Search = false, nil, nil
		return []Send{{r.encode(now, last)}}
	}
	if !r.begun || now < r.next {
		return nil
	}
	out = append(out, Send{r.encode(now, r.config)})
	r.advertised++
	r.last, r.sent = now, true
	interval := minInterval + time.Duration(random%uint64(maxInterval-minInterval))
	if r.initial > 0 {
		r.initial--
		if r.initial > 0 {
			interval = min(interval, initialInterval)
		}
	}
	r.next = now + interval
	return out
}

// soon makes the next advertisement be sent after a delay, or as soon after the last as is allowed.
func (r *Router) soon(now, delay time.Duration) {
	at := now + delay
	if r.sent {
		at = max(at, r.last+minDelay)
	}
	r.next = min(r.next, at)
}

// same says whether two advertise the same but for lifetimes.
func same(a, b Config) bool {
	return a.MAC == b.MAC && a.MTU == b.MTU && a.Router == b.Router && slices.Equal(a.DNS, b.DNS) && slices.Equal(a.Search, b.Search) &&
		slices.EqualFunc(a.Prefixes, b.Prefixes, func(p, q Prefix) bool { return p.Prefix == q.Prefix && (p.Preferred == 0) == (q.Preferred == 0) })
}
