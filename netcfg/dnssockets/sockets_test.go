//go:build !mips && !mipsle

package dnssockets

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"bantam/netcfg/dnsforward"
)

// world is what dnsmasq knows of the internet.
var world = []string{
	"--host-record=www.example.org,203.0.113.9,2001:db8:9::9", "--address=/rebind.example.org/192.168.1.1", "--address=/plex.direct/192.168.1.77",
	"--cname=alias.example.org,www.example.org", "--mx-host=example.org,mail.example.org,10", "--txt-record=example.org,hello",
	"--txt-record=long.example.org," + strings.TrimSuffix(strings.Repeat(strings.Repeat("x", 200)+",", 10), ","),
	"--srv-host=_sip._tcp.example.org,sip.example.org,5060,1,2", "--caa-record=example.org,0,issue,ca.example", "--dns-rr=example.org,65280,0102ff00",
	"--ptr-record=9.113.0.203.in-addr.arpa,www.example.org", "--ptr-record=1.0.0.9.in-addr.arpa,nine.example.org",
	"--local=/example.org/",
}

func TestClientsAreAnsweredWhateverTheyAskAndHow(t *testing.T) {
	l := newLab(t)
	l.wan.dnsmasq(world...)
	l.configure([]string{"198.51.100.1"}, func(c *dnsforward.Config) {
		c.Hosts = []dnsforward.Host{{Name: "nas", Addresses: []netip.Addr{netip.MustParseAddr("192.168.1.5")}}}
	})
	for _, c := range []struct{ args, want string }{
		{"+short @192.168.1.1 www.example.org", "203.0.113.9"},
		{"+short @fd00:1::1 www.example.org AAAA", "2001:db8:9::9"},
		{"+short +tcp @192.168.1.1 www.example.org", "203.0.113.9"},
		{"+short +tcp @fd00:1::1 www.example.org", "203.0.113.9"},
		{"+short @192.168.1.1 alias.example.org", "www.example.org.\n203.0.113.9"},
		{"+noedns @192.168.1.1 long.example.org TXT", "xxxxx"}, // truncated, both ways, then over TCP
		{"+noedns +ignore @192.168.1.1 long.example.org TXT", "flags: qr tc rd ra"},
		{"@192.168.1.1 www.example.org", "udp: 1232"},
		{"@192.168.1.1 nothing.example.org", "status: NXDOMAIN"},
		{"+short @192.168.1.1 nas.lan", "192.168.1.5"},
		{"+short @192.168.1.1 -x 192.168.1.5", "nas.lan."},
		{"@192.168.1.1 rebind.example.org", "EDE: 15 (Blocked)"},
		{"+short @192.168.1.1 example.org TYPE65280", "0102FF00"},
		{"+nsid +cookie +subnet=10.0.0.0/24 @192.168.1.1 www.example.org", "203.0.113.9"},
		{"+short +keepopen +tcp @192.168.1.1 www.example.org alias.example.org", "203.0.113.9\nwww.example.org.\n203.0.113.9"},
	} {
		if got := l.lan.dig(c.args); !strings.Contains(got, c.want) {
			t.Errorf("dig %s: want %q in:\n%s", c.args, c.want, got)
		}
	}
	// By the address of the link, and by that of the other side; and the machine itself.
	if got := l.lan.dig("+short @198.51.100.2 www.example.org"); got != "203.0.113.9\n" {
		t.Errorf("by another address of the router: %s", got)
	}
	l.lan.LinkLocal("eth0")
	if got := l.lan.dig("+short @" + l.LinkLocal("lan") + "%eth0 www.example.org"); got != "203.0.113.9\n" {
		t.Errorf("by the link-local address: %s", got)
	}
	for _, at := range []string{"127.0.0.1", "::1", "192.168.1.1"} {
		if got := l.Run("dig +short +time=10 +tries=1 @" + at + " www.example.org || true"); got != "203.0.113.9\n" {
			t.Errorf("the machine itself by %s: %s", at, got)
		}
	}
}

func TestNobodyOutsideIsAnswered(t *testing.T) {
	l := newLab(t)
	l.wan.dnsmasq(world...)
	l.configure([]string{"198.51.100.1"})
	for _, at := range []string{"198.51.100.2", "192.168.1.1", "2001:db8::2", "fd00:1::1"} {
		for _, how := range []string{"", "+tcp "} {
			got := l.wan.In("dig +time=1 +tries=1 " + how + "@" + at + " www.example.org || true")
			if strings.Contains(got, "status:") {
				t.Errorf("%s%s from outside is answered:\n%s", how, at, got)
			}
		}
	}
	l.lan.In("ip addr add 10.9.9.9/32 dev eth0")
	l.Run("ip route add 10.9.9.9/32 dev lan")
	if got := l.lan.dig("-b 10.9.9.9 @192.168.1.1 www.example.org"); !strings.Contains(got, "status: REFUSED") {
		t.Errorf("who is not of the net:\n%s", got)
	}
	if got := l.lan.dig("+short @192.168.1.1 www.example.org"); got != "203.0.113.9\n" {
		t.Errorf("who is: %s", got)
	}
	if s := l.status(); s.Counts.Refused != 1 {
		t.Errorf("refused: %d, want 1", s.Counts.Refused)
	}
}

// TestAnswersAreThoseOfDnsmasq asks both the same.
func TestAnswersAreThoseOfDnsmasq(t *testing.T) {
	l := newLab(t)
	l.wan.dnsmasq(world...)
	l.configure([]string{"198.51.100.1"})
	questions := []string{"example.org MX", "example.org TXT", "example.org CAA", "example.org TYPE65280", "_sip._tcp.example.org SRV", "alias.example.org A", "alias.example.org AAAA",
		"www.example.org A", "www.example.org AAAA", "www.example.org MX", "nothing.example.org A", "EXAMPLE.org TXT", "long.example.org TXT", "-x 9.0.0.1", "alias.example.org CNAME"}
	for _, how := range []string{"", "+tcp ", "+dnssec ", "+noedns ", "+cdflag ", "+bufsize=512 "} {
		ask := func(from peer, at string) (kept []string) {
			args := "+noall +answer +comments +nocookie +nostats +nottlid " + how + "@" + at + " " + strings.Join(questions, " ")
			for line := range strings.Lines(from.dig(args)) {
				line = strings.Join(strings.Fields(line), " ")
				switch {
				case strings.HasPrefix(line, ";; ->>HEADER<<-"):
					kept = append(kept, line[:strings.Index(line, ", id:")])
				case line != "" && !strings.HasPrefix(line, ";"):
					kept = append(kept, line)
				}
			}
			return kept
		}
		ours, theirs := ask(l.lan, "192.168.1.1"), ask(l.wan, "198.51.100.1")
		if len(ours) < 2*len(questions)-3 { // three have no record
			t.Fatalf("dig %s: only %q", how, ours)
		}
		for i := range max(len(ours), len(theirs)) {
			if i >= len(ours) || i >= len(theirs) || ours[i] != theirs[i] {
				t.Fatalf("dig %s, line %d: got\n%s\ndnsmasq says\n%s", how, i, strings.Join(ours, "\n"), strings.Join(theirs, "\n"))
			}
		}
	}
}

func TestAnInterfaceThatWasMadeAnewIsServed(t *testing.T) {
	l := newLab(t)
	l.wan.dnsmasq(world...)
	l.configure([]string{"198.51.100.1"})
	l.lan.dig("@192.168.1.1 www.example.org")
	l.Run("ip link del lan")
	l.lan = l.peer("lan", "192.168.1.1/24", "fd00:1::1/64", "192.168.1.50/24", "fd00:1::50/64")
	l.configure([]string{"198.51.100.1"})
	for _, at := range []string{"@192.168.1.1", "@fd00:1::1", "+tcp @192.168.1.1"} {
		if got := l.lan.dig("+short " + at + " www.example.org"); !strings.Contains(got, "203.0.113.9") {
			t.Errorf("%s: %s", at, got)
		}
	}
}

func TestTheServerAfterIsAskedWhereOneIsNotThere(t *testing.T) {
	l := newLab(t)
	l.wan.dnsmasq(world...)
	l.Run("ip route add blackhole 203.0.113.0/24") // there is no way to it
	l.configure([]string{"203.0.113.1", "198.51.100.77", "198.51.100.1:54", "198.51.100.1"})
	if got := l.lan.dig("+short @192.168.1.1 www.example.org"); got != "203.0.113.9\n" {
		t.Errorf("got %s", got)
	}
	states := map[string]string{}
	for _, s := range l.status().Servers {
		states[s.Server] = s.State
	}
	if states["198.51.100.1"] != "answers" || states["198.51.100.1:54"] != "down" || states["203.0.113.1"] != "down" {
		t.Errorf("states: %v", states)
	}
}

func TestAFloodOfNamesTakesNoMemory(t *testing.T) {
	l := newLab(t)
	l.wan.dnsmasq(append(world, "--address=/flood.example.org/203.0.113.5")...)
	l.configure([]string{"198.51.100.1"})
	var names strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&names, "n%d.%s.flood.example.org A\n", i, strings.Repeat("x", 60))
	}
	answered := 0
	l.lan.here(func() { answered = flood(t, "192.168.1.1:53", names.String()) })
	s := l.status()
	if answered != 10_000 {
		t.Errorf("%d of 10000 questions are answered", answered)
	}
	if s.Cache.Entries > s.Cache.MaxEntries || s.Cache.Bytes > s.Cache.MaxBytes || s.Waiting != 0 {
		t.Errorf("the cache is beyond its bounds, or something waits: %+v", s)
	}
	if s.Cache.Entries == 0 || s.Counts.Questions < 10_000 {
		t.Errorf("counted: %+v", s)
	}
	if got := l.lan.dig("+short @192.168.1.1 www.example.org"); got != "203.0.113.9\n" {
		t.Errorf("afterwards: %s", got)
	}
}
