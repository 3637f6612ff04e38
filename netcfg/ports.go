package netcfg

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"bantam/system"
)

// firstMetric is the metric of the first wired port; the n-th has n more, so
// that two uplinks never share one (an equal metric makes the kernel replace
// one's route with the other's).
const firstMetric = 100

// port is one interface that we look after.
type port struct {
	Name     string
	Explicit bool // named in system.toml
	Present  bool
	Metric   int
	Net      system.Net
}

// ports lists what we look after: the ports that system.toml names, or every
// Ethernet port when it names none. Everything else is left alone.
func ports(net map[string]system.Net, links map[string]Link) []port {
	var names []string
	for name := range net {
		names = append(names, name)
	}
	if len(net) == 0 {
		names = unnamed(links)
	}
	slices.SortFunc(names, naturally)
	var list []port
	for i, name := range names {
		n, explicit := net[name]
		_, present := links[name]
		list = append(list, port{name, explicit, present, firstMetric + i, modes(n)})
	}
	return list
}

// unnamed lists the Ethernet ports that are there: hardware and, when there is
// none at all, as in a container, veth links. On a machine those lead to containers.
func unnamed(links map[string]Link) []string {
	var hardware, veth []string
	bare := true
	for name, l := range links {
		bare = bare && !(l.Ethernet && l.Hardware)
		switch {
		case !l.Ethernet || l.Enslaved:
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

// naturally orders eth2 before eth10.
func naturally(a, b string) int {
	key := func(s string) string {
		var b strings.Builder
		for s != "" {
			digits := len(s) - len(strings.TrimLeft(s, "0123456789"))
			if digits == 0 {
				b.WriteByte(s[0])
				s = s[1:]
				continue
			}
			fmt.Fprintf(&b, "%016s", s[:digits])
			s = s[digits:]
		}
		return b.String()
	}
	if c := strings.Compare(key(a), key(b)); c != 0 {
		return c
	}
	return strings.Compare(a, b)
}
