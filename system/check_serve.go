package system

import (
	"net/netip"
	"slices"
	"strconv"
	"time"

	"bantam/system/syntax"
)

const (
	defaultLease  = Duration(12 * time.Hour)
	shortestLease = Duration(2 * time.Minute)
	longestLease  = Duration(720 * time.Hour)
)

// checkServe checks what one port serves.
func (r *reader) checkServe(p *port) {
	n := p.node.Get("serve")
	if !ok(n) || n.Kind != syntax.TableKind {
		return
	}
	path, s := p.path+".serve", &p.Serve
	if !s.Any() && n.Get("dhcp") == nil {
		r.failKey(n, "write e.g. dhcp = \"100-199\", ra = true or dns = true", "%s: it serves nothing", path)
		return
	}
	r.checkPool(p, n, path)
	if lease := n.Get("lease"); ok(lease) && (s.Lease < shortestLease || s.Lease > longestLease) {
		r.fail(lease, "write e.g. \"12h\"", "%s.lease: %v is not between %v and %v", path, s.Lease, shortestLease, longestLease)
	}
	if ra := n.Get("ra"); ok(ra) && s.RA && !reported(p.node.Get("ipv6")) && p.IPv6 != "static" {
		r.fail(ra, "remove the line of ipv6", "%s.ra: a port with ipv6 = %q cannot advertise: it is no router there", path, p.IPv6)
	}
	if dns := n.Get("dns"); ok(dns) && s.DNS && !p.broken && len(p.prefix) == 0 && !s.RA && !p.Inner() {
		r.fail(dns, "add e.g. addresses = [\"192.168.1.1/24\"]", "%s.dns: the port has no address to be asked at", path)
	}
	if gateway := n.Get("gateway"); ok(gateway) && s.Gateway != NoGateway {
		if a, good := r.address(gateway, path+".gateway", s.Gateway); good && !slices.ContainsFunc(p.prefix, func(own netip.Prefix) bool { return own.Contains(a) && a.Is4() }) && !p.broken {
			r.fail(gateway, "", "%s.gateway: %s is in no IPv4 network of this port", path, a)
		}
	}
	for i, text := range s.Servers {
		if item := n.Get("name_servers").Item(i); ok(item) {
			r.address(item, path+".name_servers", text)
		}
	}
	for i, text := range s.NTP {
		item := n.Get("ntp").Item(i)
		if !ok(item) {
			continue
		}
		if a, good := r.address(item, path+".ntp", text); good && !a.Is4() {
			r.fail(item, "", "%s.ntp: %s is an IPv6 address, which DHCPv4 cannot tell", path, a)
		}
	}
	if domain := n.Get("domain"); ok(domain) {
		if why := domainFault(s.Domain); why != "" {
			r.fail(domain, "", "%s.domain: %q %s", path, s.Domain, why)
		}
	}
	r.checkOptions(n.Get("options"), path+".options", s.Options)
}

func (r *reader) checkPool(p *port, serve *syntax.Node, path string) {
	n := serve.Get("dhcp")
	if !ok(n) || p.broken {
		return
	}
	if p.IPv4 == "dhcp" && len(p.prefix) > 0 {
		r.fail(n, "remove the line of ipv4", "%s.dhcp: a port that asks for its own address by DHCP gives none away", path)
		return
	}
	if _, err := p.Serve.Pool(p.Addresses); err != nil {
		suggestion := "write e.g. \"100-199\""
		if len(p.prefix) == 0 {
			suggestion = "add e.g. addresses = [\"192.168.1.1/24\"]"
		}
		r.fail(n, suggestion, "%s.dhcp: %q %v", path, p.Serve.DHCP, err)
	}
}

func (r *reader) checkOptions(n *syntax.Node, path string, options map[string]string) {
	total := 0
	for _, code := range n.Keys() {
		item := n.Get(code)
		if !ok(item) {
			continue
		}
		number, err := strconv.ParseUint(code, 10, 8)
		key, own := ownOption(number)
		value, fault := OptionValue(options[code])
		total += 2 + len(value)
		switch at := syntax.Join(path, code); {
		case err != nil:
			r.failKey(item, "write its number, e.g. 66", "%s: %q is not the number of a DHCP option", at, code)
		case own && key != "":
			r.failKey(item, "write "+key+" instead", "%s: the key for this one is %s", at, key)
		case own:
			r.failKey(item, "remove it", "%s: the server says this one itself", at)
		case fault != nil:
			r.fail(item, "write e.g. \"hex:c0a80105\"", "%s: %q %v", at, options[code], fault)
		case len(value) == 0:
			r.fail(item, "remove it", "%s: it is empty", at)
		case total > maxOptions:
			r.fail(item, "", "%s: with it the further options have %d bytes, more than the %d that fit into every answer", at, total, maxOptions)
		}
	}
}

// checkHosts comes after the ports, in whose networks hosts are.
func (r *reader) checkHosts() {
	cards, own := map[[6]byte]string{}, map[netip.Addr]string{}
	var serving []netip.Prefix
	for _, name := range sortedKeys(r.system.Net) {
		net := r.system.Net[name]
		for _, text := range net.Addresses {
			if a, err := netip.ParsePrefix(text); err == nil {
				own[a.Addr()] = syntax.Join("net", name)
				if net.Serve.DHCP != "" && a.Addr().Is4() && a.Bits() > 0 {
					serving = append(serving, a)
				}
			}
		}
	}
	for _, name := range r.root.Get("host").Keys() {
		n, at := r.root.Get("host", name), syntax.Join("host", name)
		if n.Kind != syntax.TableKind {
			continue
		}
		h := r.system.Hosts[name]
		if why := hostLabelFault(name); why != "" {
			r.failKey(n, "use letters, digits and hyphens, e.g. \"printer\"", "%s: %q %s", at, name, why)
		}
		m := n.Get("mac")
		if ok(m) {
			mac, err := ParseMAC(h.MAC)
			other, twice := cards[mac]
			switch {
			case err != nil:
				r.fail(m, "write six pairs of hexadecimal digits, e.g. \"52:54:00:12:34:56\"", "%s.mac: %q %v", at, h.MAC, err)
			case twice:
				r.fail(m, "", "%s.mac: %s is the card of %s already", at, h.MAC, other)
			default:
				cards[mac] = at
			}
		}
		a := n.Get("address")
		if m == nil || a == nil {
			r.failKey(n, "write e.g. mac = \"52:54:00:12:34:56\" and address = \"192.168.1.9\"", "%s: it needs both mac and address", at)
		}
		if ok(a) {
			r.checkHostAddress(a, at, h.Address, serving, own)
		}
	}
}

// checkHostAddress checks the address of one host; taken are those of others, each with its owner.
func (r *reader) checkHostAddress(n *syntax.Node, at, text string, serving []netip.Prefix, taken map[netip.Addr]string) {
	a, good := r.address(n, at+".address", text)
	if !good {
		return
	}
	inside := slices.ContainsFunc(serving, func(network netip.Prefix) bool { return a.Is4() && IsHostOf(network, a) })
	switch {
	case taken[a] != "":
		r.fail(n, "", "%s.address: %s is the address of %s already", at, a, taken[a])
	case !inside && len(serving) == 0:
		r.fail(n, "write serve = { dhcp = \"100-199\" } for the port that it is behind", "%s.address: no port serves DHCP", at)
	case !inside:
		r.fail(n, "write an address in "+serving[0].Masked().String(), "%s.address: %s is in no network of a port that serves DHCP", at, a)
	}
	taken[a] = at
}

// hostLabelFault says what is wrong with the name of a host, which has no dots: they are in the domain.
func hostLabelFault(name string) string {
	for i := range len(name) {
		if name[i] == '.' {
			return "has a dot, which only a domain has"
		}
	}
	return domainFault(name)
}

// serveRemarks are what a valid DHCP server leaves open, each with what to do.
func (s *System) serveRemarks(n *Net) (remarks [][2]string) {
	pool, err := n.Serve.Pool(n.Addresses)
	if own := pool.Own.Addr(); err == nil && !own.Less(pool.First) && !pool.Last.Less(own) {
		remarks = append(remarks, [2]string{"has " + own.String() + " in it, the port's own address, which is not given away", ""})
	}
	forwards := s.Sysctl["net.ipv4.ip_forward"] == "1" || s.Sysctl["net.ipv4.conf.all.forwarding"] == "1" || len(s.ZonesInForce()) > 0
	if n.Serve.Gateway == "" && !forwards {
		remarks = append(remarks, [2]string{"tells clients that this machine is their router, and it forwards nothing",
			`write a zone for its ports, or net.ipv4.ip_forward = 1 in [sysctl]; or gateway = "none"`})
	}
	return remarks
}
