package netcfg

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"bantam/order"
	"bantam/system"
)

// port is one interface that we look after.
type port struct {
	Name     string
	Explicit bool // named in system.toml
	Present  bool
	Metric   int  // no other port has it: of two routes with one the kernel keeps one
	Moved    bool // it is not that of its name
	Net      system.Net

	Master string // the bridge, bond or VRF that it belongs to
	Bare   bool   // it has no addresses: it belongs to a bridge or bond, or others are on it
	Table  int    // the routing table of its VRF
	Called string // the name that it has now, where it is to have another one
	Lacks  string // what is waited for, where it is not there
	Peer   bool   // it is the other end of a link that another table makes
}

// ports lists what we look after: the ports that system.toml names, also as part of a link that is made, or every
// Ethernet port when it names none. Everything else is left alone.
func ports(net map[string]system.Net, links map[string]Link) []port {
	var names []string
	for name := range net {
		names = append(names, name)
	}
	if len(net) == 0 {
		names = unnamed(links)
	}
	metrics, moved := system.Metrics(names, net)
	masters, matches := system.Masters(net), matched(net, links)
	names = append(names, bare(net, masters)...)
	peers := map[string]bool{}
	for _, n := range net {
		if n.Veth != nil {
			peers[n.Veth.Peer] = true
		}
	}
	order.By(names, naturally)
	list := make([]port, 0, len(names))
	for _, name := range names {
		n := net[name]
		p := port{Name: name, Explicit: len(net) > 0, Metric: metrics[name], Moved: slices.Contains(moved, name), Net: modes(n), Master: masters[name], Peer: peers[name]}
		if _, p.Present = links[name]; p.Present && !n.Makes() && links[name].Mark == Made {
			p.Present = p.Peer // else it goes: nobody makes it any more
		}
		if vrf := net[p.Master].VRF; vrf != nil {
			p.Table = vrf.Table
		}
		if _, named := net[name]; !named && len(net) > 0 || p.Master != "" && p.Table == 0 {
			p.Bare, p.Net.IPv4, p.Net.IPv6 = true, "off", "off"
		}
		if m, chosen := matches[name]; chosen && m.now != name {
			p.Present, p.Called, p.Lacks = false, m.now, m.waiting
		}
		list = append(list, p)
	}
	return list
}

// bare lists what has no table of its own, and is part of a link that is made or below it.
func bare(net map[string]system.Net, masters map[string]string) (names []string) {
	for name := range masters {
		if _, named := net[name]; !named {
			names = append(names, name)
		}
	}
	for _, n := range net {
		parent := n.Parent()
		if _, named := net[parent]; parent != "" && !named && !slices.Contains(names, parent) {
			names = append(names, parent)
		}
	}
	return names
}

// unnamed lists the Ethernet ports that are there: hardware and, when there is
// none at all, as in a container, veth links. On a machine those lead to containers.
func unnamed(links map[string]Link) []string {
	var hardware, veth []string
	bare := true
	for name, l := range links {
		bare = bare && !(l.Ethernet && l.Hardware)
		switch {
		case !l.Ethernet || l.Master != "":
		case l.Hardware:
			hardware = append(hardware, name)
		case l.Kind == "veth":
			veth = append(veth, name)
		}
	}
	if bare {
		return veth
	}
	return hardware
}

// modes fills in what an unset ipv4 or ipv6 means.
func modes(n system.Net) system.Net {
	if n.IPv4 == "" {
		n.IPv4 = "dhcp"
		for _, text := range n.Addresses {
			if p, err := netip.ParsePrefix(text); err == nil && p.Addr().Is4() {
				n.IPv4 = "static"
			}
		}
	}
	if n.IPv6 == "" {
		n.IPv6 = "auto"
	}
	return n
}

// naturally orders eth2 before eth10. It is called for every comparison of a
// sort, so it makes no strings.
func naturally(a, b string) int {
	if a == b {
		return 0
	}
	x, y := a, b
	for x != "" && y != "" {
		m, n := digits(x), digits(y)
		if m == 0 || n == 0 {
			if x[0] != y[0] {
				return cmp.Compare(x[0], y[0])
			}
			x, y = x[1:], y[1:]
			continue
		}
		number, other := strings.TrimLeft(x[:m], "0"), strings.TrimLeft(y[:n], "0")
		if c := cmp.Or(cmp.Compare(len(number), len(other)), strings.Compare(number, other)); c != 0 {
			return c
		}
		x, y = x[m:], y[n:]
	}
	return cmp.Or(cmp.Compare(len(x), len(y)), strings.Compare(a, b))
}

// digits counts those that s begins with.
func digits(s string) int {
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return n
}
