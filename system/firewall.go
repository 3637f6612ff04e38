package system

import (
	"net/netip"
	"strconv"
	"strings"
)

// Zone is networks that are trusted alike; its name in the map is that of Net.Zone. What it leaves out is filled in by
// ZonesInForce, for it depends on the name and on the other zones.
type Zone struct {
	Role string   `toml:"role" values:"external,internal" doc:"\"external\" (strangers are there) or \"internal\" (it is ours)" default:"external for wan, else internal"`
	To   []string `toml:"to" doc:"zones that it may open connections to, itself only if named, e.g. [\"wan\"]" default:"lan: itself and what is external; others: none"`
	Open []string `toml:"open" doc:"what of this machine it may use: \"all\", dhcp, dns, ntp, ssh, or e.g. \"tcp/8080\"" default:"lan: all; others that are ours: what their ports serve"`
	NAT  string   `toml:"nat" values:"masquerade,off" doc:"\"masquerade\" (IPv4 leaves with this machine's address there) or \"off\" (addresses stay)" default:"masquerade where it is external"`
}

// Forward is a port of this machine's external addresses that another machine serves; its name in the map is that
// port, e.g. "tcp/443" or "udp/8000-8010".
type Forward struct {
	To   string   `toml:"to" doc:"IPv4 address of the machine that serves it, e.g. \"192.168.1.10\""`
	Port int      `toml:"port" doc:"the port that it has there, e.g. 8443" default:"the same"`
	From []string `toml:"from" doc:"the only addresses or networks that may use it, e.g. [\"198.51.100.0/24\"]" default:"everybody"`
}

// Firewall is rules of one's own.
type Firewall struct {
	Offload string         `toml:"offload" values:"auto,off" doc:"\"auto\" (connections that stand pass by the rules, where the kernel can) or \"off\" (every packet is looked at)" default:"auto"`
	Rules   []FirewallRule `toml:"rules" doc:"rules before those of the zones, the first that fits decides, e.g. [{ from = \"wan\", ports = [\"tcp/22\"] }]"`
}

// FirewallRule is one of them. All that it names must fit.
type FirewallRule struct {
	From        string   `toml:"from" doc:"zone that the packet comes from" default:"any zone"`
	To          string   `toml:"to" doc:"zone that it goes to" default:"this machine"`
	Source      string   `toml:"source" doc:"address or network of the sender, e.g. \"192.168.1.77\" or \"2001:db8::/32\""`
	Destination string   `toml:"destination" doc:"address or network that it is for, e.g. \"2001:db8:1::10\""`
	Ports       []string `toml:"ports" doc:"what it is for, e.g. [\"tcp/22\", \"udp/5000-5010\"]" default:"everything"`
	Action      string   `toml:"action" values:"accept,drop,reject" doc:"\"accept\" (let it through), \"drop\" (say nothing) or \"reject\" (tell the sender)" default:"accept"`
}

// Roles of a zone, and what is done with addresses.
const (
	RoleExternal  = "external"
	RoleInternal  = "internal"
	NATMasquerade = "masquerade"
)

// The zones that mean something by their names.
const (
	zoneWAN = "wan"
	zoneLAN = "lan"
)

// OpenAll is the word of Zone.Open for all of the machine.
const OpenAll = "all"

// ZoneInForce is a zone with all that its table leaves out.
type ZoneInForce struct {
	Name       string
	Interfaces []string // sorted
	External   bool
	Masquerade bool
	To, Open   []string
}

// ZonesInForce are the zones that networks belong to, sorted. With none there is no firewall, and nothing is forwarded.
func (s *System) ZonesInForce() (list []ZoneInForce) {
	interfaces := map[string][]string{}
	for _, name := range sortedKeys(s.Net) {
		if zone := s.Net[name].Zone; zone != "" {
			interfaces[zone] = append(interfaces[zone], name)
		}
	}
	var external []string
	for _, name := range sortedKeys(interfaces) {
		z := s.Zones[name]
		in := ZoneInForce{Name: name, Interfaces: interfaces[name], To: z.To, Open: z.Open}
		in.External = z.Role == RoleExternal || z.Role == "" && name == zoneWAN
		in.Masquerade = z.NAT == NATMasquerade || z.NAT == "" && in.External
		if in.External {
			external = append(external, name)
		}
		list = append(list, in)
	}
	for i, z := range list {
		if z.Name == zoneLAN && z.To == nil {
			list[i].To = append([]string{zoneLAN}, external...)
		}
		switch {
		case z.Open != nil || z.External:
		case z.Name == zoneLAN:
			list[i].Open = []string{OpenAll}
		default:
			list[i].Open = s.served(z)
		}
	}
	return list
}

// served is what the ports of a zone serve, in the words of Zone.Open.
func (s *System) served(z ZoneInForce) (words []string) {
	dhcp, dns := false, false
	for _, name := range z.Interfaces {
		serve := s.Net[name].Serve
		dhcp, dns = dhcp || serve.DHCP != "", dns || serve.DNS
	}
	if dhcp {
		words = append(words, "dhcp")
	}
	if dns {
		words = append(words, "dns")
	}
	return words
}

// PortRange is ports of a protocol, e.g. of "tcp/8000-8010".
type PortRange struct {
	Protocol    string // tcp or udp
	First, Last uint16
}

// String is as in system.toml.
func (p PortRange) String() string {
	text := p.Protocol + "/" + strconv.Itoa(int(p.First))
	if p.Last != p.First {
		text += "-" + strconv.Itoa(int(p.Last))
	}
	return text
}

// ParsePorts reads "tcp/443" or "udp/8000-8010". The words say what is wrong; "" if nothing is.
func ParsePorts(text string) (p PortRange, fault string) {
	protocol, ports, slash := strings.Cut(text, "/")
	if !slash || protocol != "tcp" && protocol != "udp" {
		return p, `does not begin with "tcp/" or "udp/"`
	}
	first, last, two := strings.Cut(ports, "-")
	if !two {
		last = first
	}
	from, err := strconv.ParseUint(first, 10, 16)
	to, err2 := strconv.ParseUint(last, 10, 16)
	switch {
	case err != nil || err2 != nil || from == 0 || to == 0:
		return p, "has no port between 1 and 65535, or two of them with a hyphen"
	case from > to:
		return p, "ends before it begins"
	}
	return PortRange{protocol, uint16(from), uint16(to)}, ""
}

// openWords are the names of Zone.Open, with what they open; ssh has the port of [ssh].
var openWords = map[string][]PortRange{
	"dhcp": {{"udp", 67, 67}, {"udp", 547, 547}},
	"dns":  {{"udp", 53, 53}, {"tcp", 53, 53}},
	"ntp":  {{"udp", 123, 123}},
	"ssh":  nil,
	"all":  nil,
}

// OpenPorts are the ports that an item of Zone.Open opens; none for "all".
func (s *System) OpenPorts(item string) []PortRange {
	if ports, word := openWords[item]; word {
		if item == "ssh" {
			port := uint16(s.SSH.Port)
			return []PortRange{{"tcp", port, port}}
		}
		return ports
	}
	if p, fault := ParsePorts(item); fault == "" {
		return []PortRange{p}
	}
	return nil
}

// ParseNetwork reads an address, or a network in CIDR notation.
func ParseNetwork(text string) (netip.Prefix, bool) {
	if p, err := netip.ParsePrefix(text); err == nil {
		return p.Masked(), true
	}
	a, err := netip.ParseAddr(text)
	if err != nil || a.Zone() != "" {
		return netip.Prefix{}, false
	}
	return netip.PrefixFrom(a, a.BitLen()), true
}

// Subnets are the fixed networks of a zone's interfaces.
func (s *System) Subnets(z ZoneInForce) (list []netip.Prefix) {
	for _, name := range z.Interfaces {
		for _, text := range s.Net[name].Addresses {
			if p, err := netip.ParsePrefix(text); err == nil {
				list = append(list, p)
			}
		}
	}
	return list
}
