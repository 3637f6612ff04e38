package system

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestWhatAChangeOfTheNetworkInterrupts(t *testing.T) {
	const port = "[net.eth0]\naddresses = [\"10.0.0.2/24\"]\ngateway = \"10.0.0.1\"\n"
	const session = "[net.wan]\npppoe = { port = \"eth0\", user = \"a@b\", password = { secret = \"s\" } }\n"
	for _, c := range []struct {
		claim, from, to string
		want            []string
	}{
		{"nothing changes", port, port, nil},
		{"a metric, an MTU and an address more interrupt nothing", port, strings.Replace(port, "/24\"", "/24\", \"10.0.1.2/24\"", 1) + "metric = 5\nmtu = 1400\n", nil},
		{"nor does an address that moves to a bridge", port, "[net.lan]\nbridge = { ports = [\"eth0\"] }\naddresses = [\"10.0.0.2/24\"]\ngateway = \"10.0.0.1\"\n", nil},
		{"an address that goes", port, "[net.eth0]\naddresses = [\"10.0.0.3/24\"]\ngateway = \"10.0.0.1\"\n", []string{"eth0: the address 10.0.0.2/24 goes"}},
		{"a gateway that goes", port, "[net.eth0]\naddresses = [\"10.0.0.2/24\"]\ngateway = \"10.0.0.3\"\n", []string{"eth0: its gateway goes"}},
		{"a port that goes", port + "[net.eth1]\n", port, []string{"eth1 is set down"}},
		{"a port that is only below another from now on", port + "[net.eth1]\nipv4 = \"off\"\n", port + "[net.v]\nvlan = { parent = \"eth1\", id = 1 }\n", nil},
		{"ports that nobody named", "", port, []string{"ports without a table are set down"}},
		{"a lease that goes with its port into a bridge", "[net.eth0]\n", "[net.lan]\nbridge = { ports = [\"eth0\"] }\n", []string{"eth0: its address of DHCP goes"}},
		{"another VLAN", "[net.v]\nvlan = { parent = \"eth0\", id = 1 }\n", "[net.v]\nvlan = { parent = \"eth0\", id = 2 }\n",
			[]string{"v is made anew: something of a vlan is changed that cannot be changed while it is there"}},
		{"another monitor of a bond, and one more port", "[net.b]\nbond = { ports = [\"eth0\"] }\n", "[net.b]\nbond = { ports = [\"eth0\", \"eth1\"], monitor = \"50ms\" }\n",
			[]string{"eth1 joins b, and is set down for that"}},
		{"a bridge that goes", "[net.lan]\nbridge = {}\nipv4 = \"off\"\n", port, []string{"lan, a bridge, is deleted"}},
		{"a session's metric, zone and prefix", session, session + "metric = 5\nprefix = \"delegate\"\n", nil},
		{"another user", session, strings.Replace(session, "a@b", "c@d", 1), []string{"wan: its session with the provider ends, and is opened anew"}},
		{"another secret", session, strings.Replace(session, "\"s\"", "\"t\"", 1), []string{"wan: its session with the provider ends, and is opened anew"}},
		{"another size of packets", session, session + "mtu = 1400\n", []string{"wan: its session with the provider ends, and is opened anew"}},
		{"no IPv6", session, session + "ipv6 = \"off\"\n", []string{"wan: its session with the provider ends, and is opened anew", "wan: what routers advertise goes"}},
		{"a session that goes", session, "[net.wan]\n", []string{"wan: its session with the provider ends"}},
		{"a port that gets a session", "[net.eth0]\n", session, []string{"eth0: its address of DHCP goes"}},
		{"a name", port, strings.Replace(port, "eth0]", "wan]\nmatch = { port = \"eth0\" }", 1),
			[]string{"eth0 is set down", "the port with name eth0 becomes wan, and is set down for that where the kernel is older than 6.2"}},
	} {
		var net [2]map[string]Net
		for i, text := range []string{c.from, c.to} {
			s, problems := Parse("f", []byte(text))
			if len(problems) > 0 {
				t.Fatalf("%s: %v", c.claim, problems)
			}
			net[i] = s.Net
		}
		if got := Interruptions(net[0], net[1]); !slices.Equal(got, c.want) {
			t.Errorf("%s:\ngot  %q\nwant %q", c.claim, got, c.want)
		}
	}
}

func TestModulesThatLinksNeedAreKnown(t *testing.T) {
	s, problems := Parse("f", []byte("modules = [\"wireguard\"]\n[net.lan]\nbridge = {}\n[net.v]\nvlan = { parent = \"lan\", id = 1 }\n[net.v2]\nvlan = { parent = \"lan\", id = 2 }\n"+
		"[net.t]\ntunnel = { kind = \"gre\", local = \"10.0.0.1\", remote = \"10.0.0.2\" }\n"))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if got, want := s.AllModules(), []string{"wireguard", "bridge", "ip_gre", "8021q"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := s.NeededModules()[2], (NeededModule{Name: "8021q", Path: "net.v"}); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestWhatASessionNeeds(t *testing.T) {
	const session = "[net.%s]\npppoe = { port = \"eth%d\", user = \"a@b\", password = { secret = \"s\" } }\n"
	two := fmt.Sprintf(session, "wan", 0) + fmt.Sprintf(session, "dsl", 1)
	s, problems := Parse("f", []byte("packages = [\"tcpdump\"]\n"+two))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if got, want := s.AllModules(), []string{"pppoe"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := s.AllPackages(), []string{"tcpdump", "ppp"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	needed := s.NeededPackages()["ppp"]
	if needed.Path != "net.dsl.pppoe" || len(needed.Only) == 0 || len(s.PackageOptions("ppp").Only) == 0 || s.PackageOptions("tcpdump").Only != nil {
		t.Errorf("got %+v, %+v", needed, s.PackageOptions("tcpdump"))
	}
	if got := s.Secrets(); len(got) != 2 || got[0] != (SecretUse{Secret: "s", Path: "net.dsl.pppoe.password", Session: "dsl"}) {
		t.Errorf("got %+v", got)
	}
	if got, want := s.Sessions(), []Session{{"dsl", "pppoe"}, {"wan", "pppoe"}}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	// Who names the package has all of it.
	s, problems = Parse("f", []byte("packages = [\"ppp\"]\n"+two))
	if len(problems) > 0 || len(s.NeededPackages()) > 0 || s.PackageOptions("ppp").Only != nil {
		t.Errorf("%v, %+v", problems, s.PackageOptions("ppp"))
	}
}
