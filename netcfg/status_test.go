package netcfg

import (
	"bytes"
	"flag"
	"net/netip"
	"os"
	"testing"
	"time"

	"bantam/netcfg/dhcp4"
	"bantam/system"
)

var update = flag.Bool("update", false, "rewrite the golden files")

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
	wish := Desired(net, system.DNS{Servers: []string{"9.9.9.9"}, Search: []string{"lan.example"}}, facts)
	epoch := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	s := report(wish, have, nil, epoch.Add)
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
