// Package resolve looks names up again and again: late, when the network is there, and anew when whoever has the name is
// no longer found at its address. It does no I/O: it says what to send and when, and is told what has come. What it is
// for, WireGuard's peers, keeps the address that it has until there is another.
package resolve

import (
	"fmt"
	"math"
	"net/netip"
	"slices"
	"time"

	"bantam/netcfg/dnsforward"
	"bantam/order"
)

// Times of the schedule.
const (
	patience  = 3 * time.Second // with one server
	firstWait = time.Second     // after a round in which no server knew, doubling
	lastWait  = time.Minute
	calm      = time.Minute // between two answers of use, whoever asks
)

// Never is the time of things that do not happen.
const Never = time.Duration(math.MaxInt64)

// most is how many addresses of a name are tried.
const most = 16

// Resolver knows the addresses of some names.
type Resolver struct {
	random func() uint16
	names  map[string]*name
}

type name struct {
	addresses []netip.Addr
	chosen    netip.Addr
	fault     string
	next      time.Duration // when it is asked for; Never: not by itself
	wait      time.Duration // after the next round that fails
	answered  time.Duration // when there was an answer of use
	another   bool          // the address that is chosen is of no use

	asks   bool // a question is under way
	server int  // which one, of those of the round
	until  time.Duration
	ids    [2]uint16 // of the questions for IPv4 and IPv6
	open   [2]bool
	found  []netip.Addr
	said   string // by the servers of this round
}

var kinds = [2]uint16{dnsforward.TypeA, dnsforward.TypeAAAA}

// Question is what is to be sent to a server: two messages by UDP, whose answers are told to Hear.
type Question struct {
	Name     string
	Server   netip.Addr
	Messages [2][]byte
}

// New returns a resolver without names; random gives numbers that nobody can guess.
func New(random func() uint16) *Resolver { return &Resolver{random: random, names: map[string]*name{}} }

// Want says which names matter; a new one is asked for at once.
func (r *Resolver) Want(names []string, now time.Duration) {
	for have := range r.names {
		if !slices.Contains(names, have) {
			delete(r.names, have)
		}
	}
	for _, wanted := range names {
		if r.names[wanted] == nil {
			r.names[wanted] = &name{next: now, wait: firstWait, answered: -calm}
		}
	}
}

// Deadline is when Step has something to do; Never for nothing.
func (r *Resolver) Deadline() time.Duration {
	at := Never
	for _, n := range r.names {
		if n.asks {
			at = min(at, n.until)
		} else {
			at = min(at, n.next)
		}
	}
	return at
}

// Step says what is to be asked now of the servers, the first one first. changed tells whether a name's state is another.
func (r *Resolver) Step(now time.Duration, servers []netip.Addr) (ask []Question, changed bool) {
	for text, n := range r.names {
		switch {
		case n.asks && n.until <= now:
			if n.open[0] && n.open[1] {
				n.said = "no answer"
			}
			if len(n.found) > 0 { // of one family there was an answer
				changed = n.take(now, true) || changed
				continue
			}
			n.server++
		case n.asks || n.next > now:
			continue
		default:
			n.server, n.said = 0, "there is no name server"
		}
		if n.server >= len(servers) {
			changed = n.fail(now) || changed
			continue
		}
		q := Question{Name: text, Server: servers[n.server]}
		n.asks, n.until, n.found, n.open = true, now+patience, nil, [2]bool{true, true}
		for i, kind := range kinds {
			n.ids[i] = r.random()
			message, ok := dnsforward.Question(n.ids[i], text, kind)
			if !ok {
				n.said = "it is no name"
				n.server = len(servers)
			}
			q.Messages[i] = message
		}
		if n.server == len(servers) {
			changed = n.fail(now) || changed
			continue
		}
		ask = append(ask, q)
	}
	return ask, changed
}

// Refused is that a server cannot be asked; the next one is, at once.
func (r *Resolver) Refused(text string, now time.Duration) {
	if n := r.names[text]; n != nil && n.asks {
		n.until = now
	}
}

// Hear takes a message that came from the server that was asked for a name. prefer6 is whether IPv6 leads out. changed
// tells whether the name has another address now, or another fault.
func (r *Resolver) Hear(text string, message []byte, prefer6 bool, now time.Duration) (changed bool) {
	n := r.names[text]
	if n == nil || !n.asks {
		return false
	}
	for i, kind := range kinds {
		if !n.open[i] {
			continue
		}
		found, code, ok := dnsforward.Addresses(message, n.ids[i], text, kind)
		switch {
		case !ok:
			continue
		case code == 0 && len(found) == 0:
			n.said = "it has no address"
		case code == 3:
			n.said = "there is no such name"
		case code != 0:
			n.said = fmt.Sprintf("the server says code %d", code)
		}
		n.open[i] = false
		for _, a := range found {
			if usable(a) && len(n.found) < most {
				n.found = append(n.found, a)
			}
		}
	}
	if n.open[0] || n.open[1] {
		return false
	}
	if len(n.found) == 0 { // another server may know better
		n.until = now
		return false
	}
	return n.take(now, prefer6)
}

// usable tells whether an address can be that of another machine.
func usable(a netip.Addr) bool {
	return a.IsGlobalUnicast() && !a.Is4In6()
}

// take ends a round in which there were addresses. The one that is chosen stays, unless it is gone or of no use.
func (n *name) take(now time.Duration, prefer6 bool) (changed bool) {
	had, fault := n.chosen, n.fault
	n.addresses = n.found
	order.Stably(n.addresses, func(a, b netip.Addr) int {
		switch {
		case a.Is6() == b.Is6():
			return 0
		case a.Is6() == prefer6:
			return -1
		}
		return 1
	})
	at := slices.Index(n.addresses, n.chosen)
	if n.another && at >= 0 {
		at = (at + 1) % len(n.addresses)
	}
	n.chosen = n.addresses[max(at, 0)]
	n.asks, n.next, n.wait, n.answered, n.another, n.fault = false, Never, firstWait, now, false, ""
	return n.chosen != had || n.fault != fault
}

// fail ends a round in which no server knew.
func (n *name) fail(now time.Duration) (changed bool) {
	fault := n.fault
	n.asks, n.next, n.fault = false, now+n.wait, n.said
	n.wait = min(2*n.wait, lastWait)
	return n.fault != fault
}

// Again is that nobody is found at the address of a name: it is looked up anew, once a minute at most, and another of
// its addresses is taken if it has several.
func (r *Resolver) Again(text string, now time.Duration) {
	if n := r.names[text]; n != nil && !n.asks && n.next == Never {
		n.next, n.another = max(now, n.answered+calm), true
	}
}

// Retry asks at once for the names that nobody has known, as the network is another one.
func (r *Resolver) Retry(now time.Duration) {
	for _, n := range r.names {
		if !n.asks && n.next != Never && n.fault != "" {
			n.next, n.wait = now, firstWait
		}
	}
}

// Addresses are those of the names; invalid where there is none yet.
func (r *Resolver) Addresses() map[string]netip.Addr {
	all := make(map[string]netip.Addr, len(r.names))
	for text, n := range r.names {
		all[text] = n.chosen
	}
	return all
}

// Fault is why the last round brought nothing; "" if it did, or there was none.
func (r *Resolver) Fault(text string) string {
	if n := r.names[text]; n != nil {
		return n.fault
	}
	return ""
}
