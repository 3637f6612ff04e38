package system

import "bantam/system/syntax"

// LearnsIPv6 says whether the port takes what routers advertise.
func (n *Net) LearnsIPv6() bool { return n.IPv6 == "auto" || n.IPv6 == "dhcp" }

// Inner says whether the port gets an IPv6 network to give on: of a delegated prefix, or of the machine's own.
func (n *Net) Inner() bool { return n.Subnet6 != nil || n.ULA }

// MostSubnets is how many networks of /64 the shortest prefix has that can be numbered.
const MostSubnets = 1 << 16

// checkPrefix checks that a port that asks for a prefix can.
func (r *reader) checkPrefix(p *port) {
	n := p.node.Get("prefix")
	switch {
	case !ok(n):
	case p.IPv6 == "off":
		r.fail(n, "remove the line of ipv6", "%s.prefix: IPv6 is off on this port", p.path)
	case p.Kind() == "vrf" || p.Kind() == "tunnel":
		r.fail(n, "write it in the table of an Ethernet port", "%s.prefix: nobody answers DHCPv6 on a %s", p.path, p.Kind())
	}
	if d := p.node.Get("ipv6"); ok(d) && p.IPv6 == "dhcp" && (p.Kind() == "vrf" || p.Kind() == "tunnel") {
		r.fail(d, "write \"static\"", "%s.ipv6: nobody answers DHCPv6 on a %s", p.path, p.Kind())
	}
}

// checkInner checks the networks that a port gives on; subnets are those that others have.
func (r *reader) checkInner(p *port, subnets map[int]string) {
	for _, key := range []string{"subnet6", "ula"} {
		n := p.node.Get(key)
		if !ok(n) || key == "ula" && !p.ULA {
			continue
		}
		path := p.path + "." + key
		switch {
		case reported(p.node.Get("ipv6")):
		case p.LearnsIPv6():
			r.fail(p.node.Get("ipv6"), "write \"static\", or remove the line", "%s.ipv6: %s takes networks from a router there, and %s gives it one of ours", p.path, syntax.Quote(p.IPv6), key)
			continue
		case p.IPv6 == "off":
			r.fail(n, "remove the line of ipv6", "%s: IPv6 is off on this port", path)
			continue
		}
		if key == "ula" || !r.within(p.node, key, p.path, *p.Subnet6, 0, MostSubnets-1) {
			continue
		}
		switch {
		case p.Prefix != "":
			r.fail(n, "write it in the table of a port behind this machine", "%s: this is the port that the prefix comes from", path)
		case !r.delegated():
			r.fail(n, "write prefix = \"delegate\" in the table of the port that leads to the provider", "%s: no port asks for a prefix", path)
		case subnets[*p.Subnet6] != "":
			r.fail(n, "choose another number", "%s: %d is already the number of %s", path, *p.Subnet6, subnets[*p.Subnet6])
		default:
			subnets[*p.Subnet6] = p.path
		}
	}
}

// delegated says whether some port asks for a prefix.
func (r *reader) delegated() bool {
	for _, name := range r.root.Get("net").Keys() {
		if r.root.Get("net", name, "prefix") != nil {
			return true
		}
	}
	return false
}
