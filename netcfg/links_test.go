//go:build !mips && !mipsle

package netcfg

import (
	"fmt"
	"io"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"bantam/system"
)

// conversation is one TCP connection between the machine and a peer, which answers what it hears.
type conversation struct {
	t    testing.TB
	conn net.Conn
}

func (p *peer) converse(address string) *conversation {
	p.t.Helper()
	listener, err := net.Listen("tcp", net.JoinHostPort(address, "0"))
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { listener.Close() })
	network := "tcp4"
	if strings.Contains(address, ":") {
		network = "tcp6"
	}
	go func() {
		if conn, err := p.dialBy(net.Dialer{Timeout: time.Minute}, network, listener.Addr().String()); err == nil {
			io.Copy(conn, conn)
			conn.Close()
		}
	}()
	conn, err := listener.Accept()
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { conn.Close() })
	c := &conversation{p.t, conn}
	c.goesOn()
	return c
}

// goesOn sends something and waits for it to come back.
func (c *conversation) goesOn() {
	c.t.Helper()
	word := []byte("still there?")
	c.conn.SetDeadline(time.Now().Add(time.Minute))
	if _, err := c.conn.Write(word); err != nil {
		c.t.Fatalf("the connection is lost: %v", err)
	}
	if _, err := io.ReadFull(c.conn, word); err != nil {
		c.t.Fatalf("the connection is lost: %v", err)
	}
}

func TestConnectionsOutliveTheMovingOfTheirAddressToABridgeAndBack(t *testing.T) {
	l := newLab(t)
	p := l.peer()
	p.cable("eth0", "10.1.0.1/24")
	p.In("ip addr add 2001:db8::1/64 dev srv nodad")
	const port = "[net.eth0]\nipv6 = \"static\"\naddresses = [\"10.1.0.2/24\", \"2001:db8::2/64\"]\ngateway = \"10.1.0.1\"\n"
	const bridge = "[net.lan]\nbridge = { ports = [\"eth0\", \"eth7\"] }\nipv6 = \"static\"\naddresses = [\"10.1.0.2/24\", \"2001:db8::2/64\"]\ngateway = \"10.1.0.1\"\n"
	l.netcfg(port)
	l.status("online", online)
	l.Gone("ip addr show eth0", "tentative")
	v4, v6 := p.converse("10.1.0.2"), p.converse("2001:db8::2")
	for range 2 {
		l.reload(bridge)
		l.Shows("ip route", "default via 10.1.0.1 dev lan proto 66")
		l.Gone("ip addr show eth0", "10.1.0.2")
		l.Gone("ip addr show eth0", "inet6")
		if s := l.status("online", online); len(s.Problems) > 0 {
			t.Errorf("problems: %q", s.Problems)
		}
		l.Shows("ip -d link show eth0", "master lan")
		l.Shows("ip addr show lan", "inet 10.1.0.2/24")
		v4.goesOn()
		v6.goesOn()
		l.reload(port)
		l.Gone("ip link", "lan:")
		l.Shows("ip route", "default via 10.1.0.1 dev eth0 proto 66")
		l.Shows("ip addr show eth0", "inet6 2001:db8::2/64")
		v4.goesOn()
		v6.goesOn()
	}
	p.In("ip link set srv down")
	l.status("no carrier", func(s Status) bool { return len(s.Ports) > 0 && s.Ports[0].Waiting == "no carrier" })
	l.Shows("ip addr show eth0", "10.1.0.2/24")
	p.In("ip link set srv up; ip addr add 2001:db8::1/64 dev srv nodad")
	v4.goesOn()
	v6.goesOn()
}

func TestABridgeKeepsEverythingWhenItsCablesArePulled(t *testing.T) {
	l := newLab(t)
	p, other := l.peer(), l.peer()
	p.cable("eth0", "10.1.0.1/24")
	other.cable("eth1", "10.1.0.3/24")
	l.netcfg("[net.lan]\nbridge = { ports = [\"eth0\", \"eth1\"] }\naddresses = [\"10.1.0.2/24\"]\nroutes = [{ to = \"10.9.0.0/16\", via = \"10.1.0.1\" }]\n")
	l.status("online", online)
	c := p.converse("10.1.0.2")
	across := other.converse("10.1.0.2")
	p.In("ip link set srv down")
	other.In("ip link set srv down")
	l.status("no carrier", func(s Status) bool {
		for _, p := range s.Ports {
			if p.Name == "lan" {
				return p.Waiting == "no carrier"
			}
		}
		return false
	})
	l.Shows("ip addr show lan", "inet 10.1.0.2/24")
	l.Shows("ip route", "10.9.0.0/16 via 10.1.0.1 dev lan proto 66")
	l.Shows("ip link show eth0", "master lan")
	p.In("ip link set srv up")
	other.In("ip link set srv up")
	l.status("online", online)
	c.goesOn()
	across.goesOn()
}

func TestWhatWeMadeIsKnownAgainAndDeletedWhileOthersAreNot(t *testing.T) {
	l := newLab(t)
	l.peer().cable("eth0", "10.1.0.1/24")
	l.peer().cable("eth1", "10.2.0.1/24")
	l.peer().cable("eth2", "10.3.0.1/24")
	l.ip("link add br9 type bridge")
	l.ip("link set eth2 master br9")
	l.ip("link add tap9 type veth peer name tap9p")
	const bridge = "[net.lan]\nbridge = { ports = [\"eth0\", \"eth1\"], ageing = \"100s\" }\naddresses = [\"10.1.0.2/24\"]\n[net.eth1]\nmtu = 1400\n"
	l.netcfg(bridge)
	l.status("online", online)
	l.Shows("ip -d link show lan", "ageing_time 10000")
	l.Shows("ip -d link show lan", "group 67")
	l.ip("link set tap9 master lan") // as a virtual machine monitor does
	before := l.ip("-o link show lan")
	l.restart(bridge)
	l.status("online", online)
	if after := l.ip("-o link show lan"); after != before {
		t.Errorf("it was not known again:\n%s%s", before, after)
	}
	l.reload(strings.Replace(bridge, "100s", "200s", 1))
	l.Shows("ip -d link show lan", "ageing_time 20000")
	l.Shows("ip -d link show lan", "mcast_snooping 1")
	l.reload(strings.Replace(bridge, "ageing = \"100s\"", "ageing = \"200s\", multicast = \"query\"", 1))
	l.Shows("ip -d link show lan", "mcast_querier 1")
	l.reload(strings.Replace(bridge, "ageing = \"100s\"", "ageing = \"200s\", multicast = \"flood\"", 1))
	l.Shows("ip -d link show lan", "mcast_snooping 0")
	l.Shows("ip -d link show lan", "mcast_querier 0")
	l.Shows("ip link show tap9", "master lan")
	l.reload("[net.lan]\nbridge = { ports = [\"eth0\"] }\naddresses = [\"10.1.0.2/24\"]\n")
	l.Gone("ip link show eth1", "master")
	l.Shows("ip link show eth1", "state DOWN")
	if after := l.ip("-o link show lan"); strings.Fields(after)[0] != strings.Fields(before)[0] {
		t.Errorf("it was made anew:\n%s%s", before, after)
	}
	l.restart("[net.eth0]\naddresses = [\"10.1.0.2/24\"]\n[net.br9]\nveth = { peer = \"inner\" }\n")
	l.Gone("ip link", "lan:")
	l.Shows("ip link show eth2", "master br9")
	s := l.status("the name is taken", func(s Status) bool { return len(s.Problems) > 0 })
	if !strings.Contains(s.Problems[0], "br9: there is a link of that name already") {
		t.Errorf("problems: %q", s.Problems)
	}
	l.Shows("ip -d link show br9", "bridge")
	l.Shows("ip addr show eth0", "10.1.0.2/24")
}

func TestALinkOfEachKindIsMadeChangedAndDeleted(t *testing.T) {
	l := newLab(t)
	l.peer().cable("eth0", "10.1.0.1/24")
	l.peer().cable("eth1", "10.2.0.1/24")
	const base = "[net.eth0]\naddresses = [\"10.1.0.2/24\"]\n"
	l.netcfg(base)
	l.status("online", online)
	for _, c := range []struct{ kind, make, shows, other, showsThen string }{
		{"veth", "veth = { peer = \"inner\" }", "x0@inner", "veth = { peer = \"outer\" }", "x0@outer"},
		{"macvlan", "macvlan = { parent = \"eth0\" }", "macvlan mode bridge", "macvlan = { parent = \"eth0\", mode = \"private\" }", "macvlan mode private"},
		{"vxlan", "vxlan = { id = 42, local = \"10.1.0.2\", remote = \"10.1.0.1\" }", "vxlan id 42 remote 10.1.0.1 local 10.1.0.2", "vxlan = { id = 43, remote = \"239.1.1.1\", parent = \"eth0\", port = 8472 }", "vxlan id 43 group 239.1.1.1 dev eth0 srcport 0 0 dstport 8472"},
		{"vlan", "vlan = { parent = \"eth0\", id = 7 }", "vlan protocol 802.1Q id 7", "vlan = { parent = \"eth0\", id = 8 }", "id 8"},
		{"bond", "bond = { ports = [\"eth1\"] }", "bond mode active-backup miimon 100", "bond = { ports = [\"eth1\"], mode = \"802.3ad\", hash = \"layer3+4\", monitor = \"200ms\" }", "bond mode 802.3ad miimon 200"},
		{"dummy", "dummy = true", "dummy", "dummy = true\nmtu = 1400", "mtu 1400"},
		{"vrf", "vrf = { table = 10, ports = [\"eth1\"] }", "vrf table 10", "vrf = { table = 11, ports = [\"eth1\"] }", "vrf table 11"},
		{"gre", "tunnel = { kind = \"gre\", local = \"10.1.0.2\", remote = \"10.1.0.1\" }", "gre remote 10.1.0.1 local 10.1.0.2", "tunnel = { kind = \"gre\", local = \"10.1.0.2\", remote = \"10.1.0.9\" }", "gre remote 10.1.0.9 local 10.1.0.2"},
		{"ipip", "tunnel = { kind = \"ipip\", local = \"10.1.0.2\", remote = \"10.1.0.1\" }", "ipip ipip remote 10.1.0.1 local 10.1.0.2", "tunnel = { kind = \"ipip\", local = \"10.1.0.2\", remote = \"10.1.0.9\" }", "remote 10.1.0.9 local 10.1.0.2"},
		{"sit", "tunnel = { kind = \"sit\", local = \"10.1.0.2\", remote = \"10.1.0.1\" }", "sit ip6ip remote 10.1.0.1 local 10.1.0.2", "tunnel = { kind = \"sit\", local = \"10.1.0.2\", remote = \"10.1.0.9\" }", "remote 10.1.0.9 local 10.1.0.2"},
	} {
		if why := cannotMake(c.kind); why != "" {
			t.Logf("%s is not tried: this kernel has none: %s", c.kind, why)
			continue
		}
		address := "\nipv4 = \"static\"\nipv6 = \"static\"\naddresses = [\"192.168.77.1/24\", \"fd77::1/64\"]\n"
		l.reload(base + "[net.x0]\n" + c.make + address)
		l.Shows("ip -d link show x0", c.shows)
		l.Shows("ip addr show x0", "192.168.77.1/24")
		if slave, _, is := strings.Cut(c.shows, " "); is && (slave == "bond" || slave == "vrf") {
			l.Shows("ip link show eth1", "master x0")
		}
		l.status(c.kind+" has no problems", func(s Status) bool { return len(s.Problems) == 0 })
		l.reload(base + "[net.x0]\n" + c.other + address)
		l.Shows("ip -d link show x0", c.showsThen)
		l.Shows("ip addr show x0", "192.168.77.1/24")
		l.reload(base)
		l.Gone("ip link", " x0")
		l.Gone("ip link", "@x0")
	}
}

// cannotMake says why the kernel makes no link of a kind; "" if it does.
func cannotMake(kind string) string {
	arguments := map[string]string{
		"vlan": "link eth0 name try type vlan id 9", "macvlan": "link eth0 name try type macvlan", "vxlan": "try type vxlan id 9 dstport 9 remote 10.1.0.1",
		"gre": "try type gre local 10.1.0.2 remote 10.1.0.8", "ipip": "try type ipip local 10.1.0.2 remote 10.1.0.8", "sit": "try type sit local 10.1.0.2 remote 10.1.0.8", "vrf": "try type vrf table 99",
	}[kind]
	if arguments == "" {
		arguments = "try type " + kind
	}
	if out, err := exec.Command("sh", "-c", "ip link add "+arguments+" && ip link del try").CombinedOutput(); err != nil {
		return strings.TrimSpace(string(out))
	}
	return ""
}

func TestAPortGetsItsNameAndGivesItBack(t *testing.T) {
	l := newLab(t)
	p := l.peer()
	p.cable("eth0", "10.1.0.1/24")
	l.peer().cable("eth1", "10.2.0.1/24")
	const named = "[net.wan]\nmatch = { port = \"eth0\" }\naddresses = [\"10.1.0.2/24\"]\n"
	l.netcfg(named)
	l.status("online", online)
	l.Shows("ip link show wan", "altname eth0")
	l.Shows("ip addr show wan", "10.1.0.2/24")
	l.restart(named)
	if s := l.status("online", online); s.Ports[0].Former != "eth0" || len(s.Problems) > 0 {
		t.Errorf("status: %+v", s)
	}
	l.reload(strings.ReplaceAll(named, "net.wan", "net.uplink"))
	l.Shows("ip addr show uplink", "10.1.0.2/24")
	l.status("online", online)
	l.reload("[net.eth0]\naddresses = [\"10.1.0.2/24\"]\n")
	l.Shows("ip addr show eth0", "10.1.0.2/24")
	l.Gone("ip link show eth0", "altname")
	l.status("online", online)
}

func TestTwoPortsSwapTheirNamesByWhatIsOnTheirLabels(t *testing.T) {
	l := newLab(t)
	mac := map[string]string{}
	for i, port := range []string{"eth0", "eth1"} {
		l.peer().cable(port, fmt.Sprintf("10.%d.0.1/24", i+1))
		eth, err := net.InterfaceByName(port)
		if err != nil {
			t.Fatal(err)
		}
		mac[port] = eth.HardwareAddr.String()
	}
	config := fmt.Sprintf("[net.eth0]\nmatch = { mac = \"%s\" }\naddresses = [\"10.2.0.2/24\"]\n[net.eth1]\nmatch = { mac = \"%s\" }\naddresses = [\"10.1.0.2/24\"]\n[net.gone]\noptional = true\nmatch = { mac = \"02:00:00:00:00:99\" }\n", mac["eth1"], mac["eth0"])
	l.netcfg(config)
	s := l.status("online", online)
	l.Shows("ip link show eth0", mac["eth1"])
	l.Shows("ip link show eth1", mac["eth0"])
	if w := s.Ports[2].Waiting; w != "waiting for the port with MAC address 02:00:00:00:00:99" {
		t.Errorf("waiting: %q", w)
	}
}

func TestRulesSendPacketsIntoTheirTable(t *testing.T) {
	l := newLab(t)
	l.peer().cable("eth0", "10.1.0.1/24")
	l.peer().cable("eth1", "10.2.0.1/24")
	const plain = "[net.eth0]\naddresses = [\"10.1.0.2/24\", \"2001:db8:1::2/64\"]\ngateway = \"10.1.0.1\"\n"
	const more = "[net.eth1]\naddresses = [\"10.2.0.2/24\"]\nroutes = [{ to = \"default\", via = \"10.2.0.1\", table = 100 }, { to = \"10.66.0.0/16\", type = \"blackhole\" },\n" +
		"  { to = \"fd66::/16\", type = \"unreachable\" }]\nrules = [{ from = \"10.2.0.2/32\", table = 100 }, { mark = 5, table = 100, priority = 70 }]\n"
	l.ip("rule add from 10.99.0.0/16 table 99")
	l.ip("route add default via 127.0.0.1 dev lo table 99")
	l.netcfg(plain + more)
	l.status("online", online)
	l.Shows("ip route get 192.0.2.1 from 10.2.0.2", "via 10.2.0.1 dev eth1 table 100")
	l.Shows("ip route get 192.0.2.1", "via 10.1.0.1 dev eth0")
	l.Shows("ip route get 192.0.2.1 mark 5", "via 10.2.0.1 dev eth1 table 100")
	l.Shows("ip route", "blackhole 10.66.0.0/16 proto 66")
	l.Shows("ip -6 route", "unreachable fd66::/16")
	l.Shows("ip -6 rule", "70:	from all fwmark 0x5 lookup 100")
	l.ip("rule del priority 70")
	l.Shows("ip rule", "70:	from all fwmark 0x5 lookup 100 proto 66")
	s := l.status("no problems", func(s Status) bool { return len(s.Problems) == 0 && len(s.Rules) == 3 })
	if len(s.Routes) != 2 || s.Routes[0].String() != "blackhole 10.66.0.0/16 metric 101" {
		t.Errorf("routes: %v", s.Routes)
	}
	l.restart(plain)
	l.Gone("ip rule", "proto 66")
	l.Gone("ip -6 rule", "proto 66")
	l.Gone("ip route show table all", "10.2.0.1")
	l.Gone("ip route", "blackhole")
	l.Gone("ip -6 route", "unreachable")
	l.Shows("ip rule", "from 10.99.0.0/16 lookup 99")
	l.Shows("ip route show table 99", "default via 127.0.0.1")
}

func TestAnAddressOfOursEndsWithItsUseAlsoWhereRoutersAdvertise(t *testing.T) {
	k, owned := newFakeKernel("eth0"), newOwned()
	n := static("2001:db8::7/64")
	settle(t, k, &owned, map[string]system.Net{"eth0": n}, Facts{})
	for key, a := range k.Addresses {
		a.Until, a.Preferred = time.Hour, time.Minute // as a prefix that a router has delegated would have it
		k.Addresses[key] = a
	}
	owned = newOwned()
	settle(t, k, &owned, map[string]system.Net{"eth0": static()}, Facts{})
	if len(k.Addresses) != 0 {
		t.Errorf("left: %v", k.Addresses)
	}
}
