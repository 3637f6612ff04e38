package netcfg

import (
	"cmp"
	"fmt"
	"maps"
	"strings"

	"bantam/order"
)

// refuse takes out of what is wanted the links whose names others have: a link that we did not make and that is of
// another kind is nobody's to delete but who made it.
func (p *planner) refuse() {
	for _, name := range order.Sorted(maps.Keys(p.want.Links), naturally) {
		want, have := p.want.Links[name], p.have.Links[name]
		if have.Index == 0 || want.Make.Kind == "" || have.Mark == Made || want.Make.isMade(have.Make) {
			continue
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
	names := order.Sorted(maps.Keys(p.want.Links), naturally)
	wanted := p.want
	for _, name := range names {
		if holder := p.have.Links[name]; wanted.Links[name].Called != "" && holder.Index != 0 {
			p.add(Op{Verb: RenameLink, Link: name, Value: fmt.Sprintf("port%d", holder.Index), interrupts: holder.Up})
		}
	}
	for _, name := range names {
		from := wanted.Links[name].Called
		if from == "" {
			continue
		}
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
	for _, name := range p.byRank(p.want.Links) {
		want, have := p.want.Links[name], p.have.Links[name]
		if have.Mark == Made && have.Index != 0 && want.Make.Kind != "" && !want.Make.isMade(have.Make) {
			p.add(Op{Verb: RemoveLink, Link: name})
			p.have = p.have.without(name)
		}
	}
}

// byRank sorts links so that one comes behind those that it is on.
func (p *planner) byRank(links map[string]Link) []string {
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
	return order.Sorted(maps.Keys(links), func(a, b string) int { return cmp.Or(cmp.Compare(rank(a), rank(b)), naturally(a, b)) })
}

// make makes links that are not there. What a link is on must be there, or be made before it.
func (p *planner) make() {
	for _, name := range p.byRank(p.want.Links) {
		want := p.want.Links[name]
		parent := want.Make.Parent
		if p.have.Links[name].Index != 0 || want.Make.Kind == "" || parent != "" && p.have.Links[parent].Index == 0 && !p.making[parent] {
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
	for _, name := range order.Sorted(maps.Keys(p.want.Links), naturally) {
		if !p.willBe(name) {
			p.want = p.want.without(name)
		}
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
	for _, name := range p.byRank(p.want.Links) {
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
	for _, master := range p.byRank(p.want.Links) {
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
	for _, name := range order.Sorted(maps.Keys(p.have.Links), naturally) {
		want, have := p.want.Links[name], p.have.Links[name]
		if have.Master != "" && want.Master == "" && have.Mark != Foreign && !p.gone(name) && !p.gone(have.Master) {
			p.add(Op{Verb: LeaveLink, Link: name})
		}
	}
	p.vlans()
}

// vlans tells the ports of bridges their VLANs, and the bridges then to look at them.
func (p *planner) vlans() {
	for _, name := range p.byRank(p.want.Links) {
		want, have := p.want.Links[name], p.have.Links[name]
		filters := want.Tune.Filtering || p.want.Links[want.Master].Tune.Filtering
		if filters && want.VLANs != have.VLANs && p.willBe(name) {
			p.add(Op{Verb: SetVLANs, Link: name, Value: want.VLANs})
		}
	}
	for _, name := range p.byRank(p.want.Links) {
		if want, have := p.want.Links[name], p.have.Links[name]; want.Tune.Filtering && have.Index != 0 && want.Tune != have.Tune {
			p.add(Op{Verb: TuneLink, Link: name, Make: want.Make, Tune: want.Tune})
		}
	}
}

// late tells whether a parameter is set only when a port has joined its bridge or bond: with IPv6 its addresses go.
func (p *planner) late(path string) bool {
	name, disables := strings.CutSuffix(strings.TrimPrefix(path, "net/ipv6/conf/"), "/disable_ipv6")
	return disables && p.want.Sysctls[path] == "1" && p.want.Links[name].Master != ""
}

func (p *planner) quieten() {
	for _, path := range order.Sorted(maps.Keys(p.want.Sysctls), strings.Compare) {
		if p.late(path) {
			p.sysctl(path)
		}
	}
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
	names := p.byRank(p.have.Links)
	for i := range names {
		name := names[len(names)-1-i]
		have := p.have.Links[name]
		_, wanted := p.want.Links[name]
		switch {
		case p.gone(name):
			p.add(Op{Verb: RemoveLink, Link: name})
		case !wanted && have.Mark == Renamed && have.Former != "" && p.have.Links[have.Former].Index == 0:
			p.add(Op{Verb: RenameLink, Link: name, Value: have.Former})
		}
	}
}
