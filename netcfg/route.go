package netcfg

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"net/netip"

	"golang.org/x/sys/unix"

	"bantam/netcfg/rtnl"
)

// What is read of routes at one look.
const (
	fewRoutes     = 1024 // of a family; where there are more, only those are asked for that matter
	maxForeign    = 256  // of other programs, which are only shown
	maxAdvertised = 64   // of router advertisements, on one link; more are removed
	someSurplus   = 4096 // of those that are removed, read at once
)

// routeMessage is what the kernel tells of one route.
type routeMessage struct {
	family   byte
	protocol int
	table    int       // 0: the main one
	kind     RouteType // of an interesting one, see plain
	plain    bool      // it says where packets go, or not: no type of service, no source prefix, not made of another one
	index    int
	to       netip.Prefix
	metric   int
	via      netip.Addr
	from     netip.Addr
	onLink   bool
}

// readRoute reads the body of an RTM_NEWROUTE or RTM_DELROUTE message (struct
// rtmsg and attributes). It allocates nothing: there may be a million of them.
func readRoute(b []byte) (r routeMessage, ok bool) {
	if len(b) < unix.SizeofRtMsg || b[0] != unix.AF_INET && b[0] != unix.AF_INET6 {
		return r, false
	}
	flags := rtnl.Read32(b[8:])
	r = routeMessage{
		family: b[0], protocol: int(b[5]), table: int(b[4]),
		plain:  b[2] == 0 && b[3] == 0 && flags&unix.RTM_F_CLONED == 0,
		onLink: flags&unix.RTNH_F_ONLINK != 0,
	}
	to := netip.IPv4Unspecified()
	if r.family == unix.AF_INET6 {
		to = netip.IPv6Unspecified()
	}
	for a := (rtnl.Attributes{Rest: b[unix.SizeofRtMsg:]}); a.Next(); {
		switch v := a.Value; a.Kind {
		case unix.RTA_DST:
			to, _ = netip.AddrFromSlice(v)
		case unix.RTA_OIF:
			r.index = int(int32(rtnl.Read32(v)))
		case unix.RTA_PRIORITY:
			r.metric = int(rtnl.Read32(v))
		case unix.RTA_GATEWAY:
			r.via, _ = netip.AddrFromSlice(v)
		case unix.RTA_PREFSRC:
			r.from, _ = netip.AddrFromSlice(v)
		case unix.RTA_TABLE:
			r.table = int(rtnl.Read32(v))
		}
	}
	if r.table == unix.RT_TABLE_MAIN {
		r.table = 0
	}
	switch kind := RouteType(b[7]); kind {
	case unix.RTN_UNICAST:
	case Blackhole, Unreachable, Prohibit:
		r.kind, r.index = kind, 0 // IPv6 tells of the loopback link
	default:
		r.plain = false
	}
	r.to = netip.PrefixFrom(to, int(b[1]))
	return r, r.to.IsValid()
}

// request appends the body of a request about a route. index is 0 for one that leads nowhere.
func (r Route) request(b *rtnl.Body, index int, k RouteKey) {
	scope := byte(unix.RT_SCOPE_UNIVERSE)
	if !r.Via.IsValid() && k.To.Addr().Is4() && k.Type == Unicast {
		scope = unix.RT_SCOPE_LINK
	}
	flags := uint32(0)
	if r.OnLink {
		flags = unix.RTNH_F_ONLINK
	}
	*b = append(*b, family(k.To.Addr()), byte(k.To.Bits()), 0, 0, 0, byte(r.Protocol), scope, byte(cmp.Or(k.Type, unix.RTN_UNICAST)))
	*b = binary.NativeEndian.AppendUint32(*b, flags)
	b.AddAddress(unix.RTA_DST, k.To.Addr())
	b.Add32(unix.RTA_TABLE, uint32(cmp.Or(k.Table, unix.RT_TABLE_MAIN)))
	b.Add32(unix.RTA_PRIORITY, uint32(k.Metric))
	if index != 0 {
		b.Add32(unix.RTA_OIF, uint32(index))
	}
	if r.Via.IsValid() {
		b.AddAddress(unix.RTA_GATEWAY, r.Via)
	}
	if r.From.IsValid() {
		b.AddAddress(unix.RTA_PREFSRC, r.From)
	}
}

// interest is what matters of the routes to a wish. Everything else may be as
// much as it likes: it is not stored, and does not wake us.
type interest struct {
	links  map[int]string // by index
	ports  map[string]bool
	tables map[int]bool   // in which the ports' own routes are
	places map[place]bool // of the wished routes, and those to the wished addresses' subnets
}

func newInterest(want State, links map[string]Link) interest {
	i := interest{make(map[int]string, len(links)), make(map[string]bool, len(want.Links)), map[int]bool{0: true}, make(map[place]bool, len(want.Routes)+len(want.Addresses))}
	for name, l := range links {
		i.links[l.Index] = name
	}
	for name, l := range want.Links {
		i.ports[name], i.tables[l.Table] = true, true
	}
	for k := range want.Routes {
		i.places[k.place()] = true
	}
	for k, a := range want.Addresses {
		i.places[place{k.Prefix.Masked(), a.Metric, want.Links[k.Link].Table}] = true
	}
	return i
}

// key is under what a route is kept. The kernel keeps one with the same
// destination and metric for each router that advertises.
func (i interest) key(m routeMessage) RouteKey {
	k := RouteKey{Link: i.links[m.index], To: m.to, Metric: m.metric, Table: m.table, Type: m.kind}
	if m.protocol == protocolRA {
		k.Router = m.via
	}
	return k
}

// essential tells whether a route can change what is to be done.
func (i interest) essential(m routeMessage) bool {
	return m.protocol == protocolOurs || i.places[place{m.to, m.metric, m.table}]
}

// wakes tells whether a change of a route is one to look at. foreign tells
// whether those of other programs are few enough to be shown.
func (i interest) wakes(m routeMessage, foreign bool) bool {
	return m.plain && (i.essential(m) ||
		i.tables[m.table] && i.ports[i.links[m.index]] && (foreign || m.protocol == protocolRA || m.protocol == protocolKernel))
}

// routeReader keeps of the routes what matters, in bounded memory.
type routeReader struct {
	interest
	routes     map[RouteKey]Route
	known      map[RouteKey]bool
	subnets    map[AddressKey]bool // of addresses that no router advertisement has made
	found      map[place]bool      // those of interest that somebody has
	foreign    int
	advertised map[string]int // by link
}

func newRouteReader(have State, of interest, known map[RouteKey]bool) *routeReader {
	r := &routeReader{
		interest: of, routes: make(map[RouteKey]Route, len(of.places)), known: known,
		subnets: map[AddressKey]bool{}, found: map[place]bool{}, advertised: map[string]int{},
	}
	for k, a := range have.Addresses {
		if !a.Announced {
			r.subnets[AddressKey{k.Link, k.Prefix.Masked()}] = true
		}
	}
	return r
}

// take keeps a route or does not.
func (r *routeReader) take(m routeMessage) {
	if !m.plain {
		return
	}
	k := r.key(m)
	if _, there := r.routes[k]; there && m.protocol != protocolOurs {
		return // where two of IPv6 share a key, ours
	}
	if r.places[k.place()] {
		r.found[k.place()] = true
	}
	route := Route{Via: m.via, From: m.from, OnLink: m.onLink, Protocol: m.protocol}
	switch {
	case r.essential(m):
	case !r.tables[m.table] || !r.ports[k.Link]:
		return
	case m.family == unix.AF_INET6 && (m.protocol == protocolRA || m.protocol == protocolKernel && r.advertisable(k)):
		route.Announced = true
		if !r.known[k] {
			if r.advertised[k.Link]++; r.advertised[k.Link] > someSurplus {
				return
			}
		}
	case m.protocol == protocolKernel:
		return // it only says again what the addresses say
	default:
		if r.foreign++; r.foreign > maxForeign {
			return
		}
	}
	r.routes[k] = route
}

// advertisable tells whether the kernel can have made its route to a prefix from
// an advertisement: it does not say so, but for what else it would.
func (r *routeReader) advertisable(k RouteKey) bool {
	a := k.To.Addr()
	return !a.IsLinkLocalUnicast() && !a.IsMulticast() && !r.subnets[AddressKey{k.Link, k.To}]
}

// ReadRoutes looks at the whole table where it is short. Else it asks for the
// routes of those whose routes matter, and looks through the rest only for
// what has the place of a wished route that is not there.
func (r *rtnetlink) ReadRoutes(into *State, want State, of interest, known map[RouteKey]bool) error {
	for _, family := range []byte{unix.AF_INET, unix.AF_INET6} {
		reader, unshown, err := r.readRoutes(family, *into, want, of, known)
		if err != nil {
			return fmt.Errorf("list routes: %w", err)
		}
		if len(into.Routes) == 0 {
			into.Routes = reader.routes
		} else {
			maps.Copy(into.Routes, reader.routes)
		}
		into.Unshown = into.Unshown || unshown
	}
	return r.readRules(into, want)
}

func (r *rtnetlink) readRoutes(family byte, have, want State, of interest, known map[RouteKey]bool) (reader *routeReader, unshown bool, err error) {
	short, err := r.dumpRoutes(family, 0, func() func(routeMessage) bool {
		reader = newRouteReader(have, of, known)
		left := fewRoutes
		return func(m routeMessage) bool {
			reader.take(m)
			left--
			return left > 0
		}
	})
	if short || err != nil {
		return reader, reader.foreign > maxForeign, err
	}
	take := func() func(routeMessage) bool {
		return func(m routeMessage) bool { reader.take(m); return true }
	}
	protocols := []byte{protocolOurs, protocolKernel}
	if family == unix.AF_INET6 {
		protocols = append(protocols, protocolRA)
	}
	for _, protocol := range protocols {
		if _, err := r.dumpRoutes(family, protocol, take); err != nil {
			return reader, true, err
		}
	}
	unshown = reader.foreign > 0 // in the piece that was read, so there are more
	for k := range want.Routes {
		if k.To.Addr().Is4() == (family == unix.AF_INET) && !reader.found[k.place()] {
			_, err = r.dumpRoutes(family, 0, take)
			break
		}
	}
	return reader, unshown, err
}

// dumpRoutes lists all tables, where protocol is not 0 only its routes.
func (r *rtnetlink) dumpRoutes(family, protocol byte, begin func() func(routeMessage) bool) (whole bool, err error) {
	body := make([]byte, unix.SizeofRtMsg)
	body[0], body[5] = family, protocol
	whole, err = r.Dump(unix.RTM_GETROUTE, body, func() func([]byte) bool {
		take := begin()
		return func(b []byte) bool {
			m, ok := readRoute(b)
			return !ok || take(m)
		}
	})
	if errors.Is(err, unix.ENOENT) { // the table is made with its first route
		return true, nil
	}
	return whole, err
}
