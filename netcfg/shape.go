package netcfg

import (
	"fmt"
	"maps"

	"bantam/order"
	"bantam/system"
)

// A limit for what leaves a link is a queue that lets it out no faster. What comes in has been sent already, and no queue before
// it is ours: so it is led through a link of our own, an ifb, which it leaves by such a queue. Who sends then hears of it.

// Queue is what the kernel has, or shall have, where packets leave a link.
type Queue struct {
	Rate int    // bytes a second that it lets out; 0, observed: it is not complete
	Kind string // observed: "cake", or "htb" where the kernel has none
}

// Shaped is the kernel's part of a port's limits.
type Shaped struct {
	Queues    map[string]Queue  // by link; observed: ours
	Redirects map[string]string // by link: the one that all goes to which comes in; observed: ours, "" for one that is gone, which swallows all
}

func newShaped() Shaped { return Shaped{map[string]Queue{}, map[string]string{}} }

const ifbKind = "ifb"

// addShape adds the limits of a port, and the link for what comes in.
func (w *DesiredState) addShape(p port) {
	s := p.Net.Shape
	if s == nil {
		return
	}
	if s.Up != 0 {
		w.Queues[p.Name] = Queue{Rate: s.Up.Bytes()}
	}
	if s.Down != 0 {
		by := system.ShapedBy(p.Name)
		w.Links[by] = Link{Up: true, Make: Make{Kind: ifbKind}}
		w.Sysctls["net/ipv6/conf/"+by+"/disable_ipv6"] = "1" // it only passes on
		w.Queues[by], w.Redirects[p.Name] = Queue{Rate: s.Down.Bytes()}, by
	}
}

// unshape takes away what nobody wants: the way through a link first, for what has no way is lost.
func (p *planner) unshape() {
	for _, link := range order.Sorted(maps.Keys(p.have.Redirects), naturally) {
		if p.want.Redirects[link] == "" {
			p.add(Op{Verb: RemoveRedirect, Link: link})
		}
	}
	for _, link := range order.Sorted(maps.Keys(p.have.Queues), naturally) {
		if _, wanted := p.want.Queues[link]; !wanted && !p.gone(link) {
			p.add(Op{Verb: RemoveQueue, Link: link})
		}
	}
}

// shape sets limits, once the links are there and up.
func (p *planner) shape() {
	is := func(link string) bool { _, wanted := p.want.Links[link]; return wanted && p.willBe(link) }
	for _, link := range order.Sorted(maps.Keys(p.want.Queues), naturally) {
		if want := p.want.Queues[link]; is(link) && (p.making[link] || want.Rate != p.have.Queues[link].Rate) {
			p.add(Op{Verb: SetQueue, Link: link, Queue: want})
		}
	}
	for _, link := range order.Sorted(maps.Keys(p.want.Redirects), naturally) {
		if by := p.want.Redirects[link]; is(link) && is(by) && (p.making[link] || p.making[by] || p.have.Redirects[link] != by) {
			p.add(Op{Verb: Redirect, Link: link, Value: by})
		}
	}
}

func (q Queue) String() string { return system.Rate(8 * int64(q.Rate)).String() }

// shaped tells people of the limits that a port has; "" for none.
func (s *State) shaped(link string) (text string) {
	for _, of := range []struct{ link, way string }{{s.Redirects[link], "in"}, {link, "out"}} {
		if q, is := s.Queues[of.link]; is && q.Rate != 0 {
			if text != "" {
				text += ", "
			}
			text += fmt.Sprintf("%s %v by %s", of.way, q, q.Kind)
		}
	}
	return text
}
