package netcfg

import (
	"fmt"
	"maps"
	"net/netip"
	"strings"
	"testing"
	"time"

	"bantam/netcfg/dhcp4"
	"bantam/system"

	"golang.org/x/sys/unix"
)

var _ kernel = (*fakeKernel)(nil)

// fakeKernel has the kernel's traps: see the methods.
type fakeKernel struct {
	State
	old bool // from before Linux 5.18: it keeps no protocol number of addresses

	longest time.Duration // beyond which it cuts lifetimes; 0: nowhere
	flushed bool          // somebody took its routes to the subnets away
}

func newFakeKernel(links ...string) *fakeKernel {
	k := &fakeKernel{State: newState()}
	for i, name := range links {
		k.plug(name, Link{Index: i + 2, MTU: 1500, MAC: [6]byte{2, 0, 0, 0, 0, byte(i)}, Carrier: true, Ethernet: true, Hardware: true})
	}
	return k
}

// plug adds a link with its parameters.
func (k *fakeKernel) plug(name string, l Link) {
	k.Links[name] = l
	k.Sysctls["net/ipv4/conf/"+name+"/promote_secondaries"] = "0"
	for _, key := range []string{"accept_ra", "autoconf", "disable_ipv6", "accept_ra_defrtr", "accept_ra_pinfo"} {
		k.Sysctls["net/ipv6/conf/"+name+"/"+key] = "1" // and no ra_defrtr_metric: an older kernel
	}
}

func (k *fakeKernel) Observe() (State, error) {
	s := newState()
	for n, l := range k.Links {
		s.Links[n] = l
	}
	for n, a := range k.Addresses {
		s.Addresses[n] = Address{Until: a.Until, Preferred: a.preferred(), Distant: a.Until >= distant, Announced: a.Announced, Peer: a.Peer, Ours: a.Ours && !k.old}
	}
	for n, a := range k.Addresses {
		if !n.Prefix.IsSingleIP() && k.Links[n.Link].Up && !k.flushed {
			table := k.Links[k.Links[n.Link].Master].Make.Table
			s.Routes[RouteKey{Link: n.Link, To: n.Prefix.Masked(), Metric: a.Metric, Table: table}] = Route{Protocol: protocolKernel}
		}
	}
	maps.Copy(s.Rules, k.Rules)
	for n, r := range k.Routes {
		r.Source = ""
		s.Routes[n] = r
	}
	return s, nil
}

// ReadRoutes has nothing to add: Observe has told all of them.
func (k *fakeKernel) ReadRoutes(*State, State, interest, map[RouteKey]bool) error { return nil }

func (k *fakeKernel) ReadSysctls(into *State, paths []string) {
	for _, p := range paths {
		if v, ok := k.Sysctls[p]; ok {
			into.Sysctls[p] = v
		}
	}
}

func (k *fakeKernel) Together(ops []Op) []error { return []error{k.Apply(ops[0])} }

func (k *fakeKernel) Apply(o Op) error {
	link, ok := k.Links[o.Link]
	switch {
	case ok, o.Verb == SetSysctl, o.Verb == MakeLink, o.Verb == AddRule, o.Verb == RemoveRule, o.To.Type != Unicast:
	default:
		return unix.ENODEV
	}
	switch o.Verb {
	case SetSysctl:
		if _, there := k.Sysctls[o.Path]; !there {
			if o.Optional {
				return nil
			}
			return unix.ENOENT
		}
		k.Sysctls[o.Path] = o.Value
		if o.Value == "1" && strings.HasSuffix(o.Path, "/disable_ipv6") {
			maps.DeleteFunc(k.Addresses, func(a AddressKey, _ Address) bool { return a.Link == portOf(o.Path) && a.Prefix.Addr().Is6() })
		}
	case MakeLink, RemoveLink, RenameLink, TuneLink, JoinLink, LeaveLink, SetVLANs:
		return k.changeLink(o)
	case SetWireGuard, PutPeer, RemovePeer:
		return k.changeWireGuard(o)
	case SetQueue, RemoveQueue, Redirect, RemoveRedirect:
		return k.changeShape(o)
	case AddRule:
		if _, there := k.Rules[o.Rule]; there {
			return unix.EEXIST
		}
		k.Rules[o.Rule] = true
	case RemoveRule:
		delete(k.Rules, o.Rule)
	case SetMTU:
		link.MTU = o.MTU
		k.Links[o.Link] = link
	case SetUp:
		if link.Make.Kind == "vlan" && !k.Links[link.Make.Parent].Up {
			return unix.ENETDOWN
		}
		link.Up = true
		if link.Mark == Foreign {
			link.Mark = Raised
		}
		k.Links[o.Link] = link
	case SetDown:
		k.down(o.Link)
		if link = k.Links[o.Link]; link.Mark == Raised {
			link.Mark = Foreign
		}
		k.Links[o.Link] = link
	case PutAddress:
		for a := range k.Addresses { // IPv6 has no address twice
			if a.Link == o.Link && a.Prefix.Addr() == o.Key.Prefix.Addr() && a != o.Key && a.Prefix.Addr().Is6() {
				return unix.EEXIST
			}
		}
		a := o.Address
		a.Ours = true
		if k.longest != 0 && a.Until != forever {
			a.Until = min(a.Until, k.longest)
		}
		k.Addresses[o.Key] = a
	case RemoveAddress:
		return k.removeAddress(o)
	case AddRoute, ReplaceRoute:
		return k.putRoute(o)
	case RemoveRoute:
		if _, ok := k.Routes[o.To]; !ok {
			return unix.ESRCH
		}
		delete(k.Routes, o.To)
	}
	return nil
}

func (k *fakeKernel) dropRoutes(drop func(RouteKey, Route) bool) {
	for key, r := range k.Routes {
		if drop(key, r) {
			delete(k.Routes, key)
		}
	}
}

// removeAddress takes along the subnet's other addresses unless they are to be
// promoted, and the routes that depended on what went.
func (k *fakeKernel) removeAddress(o Op) error {
	if a, ok := k.Addresses[o.Key]; !ok || a.Peer != o.Address.Peer {
		return unix.EADDRNOTAVAIL
	}
	delete(k.Addresses, o.Key)
	if o.Key.Prefix.Addr().Is4() && k.Sysctls["net/ipv4/conf/"+o.Link+"/promote_secondaries"] != "1" {
		for a := range k.Addresses {
			if a.Link == o.Link && a.Prefix.Masked() == o.Key.Prefix.Masked() {
				delete(k.Addresses, a)
			}
		}
	}
	left, sameHost := false, false
	for a := range k.Addresses {
		left = left || a.Link == o.Link && a.Prefix.Addr().Is4() == o.Key.Prefix.Addr().Is4()
		sameHost = sameHost || a.Prefix.Addr() == o.Key.Prefix.Addr()
	}
	k.dropRoutes(func(key RouteKey, r Route) bool {
		if key.Link != o.Link || key.To.Addr().Is4() != o.Key.Prefix.Addr().Is4() {
			return false
		}
		return !left || !sameHost && r.From == o.Key.Prefix.Addr() || r.Via.IsValid() && !r.OnLink && o.Key.Prefix.Contains(r.Via)
	})
	return nil
}

// putRoute replaces what has the destination and metric on any link.
func (k *fakeKernel) putRoute(o Op) error {
	if !k.Links[o.Link].Up && o.To.Type == Unicast {
		return unix.ENETDOWN
	}
	if o.Route.Protocol == protocolKernel {
		k.flushed = false
		return nil
	}
	if via := o.Route.Via; via.IsValid() && !o.Route.OnLink && !via.IsLinkLocalUnicast() {
		reached := false
		for a := range k.Addresses {
			reached = reached || a.Link == o.Link && a.Prefix.Contains(via)
		}
		if !reached {
			return unix.ENETUNREACH
		}
	}
	for key := range k.Routes {
		if key.place() == o.To.place() {
			if o.Verb == AddRoute {
				return unix.EEXIST
			}
			delete(k.Routes, key)
		}
	}
	k.Routes[o.To] = o.Route
	return nil
}

// settle plans and applies until nothing is left to do, and returns what was done.
func settle(t *testing.T, k *fakeKernel, owned *Owned, net map[string]system.Net, facts Facts) (done []Op, problems []string) {
	t.Helper()
	for range rounds {
		have, _ := k.Observe()
		owned.Forget(have)
		facts.Links = have.Links
		desired := Desired(net, system.DNS{}, facts)
		k.ReadWireGuard(&have, desired.State)
		k.ReadQueues(&have, desired.State)
		var paths []string
		for p := range desired.Sysctls {
			paths = append(paths, p)
		}
		k.ReadSysctls(&have, paths)
		ops, impossible := Plan(desired.State, have, *owned)
		if len(ops) == 0 {
			return done, append(desired.Problems, impossible...)
		}
		for _, o := range ops {
			if err := k.Apply(o); err != nil {
				t.Errorf("%v: %v", o, err)
				continue
			}
			owned.Done(o, have)
		}
		done = append(done, ops...)
	}
	t.Fatalf("does not settle; done:\n%v", done)
	return nil, nil
}

func lease(address, gateway string) *dhcp4.Lease {
	return &dhcp4.Lease{
		Address: netip.MustParsePrefix(address), Server: netip.MustParseAddr(gateway), Expires: time.Hour,
		Routes: []dhcp4.Route{{To: netip.MustParsePrefix("0.0.0.0/0"), Via: netip.MustParseAddr(gateway)}},
	}
}

func static(addresses ...string) system.Net {
	return system.Net{IPv4: "static", IPv6: "auto", Addresses: addresses}
}

var dhcp = system.Net{IPv4: "dhcp", IPv6: "auto"}

func has(k *fakeKernel, link, prefix string) bool {
	_, ok := k.Addresses[AddressKey{link, netip.MustParsePrefix(prefix)}]
	return ok
}

func route(k *fakeKernel, link, to string, metric int) (Route, bool) {
	r, ok := k.Routes[RouteKey{Link: link, To: netip.MustParsePrefix(to), Metric: metric}]
	return r, ok
}

func index(ops []Op, verb Verb) int {
	for i, o := range ops {
		if o.Verb == verb {
			return i
		}
	}
	return -1
}

func TestAPrimaryAddressGoesWithoutItsSecondaries(t *testing.T) {
	k, owned := newFakeKernel("eth0"), newOwned()
	settle(t, k, &owned, map[string]system.Net{"eth0": static("10.0.0.2/24", "10.0.0.3/24")}, Facts{})
	done, _ := settle(t, k, &owned, map[string]system.Net{"eth0": static("10.0.0.3/24")}, Facts{})
	if len(done) != 1 || !has(k, "eth0", "10.0.0.3/24") || has(k, "eth0", "10.0.0.2/24") {
		t.Errorf("done %v, left %v", done, k.Addresses)
	}
}

func TestTwoUplinksKeepTheirDefaultRoutes(t *testing.T) {
	k, owned := newFakeKernel("eth0", "eth1"), newOwned()
	facts := Facts{Leases: map[string]*dhcp4.Lease{"eth0": lease("10.0.0.5/24", "10.0.0.1"), "eth1": lease("10.1.0.5/24", "10.1.0.1")}}
	settle(t, k, &owned, nil, facts)
	for i, link := range []string{"eth0", "eth1"} {
		if _, ok := route(k, link, "0.0.0.0/0", 100+i); !ok {
			t.Errorf("%s has no default route: %v", link, k.Routes)
		}
	}
	// A port that comes, wherever it sorts, changes nothing of theirs.
	for i, name := range []string{"a0", "eth0a", "wlan0"} {
		k.Links[name] = Link{Index: 9 + i, Carrier: true, Ethernet: true, Hardware: true}
		facts.Leases[name] = lease(fmt.Sprintf("10.%d.0.5/24", 9+i), fmt.Sprintf("10.%d.0.1", 9+i))
		done, problems := settle(t, k, &owned, nil, facts)
		for _, o := range done {
			if o.Verb != SetSysctl && o.Link != name {
				t.Errorf("with %s: %v", name, o)
			}
		}
		if len(problems) > 0 {
			t.Errorf("with %s: %q", name, problems)
		}
	}
	for link, metric := range map[string]int{"eth0": 100, "eth1": 101, "wlan0": 600} {
		if _, ok := route(k, link, "0.0.0.0/0", metric); !ok {
			t.Errorf("%s has no default route with metric %d: %v", link, metric, k.Routes)
		}
	}
}

func TestAMetricThatIsChangedMovesTheRoutesWithoutAGap(t *testing.T) {
	k, owned := newFakeKernel("eth0", "eth1"), newOwned()
	facts := Facts{Leases: map[string]*dhcp4.Lease{"eth0": lease("10.0.0.5/24", "10.0.0.1"), "eth1": lease("10.1.0.5/24", "10.1.0.1")}}
	net := map[string]system.Net{"eth0": dhcp, "eth1": dhcp}
	settle(t, k, &owned, net, facts)
	// eth1 comes first, with what was eth0's.
	first := dhcp
	first.Metric = 100
	net["eth1"] = first
	done, problems := settle(t, k, &owned, net, facts)
	if len(problems) != 1 || !strings.HasPrefix(problems[0], "eth0: it has metric 101, ") {
		t.Errorf("problems: %q", problems)
	}
	for link, metric := range map[string]int{"eth0": 101, "eth1": 100} {
		if _, ok := route(k, link, "0.0.0.0/0", metric); !ok {
			t.Errorf("%s has no default route with metric %d: %v; done %v", link, metric, k.Routes, done)
		}
	}
}

func TestARouteOfSomebodyElseIsNotTakenAway(t *testing.T) {
	k, owned := newFakeKernel("eth0", "wg0"), newOwned()
	for _, to := range []string{"0.0.0.0/0", "::/0"} {
		k.Routes[RouteKey{Link: "wg0", To: netip.MustParsePrefix(to), Metric: 100}] = Route{Protocol: 4}
	}
	n := static("10.0.0.2/24", "2001:db8::2/64")
	n.Gateway, n.Gateway6 = "10.0.0.1", "2001:db8::1"
	_, problems := settle(t, k, &owned, map[string]system.Net{"eth0": n}, Facts{})
	if len(problems) != 2 || !strings.Contains(problems[0], "wg0") || len(k.Routes) != 2 {
		t.Errorf("problems %q, routes %v", problems, k.Routes)
	}
}

func TestFromDHCPToStaticTheNewAddressComesFirst(t *testing.T) {
	k, owned := newFakeKernel("eth0"), newOwned()
	facts := Facts{Leases: map[string]*dhcp4.Lease{"eth0": lease("10.0.0.5/24", "10.0.0.1")}}
	settle(t, k, &owned, map[string]system.Net{"eth0": dhcp}, facts)
	n := static("10.0.0.9/24")
	n.Gateway = "10.0.0.1"
	done, _ := settle(t, k, &owned, map[string]system.Net{"eth0": n}, facts)
	if put, rm := index(done, PutAddress), index(done, RemoveAddress); put < 0 || rm < put {
		t.Errorf("order: %v", done)
	}
	if r, ok := route(k, "eth0", "0.0.0.0/0", 100); !ok || r.From.IsValid() {
		t.Errorf("default route: %+v", k.Routes)
	}
	if has(k, "eth0", "10.0.0.5/24") {
		t.Error("the leased address stayed")
	}
}

func TestAnotherPrefixLengthIsAnotherAddress(t *testing.T) {
	k, owned := newFakeKernel("eth0"), newOwned()
	settle(t, k, &owned, map[string]system.Net{"eth0": static("10.0.0.2/24", "2001:db8::2/64")}, Facts{})
	settle(t, k, &owned, map[string]system.Net{"eth0": static("10.0.0.2/16", "2001:db8::2/48")}, Facts{})
	if len(k.Addresses) != 2 || !has(k, "eth0", "10.0.0.2/16") || !has(k, "eth0", "2001:db8::2/48") {
		t.Errorf("addresses: %v", k.Addresses)
	}
}

func TestCarrierLossPlansNothing(t *testing.T) {
	k, owned := newFakeKernel("eth0"), newOwned()
	facts := Facts{Leases: map[string]*dhcp4.Lease{"eth0": lease("10.0.0.5/24", "10.0.0.1")}}
	settle(t, k, &owned, nil, facts)
	l := k.Links["eth0"]
	l.Carrier = false
	k.Links["eth0"] = l
	if done, _ := settle(t, k, &owned, nil, facts); len(done) != 0 {
		t.Errorf("done: %v", done)
	}
}

func TestWhatSomebodyBreaksIsRepaired(t *testing.T) {
	n := static("10.0.0.2/24", "2001:db8::2/64")
	n.Gateway, n.Gateway6, n.MTU = "10.0.0.1", "fe80::1", 1400
	net := map[string]system.Net{"eth0": n}
	for _, breakage := range []Op{
		{Verb: SetDown, Link: "eth0"},
		{Verb: SetMTU, Link: "eth0", MTU: 1500},
		{Verb: RemoveAddress, Link: "eth0", Key: AddressKey{"eth0", netip.MustParsePrefix("10.0.0.2/24")}},
		{Verb: RemoveRoute, Link: "eth0", To: RouteKey{Link: "eth0", To: netip.MustParsePrefix("0.0.0.0/0"), Metric: 100}},
		{Verb: PutAddress, Link: "eth0", Key: AddressKey{"eth0", netip.MustParsePrefix("10.9.9.9/24")}, Address: Address{Until: forever}},
		{Verb: SetSysctl, Path: "net/ipv6/conf/eth0/accept_ra", Value: "0"},
	} {
		k, owned := newFakeKernel("eth0"), newOwned()
		settle(t, k, &owned, net, Facts{})
		want := fmt.Sprint(k.State)
		if err := k.Apply(breakage); err != nil {
			t.Fatal(err)
		}
		settle(t, k, &owned, net, Facts{})
		if got := fmt.Sprint(k.State); got != want {
			t.Errorf("%v:\ngot  %v\nwant %v", breakage, got, want)
		}
	}
}

func TestAPortNoLongerNamedIsAsIfItNeverWas(t *testing.T) {
	k, owned := newFakeKernel("eth0", "eth1"), newOwned()
	n := static("10.1.0.2/24")
	n.Gateway, n.MTU = "10.1.0.1", 1400
	settle(t, k, &owned, map[string]system.Net{"eth0": static("10.0.0.2/24"), "eth1": n}, Facts{})
	settle(t, k, &owned, map[string]system.Net{"eth0": static("10.0.0.2/24")}, Facts{})
	if l := k.Links["eth1"]; l.Up || l.MTU != 1500 || has(k, "eth1", "10.1.0.2/24") || len(k.Routes) != 0 {
		t.Errorf("left: %+v %v %v", l, k.Addresses, k.Routes)
	}
	// What somebody else makes of it later is theirs.
	l := k.Links["eth1"]
	l.MTU = 9000
	k.Links["eth1"] = l
	if done, _ := settle(t, k, &owned, map[string]system.Net{"eth0": static("10.0.0.2/24")}, Facts{}); len(done) != 0 {
		t.Errorf("done: %v", done)
	}
}

func TestAPortRemovedWhileWeWereDeadIsAsIfItNeverWas(t *testing.T) {
	n := static("10.1.0.2/24", "2001:db8::2/64")
	n.Gateway = "10.1.0.1"
	both := map[string]system.Net{"eth0": static("10.0.0.2/24"), "eth1": n}
	one := map[string]system.Net{"eth0": static("10.0.0.2/24")}
	k, owned := newFakeKernel("eth0", "eth1", "wg0"), newOwned()
	k.Links["wg0"] = Link{Index: 9, Up: true}
	theirs := AddressKey{"wg0", netip.MustParsePrefix("10.9.0.1/24")}
	k.Addresses[theirs] = Address{Until: forever}
	settle(t, k, &owned, both, Facts{})
	owned = newOwned() // the memory of a new process
	settle(t, k, &owned, one, Facts{})
	if len(k.Addresses) != 2 || len(k.Routes) != 0 || k.Links["eth1"].Up {
		t.Errorf("left: %v %v %+v", k.Addresses, k.Routes, k.Links["eth1"])
	}
	if _, there := k.Addresses[theirs]; !there || !k.Links["wg0"].Up {
		t.Error("what is not ours was taken too")
	}
	// A kernel that keeps no numbers: IPv6 goes with the link, IPv4 stays, without effect.
	k, owned = newFakeKernel("eth0", "eth1"), newOwned()
	k.old = true
	settle(t, k, &owned, both, Facts{})
	owned = newOwned()
	settle(t, k, &owned, one, Facts{})
	if k.Links["eth1"].Up || has(k, "eth1", "2001:db8::2/64") || !has(k, "eth1", "10.1.0.2/24") {
		t.Errorf("old kernel: left %v %+v", k.Addresses, k.Links["eth1"])
	}
}

func TestALinkThatWasUpBeforeUsStaysUp(t *testing.T) {
	k, owned := newFakeKernel("eth0", "eth1"), newOwned()
	k.Links["eth1"] = Link{Index: 3, MTU: 1500, Up: true, Carrier: true, Ethernet: true}
	settle(t, k, &owned, map[string]system.Net{"eth0": static(), "eth1": static("10.1.0.2/24")}, Facts{})
	settle(t, k, &owned, map[string]system.Net{"eth0": static()}, Facts{})
	if !k.Links["eth1"].Up || len(k.Addresses) != 0 {
		t.Errorf("left: %+v %v", k.Links["eth1"], k.Addresses)
	}
}

func TestUnmanagedLinksAreLeftAlone(t *testing.T) {
	k, owned := newFakeKernel("eth0", "docker0"), newOwned()
	k.Links["docker0"] = Link{Index: 7, Kind: "bridge", Ethernet: true}
	k.Addresses[AddressKey{"docker0", netip.MustParsePrefix("172.17.0.1/16")}] = Address{Until: forever}
	done, _ := settle(t, k, &owned, nil, Facts{})
	for _, o := range done {
		if o.Link == "docker0" || strings.Contains(o.Path, "docker0") {
			t.Errorf("touched: %v", o)
		}
	}
}

func TestAGatewayOutsideTheSubnetIsReachedOnTheLink(t *testing.T) {
	k, owned := newFakeKernel("eth0"), newOwned()
	facts := Facts{Leases: map[string]*dhcp4.Lease{"eth0": lease("10.0.0.5/32", "172.16.0.1")}}
	settle(t, k, &owned, nil, facts)
	if r, ok := route(k, "eth0", "0.0.0.0/0", 100); !ok || !r.OnLink {
		t.Errorf("route: %+v", k.Routes)
	}
}

func TestRenewalChangesOnlyTheLifetime(t *testing.T) {
	k, owned := newFakeKernel("eth0"), newOwned()
	l := lease("10.0.0.5/24", "10.0.0.1")
	settle(t, k, &owned, nil, Facts{Leases: map[string]*dhcp4.Lease{"eth0": l}})
	longer := *l
	longer.Expires += time.Second
	done, _ := settle(t, k, &owned, nil, Facts{Leases: map[string]*dhcp4.Lease{"eth0": &longer}})
	if len(done) != 1 || done[0].Verb != PutAddress {
		t.Errorf("done: %v", done)
	}
}
