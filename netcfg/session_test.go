package netcfg

import (
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"bantam/netcfg/dhcp6"
	"bantam/netcfg/session"
	"bantam/system"
)

// wanSession is a session at eth0 as a system.toml has it.
var wanSession = system.Net{IPv4: "static", IPv6: "auto", Prefix: "delegate", PPPoE: &system.PPPoE{Port: "eth0", User: "a@b"}}

var sessionUp = session.Fact{Up: true, Local: netip.MustParseAddr("10.9.9.100"), Remote: netip.MustParseAddr("10.9.9.1"), DNS: []netip.Addr{netip.MustParseAddr("203.0.113.53")}}

// withSession is a kernel in which pppd has opened a session.
func withSession() *fakeKernel {
	k := newFakeKernel("eth0", "wan")
	l := k.Links["wan"]
	l.Kind, l.Ethernet, l.Hardware, l.MAC, l.Up, l.Carrier = "ppp", false, false, [6]byte{}, true, true
	l.Make = Make{Kind: "ppp"}
	k.Links["wan"] = l
	k.Addresses[AddressKey{"wan", netip.MustParsePrefix("10.9.9.100/32")}] = Address{Until: forever, Preferred: forever, Peer: sessionUp.Remote}
	k.Addresses[AddressKey{"wan", netip.MustParsePrefix("fe80::1/10")}] = Address{Until: forever, Preferred: forever}
	return k
}

func TestWhatPppdHasSetStays(t *testing.T) {
	k := withSession()
	net := map[string]system.Net{"wan": wanSession}
	lease := leased6("2001:db8:100::/56")
	w := Desired(net, system.DNS{}, Facts{Links: k.Links, Sessions: map[string]session.Fact{"wan": sessionUp}, Leases6: map[string]*dhcp6.Lease{"wan": lease}})
	if len(w.Problems) > 0 || !slices.Equal(w.DNS, []string{"203.0.113.53"}) {
		t.Errorf("problems %q, DNS %q", w.Problems, w.DNS)
	}
	have, _ := k.Observe()
	ops, problems := Plan(w.State, have, newOwned())
	if len(problems) > 0 {
		t.Error(problems)
	}
	var routes []string
	for _, o := range ops {
		switch {
		case o.Verb == AddRoute && o.Link == "wan":
			routes = append(routes, o.String())
		case o.Link == "wan" && o.Verb != SetSysctl:
			t.Errorf("%v: it is pppd's", o)
		}
	}
	metric := w.Ports[1].Metric
	if len(routes) != 2 || !strings.HasPrefix(routes[0], "route wan 0.0.0.0/0 metric ") || !strings.HasPrefix(routes[1], "route wan ::/0 metric ") || w.Ports[1].Name != "wan" {
		t.Errorf("%q, metric %d", routes, metric)
	}
	if own := w.Links["eth0"]; own.MTU != 0 || !own.Up {
		t.Errorf("the port below: %+v", own)
	}
	large := wanSession
	large.MTU = 1500
	if w := Desired(map[string]system.Net{"wan": large}, system.DNS{}, Facts{Links: k.Links}); w.Links["eth0"].MTU != 1508 || w.Links["wan"].MTU != 0 {
		t.Errorf("of large packets: %+v, %+v", w.Links["eth0"], w.Links["wan"])
	}
}

func TestWhatASessionWaitsForIsTold(t *testing.T) {
	off := wanSession
	off.IPv4 = "off"
	for _, test := range []struct {
		name  string
		net   system.Net
		fact  session.Fact
		there bool
		want  string
	}{
		{"nobody has told anything yet", wanSession, session.Fact{}, false, "PPPoE: service pppoe-wan has not begun"},
		{"refused", wanSession, session.Fact{Reason: "PPPoE: refused"}, false, "PPPoE: refused"},
		{"it was up when its process died", wanSession, sessionUp, false, "PPPoE: is being opened"},
		{"refused, while the link is there", wanSession, session.Fact{Reason: "PPPoE: refused"}, true, "PPPoE: refused"},
		{"up", wanSession, sessionUp, true, ""},
		{"IPv6 alone", wanSession, session.Fact{Up: true}, true, `PPPoE: the provider gives no IPv4 address; ipv4 = "off" says that none is wanted`},
		{"IPv6 alone, as wanted", off, session.Fact{Up: true}, true, "router advertisement"},
	} {
		k := newFakeKernel("eth0")
		if test.there {
			k = withSession()
		}
		w := Desired(map[string]system.Net{"wan": test.net}, system.DNS{}, Facts{Links: k.Links, Sessions: map[string]session.Fact{"wan": test.fact}})
		for range 4 {
			have, _ := k.Observe()
			if err := k.ReadRoutes(&have, w.State, interest{}, nil); err != nil {
				t.Fatal(err)
			}
			ops, _ := Plan(w.State, have, newOwned())
			for _, o := range ops {
				if err := k.Apply(o); err != nil {
					t.Fatal(test.name, err)
				}
			}
		}
		have, _ := k.Observe()
		if err := k.ReadRoutes(&have, w.State, interest{}, nil); err != nil {
			t.Fatal(err)
		}
		s := report(w, have, nil, nil, func(time.Duration) time.Time { return time.Time{} })
		i := slices.IndexFunc(s.Ports, func(p PortStatus) bool { return p.Name == "wan" })
		p := s.Ports[i]
		if p.Waiting != test.want || s.Online != (test.want == "") || !p.Needed || test.there && p.On != "eth0" {
			t.Errorf("%s: %+v, online %v, want %q", test.name, p, s.Online, test.want)
		}
	}
}

func TestHowSessionsAreIsHeard(t *testing.T) {
	dir := t.TempDir()
	s := &sessions{folder: dir, fd: -1}
	wan := []system.Session{{Port: "wan", Kind: "pppoe"}}
	if err := s.follow(wan); err == nil {
		t.Error("a folder that is not there is watched")
	}
	if err := os.Mkdir(filepath.Join(dir, "pppoe"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := s.follow(wan); err != nil {
		t.Fatal(err)
	}
	defer s.close()
	buffer := make([]byte, 1<<12)
	if n := s.receive(buffer); n != nothing || s.facts["wan"].Up {
		t.Errorf("%v, %+v", n, s.facts)
	}
	temp := filepath.Join(dir, "temp")
	if err := os.WriteFile(temp, sessionUp.Text(), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(temp, session.Path(filepath.Join(dir, "pppoe"), "wan")); err != nil {
		t.Fatal(err)
	}
	if n := s.receive(buffer); n != learned || !s.facts["wan"].Up {
		t.Errorf("%v, %+v", n, s.facts)
	}
	f := Facts{Sessions: map[string]session.Fact{}}
	if s.tell(&f, 0); f.Sessions["wan"].Local != sessionUp.Local {
		t.Errorf("%+v", f.Sessions)
	}
}
