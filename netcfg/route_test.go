package netcfg

import (
	"encoding/binary"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"bantam/netcfg/rtnl"
)

// routeBody is an RTM_NEWROUTE message's, as the kernel tells of a route.
func routeBody(index int, to string, metric int, r Route) []byte {
	var b rtnl.Body
	r.request(&b, index, RouteKey{To: netip.MustParsePrefix(to), Metric: metric})
	b.Add32(unix.RTA_TABLE, unix.RT_TABLE_MAIN)
	return b
}

func parsed(t *testing.T, b []byte) routeMessage {
	t.Helper()
	m, ok := readRoute(b)
	if !ok {
		t.Fatalf("not read: %x", b)
	}
	return m
}

// wishOfOnePort has eth0 (2) with an address and a route; eth1 (3) is not looked after.
func wishOfOnePort() (want, have State) {
	want, have = newState(), newState()
	want.Links["eth0"] = Link{Up: true, Announcements: true}
	want.Addresses[AddressKey{"eth0", netip.MustParsePrefix("10.0.0.2/24")}] = Address{Metric: 100}
	want.Addresses[AddressKey{"eth0", netip.MustParsePrefix("2001:db8::2/64")}] = Address{Metric: 100}
	want.Routes[RouteKey{Link: "eth0", To: netip.MustParsePrefix("0.0.0.0/0"), Metric: 100}] = Route{Protocol: protocolOurs}
	have.Links["eth0"], have.Links["eth1"] = Link{Index: 2}, Link{Index: 3}
	for k := range want.Addresses {
		have.Addresses[k] = Address{}
	}
	return want, have
}

func TestWhichRoutesMatter(t *testing.T) {
	router := netip.MustParseAddr("fe80::1")
	for _, c := range []struct {
		claim            string
		index            int
		to               string
		metric, protocol int
		via              netip.Addr
		table            byte
		kept, wakes      bool
		wakesAmongMany   bool // where those of other programs are too many to be shown
	}{
		{"ours", 2, "10.9.0.0/16", 100, protocolOurs, netip.Addr{}, unix.RT_TABLE_MAIN, true, true, true},
		{"ours on a port that is no longer named", 3, "10.9.0.0/16", 100, protocolOurs, netip.Addr{}, unix.RT_TABLE_MAIN, true, true, true},
		{"what has a wished one's place on any link", 3, "0.0.0.0/0", 100, 4, netip.Addr{}, unix.RT_TABLE_MAIN, true, true, true},
		{"that of a subnet of ours", 2, "10.0.0.0/24", 100, protocolKernel, netip.Addr{}, unix.RT_TABLE_MAIN, true, true, true},
		{"another program's on our port is shown", 2, "10.9.0.0/16", 20, 12, netip.Addr{}, unix.RT_TABLE_MAIN, true, true, false},
		{"another program's elsewhere", 3, "10.9.0.0/16", 20, 12, netip.Addr{}, unix.RT_TABLE_MAIN, false, false, false},
		{"one with another metric elsewhere", 3, "0.0.0.0/0", 99, 4, netip.Addr{}, unix.RT_TABLE_MAIN, false, false, false},
		{"one of ours in another table", 2, "0.0.0.0/0", 100, protocolOurs, netip.Addr{}, 5, true, true, true},
		{"another program's in another table", 2, "0.0.0.0/0", 100, 12, netip.Addr{}, 5, false, false, false},
		{"a router's", 2, "::/0", 1024, protocolRA, router, unix.RT_TABLE_MAIN, true, true, true},
		{"a router's elsewhere", 3, "::/0", 1024, protocolRA, router, unix.RT_TABLE_MAIN, false, false, false},
		{"an advertised prefix", 2, "2001:db8:1::/64", 256, protocolKernel, netip.Addr{}, unix.RT_TABLE_MAIN, true, true, true},
		{"the link-local subnet", 2, "fe80::/64", 256, protocolKernel, netip.Addr{}, unix.RT_TABLE_MAIN, false, true, true},
	} {
		want, have := wishOfOnePort()
		body := routeBody(c.index, c.to, c.metric, Route{Protocol: c.protocol, Via: c.via})
		binary.NativeEndian.PutUint32(body[len(body)-4:], uint32(c.table))
		m := parsed(t, body)
		r := newRouteReader(have, newInterest(want, have.Links), nil)
		r.take(m)
		once := maps.Clone(r.routes)
		if kept := len(once) == 1; kept != c.kept {
			t.Errorf("%s: kept %v", c.claim, kept)
		}
		if r.take(m); !maps.Equal(r.routes, once) {
			t.Errorf("%s: seen again, %v is %v", c.claim, once, r.routes)
		}
		if a, b := r.wakes(m, true), r.wakes(m, false); a != c.wakes || b != c.wakesAmongMany {
			t.Errorf("%s: wakes %v, among many %v", c.claim, a, b)
		}
	}
}

func TestRoutesAreReadInBoundedMemory(t *testing.T) {
	want, have := wishOfOnePort()
	known := RouteKey{Link: "eth0", To: netip.MustParsePrefix("2001:db8:ffff::/64"), Metric: 256}
	r := newRouteReader(have, newInterest(want, have.Links), map[RouteKey]bool{known: true})
	for i := range 3 * someSurplus {
		r.take(parsed(t, routeBody(2, fmt.Sprintf("2001:db8:%x::/64", i%0xffff), 256, Route{Protocol: protocolKernel})))
		r.take(parsed(t, routeBody(2, fmt.Sprintf("20.%d.%d.0/24", i>>8, i&255), 0, Route{Protocol: 12})))
		r.take(parsed(t, routeBody(3, fmt.Sprintf("20.%d.%d.0/24", i>>8, i&255), 1, Route{Protocol: 12})))
	}
	r.take(parsed(t, routeBody(2, "2001:db8:ffff::/64", 256, Route{Protocol: protocolKernel})))
	r.take(parsed(t, routeBody(2, "0.0.0.0/0", 100, Route{Protocol: protocolOurs})))
	if n := len(r.routes); n != someSurplus+maxForeign+2 {
		t.Errorf("%d routes kept", n)
	}
	if _, there := r.routes[known]; !there {
		t.Error("the known one was left out")
	}
	foreign := routeBody(2, "20.0.0.0/24", 0, Route{Protocol: 12, Via: netip.MustParseAddr("10.0.0.1")})
	if n := testing.AllocsPerRun(100, func() {
		m, _ := readRoute(foreign)
		r.take(m)
		r.wakes(m, false)
	}); n != 0 {
		t.Errorf("%v allocations for a route of another program", n)
	}
}

func TestOfTooManyAdvertisedRoutesThoseStayThatCameFirst(t *testing.T) {
	want, have := wishOfOnePort()
	want.Links["eth1"] = Link{Announcements: true}
	add := func(link, to, router string) RouteKey {
		k := RouteKey{Link: link, To: netip.MustParsePrefix(to), Metric: 256}
		r := Route{Protocol: protocolKernel, Announced: true}
		if router != "" {
			k.Router, k.Metric = netip.MustParseAddr(router), 1024
			r.Via, r.Protocol = k.Router, protocolRA
		}
		have.Routes[k] = r
		return k
	}
	first := []RouteKey{add("eth0", "::/0", "fe80::ffff"), add("eth0", "2001:db8:ffff::/64", "")}
	known, ops := Surplus(want, have, nil)
	if len(ops) != 0 || len(known) != len(first) {
		t.Fatalf("few: removed %v, kept %v", ops, known)
	}
	lived := add("eth0", "2001:db8:fff0::/64", "") // with an address
	have.Addresses[AddressKey{"eth0", netip.MustParsePrefix("2001:db8:fff0::5/64")}] = Address{Announced: true}
	for i := range 1000 {
		add("eth0", fmt.Sprintf("2001:db8:%x::/64", i), "")
		add("eth0", "::/0", fmt.Sprintf("fe80::%x", i+1))
	}
	elsewhere := add("eth1", "::/0", "fe80::1")
	known, ops = Surplus(want, have, known)
	if len(known) != maxAdvertised+1 || len(ops) != 2003-maxAdvertised {
		t.Errorf("kept %d, removed %d", len(known), len(ops))
	}
	for _, k := range append(first, lived, elsewhere) {
		if !known[k] {
			t.Errorf("removed: %v", k)
		}
	}
	if slices.ContainsFunc(ops, func(o Op) bool { return o.Verb != RemoveRoute || known[o.To] }) {
		t.Error("what is kept is removed")
	}
	// Whoever comes next, the same ones stay.
	for _, o := range ops {
		delete(have.Routes, o.To)
	}
	add("eth0", "2001:db8:a:a::/64", "")
	again, ops := Surplus(want, have, known)
	if len(ops) != 1 || ops[0].To.To.String() != "2001:db8:a:a::/64" || len(again) != len(known) {
		t.Errorf("removed %v", ops)
	}
}

func FuzzRoutingMessages(f *testing.F) {
	f.Add(rtnl.Message(unix.RTM_NEWROUTE, 0, 1, routeBody(2, "10.0.0.0/8", 100, Route{Protocol: 12, Via: netip.MustParseAddr("10.0.0.1")})))
	var address rtnl.Body
	Address{Until: forever}.request(&address, 2, netip.MustParsePrefix("10.0.0.2/24"), 0)
	f.Add(rtnl.Message(unix.RTM_NEWADDR, 0, 1, address))
	f.Add(rtnl.Message(unix.RTM_NEWLINK, 0, 1, make([]byte, 16), rtnl.Attribute(unix.IFLA_IFNAME, []byte("eth0\x00")),
		rtnl.Attribute(unix.IFLA_AF_SPEC, rtnl.Attribute(unix.AF_INET6, rtnl.Attribute(unix.IFLA_INET6_CONF, make([]byte, 200))))))
	f.Fuzz(func(t *testing.T, b []byte) {
		for m := (rtnl.Messages{Rest: b}); m.Next(); {
			body := m.Body
			readRoute(body)
			readAddress(body)
			readUserOptions(body)
			if l, ok := readLink(body); ok {
				for family, places := range parameterPlaces {
					for _, place := range places {
						l.parameter(family, place.word)
					}
				}
			}
		}
	})
}
