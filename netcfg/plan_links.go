package netcfg

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"bantam/order"
)

// refuse takes out of what is wanted the links whose names others have: a link that we did not make and that is of
// another kind is nobody's to delete but who made it.
func (p *planner) refuse() {
	for _, name := range namesOf(p.want.Links, func(name string, want Link) bool {
		have := p.have.Links[name]
		return have.Index != 0 && want.Make.Kind != "" && have.Mark != Made && !want.Make.isMade(have.Make)
	}) {
		if _, there := p.want.Links[name]; !there {
			continue // it was on another one
		}
		p.problems = append(p.problems, fmt.Sprintf("%s: there is a link of that name already, which is not ours and not as it shall be: ip link delete %s, or choose another name", name, name))
		p.want = p.want.without(name)
	}
}

// without is a state that lacks a link and all that is on it; s stays as it is.
func (s State) without(link string) State {
	less := s
	less.Links, less.Addresses, less.Routes = maps.Clone(s.Links), maps.Clone(s.Addresses), maps.Clone(s.Routes)
	var drop func(name string)
	drop = func(name string) {
		delete(less.Links, name)
		maps.DeleteFunc(less.Addresses, func(k AddressKey, _ Address) bool { return k.Link == name })
		maps.DeleteFunc(less.Routes, func(k RouteKey, _ Route) bool { return k.Link == name })
		for other, l := range s.Links {
			if _, there := less.Links[other]; !there {
				continue
			}
			if l.Make.Parent == name || l.Make.Peer == name {
				drop(other)
			}
			if l := less.Links[other]; l.Master == name {
				l.Master = ""
				less.Links[other] = l
			}
		}
	}
	drop(link)
	return less
}

// rename gives ports their names. Where one's is taken by another that is to have another one itself, that gets a
// passing name first; the next plan goes on from there.
func (p *planner) rename() {
	names := namesOf(p.want.Links, func(_ string, want Link) bool { return want.Called != "" })
	wanted := p.want
	for _, name := range names {
		if holder := p.have.Links[name]; holder.Index != 0 {
			p.add(Op{Verb: RenameLink, Link: name, Value: fmt.Sprintf("port%d", holder.Index), interrupts: holder.Up})
		}
	}
	for _, name := range names {
		from := wanted.Links[name].Called
		p.want = p.want.without(name) // the rest with the next plan
		if p.have.Links[name].Index != 0 || wanted.Links[from].Called != "" {
			continue
		}
		former := cmp.Or(p.have.Links[from].Former, from)
		if _, another := wanted.Links[former]; another {
			former = "" // a name is one link's only
		}
		p.add(Op{Verb: RenameLink, Link: from, Value: name, Former: former, interrupts: p.have.Links[from].Up})
	}
}

// renew deletes what we made and what is to be made in another way; what is on it goes along, and is planned as if it
// had never been.
func (p *planner) renew() {
	for _, name := range byRank(p.want.Links, func(name string, want Link) bool {
		have := p.have.Links[name]
		return have.Mark == Made && have.Index != 0 && want.Make.Kind != "" && !want.Make.isMade(have.Make)
	}) {
		if _, there := p.have.Links[name]; there { // else it was on another one
			p.add(Op{Verb: RemoveLink, Link: name})
			p.have = p.have.without(name)
		}
	}
}

// namesOf sorts the names of those links that which is true of: of all there may be many, and seldom is something to be done.
func namesOf(links map[string]Link, which func(name string, l Link) bool) (names []string) {
	for name, l := range links {
		if which(name, l) {
			names = append(names, name)
		}
	}
	order.By(names, naturally)
	return names
}

// byRank is namesOf with each link behind those that it is on.
func byRank(links map[string]Link, which func(name string, l Link) bool) []string {
	rank := func(name string) (n int) {
		for n < len(links) {
			l, there := links[name]
			if !there || l.Make.Parent == "" {
				break
			}
			name = l.Make.Parent
			n++
		}
		return n
	}
	names := namesOf(links, which)
	ranks := make(map[string]int, len(names))
	for _, name := range names {
		ranks[name] = rank(name)
	}
	order.Stably(names, func(a, b string) int { return cmp.Compare(ranks[a], ranks[b]) })
	return names
}

// make makes links that are not there. What a link is on must be there, or be made before it.
func (p *planner) make() {
	for _, name := range byRank(p.want.Links, func(name string, want Link) bool { return p.have.Links[name].Index == 0 && want.Make.Kind != "" }) {
		want := p.want.Links[name]
		parent := want.Make.Parent
		if parent != "" && p.have.Links[parent].Index == 0 && !p.making[parent] {
			continue
		}
		if p.making[name] {
			continue // as another's other end
		}
		p.making[name] = true
		if want.Make.Peer != "" {
			p.making[want.Make.Peer] = true
		}
		p.add(Op{Verb: MakeLink, Link: name, Make: want.Make, Tune: want.Tune, MTU: want.MTU, MAC: p.address(name)})
	}
}

// forgo takes out of what is wanted what is for links that are not there and cannot be made yet.
func (p *planner) forgo() {
	for _, name := range namesOf(p.want.Links, func(name string, _ Link) bool { return !p.willBe(name) }) {
		p.want = p.want.without(name)
	}
}

// address is the MAC address for a new bridge: that of its first port, so that an address that moves from there to the
// bridge stays where neighbours know it to be.
func (p *planner) address(bridge string) (mac [6]byte) {
	want := p.want.Links[bridge]
	if want.Make.Kind != "bridge" {
		return mac
	}
	for _, member := range strings.Fields(want.Members) {
		if l := p.have.Links[member]; l.Index != 0 && l.Make.Kind != "bridge" {
			return l.MAC
		}
	}
	return mac
}

// links changes what is there and sets it up. A VRF's ports join it now: the kernel throws their routes away then.
// A bond takes only ports that are down, and sets them up itself.
func (p *planner) links() {
	for _, name := range byRank(p.want.Links, func(name string, want Link) bool { return !p.isSet(name, want) }) {
		want, have := p.want.Links[name], p.have.Links[name]
		if have.Index == 0 {
			if p.making[name] {
				p.add(Op{Verb: SetUp, Link: name})
			}
			continue // else it is gone
		}
		mtu := want.MTU
		if mtu == 0 && !want.Session {
			mtu = p.owned.MTU[name]
		}
		if mtu != 0 && mtu != have.MTU {
			p.add(Op{Verb: SetMTU, Link: name, MTU: mtu})
		}
		if want.Make.Kind != "" && !want.Tune.Filtering && want.Tune != have.Tune {
			p.add(Op{Verb: TuneLink, Link: name, Make: want.Make, Tune: want.Tune})
		}
		joins := want.Master != "" && have.Master != want.Master
		if joins && p.want.Links[want.Master].Make.Kind == "vrf" {
			p.joinNow(name)
		}
		if !have.Up && !want.Session && !(joins && p.want.Links[want.Master].Make.Kind == "bond" && p.willBe(want.Master)) {
			p.add(Op{Verb: SetUp, Link: name})
		}
	}
}

// isSet tells whether there is nothing for links to do for one.
func (p *planner) isSet(name string, want Link) bool {
	have := p.have.Links[name]
	mtu := cmp.Or(want.MTU, p.owned.MTU[name], have.MTU)
	return have.Index != 0 && mtu == have.MTU && have.Up && want.Tune == have.Tune && want.Master == have.Master
}

// willBe tells whether a link is there once the plan is done.
func (p *planner) willBe(name string) bool { return p.have.Links[name].Index != 0 || p.making[name] }

func (p *planner) joinNow(name string) {
	want, have := p.want.Links[name], p.have.Links[name]
	if !p.willBe(want.Master) {
		return
	}
	kind := p.want.Links[want.Master].Make.Kind
	p.add(Op{Verb: JoinLink, Link: name, Value: want.Master, interrupts: have.Up && kind != "bridge"})
}

// join puts ports into bridges and bonds once these have their addresses and routes, in the order of the file, and takes
// those out that we set up and that belong to none any more.
func (p *planner) join() {
	for _, master := range byRank(p.want.Links, func(_ string, want Link) bool { return want.Members != "" }) {
		want := p.want.Links[master]
		for _, member := range strings.Fields(want.Members) {
			link := p.have.Links[member]
			if link.Index == 0 && !p.making[member] || link.Master == master || want.Make.Kind == "vrf" {
				continue
			}
			if _, wanted := p.want.Links[member]; wanted {
				p.joinNow(member)
			}
		}
	}
	for _, name := range namesOf(p.have.Links, func(name string, have Link) bool {
		return have.Master != "" && p.want.Links[name].Master == "" && have.Mark != Foreign && !p.gone(name) && !p.gone(have.Master)
	}) {
		p.add(Op{Verb: LeaveLink, Link: name})
	}
	p.vlans()
}

// vlans tells the ports of bridges their VLANs, and the bridges then to look at them.
func (p *planner) vlans() {
	for _, name := range byRank(p.want.Links, func(name string, want Link) bool {
		filters := want.Tune.Filtering || p.want.Links[want.Master].Tune.Filtering
		return filters && want.VLANs != p.have.Links[name].VLANs && p.willBe(name)
	}) {
		p.add(Op{Verb: SetVLANs, Link: name, Value: p.want.Links[name].VLANs})
	}
	for _, name := range byRank(p.want.Links, func(name string, want Link) bool {
		return want.Tune.Filtering && p.have.Links[name].Index != 0 && want.Tune != p.have.Links[name].Tune
	}) {
		p.add(Op{Verb: TuneLink, Link: name, Make: p.want.Links[name].Make, Tune: p.want.Links[name].Tune})
	}
}

// late tells whether a parameter is set only when a port has joined its bridge or bond: with IPv6 its addresses go.
func (p *planner) late(path string) bool {
	name, disables := strings.CutSuffix(strings.TrimPrefix(path, "net/ipv6/conf/"), "/disable_ipv6")
	return disables && p.want.Sysctls[path] == "1" && p.want.Links[name].Master != ""
}

func (p *planner) quieten() {
	p.setSysctls(p.late)
}

// gone tells whether a link is to be deleted: we made it and nobody wants it, nor its other end.
func (p *planner) gone(name string) bool {
	have := p.have.Links[name]
	_, wanted := p.want.Links[name]
	_, peer := p.want.Links[have.Make.Peer]
	return have.Index != 0 && have.Mark == Made && !wanted && !(have.Make.Kind == "veth" && peer)
}

// removeLinks deletes what nobody wants, those on others first, and gives back the names that we took.
func (p *planner) removeLinks() {
	names := byRank(p.have.Links, func(name string, _ Link) bool { _, wanted := p.want.Links[name]; return !wanted })
	for _, name := range slices.Backward(names) {
		have := p.have.Links[name]
		switch {
		case p.gone(name):
			p.add(Op{Verb: RemoveLink, Link: name})
		case have.Mark == Renamed && have.Former != "" && p.have.Links[have.Former].Index == 0:
			p.add(Op{Verb: RenameLink, Link: name, Value: have.Former})
		}
	}
}
