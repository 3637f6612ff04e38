package firewall

import (
	"flag"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"

	"bantam/netcfg/nft"
	"bantam/system"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("differs from %s, which -update writes anew; it is\n%s", file, got)
	}
}

func parse(t testing.TB, name string) *system.System {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name + ".toml")
	if err != nil {
		t.Fatal(err)
	}
	s, problems := system.Parse(name, text)
	for _, p := range problems {
		t.Error(p)
	}
	if s == nil {
		t.FailNow()
	}
	return s
}

var (
	addr   = netip.MustParseAddr
	prefix = netip.MustParsePrefix
)

// house is the router of testdata/house.toml: wan, lan, guest, and tun0 that is in no zone.
var house = router{world: "wan", addresses: map[string][]netip.Prefix{
	"wan":   {prefix("203.0.113.7/24"), prefix("2001:db8:ffff::7/64"), prefix("fe80::1/64")},
	"lan":   {prefix("192.168.1.1/24"), prefix("2001:db8:1::1/64")},
	"guest": {prefix("192.168.2.1/24"), prefix("2001:db8:2::1/64")},
	"tun0":  {prefix("10.9.9.1/24")},
}}

var houseFacts = Facts{External: []netip.Addr{addr("203.0.113.7")}, Comment: "made by Bantam", Devices: []string{"guest", "lan", "wan"}}

func TestTablesAreAsTheyWere(t *testing.T) {
	for _, name := range []string{"two", "house", "tunnel"} {
		table := Table(parse(t, name), houseFacts)
		golden(t, "testdata/"+name+".nft", table.Text())
		golden(t, "testdata/"+name+".txt", strings.Join(Explain(parse(t, name)), "\n")+"\n")
	}
}

func TestWithoutZonesThereIsNoTable(t *testing.T) {
	s, _ := system.Parse("x", []byte("[net.eth0]\n"))
	if Wanted(s) || len(Explain(s)) != 0 {
		t.Error("a table is wanted")
	}
}

// Addresses of who speaks with whom.
const (
	stranger  = "198.51.100.9"
	stranger6 = "2001:db8:bad::9"
	anna      = "192.168.1.20"
	anna6     = "2001:db8:1::20"
	server    = "192.168.1.10"
	server6   = "2001:db8:1::10"
	guest     = "192.168.2.30"
	guest6    = "2001:db8:2::30"
	us        = "203.0.113.7"
	us6       = "2001:db8:ffff::7"
)

func TestWhatBecomesOfPackets(t *testing.T) {
	table := Table(parse(t, "house"), houseFacts)
	tcp := func(in, from, to string, port uint16) packet {
		return packet{in: in, from: addr(from), to: addr(to), protocol: nft.TCP, port: port}
	}
	udp := func(in, from, to string, port uint16) packet {
		return packet{in: in, from: addr(from), to: addr(to), protocol: nft.UDP, port: port}
	}
	icmp := func(in, from, to string, kind uint16) packet {
		p := packet{in: in, from: addr(from), to: addr(to), protocol: nft.ICMP, icmp: kind}
		if addr(to).Is6() {
			p.protocol = nft.ICMPv6
		}
		return p
	}
	with := func(p packet, change func(*packet)) packet { change(&p); return p }
	answer := func(p packet) packet { return with(p, func(p *packet) { p.state = nft.Established }) }
	for _, tt := range []struct {
		sentence string
		packet   packet
		want     string // verdict; "masked" where its source is changed; the destination where it is
	}{
		{"the house reaches the world, with our address", tcp("lan", anna, stranger, 443), "out wan masked"},
		{"the house reaches the world over IPv6, with its own", tcp("lan", anna6, stranger6, 443), "out wan"},
		{"the house reaches the world by UDP", udp("lan", anna, stranger, 443), "out wan masked"},
		{"the house may ping the world", icmp("lan", anna, stranger, 8), "out wan masked"},
		{"the world's answers come in", answer(tcp("wan", stranger, anna, 50000)), "out lan"},
		{"the world's answers come in over IPv6", answer(tcp("wan", stranger6, anna6, 50000)), "out lan"},
		{"what belongs to a connection comes in", with(icmp("wan", stranger, anna, 3), func(p *packet) { p.state = nft.Related }), "out lan"},
		{"strangers reach nobody in the house", tcp("wan", stranger, anna, 22), "drop"},
		{"strangers reach nobody in the house over IPv6", tcp("wan", stranger6, anna6, 22), "drop"},
		{"strangers reach nobody in the house by UDP", udp("wan", stranger6, anna6, 5353), "drop"},
		{"strangers reach nobody by a protocol without ports", packet{in: "wan", from: addr(stranger), to: addr(anna), protocol: 47}, "drop"},
		{"strangers reach no guest", tcp("wan", stranger6, guest6, 80), "drop"},
		{"IPv6 lets itself be pinged", icmp("wan", stranger6, anna6, 128), "out lan"},
		{"but not redirected", icmp("wan", stranger6, anna6, 137), "drop"},
		{"nor asked for neighbours from afar", icmp("wan", stranger6, anna6, 135), "drop"},
		{"what belongs to no connection is dropped", with(tcp("wan", stranger, anna, 22), func(p *packet) { p.state = nft.Invalid }), "drop"},
		{"also from the house", with(tcp("lan", anna, stranger, 22), func(p *packet) { p.state = nft.Invalid }), "drop"},

		{"SSH is closed to strangers", tcp("wan", stranger, us, 22), "drop"},
		{"SSH is closed to strangers over IPv6", tcp("wan", stranger6, us6, 22), "drop"},
		{"the name server is closed to strangers", udp("wan", stranger, us, 53), "drop"},
		{"what is opened to them is open", tcp("wan", stranger, us, 8443), "machine"},
		{"over IPv6 too", tcp("wan", stranger6, us6, 8443), "machine"},
		{"but not by UDP", udp("wan", stranger, us, 8443), "drop"},
		{"an address of the house is closed to strangers who come by the wire", tcp("wan", stranger, "192.168.1.1", 22), "drop"},
		{"strangers may ping us", icmp("wan", stranger, us, 8), "machine"},
		{"strangers may ping us over IPv6", icmp("wan", stranger6, us6, 128), "machine"},
		{"not ask for our clock", icmp("wan", stranger, us, 13), "drop"},
		{"answers to us come in", answer(tcp("wan", stranger, us, 40000)), "machine"},
		{"a router of the provider advertises itself", with(icmp("wan", "fe80::99", "ff02::1", 134), func(p *packet) { p.hops = 255; p.to = addr(us6) }), "machine"},
		{"one from afar does not", icmp("wan", stranger6, us6, 134), "drop"},
		{"the provider's DHCPv6 server answers", udp("wan", "fe80::99", "fe80::1", 546), "machine"},
		{"a stranger does not in its place", udp("wan", stranger6, us6, 546), "drop"},
		{"the provider asks who listens", packet{in: "wan", from: addr(stranger), to: addr(us), protocol: nft.IGMP}, "machine"},

		{"the house may use all of the machine", tcp("lan", anna, "192.168.1.1", 22), "machine"},
		{"by its outer address as well", udp("lan", anna, us, 53), "machine"},
		{"guests may ask for names", udp("guest", guest, "192.168.2.1", 53), "machine"},
		{"guests may ask for names by TCP", tcp("guest", guest, "192.168.2.1", 53), "machine"},
		{"guests get addresses", udp("guest", guest, "192.168.2.1", 67), "machine"},
		{"guests may not log in", tcp("guest", guest, "192.168.2.1", 22), "reject"},
		{"guests may not log in at the house's address", tcp("guest", guest, "192.168.1.1", 22), "reject"},
		{"guests may not log in over IPv6", tcp("guest", guest6, "2001:db8:2::1", 22), "reject"},
		{"guests may not use what strangers may", tcp("guest", guest, us, 8443), "reject"},
		{"guests may ping the machine", icmp("guest", guest, "192.168.2.1", 8), "machine"},
		{"guests reach the world", tcp("guest", guest, stranger, 443), "out wan masked"},
		{"guests reach the world over IPv6", tcp("guest", guest6, stranger6, 443), "out wan"},
		{"guests cannot reach the house", tcp("guest", guest, anna, 445), "reject"},
		{"guests cannot reach the house over IPv6", tcp("guest", guest6, anna6, 445), "reject"},
		{"guests cannot ping the house", icmp("guest", guest, anna, 8), "reject"},
		{"guests cannot ping the house over IPv6", icmp("guest", guest6, anna6, 128), "reject"},
		{"guests cannot reach one another by this machine", tcp("guest", guest, "192.168.2.31", 445), "reject"},
		{"the house cannot reach guests unless told", tcp("lan", anna, guest, 445), "reject"},

		{"the web server is reached from outside", tcp("wan", stranger, us, 443), "out lan to 192.168.1.10:8443"},
		{"several ports keep their numbers", udp("wan", stranger, us, 5005), "out lan to 192.168.1.11:5005"},
		{"the port beside them does not", udp("wan", stranger, us, 5011), "drop"},
		{"nor the same port of the other protocol", udp("wan", stranger, us, 443), "drop"},
		{"the server is not reached by its own address", tcp("wan", stranger, server, 8443), "drop"},
		{"one port is for certain strangers alone", tcp("wan", stranger, us, 2222), "out lan to 192.168.1.10:22"},
		{"not for others", tcp("wan", "198.51.101.9", us, 2222), "drop"},
		{"the house reaches the server as strangers do, and the answer comes back this way", tcp("lan", anna, us, 443), "out lan masked to 192.168.1.10:8443"},
		{"the house reaches the server as it is", tcp("lan", anna, server, 8443), "out lan"},
		{"guests reach it as strangers do", tcp("guest", guest, us, 443), "out lan to 192.168.1.10:8443"},
		{"guests do not reach it else", tcp("guest", guest, server, 8443), "reject"},
		{"a server inside at the same port of our inner address is not replaced", tcp("lan", anna, "192.168.1.1", 443), "machine"},

		{"a rule opens one machine to strangers over IPv6", tcp("wan", stranger6, server6, 443), "out lan"},
		{"nothing else of it", tcp("wan", stranger6, server6, 80), "drop"},
		{"no other one", tcp("wan", stranger6, anna6, 443), "drop"},
		{"a rule forbids what a zone may", tcp("lan", "192.168.1.77", stranger, 443), "reject"},
		{"for one alone", tcp("lan", "192.168.1.78", stranger, 443), "out wan masked"},
		{"a rule forbids a forward to one stranger", tcp("wan", "198.51.100.66", us, 443), "drop"},
		{"a rule opens the machine to one stranger", tcp("wan", "198.51.100.5", us, 22), "machine"},

		{"who says to be in the house and is not", tcp("wan", anna, us, 8443), "drop"},
		{"who says to be us", tcp("wan", us, us, 8443), "drop"},
		{"who says to be in the house over IPv6", tcp("wan", anna6, us6, 8443), "drop"},
		{"who says to be the loopback", tcp("wan", "127.0.0.1", us, 8443), "drop"},
		{"who has a group's address", tcp("wan", "224.0.0.5", us, 8443), "drop"},
		{"who has an address that nobody has", tcp("wan", "250.1.2.3", us, 8443), "drop"},
		{"who has an IPv4 address in IPv6's form", tcp("wan", "::ffff:0:1", us6, 8443), "drop"},
		{"a provider's private address is one like others", tcp("wan", "10.1.2.3", us, 8443), "machine"},
		{"guests who say to be of the house", tcp("guest", anna, stranger, 443), "drop"},
		{"the house does not lie to the world either", tcp("lan", "198.51.100.77", stranger, 443), "drop"},

		{"a link in no zone reaches nothing", tcp("tun0", "10.9.9.9", anna, 22), "drop"},
		{"not this machine either", tcp("tun0", "10.9.9.9", "10.9.9.1", 22), "drop"},
		{"nor the world", tcp("tun0", "10.9.9.9", stranger, 443), "drop"},
		{"nor what is forwarded", tcp("tun0", "10.9.9.9", us, 443), "drop"},
		{"nobody reaches it", tcp("lan", anna, "10.9.9.9", 22), "reject"},
		{"the machine speaks with itself", tcp("lo", "127.0.0.1", us, 22), "machine"},
	} {
		fate := walk(t, table, house, tt.packet)
		got := fate.verdict
		if fate.masked {
			got += " masked"
		}
		if fate.to.IsValid() && fate.to != netip.AddrPortFrom(tt.packet.to, tt.packet.port) {
			got += " to " + fate.to.String()
		}
		if got != tt.want {
			t.Errorf("%s: %s, want %s (counted %v)", tt.sentence, got, tt.want, fate.counted)
		}
		if first := tt.packet.protocol == nft.TCP && tt.packet.state == 0 && strings.HasPrefix(got, "out "); fate.clamped != first && strings.HasPrefix(got, "out ") {
			t.Errorf("%s: segments clamped: %v", tt.sentence, fate.clamped)
		}
	}
}

// Every new packet from every zone to every zone is let through if and only if the zones' own words say so, whatever
// kind of IP, protocol and port it has.
func TestBetweenZonesOnlyTheirWordsCount(t *testing.T) {
	machine := map[string]map[int]string{ // somebody in each zone
		"wan": {4: stranger, 6: stranger6}, "lan": {4: anna, 6: anna6}, "guest": {4: guest, 6: guest6},
	}
	for _, to := range [][2][]string{{{"wan"}, nil}, {nil, {"lan"}}, {{"wan", "lan"}, {"guest", "wan"}}, {{}, {}}, {{"guest"}, {"lan", "wan"}}} {
		s := parse(t, "two")
		net := s.Net["lan"]
		net.Zone, net.Addresses = "guest", []string{"192.168.2.1/24"}
		s.Net["guest"] = net
		s.Zones = map[string]system.Zone{"guest": {To: to[0]}, "lan": {To: to[1]}}
		table := Table(s, houseFacts)
		zones := s.ZonesInForce()
		for _, from := range zones {
			for _, into := range zones {
				for _, family := range []int{4, 6} {
					for _, protocol := range []uint8{nft.TCP, nft.UDP, 47, 132} {
						for _, port := range []uint16{0, 22, 53, 65535} {
							p := packet{in: from.Interfaces[0], from: addr(machine[from.Name][family]), to: addr(machine[into.Name][family]).Next(), protocol: protocol, port: port}
							got := walk(t, table, house, p)
							want := slices.Contains(from.To, into.Name)
							if through := strings.HasPrefix(got.verdict, "out "); through != want {
								t.Errorf("to %v: %s to %s, IPv%d, protocol %d port %d: %+v, want through: %v", to, from.Name, into.Name, family, protocol, port, got, want)
							}
							if wantMask := want && into.Masquerade && family == 4; got.masked != wantMask {
								t.Errorf("to %v: %s to %s, IPv%d: masked %v, want %v", to, from.Name, into.Name, family, got.masked, wantMask)
							}
						}
					}
				}
			}
		}
	}
}

// What strangers find open is what was opened, of all ports.
func TestOfAllPortsOnlyWhatIsOpenedIsOpen(t *testing.T) {
	if testing.Short() {
		t.Skip("a quarter of a million packets")
	}
	s := parse(t, "house")
	table := Table(s, houseFacts)
	var open []string
	for _, protocol := range []uint8{nft.TCP, nft.UDP} {
		for port := 1; port <= 65535; port++ {
			for _, ip := range [][2]string{{stranger, us}, {stranger6, us6}} {
				p := packet{in: "wan", from: addr(ip[0]), to: addr(ip[1]), protocol: protocol, port: uint16(port)}
				if f := walk(t, table, house, p); f.verdict != "drop" {
					open = append(open, fmt.Sprintf("%d/%d at %s: %s", protocol, port, ip[1], f.verdict))
				}
			}
		}
	}
	want := []string{"6/443 at 203.0.113.7: out lan", "6/2222 at 203.0.113.7: out lan", "6/8443 at 203.0.113.7: machine", "6/8443 at 2001:db8:ffff::7: machine"}
	for port := 5000; port <= 5010; port++ {
		want = append(want, fmt.Sprintf("17/%d at 203.0.113.7: out lan", port))
	}
	if fmt.Sprint(open) != fmt.Sprint(want) {
		t.Errorf("open: %q, want %q", open, want)
	}
}

func TestWhatAChangeElsewhereLeavesAloneKeepsItsCounter(t *testing.T) {
	s := parse(t, "house")
	before := Table(s, houseFacts)
	s.Firewall.Rules = append([]system.FirewallRule{{From: "lan", Action: "drop", Ports: []string{"tcp/25"}}}, s.Firewall.Rules...)
	after := Table(s, houseFacts)
	for _, name := range before.Counters {
		if !slices.Contains(after.Counters, name) {
			t.Errorf("counter %s is gone", name)
		}
	}
}

func TestDelegatedNetworksInWords(t *testing.T) {
	s, problems := system.Parse("x", []byte("[net.wan]\nzone = \"wan\"\nprefix = \"delegate\"\n[net.lan]\nzone = \"lan\"\nsubnet6 = 7\nula = true\n"))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	text := strings.Join(Explain(s), "\n")
	for _, want := range []string{"wan asks for an IPv6 prefix", "lan has IPv6 network 7 of what is delegated", "lan has an IPv6 network of this machine's own"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}
