package netcfg

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"bantam/system"
)

// parsedNet is the ports of a system.toml.
func parsedNet(t *testing.T, text string) map[string]system.Net {
	t.Helper()
	s, problems := system.Parse("system.toml", []byte(text))
	if len(problems) > 0 {
		t.Fatalf("%v", problems)
	}
	return s.Net
}

// told is what was done, as people read it, without parameters.
func told(ops []Op) (lines []string) {
	for _, o := range ops {
		if o.Verb != SetSysctl {
			lines = append(lines, o.String())
		}
	}
	return lines
}

func wants(t *testing.T, got []Op, want ...string) {
	t.Helper()
	if lines := told(got); !slices.Equal(lines, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(lines, "\n"), strings.Join(want, "\n"))
	}
}

func TestARouterIsMadeInOrder(t *testing.T) {
	k, owned := newFakeKernel("eth0", "eth1", "eth2"), newOwned()
	net := parsedNet(t, `
[net.wan]
vlan = { parent = "eth0", id = 7 }
ipv4 = "static"
addresses = ["198.51.100.2/24"]
gateway = "198.51.100.1"
[net.lan]
bridge = { ports = ["eth1", "eth2"] }
addresses = ["192.168.1.1/24"]
`)
	done, problems := settle(t, k, &owned, net, Facts{})
	wants(t, done,
		"make bridge lan", "make vlan wan", "up eth0", "up eth1", "up eth2", "up lan", "up wan",
		"address lan 192.168.1.1/24", "address wan 198.51.100.2/24", "route wan 0.0.0.0/0 via 198.51.100.1 metric 150",
		"join eth1 lan", "join eth2 lan")
	if len(problems) > 0 || k.Links["lan"].MAC != k.Links["eth1"].MAC {
		t.Errorf("problems %q, MAC address %v", problems, k.Links["lan"].MAC)
	}
	for path, value := range k.Sysctls {
		if strings.HasSuffix(path, "/disable_ipv6") && value != map[bool]string{true: "1", false: "0"}[strings.Contains(path, "eth")] {
			t.Errorf("%s = %s", path, value)
		}
	}
	owned = newOwned() // the memory of a new process
	done, _ = settle(t, k, &owned, net, Facts{})
	wants(t, done, "address lan 192.168.1.1/24", "address wan 198.51.100.2/24") // whose metrics the kernel does not tell
	done, _ = settle(t, k, &owned, parsedNet(t, "[net.eth0]\nipv4 = \"static\"\naddresses = [\"192.168.1.1/24\"]\n"), Facts{})
	for _, name := range []string{"lan", "wan"} {
		if k.Links[name].Index != 0 {
			t.Errorf("%s is left; done %q", name, told(done))
		}
	}
	if l := k.Links["eth1"]; l.Master != "" || l.Up || l.Mark != Foreign {
		t.Errorf("eth1 is left as %+v", l)
	}
	if !has(k, "eth0", "192.168.1.1/24") || len(k.Addresses) != 1 || len(k.Routes) != 0 {
		t.Errorf("left: %v %v", k.Addresses, k.Routes)
	}
}

func TestTheNewIsThereBeforeTheOldIsTakenAway(t *testing.T) {
	k, owned := newFakeKernel("eth0"), newOwned()
	const addresses = "ipv6 = \"static\"\naddresses = [\"10.0.0.2/24\", \"2001:db8::2/64\"]\ngateway = \"10.0.0.1\"\n"
	port, bridge := parsedNet(t, "[net.eth0]\n"+addresses), parsedNet(t, "[net.lan]\nbridge = { ports = [\"eth0\"] }\n"+addresses)
	settle(t, k, &owned, port, Facts{})
	done, _ := settle(t, k, &owned, bridge, Facts{})
	wants(t, done,
		"make bridge lan", "up lan", "address lan 10.0.0.2/24", "address lan 2001:db8::2/64", "route lan 0.0.0.0/0 via 10.0.0.1 metric 190",
		"join eth0 lan", "remove route eth0 0.0.0.0/0 via 10.0.0.1 metric 100", "remove address eth0 10.0.0.2/24", "remove address eth0 2001:db8::2/64")
	for _, o := range done {
		if o.Verb == PutAddress && o.Key.Prefix.Addr().Is6() && !o.Address.Lone {
			t.Error("connections have to wait until the kernel has looked for duplicates")
		}
		if o.Disruptive() {
			t.Errorf("%v interrupts", o)
		}
	}
	done, _ = settle(t, k, &owned, port, Facts{})
	wants(t, done,
		"address eth0 10.0.0.2/24", "address eth0 2001:db8::2/64", "route eth0 0.0.0.0/0 via 10.0.0.1 metric 100",
		"remove route lan 0.0.0.0/0 via 10.0.0.1 metric 190", "remove address lan 10.0.0.2/24", "remove address lan 2001:db8::2/64", "delete lan")
}

func TestWhatCannotBeChangedIsMadeAnewWithAllThatIsOnIt(t *testing.T) {
	k, owned := newFakeKernel("eth0", "eth1"), newOwned()
	config := `
[net.bond0]
bond = { ports = ["eth0", "eth1"] }
[net.v5]
vlan = { parent = "bond0", id = 5 }
ipv4 = "static"
addresses = ["10.5.0.1/24"]
`
	settle(t, k, &owned, parsedNet(t, config), Facts{})
	for _, port := range []string{"eth0", "eth1"} {
		if l := k.Links[port]; l.Master != "bond0" || !l.Up {
			t.Errorf("%s: %+v", port, l)
		}
	}
	done, _ := settle(t, k, &owned, parsedNet(t, strings.Replace(config, `"eth1"] }`, `"eth1"], monitor = "50ms" }`, 1)), Facts{})
	wants(t, done, "tune bond0")
	done, _ = settle(t, k, &owned, parsedNet(t, strings.Replace(config, `"eth1"] }`, `"eth1"], mode = "802.3ad" }`, 1)), Facts{})
	if first := told(done)[0]; first != "delete bond0" || !done[0].Disruptive() {
		t.Errorf("first: %s", first)
	}
	if l := k.Links["bond0"]; l.Make.Mode != 4 || k.Links["eth0"].Master != "bond0" || !has(k, "v5", "10.5.0.1/24") {
		t.Errorf("left: %+v, done %q", l, told(done))
	}
}

func TestABridgeLearnsItsVLANsBeforeItLooksAtThem(t *testing.T) {
	k, owned := newFakeKernel("eth0", "eth1"), newOwned()
	settle(t, k, &owned, parsedNet(t, "[net.lan]\nbridge = { ports = [\"eth0\", \"eth1\"] }\n"), Facts{})
	done, _ := settle(t, k, &owned, parsedNet(t, `
[net.lan]
bridge = { ports = ["eth0", "eth1"], vlans = [{ id = 1, untagged = ["eth0", "lan"] }, { id = 10, tagged = ["eth0"], untagged = ["eth1"] }] }
`), Facts{})
	wants(t, done, "vlans eth0 1u 10", "vlans eth1 10u", "vlans lan 1u 10", "tune lan")
}

func TestNothingIsDoneForALinkWhoseParentIsNotThere(t *testing.T) {
	k, owned := newFakeKernel("eth0"), newOwned()
	done, problems := settle(t, k, &owned, parsedNet(t, `
[net.v7]
vlan = { parent = "eth9", id = 7 }
ipv4 = "static"
addresses = ["10.7.0.1/24"]
routes = [{ to = "10.8.0.0/16", type = "blackhole" }]
`), Facts{})
	wants(t, done, "route - 10.8.0.0/16 metric 497 blackhole")
	if len(problems) > 0 {
		t.Errorf("problems: %q", problems)
	}
	k.plug("eth9", Link{Index: 9, MTU: 1500, Carrier: true, Ethernet: true, Hardware: true})
	if settle(t, k, &owned, parsedNet(t, "[net.v7]\nvlan = { parent = \"eth9\", id = 7 }\nipv4 = \"static\"\naddresses = [\"10.7.0.1/24\"]\n"), Facts{}); !has(k, "v7", "10.7.0.1/24") {
		t.Errorf("left: %v", k.Addresses)
	}
}

func TestALinkOfSomebodyElseIsNeitherChangedNorDeleted(t *testing.T) {
	k, owned := newFakeKernel("eth0"), newOwned()
	k.plug("lan", Link{Index: 9, Kind: "dummy", Make: Make{Kind: "dummy"}})
	k.plug("br0", Link{Index: 10, Kind: "bridge", Make: Make{Kind: "bridge"}, Tune: Tune{Ageing: 30000}})
	net := parsedNet(t, "[net.lan]\nbridge = { ports = [\"eth0\"] }\naddresses = [\"10.0.0.1/24\"]\n[net.br0]\nbridge = {}\naddresses = [\"10.1.0.1/24\"]\n")
	_, problems := settle(t, k, &owned, net, Facts{})
	if len(problems) != 1 || !strings.HasPrefix(problems[0], "lan: there is a link of that name already") {
		t.Errorf("problems: %q", problems)
	}
	if l := k.Links["lan"]; l.Up || has(k, "lan", "10.0.0.1/24") || k.Links["eth0"].Master != "" {
		t.Errorf("touched: %+v", l)
	}
	if !has(k, "br0", "10.1.0.1/24") { // it is as it shall be, whoever made it
		t.Errorf("addresses: %v", k.Addresses)
	}
	settle(t, k, &owned, nil, Facts{})
	if k.Links["lan"].Index != 9 || k.Links["br0"].Index != 10 {
		t.Errorf("deleted: %v", k.Links)
	}
}

func TestNamesGoRoundAndComeBack(t *testing.T) {
	k, owned := newFakeKernel("eth0", "eth1", "eth2"), newOwned()
	net := parsedNet(t, `
[net.eth1]
match = { mac = "02:00:00:00:00:00" }
[net.eth2]
match = { mac = "02:00:00:00:00:01" }
[net.eth0]
match = { mac = "02:00:00:00:00:02" }
`)
	settle(t, k, &owned, net, Facts{})
	for i, name := range []string{"eth1", "eth2", "eth0"} {
		if l := k.Links[name]; l.MAC[5] != byte(i) || !l.Up {
			t.Errorf("%s is %+v", name, l)
		}
	}
	k, owned = newFakeKernel("eth0", "eth1"), newOwned()
	wan := parsedNet(t, "[net.wan]\nmatch = { port = \"eth0\" }\n")
	done, _ := settle(t, k, &owned, wan, Facts{})
	wants(t, done, "rename eth0 wan", "up wan")
	if l := k.Links["wan"]; l.Former != "eth0" || l.Mark != Renamed {
		t.Errorf("wan: %+v", l)
	}
	done, _ = settle(t, k, &owned, parsedNet(t, "[net.eth0]\n"), Facts{})
	wants(t, done, "down wan", "rename wan eth0", "up eth0")
	// A name that another port has, and keeps, is not taken.
	_, problems := settle(t, k, &owned, parsedNet(t, "[net.eth1]\nmatch = { mac = \"02:00:00:00:00:00\" }\n"), Facts{})
	have, _ := k.Observe()
	p := ports(parsedNet(t, "[net.eth1]\nmatch = { mac = \"02:00:00:00:00:00\" }\n"), have.Links)
	if p[0].Present || !strings.Contains(p[0].Lacks, "another port is called eth1 already") || len(problems) > 0 {
		t.Errorf("%+v, problems %q", p, problems)
	}
}

func TestAPortsRoutesAreInTheTableOfItsVRF(t *testing.T) {
	k, owned := newFakeKernel("eth0"), newOwned()
	net := parsedNet(t, `
[net.red]
vrf = { table = 10, ports = ["eth0"] }
[net.eth0]
addresses = ["10.0.0.2/24"]
gateway = "10.0.0.1"
`)
	done, problems := settle(t, k, &owned, net, Facts{})
	wants(t, done, "make vrf red", "join eth0 red", "up eth0", "up red", "address eth0 10.0.0.2/24", "route eth0 0.0.0.0/0 via 10.0.0.1 metric 100 table 10")
	if len(problems) > 0 {
		t.Errorf("problems: %q", problems)
	}
	done, _ = settle(t, k, &owned, parsedNet(t, "[net.eth0]\naddresses = [\"10.0.0.2/24\"]\ngateway = \"10.0.0.1\"\n"), Facts{})
	if _, main := route(k, "eth0", "0.0.0.0/0", 100); !main || k.Links["red"].Index != 0 {
		t.Errorf("done %q, left %v", told(done), k.Routes)
	}
}

func TestOnlineWaitsForThePortsThatLeadOut(t *testing.T) {
	router := `
[net.wan]
ipv4 = "static"
addresses = ["198.51.100.2/24"]
gateway = "198.51.100.1"
[net.lan]
bridge = { ports = ["eth1"] }
addresses = ["192.168.1.1/24"]
`
	for _, c := range []struct {
		claim, config, unplugged string
		online                   bool
	}{
		{"a router needs no cable in its own network", router, "lan", true},
		{"but one that leads out", router, "wan", false},
		{"where none leads out, all count", "[net.wan]\naddresses = [\"10.0.0.1/24\"]\n[net.eth1]\naddresses = [\"10.1.0.1/24\"]\n", "eth1", false},
	} {
		k, owned := newFakeKernel("wan", "eth1"), newOwned()
		net := parsedNet(t, c.config)
		settle(t, k, &owned, net, Facts{})
		l := k.Links[c.unplugged]
		l.Carrier = false
		k.Links[c.unplugged] = l
		have, _ := k.Observe()
		if s := report(Desired(net, system.DNS{}, Facts{Links: have.Links}), have, nil, nil, nil); s.Online != c.online {
			t.Errorf("%s: online %v", c.claim, s.Online)
		}
	}
}

func TestVLANListsAreOneTextForOneSet(t *testing.T) {
	for _, list := range []string{"", "1u", "1u 10 4094"} {
		if got := vlanSetOf(list).list(); got != list {
			t.Errorf("%q is %q", list, got)
		}
	}
}

func TestARuleIsReadAsItIsWritten(t *testing.T) {
	for _, r := range []Rule{
		{From: netip.MustParsePrefix("10.0.0.0/8"), To: netip.MustParsePrefix("10.1.0.0/16"), Priority: 7, Table: 100},
		{IPv6: true, From: netip.MustParsePrefix("2001:db8::/32"), Iif: "lan", Mark: 5, Priority: 9, Table: 70000},
	} {
		if got, ours, ok := readRule(r.body()); got != r || !ours || !ok {
			t.Errorf("got %v, ours %v, %v; want %v", got, ours, ok, r)
		}
	}
}

func TestBothEndsOfACableAreSetUpByOnePlan(t *testing.T) {
	k := newFakeKernel()
	net := parsedNet(t, "[net.outer]\nveth = { peer = \"inner\" }\naddresses = [\"10.0.0.1/24\"]\n[net.inner]\naddresses = [\"10.0.1.1/24\"]\nroutes = [{ to = \"10.9.0.0/16\", via = \"10.0.1.2\" }]\n")
	for i := range 2 {
		have, _ := k.Observe()
		desired := Desired(net, system.DNS{}, Facts{Links: have.Links})
		ops, problems := Plan(desired.State, have, newOwned())
		if len(problems) > 0 || i == 1 && len(k.Routes) != 1 {
			t.Errorf("%q, routes %v", problems, k.Routes)
		}
		for _, o := range ops {
			if err := k.Apply(o); err != nil {
				t.Errorf("%v: %v", o, err)
			}
		}
	}
	if len(k.Addresses) != 2 || len(k.Routes) != 1 {
		t.Errorf("%v %v", k.Addresses, k.Routes)
	}
}
