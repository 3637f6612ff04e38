package netcfg

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"bantam/netcfg/dhcp6"
	"bantam/system"
)

func TestNetworksOfAPrefix(t *testing.T) {
	for _, test := range []struct {
		prefix string
		number uint64
		want   string // "" for none
	}{
		{"2001:db8:100::/56", 0, "2001:db8:100::1/64"},
		{"2001:db8:100::/56", 255, "2001:db8:100:ff::1/64"},
		{"2001:db8:100::/56", 256, ""},
		{"2001:db8:100::/48", 65535, "2001:db8:100:ffff::1/64"},
		{"2001:db8:100:f0::/60", 15, "2001:db8:100:ff::1/64"},
		{"2001:db8:100:f0::/64", 0, "2001:db8:100:f0::1/64"},
		{"2001:db8:100:f0::/64", 1, ""},
		{"2001:db8:100:f0::/65", 0, ""},
		{"2001::/16", 65535, "2001:0:0:ffff::1/64"},
	} {
		own, ok := subnet(netip.MustParsePrefix(test.prefix), test.number)
		if ok != (test.want != "") || ok && own != netip.MustParsePrefix(test.want) {
			t.Errorf("network %d of %s: got %v, %v, want %q", test.number, test.prefix, own, ok, test.want)
		}
	}
}

func number(n int) *int { return &n }

// leased6 is a lease of prefixes that are preferred for half an hour and valid for an hour.
func leased6(prefixes ...string) *dhcp6.Lease {
	l := &dhcp6.Lease{Server: netip.MustParseAddr("fe80::9")}
	for _, p := range prefixes {
		l.Prefixes = append(l.Prefixes, dhcp6.Binding{Prefix: netip.MustParsePrefix(p), Preferred: 30 * time.Minute, Valid: time.Hour})
	}
	return l
}

func TestWhatIsDelegatedIsDivided(t *testing.T) {
	inner := func(n *int, ula bool) system.Net {
		return system.Net{IPv4: "off", IPv6: "static", Subnet6: n, ULA: ula}
	}
	outer := system.Net{IPv4: "off", IPv6: "auto", Prefix: "delegate"}
	const duid = "00030001020000000001"
	own, other := machinePrefix(duid), machinePrefix("00030001020000000002")
	if own == other || own.Bits() != 48 || !netip.MustParsePrefix("fd00::/8").Contains(own.Addr()) {
		t.Fatalf("%v, %v", own, other)
	}
	ownNetwork := func(n uint64) string { p, _ := subnet(own, n); return p.String() }
	for _, test := range []struct {
		name     string
		net      map[string]system.Net
		leases   map[string]*dhcp6.Lease
		want     []string // addresses, each behind its port
		routes   []string // that lead nowhere
		problems []string // what they have in them
	}{
		{"one prefix for two ports", map[string]system.Net{"eth0": outer, "eth1": inner(number(0), false), "eth2": inner(number(7), false)},
			map[string]*dhcp6.Lease{"eth0": leased6("2001:db8:100::/56")},
			[]string{"eth1 2001:db8:100::1/64", "eth2 2001:db8:100:7::1/64"}, []string{"2001:db8:100::/56"}, nil},
		{"two prefixes", map[string]system.Net{"eth0": outer, "eth1": inner(number(1), false)},
			map[string]*dhcp6.Lease{"eth0": leased6("2001:db8:100::/56", "2001:db8:200::/60")},
			[]string{"eth1 2001:db8:100:1::1/64", "eth1 2001:db8:200:1::1/64"}, []string{"2001:db8:100::/56", "2001:db8:200::/60"}, nil},
		{"two providers", map[string]system.Net{"eth0": outer, "eth2": outer, "eth1": inner(number(1), false)},
			map[string]*dhcp6.Lease{"eth0": leased6("2001:db8:100::/56"), "eth2": leased6("2001:db8:200::/60")},
			[]string{"eth1 2001:db8:100:1::1/64", "eth1 2001:db8:200:1::1/64"}, []string{"2001:db8:100::/56", "2001:db8:200::/60"}, nil},
		{"a prefix that is too small for one of them", map[string]system.Net{"eth0": outer, "eth1": inner(number(0), false), "eth2": inner(number(1), false)},
			map[string]*dhcp6.Lease{"eth0": leased6("2001:db8:100::/64")},
			[]string{"eth1 2001:db8:100::1/64"}, []string{"2001:db8:100::/64"}, []string{"eth2: no network for it: subnet6 = 1, but 2001:db8:100::/64, which was delegated to eth0, has the numbers 0 to 0 only"}},
		{"one that is no network", map[string]system.Net{"eth0": outer, "eth1": inner(number(0), false)},
			map[string]*dhcp6.Lease{"eth0": leased6("2001:db8:100::/80")}, nil, []string{"2001:db8:100::/80"}, []string{"is smaller than one (/64)"}},
		{"none yet", map[string]system.Net{"eth0": outer, "eth1": inner(number(0), false)}, nil, nil, nil, nil},
		{"of its own", map[string]system.Net{"eth1": inner(number(5), true)}, nil, []string{"eth1 " + ownNetwork(5)}, nil, nil},
		{"a port that is not there", map[string]system.Net{"eth0": outer, "eth9": inner(number(0), true)},
			map[string]*dhcp6.Lease{"eth0": leased6("2001:db8:100::/56")}, nil, []string{"2001:db8:100::/56"}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			k := newFakeKernel("eth0", "eth1", "eth2")
			w := Desired(test.net, system.DNS{}, Facts{Links: k.Links, Leases6: test.leases, DUID: duid})
			var addresses, routes []string
			for _, key := range sortedAddresses(w.Addresses, func(AddressKey) bool { return true }) {
				addresses = append(addresses, key.Link+" "+key.Prefix.String())
				if a := w.Addresses[key]; strings.HasPrefix(a.Source, "delegated to eth") && (a.Until != time.Hour || a.Preferred != 30*time.Minute) {
					t.Errorf("%v: until %v, preferred %v", key, a.Until, a.Preferred)
				}
			}
			for _, key := range sortedRoutes(w.Routes, func(RouteKey) bool { return true }) {
				if key.Type == Unreachable && key.Link == "" {
					routes = append(routes, key.To.String())
				}
			}
			if !slices.Equal(addresses, test.want) || !slices.Equal(routes, test.routes) {
				t.Errorf("got %v and %v, want %v and %v", addresses, routes, test.want, test.routes)
			}
			if len(w.Problems) != len(test.problems) {
				t.Fatalf("problems: %q", w.Problems)
			}
			for i, want := range test.problems {
				if !strings.Contains(w.Problems[i], want) {
					t.Errorf("got %q, want %q", w.Problems[i], want)
				}
			}
		})
	}
}

// With two ports that have no number, each has a network of its own.
func TestNetworksOfTheMachineWithoutNumbers(t *testing.T) {
	k := newFakeKernel("eth1", "eth2")
	ula := system.Net{IPv4: "off", IPv6: "static", ULA: true}
	w := Desired(map[string]system.Net{"eth1": ula, "eth2": ula}, system.DNS{}, Facts{Links: k.Links, DUID: "00030001020000000001"})
	seen := map[netip.Prefix]bool{}
	for key := range w.Addresses {
		seen[key.Prefix] = true
	}
	if len(seen) != 2 {
		t.Errorf("%v", w.Addresses)
	}
}

func TestWhatDHCPv6SaysOfAPort(t *testing.T) {
	k := newFakeKernel("eth0")
	l := &dhcp6.Lease{Server: netip.MustParseAddr("fe80::9"), DNS: []netip.Addr{netip.MustParseAddr("fe80::53"), netip.MustParseAddr("2001:db8::53")}, Search: []string{"six.example"},
		NTP: []netip.Addr{netip.MustParseAddr("2001:db8::123")}, Addresses: []dhcp6.Binding{{Prefix: netip.MustParsePrefix("2001:db8::5/128"), Preferred: time.Minute, Valid: time.Hour}}}
	w := Desired(map[string]system.Net{"eth0": {IPv4: "off", IPv6: "dhcp"}}, system.DNS{}, Facts{Links: k.Links, Leases6: map[string]*dhcp6.Lease{"eth0": l}})
	a := w.Addresses[AddressKey{"eth0", l.Addresses[0].Prefix}]
	if a.Until != time.Hour || a.Preferred != time.Minute || a.Source != "dhcp6 fe80::9" {
		t.Errorf("%+v", a)
	}
	if !slices.Equal(w.DNS, []string{"fe80::53%eth0", "2001:db8::53"}) || !slices.Equal(w.Search, l.Search) || !slices.Equal(w.NTP, []string{"2001:db8::123"}) {
		t.Errorf("%v, %v, %v", w.DNS, w.Search, w.NTP)
	}
	if w.Sysctls["net/ipv6/conf/eth0/accept_ra"] != "2" {
		t.Error("routers are not heard")
	}
}

// The kernel tells of an address that is no longer preferred neither since when nor until when.
func TestAnAddressThatIsNoLongerPreferredIsLeftAlone(t *testing.T) {
	k := AddressKey{"eth0", netip.MustParsePrefix("2001:db8::1/64")}
	want, have := newState(), newState()
	want.Links["eth0"], have.Links["eth0"] = Link{Up: true, Announcements: true}, Link{Index: 1, Up: true, Mark: Raised}
	asked := Address{Until: 2 * time.Hour, Preferred: time.Minute}
	want.Addresses[k] = asked
	have.Addresses[k] = Address{Until: 2 * time.Hour, Preferred: time.Hour, Spent: true} // seen an hour after boot
	have.Routes[RouteKey{Link: "eth0", To: k.Prefix.Masked()}] = Route{Protocol: protocolKernel}
	owned := newOwned()
	owned.Addresses[k] = asked
	if ops, _ := Plan(want, have, owned); len(ops) > 0 {
		t.Errorf("%v", ops)
	}
	longer := Address{Until: 2 * time.Hour, Preferred: 90 * time.Minute}
	want.Addresses[k] = longer
	owned.Addresses[k] = longer
	if ops, _ := Plan(want, have, owned); len(ops) != 1 || ops[0].Verb != PutAddress {
		t.Errorf("preferred again: %v", ops)
	}
}
