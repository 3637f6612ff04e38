package netcfg

import (
	"bytes"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"testing"
	"time"

	"bantam/netcfg/dhcp4"
	"bantam/netcfg/dhcp6"
	"bantam/system"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestOnlineIsEveryNamedPortOrWithNoneNamedOneThatReachesOut(t *testing.T) {
	fixed := system.Net{IPv4: "static", IPv6: "static", Addresses: []string{"10.0.0.2/24"}} // no gateway, so no default route
	outer := system.Net{IPv4: "off", IPv6: "auto", Prefix: "delegate"}
	asks6 := system.Net{IPv4: "dhcp", IPv6: "dhcp"}
	spare := fixed
	spare.Optional = true
	leases := func(ports ...string) Facts {
		f := Facts{Leases: map[string]*dhcp4.Lease{}}
		for i, name := range ports {
			f.Leases[name] = lease(fmt.Sprintf("10.%d.0.5/24", i), fmt.Sprintf("10.%d.0.1", i))
		}
		return f
	}
	type nets = map[string]system.Net
	for _, c := range []struct {
		name   string
		net    nets
		facts  Facts
		pulled string // a port without cable
		want   bool
	}{
		{"none named and none has anything", nil, leases(), "", false},
		{"none named and one of two has a lease", nil, leases("eth1"), "", true},
		{"none named and the only lease is on a port without cable", nil, leases("eth1"), "eth1", false},
		{"a named port needs no default route", nets{"eth0": fixed}, leases(), "", true},
		{"a named port without cable", nets{"eth0": fixed}, leases(), "eth0", false},
		{"one of two named ports lacks its lease", nets{"eth0": dhcp, "eth1": dhcp}, leases("eth0"), "", false},
		{"both named ports have theirs", nets{"eth0": dhcp, "eth1": dhcp}, leases("eth0", "eth1"), "", true},
		{"what an optional port lacks does not matter", nets{"eth0": fixed, "eth9": spare}, leases(), "", true},
		{"a named port that does not exist does", nets{"eth0": fixed, "eth9": dhcp}, leases(), "", false},
		{"all named are optional and none is there", nets{"eth9": spare}, leases(), "", false},
		{"a prefix is delegated and the port has no address", nets{"eth0": outer}, Facts{Leases6: map[string]*dhcp6.Lease{"eth0": leased6("2001:db8:100::/56")}}, "", true},
		{"no prefix is delegated yet", nets{"eth0": outer}, leases(), "", false},
		{"DHCPv6 has given nothing yet", nets{"eth0": asks6}, leases("eth0"), "", false},
		{"DHCPv6 has given a prefix", nets{"eth0": asks6}, Facts{Leases: leases("eth0").Leases, Leases6: map[string]*dhcp6.Lease{"eth0": leased6("2001:db8:100::/56")}}, "", true},
		{"all named are optional and one has an address", nets{"eth1": spare, "eth9": spare}, leases(), "", true},
	} {
		k, owned := newFakeKernel("eth0", "eth1"), newOwned()
		settle(t, k, &owned, c.net, c.facts)
		if l, there := k.Links[c.pulled]; there {
			l.Carrier = false
			k.Links[c.pulled] = l
		}
		have, _ := k.Observe()
		c.facts.Links = have.Links
		reasons, reasons6 := map[string]string{}, map[string]string{}
		for _, name := range []string{"eth0", "eth1"} {
			if c.facts.Leases[name] == nil {
				reasons[name] = "DHCP: no answer yet"
			}
			if c.facts.Leases6[name] == nil {
				reasons6[name] = "DHCPv6: no answer yet"
			}
		}
		s := report(Desired(c.net, system.DNS{}, c.facts), have, reasons, reasons6, time.Unix(0, 0).Add)
		if s.Online != c.want {
			t.Errorf("%s: got %v, want %v: %+v", c.name, s.Online, c.want, s.Ports)
		}
	}
}

func TestTheTableSaysWhatAndWhy(t *testing.T) {
	k, owned := newFakeKernel("eth0", "eth1"), newOwned()
	n := static("192.168.1.2/24")
	n.Gateway = "192.168.1.1"
	net := map[string]system.Net{"eth0": dhcp, "eth1": n, "eth9": {IPv4: "dhcp", Optional: true}}
	facts := Facts{Leases: map[string]*dhcp4.Lease{"eth0": lease("10.0.0.5/24", "10.0.0.1")}}
	settle(t, k, &owned, net, facts)
	k.Addresses[AddressKey{"eth0", netip.MustParsePrefix("fe80::1/64")}] = Address{Until: forever}
	l := k.Links["eth1"]
	l.Carrier = false
	k.Links["eth1"] = l
	facts.Links = k.Links
	have, _ := k.Observe()
	desired := Desired(net, system.DNS{Servers: []string{"9.9.9.9"}, Search: []string{"lan.example"}}, facts)
	epoch := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	s := report(desired, have, nil, nil, epoch.Add)
	if s.Online {
		t.Error("online though a named port has no carrier")
	}
	var b bytes.Buffer
	if err := s.table(&b, epoch); err != nil {
		t.Fatal(err)
	}
	b.WriteString("\n" + resolvConf(s.DNS, s.Search))
	const golden = "testdata/table.golden"
	if *update {
		os.MkdirAll("testdata", 0o755)
		if err := os.WriteFile(golden, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got := b.String(); got != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// Of two default routes without a gateway one is that of IPv6, and looks so.
func TestADefaultRouteSaysOfWhichIPItIs(t *testing.T) {
	w := Desired(nil, system.DNS{}, Facts{})
	for to, want := range map[string]string{"0.0.0.0/0": "default metric 7 table 51820", "::/0": "default (IPv6) metric 7 table 51820"} {
		k := RouteKey{Link: "vpn", To: netip.MustParsePrefix(to), Metric: 7, Table: 51820}
		if got := w.route(k, Route{}).String(); got != want {
			t.Errorf("%s: %q, want %q", to, got, want)
		}
	}
	k := RouteKey{Link: "wan", To: netip.MustParsePrefix("::/0"), Metric: 7}
	if got, want := w.route(k, Route{Via: netip.MustParseAddr("fe80::1")}).String(), "default via fe80::1 metric 7"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
