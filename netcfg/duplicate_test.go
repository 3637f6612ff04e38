package netcfg

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"bantam/netcfg/dhcp4"
	"bantam/system"
)

func TestAnAddressThatTheKernelFoundTwiceIsNamedWithWhatToDo(t *testing.T) {
	local := AddressKey{"eth0", netip.MustParsePrefix("fe80::1/64")}
	global := AddressKey{"eth0", netip.MustParsePrefix("2001:db8::1/64")}
	router := RouteKey{Link: "eth0", To: netip.MustParsePrefix("::/0"), Metric: 1024}
	auto := system.Net{IPv4: "off", IPv6: "auto"}
	twice := Address{Duplicate: true, Tentative: true, Until: forever}
	for name, c := range map[string]struct {
		net       map[string]system.Net
		addresses map[AddressKey]Address
		routed    bool
		lease     bool
		want      string // the beginning of what the port waits for; "" when it is up
	}{
		"link-local":                {map[string]system.Net{"eth0": auto}, map[AddressKey]Address{local: twice}, false, false, "address fe80::1/64 is used by another machine"},
		"announced, for ever":       {map[string]system.Net{"eth0": auto}, map[AddressKey]Address{local: {}, global: twice}, false, false, "address 2001:db8::1/64 is used by another machine"},
		"announced, and forgotten":  {map[string]system.Net{"eth0": auto}, map[AddressKey]Address{local: {}}, true, false, "an address: a router advertises"},
		"still being looked for":    {map[string]system.Net{"eth0": auto}, map[AddressKey]Address{local: {}, global: {Tentative: true, Announced: true}}, true, false, "router advertisement"},
		"beside DHCP without lease": {map[string]system.Net{"eth0": {IPv4: "dhcp", IPv6: "auto"}}, map[AddressKey]Address{local: twice}, false, false, "DHCP: no answer yet; address fe80::1/64 is used"},
		"beside DHCP with a lease":  {map[string]system.Net{"eth0": {IPv4: "dhcp", IPv6: "auto"}}, map[AddressKey]Address{local: twice}, false, true, ""},
		"no port is named":          {nil, map[AddressKey]Address{local: twice}, false, false, "DHCP: no answer yet; address fe80::1/64 is used"},
		"nothing is twice":          {map[string]system.Net{"eth0": auto}, map[AddressKey]Address{local: {}}, false, false, "router advertisement"},
	} {
		k, owned := newFakeKernel("eth0"), newOwned()
		facts := Facts{Leases: map[string]*dhcp4.Lease{}}
		reasons := map[string]string{"eth0": "DHCP: no answer yet"}
		if c.lease {
			facts.Leases["eth0"] = lease("10.0.0.5/24", "10.0.0.1")
			reasons = nil
		}
		settle(t, k, &owned, c.net, facts)
		have, _ := k.Observe()
		for key, a := range c.addresses {
			have.Addresses[key] = a
		}
		if c.routed {
			have.Routes[router] = Route{Via: netip.MustParseAddr("fe80::2"), Protocol: protocolRA}
		}
		facts.Links = have.Links
		s := report(Desired(c.net, system.DNS{}, facts), have, reasons, nil, time.Unix(0, 0).Add)
		if got := s.Ports[0].Waiting; !strings.HasPrefix(got, c.want) || (got == "") != (c.want == "") {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
		var table strings.Builder
		if err := s.table(&table, time.Unix(0, 0)); err != nil {
			t.Fatal(err)
		}
		if told := strings.Contains(table.String(), ": not used, another machine has it"); told != (c.addresses[local].Duplicate || c.addresses[global].Duplicate) {
			t.Errorf("%s:\n%s", name, &table)
		}
		if strings.Contains(c.want, "is used by") && !strings.Contains(s.Ports[0].Waiting, "ip link set eth0 down") {
			t.Errorf("%s: not said what to do: %q", name, s.Ports[0].Waiting)
		}
	}
}

func TestAnAddressLastsAsLongAsItsLease(t *testing.T) {
	const now = 7 * time.Hour
	for left, want := range map[time.Duration]uint32{
		-time.Second: 1, 0: 1, 1: 1, time.Second: 1, time.Second + 1: 2, 1990 * time.Millisecond: 2, 2 * time.Second: 2,
		time.Hour - time.Millisecond: 3600, 200 * 365 * 24 * time.Hour: unforgotten - 1, forever - now: unforgotten,
	} {
		if got := lifetime(now+left, now); got != want {
			t.Errorf("%v left: got %d s, want %d", left, got, want)
		}
	}
}
