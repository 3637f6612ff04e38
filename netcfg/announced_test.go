package netcfg

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"bantam/netcfg/dhcp4"
	"bantam/netcfg/dnsname"
	"bantam/system"
)

func rdnss(seconds uint32, servers ...string) []byte {
	b := []byte{optionRDNSS, byte(1 + 2*len(servers)), 0, 0, 0, 0, 0, 0}
	binary.BigEndian.PutUint32(b[4:], seconds)
	for _, s := range servers {
		b = append(b, netip.MustParseAddr(s).AsSlice()...)
	}
	return b
}

func TestAnnouncedNameServersEndAndAreBounded(t *testing.T) {
	var a announcements
	a.read(rdnss(10, "2001:db8::1", "::1", "ff02::1", "::"), 0)
	a.read(rdnss(0xffffffff, "fe80::1"), 0)
	if got := fmt.Sprint(a.current(0).DNS); got != "[2001:db8::1 fe80::1]" {
		t.Errorf("got %v", got)
	}
	if got := a.deadline(); got != 10*time.Second {
		t.Errorf("first end: got %v", got)
	}
	if got := fmt.Sprint(a.current(10 * time.Second).DNS); got != "[fe80::1]" {
		t.Errorf("after ten seconds: got %v", got)
	}
	a.read(rdnss(0, "fe80::1"), 11*time.Second)
	if got := a.current(11 * time.Second).DNS; got != nil {
		t.Errorf("a lifetime of zero takes it back: got %v", got)
	}
	for i := range 1000 {
		a.read(rdnss(60, fmt.Sprintf("2001:db8::%x", i+1)), 12*time.Second)
	}
	if got := len(a.current(12 * time.Second).DNS); got != maxAnnounced {
		t.Errorf("a thousand servers: kept %d", got)
	}
}

func FuzzAnnouncements(f *testing.F) {
	f.Add(rdnss(10, "2001:db8::1"))
	f.Add([]byte{optionDNSSL, 2, 0, 0, 0, 0, 0, 9, 1, 'a', 1, 'b', 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, options []byte) {
		var a announcements
		a.read(options, 0)
		got := a.current(0)
		if len(got.DNS) > maxAnnounced || len(got.Search) > maxAnnounced {
			t.Fatalf("kept %+v", got)
		}
		for _, s := range got.Search {
			if !dnsname.Valid(s) {
				t.Fatalf("kept %q", s)
			}
		}
		readUserOptions(options)
	})
}

func FuzzFrames(f *testing.F) {
	packet := datagram(netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2"), []byte("odd"))
	binary.BigEndian.PutUint16(packet[ipHeader+2:], clientPort)
	f.Add(packet, false)
	f.Fuzz(func(t *testing.T, b []byte, summed bool) {
		payload, ok := payloadOf(b, summed)
		if ok && len(payload) > len(b)-ipHeader-udpHeader {
			t.Fatal("more payload than packet")
		}
		readARP(b)
	})
}

func TestADatagramWithAWrongSumIsDropped(t *testing.T) {
	b := datagram(netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("255.255.255.255"), []byte("DISCOVER!"))
	binary.BigEndian.PutUint16(b[ipHeader+2:], clientPort) // as if it came back
	if _, ok := payloadOf(b, true); ok {
		t.Error("wrong sum taken")
	}
	if got, ok := payloadOf(b, false); !ok || string(got) != "DISCOVER!" {
		t.Errorf("sum left to the hardware: got %q %v", got, ok)
	}
}

// FuzzDesired takes any system.toml that parses: no text may end in a panic or
// in two routes for one place.
func FuzzDesired(f *testing.F) {
	f.Add("[net.eth0]\naddresses = [\"10.0.0.2/24\"]\ngateway = \"10.0.0.1\"\n[net.eth1]\nipv6 = \"off\"\n")
	f.Add("[net.eth0]\nroutes = [{ to = \"default\", via = \"fe80::1\", metric = 5 }]\n[dns]\nservers = [\"9.9.9.9\"]\n")
	f.Fuzz(func(t *testing.T, text string) {
		s, problems := system.Parse("system.toml", []byte(text))
		if len(problems) > 0 {
			return
		}
		links := map[string]Link{"eth0": {Index: 2, Ethernet: true, Hardware: true}, "eth1": {Index: 3, Ethernet: true, Kind: "veth"}}
		w := Desired(s.Net, s.DNS, Facts{Links: links, Leases: map[string]*dhcp4.Lease{"eth0": lease("10.0.0.5/24", "10.0.0.1")}})
		places := map[string]bool{}
		for k := range w.Routes {
			place := fmt.Sprint(k.To, k.Metric)
			if places[place] {
				t.Fatalf("two routes for %s", place)
			}
			places[place] = true
		}
		Plan(w.State, newState(), newOwned())
	})
}
