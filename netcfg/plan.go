package netcfg

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"

	"bantam/netcfg/wgnl"
	"bantam/order"
)

// Owned is what we did ourselves and the kernel does not tell back. The rest it
// tells: routes and addresses by their protocol number, links by their group.
type Owned struct {
	Addresses map[AddressKey]Address     // as last asked of the kernel
	MTU       map[string]int             // what a link had before we changed it
	Endpoints map[peerKey]netip.AddrPort // of peers of WireGuard, as last asked of the kernel
	Routers   map[RouteKey]bool          // of the routes that router advertisements made, those that stay
}

func newOwned() Owned {
	return Owned{Addresses: map[AddressKey]Address{}, MTU: map[string]int{}, Endpoints: map[peerKey]netip.AddrPort{}, Routers: map[RouteKey]bool{}}
}

// Verb is what an Op does.
type Verb string

const (
	SetSysctl      Verb = "set"
	SetMTU         Verb = "mtu"
	SetUp          Verb = "up"
	SetDown        Verb = "down"
	PutAddress     Verb = "address" // add it, or change its lifetime and metric
	RemoveAddress  Verb = "remove address"
	AddRoute       Verb = "route" // refused when its destination and metric are taken
	ReplaceRoute   Verb = "replace route"
	RemoveRoute    Verb = "remove route"
	MakeLink       Verb = "make"
	RemoveLink     Verb = "delete"
	RenameLink     Verb = "rename" // of a link that is up it interrupts
	TuneLink       Verb = "tune"
	JoinLink       Verb = "join"  // a bridge, bond or VRF
	LeaveLink      Verb = "leave" // it
	SetVLANs       Verb = "vlans"
	AddRule        Verb = "rule"
	RemoveRule     Verb = "remove rule"
	SetWireGuard   Verb = "wireguard" // its key, port or mark
	PutPeer        Verb = "peer"      // add one, or change what of it is otherwise
	RemovePeer     Verb = "remove peer"
	SetQueue       Verb = "shape" // what leaves a link, or another rate for it
	RemoveQueue    Verb = "remove shape"
	Redirect       Verb = "redirect" // what comes in by a link, to another
	RemoveRedirect Verb = "remove redirect"
)

// Op is one change of the kernel. Which fields are used depends on Verb.
type Op struct {
	Verb      Verb
	Link      string
	Key       AddressKey
	Address   Address
	To        RouteKey
	Route     Route
	Path      string
	Value     string
	MTU       int
	Make      Make
	Tune      Tune
	MAC       [6]byte // of a link that is made; zero: the kernel's choice
	Rule      Rule
	Former    string // of a link that is renamed: the name that it keeps as another one
	WireGuard wgnl.Change
	Queue     Queue

	Optional   bool // of a parameter of a new link: the kernel may not have it
	interrupts bool
}

// Disruptive tells whether connections may notice.
func (o Op) Disruptive() bool { return o.Verb == SetDown || o.Verb == RemoveLink || o.interrupts }

func (o Op) String() string {
	switch o.Verb {
	case SetSysctl:
		return fmt.Sprintf("%s %s = %s", o.Verb, o.Path, o.Value)
	case SetMTU:
		return fmt.Sprintf("%s %s %d", o.Verb, o.Link, o.MTU)
	case MakeLink:
		return fmt.Sprintf("%s %s %s", o.Verb, o.Make.Kind, o.Link)
	case SetQueue:
		return fmt.Sprintf("%s %s %v", o.Verb, o.Link, o.Queue)
	case RenameLink, JoinLink, SetVLANs, Redirect:
		return fmt.Sprintf("%s %s %s", o.Verb, o.Link, o.Value)
	case PutPeer, RemovePeer:
		return fmt.Sprintf("%s %s %s", o.Verb, o.Link, o.WireGuard.Peer.Key)
	case AddRule, RemoveRule:
		return fmt.Sprintf("%s %s", o.Verb, o.Rule)
	case PutAddress, RemoveAddress:
		return fmt.Sprintf("%s %s %s", o.Verb, o.Key.Link, o.Key.Prefix)
	case AddRoute, ReplaceRoute, RemoveRoute:
		text := fmt.Sprintf("%s %s %s", o.Verb, cmp.Or(o.To.Link, "-"), o.To.To)
		if o.Route.Via.IsValid() {
			text += " via " + o.Route.Via.String()
		}
		text += fmt.Sprintf(" metric %d", o.To.Metric)
		if o.To.Table != 0 {
			text += fmt.Sprintf(" table %d", o.To.Table)
		}
		if o.To.Type != Unicast {
			text += " " + o.To.Type.String()
		}
		if o.Route.OnLink {
			text += " onlink"
		}
		return text
	}
	return fmt.Sprintf("%s %s", o.Verb, o.Link)
}

// lifetimeSlack is by how much the end of an address may be off before it is
// set again: the kernel counts in whole seconds.
const lifetimeSlack = 2 * time.Second

// Plan lists the changes that turn observed into what is desired, in an order that
// makes the new before it breaks the old. Nothing is planned for links that we
// neither look after nor looked after. The problems are desires that cannot be fulfilled.
func Plan(want, have State, owned Owned) (ops []Op, problems []string) {
	p := &planner{
		want: want, have: have, owned: owned, making: map[string]bool{}, replaced: map[RouteKey]bool{},
		connected: map[RouteKey]bool{}, removed: map[AddressKey]bool{},
	}
	if more := len(want.Routes) + len(want.Addresses) + len(want.Sysctls) - len(have.Routes) - len(have.Addresses) - len(have.Sysctls); more > 0 {
		p.ops = make([]Op, 0, more+2*len(want.Links)) // they are large
	}
	p.refuse()
	p.unshape()
	p.rename()
	p.renew()
	p.make()
	p.forgo()
	p.sysctls()
	p.wireGuard()
	p.links()
	p.shape()
	p.putAddresses()
	p.putRoutes()
	p.putRules()
	p.join()
	p.removeRules()
	p.removeRoutes()
	p.removeAddresses()
	p.quieten()
	p.lower()
	p.removeLinks()
	return p.ops, p.problems
}

type planner struct {
	want, have State
	owned      Owned
	making     map[string]bool   // links that are made
	replaced   map[RouteKey]bool // routes that a ReplaceRoute takes away
	connected  map[RouteKey]bool // routes to subnets that are put back
	removed    map[AddressKey]bool
	places     map[place][]RouteKey // the observed routes; nil: not asked for yet
	ops        []Op
	problems   []string
}

// place is what only one route can have, on whichever link.
type place struct {
	To     netip.Prefix
	Metric int
	Table  int
}

func (k RouteKey) place() place { return place{k.To, k.Metric, k.Table} }

func places(routes map[RouteKey]Route) map[place][]RouteKey {
	index := make(map[place][]RouteKey, len(routes))
	for k := range routes {
		index[k.place()] = append(index[k.place()], k)
	}
	return index
}

func (p *planner) add(o Op) { p.ops = append(p.ops, o) }

func (p *planner) sysctls() {
	p.setSysctls(func(path string) bool { return !p.late(path) })
}

// setSysctls sets those parameters of which which is true, and that are otherwise.
func (p *planner) setSysctls(which func(path string) bool) {
	var paths []string
	for path, want := range p.want.Sysctls {
		value, exists := p.have.Sysctls[path] // an older kernel may lack one
		if (exists && value != want || !exists && p.making[portOf(path)]) && which(path) {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	for _, path := range paths {
		o := Op{Verb: SetSysctl, Path: path, Value: p.want.Sysctls[path]}
		if _, exists := p.have.Sysctls[path]; !exists {
			o.Link, o.Optional = portOf(path), true
		}
		p.add(o)
	}
}

func (p *planner) putAddresses() {
	for _, k := range sortedAddresses(p.want.Addresses, func(k AddressKey) bool { return !p.isGiven(k) || !p.isConnected(k) }) {
		want := p.want.Addresses[k]
		_, there := p.have.Addresses[k]
		if p.isGiven(k) {
			p.connect(k)
			continue
		}
		if other, clash := p.sameAddress(k); clash {
			p.remove(other)
		}
		want.Lone = !there && k.Prefix.Addr().Is6() && p.elsewhere(k)
		p.add(Op{Verb: PutAddress, Link: k.Link, Key: k, Address: want})
	}
}

// isGiven tells whether a wanted address is there as it shall be.
func (p *planner) isGiven(k AddressKey) bool {
	want, asked := p.want.Addresses[k], p.owned.Addresses[k]
	have, there := p.have.Addresses[k]
	return there && asked.Until == want.Until && asked.preferred() == want.preferred() && asked.Metric == want.Metric && have.endsAt(want.Until) && have.preferredUntil(want.preferred())
}

// elsewhere tells whether an address is in use on another of our links, from where it moves: then nobody else has it,
// and connections need not wait for the kernel to find that out.
func (p *planner) elsewhere(k AddressKey) bool {
	for other, a := range p.have.Addresses {
		ours := p.have.Links[other.Link].Mark != Foreign
		if other.Prefix.Addr() == k.Prefix.Addr() && other.Link != k.Link && ours && !a.Tentative && !a.Duplicate && !other.Prefix.Addr().IsLinkLocalUnicast() {
			return true
		}
	}
	return false
}

// subnet is the route to that of a wanted address.
func (p *planner) subnet(k AddressKey) RouteKey {
	return RouteKey{Link: k.Link, To: k.Prefix.Masked(), Metric: p.want.Addresses[k].Metric, Table: p.want.Links[k.Link].Table}
}

// isConnected tells whether there is nothing to be done for the route to the subnet of an address.
func (p *planner) isConnected(k AddressKey) bool {
	link, want := p.have.Links[k.Link], p.want.Links[k.Link]
	if k.Prefix.IsSingleIP() || !link.Up || link.Master != want.Master { // the routes of a VRF's port are in its table
		return true
	}
	_, there := p.have.Routes[p.subnet(k)]
	_, wanted := p.want.Routes[p.subnet(k)]
	return there || wanted
}

// connect puts back the route to the subnet of an address that is there. The kernel
// makes it with the address and never again; it takes ours away with the address too.
func (p *planner) connect(k AddressKey) {
	to := p.subnet(k)
	if p.isConnected(k) || p.connected[to] { // by another address
		return
	}
	p.connected[to] = true
	r := Route{Protocol: protocolKernel}
	if k.Prefix.Addr().Is4() {
		r.From = k.Prefix.Addr()
	}
	p.add(Op{Verb: AddRoute, Link: k.Link, To: to, Route: r})
}

// Retake takes wished addresses away of which the kernel has found that somebody
// else has them. It does not look again by itself, but when Plan puts them back.
func Retake(want, have State) (ops []Op) {
	for _, k := range sortedAddresses(want.Addresses, func(k AddressKey) bool { return have.Addresses[k].Duplicate }) {
		ops = append(ops, Op{Verb: RemoveAddress, Link: k.Link, Key: k})
	}
	return ops
}

// sameAddress finds the IPv6 address that must go first: unlike IPv4's, it
// cannot be there with two prefix lengths.
func (p *planner) sameAddress(k AddressKey) (AddressKey, bool) {
	if k.Prefix.Addr().Is4() {
		return AddressKey{}, false
	}
	for other := range p.have.Addresses {
		if other.Link == k.Link && other.Prefix.Addr() == k.Prefix.Addr() && other != k {
			return other, true
		}
	}
	return AddressKey{}, false
}

// endsAt tells whether an observed address ends when it was asked to, as far as the kernel can count.
func (a Address) endsAt(until time.Duration) bool {
	return a.ends(a.Until, until)
}

// preferredUntil is endsAt for the end of being preferred.
func (a Address) preferredUntil(until time.Duration) bool {
	if a.Spent && until <= a.Preferred {
		return true
	}
	return a.ends(a.Preferred, until)
}

func (a Address) ends(at, until time.Duration) bool {
	if at == forever || until == forever {
		return at == until
	}
	return (at-until).Abs() <= lifetimeSlack || a.Distant && at < until
}

func (p *planner) remove(k AddressKey) {
	if !p.removed[k] {
		p.removed[k] = true
		p.add(Op{Verb: RemoveAddress, Link: k.Link, Key: k, Address: Address{Peer: p.have.Addresses[k].Peer}})
	}
}

func (p *planner) putRoutes() {
	keys := sortedRoutes(p.want.Routes, func(k RouteKey) bool { return !p.isPut(k) })
	// What is on the link comes first: gateways may be reached through it.
	order.Stably(keys, func(a, b RouteKey) int {
		direct := func(k RouteKey) int {
			if p.want.Routes[k].Via.IsValid() {
				return 1
			}
			return 0
		}
		return cmp.Compare(direct(a), direct(b))
	})
	var last []Op
	for _, k := range keys {
		want := p.want.Routes[k]
		if _, there := p.have.Routes[k]; there {
			last = append(last, Op{Verb: ReplaceRoute, Link: k.Link, To: k, Route: want})
			continue
		}
		holder, taken := p.holder(k)
		switch {
		case !taken:
			p.add(Op{Verb: AddRoute, Link: k.Link, To: k, Route: want})
		case p.unwanted(holder):
			// The kernel swaps the two in one step.
			p.replaced[holder] = true
			last = append(last, Op{Verb: ReplaceRoute, Link: k.Link, To: k, Route: want})
		default:
			p.problems = append(p.problems, fmt.Sprintf("%s: route to %s with metric %d: there is one on %s that is not ours",
				k.Link, k.To, k.Metric, orUnknown(holder.Link)))
		}
	}
	p.ops = append(p.ops, last...)
}

// isPut tells whether a wanted route is there as it shall be.
func (p *planner) isPut(k RouteKey) bool {
	have, there := p.have.Routes[k]
	want := p.want.Routes[k]
	return there && (sameRoute(have, want) || have.Protocol == protocolKernel && !want.Via.IsValid())
}

func orUnknown(link string) string {
	if link == "" {
		return "several links"
	}
	return link
}

// holder finds the route of another link that has the place of k.
func (p *planner) holder(k RouteKey) (RouteKey, bool) {
	if p.places == nil {
		p.places = places(p.have.Routes)
	}
	for _, other := range p.places[k.place()] {
		if other.Link != k.Link || other.Type != k.Type {
			return other, true
		}
	}
	return RouteKey{}, false
}

// unwanted tells whether a route is ours and nobody wants it any more.
func (p *planner) unwanted(k RouteKey) bool {
	_, wanted := p.want.Routes[k]
	return !wanted && p.have.Routes[k].Protocol == protocolOurs
}

func (p *planner) removeRoutes() {
	for _, k := range sortedRoutes(p.have.Routes, func(k RouteKey) bool {
		link, managed := p.want.Links[k.Link]
		stale := managed && !link.Announcements && p.have.Routes[k].Announced
		return (p.unwanted(k) || stale) && !p.replaced[k]
	}) {
		p.add(Op{Verb: RemoveRoute, Link: k.Link, To: k, Route: p.have.Routes[k]})
	}
}

func (p *planner) removeAddresses() {
	for _, k := range sortedAddresses(p.have.Addresses, func(k AddressKey) bool { _, wanted := p.want.Addresses[k]; return !wanted && p.removable(k) }) {
		p.remove(k)
	}
}

func (p *planner) removable(k AddressKey) bool {
	link, managed := p.want.Links[k.Link]
	if !managed {
		_, ours := p.owned.Addresses[k] // an old kernel does not keep our number
		return ours || p.have.Addresses[k].Ours
	}
	a := k.Prefix.Addr()
	if a.Is4() {
		return !link.Session
	}
	_, ours := p.owned.Addresses[k]
	return !a.IsLinkLocalUnicast() && (ours || !(p.have.Addresses[k].Announced && link.Announcements))
}

// lower gives links that nobody names any more their MTU back and sets those down that
// we had set up, so that the machine is as it would be had it booted with this system.toml.
func (p *planner) lower() {
	unwanted := func(name string, _ Link) bool { _, wanted := p.want.Links[name]; return !wanted && !p.gone(name) }
	for _, name := range namesOf(p.have.Links, unwanted) {
		link := p.have.Links[name]
		if mtu, changed := p.owned.MTU[name]; changed {
			p.add(Op{Verb: SetMTU, Link: name, MTU: mtu})
		}
		if link.Mark != Foreign && link.Up {
			p.add(Op{Verb: SetDown, Link: name})
		}
	}
}

// Done notes in owned that o was carried out; had is the state before.
func (w *Owned) Done(o Op, had State) {
	switch o.Verb {
	case PutPeer:
		if e := o.WireGuard.Peer.Endpoint; e.IsValid() {
			w.Endpoints[peerKey{o.Link, o.WireGuard.Peer.Key}] = e
		}
	case RemovePeer:
		delete(w.Endpoints, peerKey{o.Link, o.WireGuard.Peer.Key})
	case PutAddress:
		w.Addresses[o.Key] = o.Address
	case RemoveAddress:
		delete(w.Addresses, o.Key)
	case SetMTU:
		switch before, changed := w.MTU[o.Link]; {
		case !changed:
			w.MTU[o.Link] = had.Links[o.Link].MTU
		case before == o.MTU:
			delete(w.MTU, o.Link)
		}
	}
}

// Forget drops what is noted of links and addresses that are gone: what comes back
// in their place is another one.
func (w *Owned) Forget(have State) {
	maps.DeleteFunc(w.Addresses, func(k AddressKey, _ Address) bool { _, there := have.Addresses[k]; return !there })
	maps.DeleteFunc(w.Endpoints, func(k peerKey, _ netip.AddrPort) bool { return have.Links[k.link].Index == 0 })
	maps.DeleteFunc(w.MTU, func(name string, _ int) bool { _, there := have.Links[name]; return !there })
}

// sortedAddresses are those that which is true of.
func sortedAddresses(m map[AddressKey]Address, which func(AddressKey) bool) (keys []AddressKey) {
	for k := range m {
		if which(k) {
			keys = append(keys, k)
		}
	}
	order.By(keys, compareAddresses)
	return keys
}

func compareAddresses(a, b AddressKey) int {
	return cmp.Or(naturally(a.Link, b.Link), comparePrefix(a.Prefix, b.Prefix))
}

// sortedRoutes are those that which is true of: there may be very many.
func sortedRoutes(m map[RouteKey]Route, which func(RouteKey) bool) (keys []RouteKey) {
	for k := range m {
		if which(k) {
			keys = append(keys, k)
		}
	}
	order.By(keys, compareRoutes)
	return keys
}

func compareRoutes(a, b RouteKey) int {
	return cmp.Or(naturally(a.Link, b.Link), comparePrefix(a.To, b.To), cmp.Compare(a.Metric, b.Metric), a.Router.Compare(b.Router),
		cmp.Compare(a.Table, b.Table), cmp.Compare(a.Type, b.Type))
}

func comparePrefix(a, b netip.Prefix) int {
	return cmp.Or(a.Addr().Compare(b.Addr()), cmp.Compare(a.Bits(), b.Bits()))
}
