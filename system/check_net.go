package system

import (
	"cmp"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"bantam/system/syntax"
)

// port is one [net.NAME] while it is checked.
type port struct {
	Net
	path   string
	node   *syntax.Node
	prefix []netip.Prefix // the valid ones of its addresses
	broken bool           // some address could not be read
	onLink []netip.Prefix // where routes without a gateway lead
	metric int            // its own or the default
	table  int            // that of its VRF; 0: the main one
}

// routePlace is what one route has alone, of whichever port.
type routePlace struct {
	to            netip.Prefix
	metric, table int
}

func (r *reader) checkPorts() {
	owners, metricOwners, subnets, routed := make(map[netip.Addr]string), make(map[int]string), make(map[int]string), make(map[routePlace]string)
	masters := Masters(r.system.Net)
	metrics, _ := Metrics(sortedKeys(r.system.Net), r.system.Net)
	for _, name := range r.root.Get("net").Keys() {
		n := r.root.Get("net", name)
		if n.Kind != syntax.TableKind {
			continue
		}
		p := &port{Net: r.system.Net[name], path: syntax.Join("net", name), node: n, metric: metrics[name]}
		if vrf := r.system.Net[masters[name]].VRF; vrf != nil {
			p.table = vrf.Table
		}
		if why := interfaceFault(name); why != "" {
			r.failKey(n, "write the name that ip link shows, e.g. \"eth0\"", "%s: %q %s", p.path, name, why)
		}
		for _, route := range p.Routes {
			if to, err := netip.ParsePrefix(route.To); err == nil && route.Via == "" && route.Leads() {
				p.onLink = append(p.onLink, to)
			}
		}
		r.checkAddresses(p, owners)
		r.checkMethods(p, name)
		r.checkDHCPServers(p)
		if n := p.node.Get("link_local"); ok(n) && p.LinkLocal {
			r.usesDHCP(p, n, p.path+".link_local")
		}
		r.checkMetric(p, metricOwners)
		r.checkGateway(p, "gateway", p.Gateway, true, routed)
		r.checkGateway(p, "gateway6", p.Gateway6, false, routed)
		r.checkRoutes(p, routed)
		r.checkPolicy(p)
		r.checkMTU(p)
		r.checkPrefix(p)
		r.checkInner(p, subnets)
		r.checkServe(p)
	}
	r.checkHosts()
}

// interfaceFault is the kernel's dev_valid_name. Besides, no % that it takes for a number to be found, and nothing that cannot be seen.
func interfaceFault(name string) string {
	switch {
	case name == "" || name == "." || name == "..":
		return "is not a name for a port"
	case len(name) > 15:
		return "has " + strconv.Itoa(len(name)) + " bytes, more than the 15 of a port's name"
	case strings.ContainsAny(name, "/:%") || strings.ContainsFunc(name, func(c rune) bool { return unicode.IsSpace(c) || !unicode.IsGraphic(c) }):
		return "has a character that a port's name cannot have"
	}
	return ""
}

func (r *reader) checkAddresses(p *port, owners map[netip.Addr]string) {
	list := p.node.Get("addresses")
	path := p.path + ".addresses"
	p.broken = reported(list)
	for i, text := range p.Addresses {
		n := list.Item(i)
		if !ok(n) {
			continue
		}
		prefix, good := r.prefix(n, path, text)
		if good {
			good = r.checkHost(n, path, prefix)
		}
		if !good {
			p.broken = true
			continue
		}
		p.prefix = append(p.prefix, prefix)
		if owner := owners[prefix.Addr()]; owner != "" {
			r.fail(n, "", "%s: %s is already an address of %s", path, prefix.Addr(), owner)
			continue
		}
		owners[prefix.Addr()] = p.path
	}
}

// checkHost refuses what no port can have as its own address.
func (r *reader) checkHost(n *syntax.Node, path string, p netip.Prefix) bool {
	a, hostBits := p.Addr(), p.Addr().BitLen()-p.Bits()
	suggestion := "write an address of one machine, e.g. " + syntax.Quote(netip.PrefixFrom(p.Masked().Addr().Next(), p.Bits()).String())
	switch {
	case p.Bits() == 0:
		r.fail(n, "write the length of the network's prefix, e.g. \"/24\"", "%s: prefix length 0 would make every address a neighbour", path)
	case a.IsMulticast() || a.IsUnspecified():
		r.fail(n, "", "%s: %s cannot be a port's address", path, a)
	case hostBits > 1 && a == p.Masked().Addr():
		r.fail(n, suggestion, "%s: %s is the network, not an address in it: its host bits are zero", path, p)
	case a.Is4() && hostBits > 1 && !p.Contains(a.Next()):
		r.fail(n, suggestion, "%s: %s is the broadcast address of its network", path, p)
	default:
		return true
	}
	return false
}

// checkMethods checks that ipv4 and ipv6 fit the addresses.
func (r *reader) checkMethods(p *port, name string) {
	var v4, v6 bool
	for _, a := range p.prefix {
		v4, v6 = v4 || a.Addr().Is4(), v6 || a.Addr().Is6()
	}
	m4, m6 := p.node.Get("ipv4"), p.node.Get("ipv6")
	method := func(n *syntax.Node, key, mode string, have bool, family, example string) {
		switch {
		case !ok(n) || p.broken:
		case mode == "static" && !have && !(n == m6 && p.Inner()):
			r.fail(n, "add e.g. addresses = ["+syntax.Quote(example)+"]", "%s.%s: static, but no %s address is given", p.path, key, family)
		case mode == "off" && have:
			r.fail(n, "write \"static\" or remove the address", "%s.%s: off, but an %s address is given", p.path, key, family)
		}
	}
	method(m4, "ipv4", p.IPv4, v4, "IPv4", "192.168.1.2/24")
	method(m6, "ipv6", p.IPv6, v6, "IPv6", "2001:db8::2/64")
	if name == "lo" && p.IPv4 == "dhcp" && !reported(m4) && !p.broken {
		at := m4
		if at == nil {
			at = p.node
		}
		r.failAt(at, at.Key, "write ipv4 = \"off\"", "%s: the loopback port cannot use DHCP", p.path)
	}
}

// checkDHCPServers checks the servers that a port believes; they call themselves by an IPv4 address.
func (r *reader) checkDHCPServers(p *port) {
	n := p.node.Get("dhcp_servers")
	path := p.path + ".dhcp_servers"
	switch {
	case !ok(n):
		return
	case len(p.DHCPServers) == 0:
		r.failAt(n, n.Key, "name a server, or leave the line out to believe any", "%s: no server would ever be believed", path)
	default:
		r.usesDHCP(p, n, path)
	}
	for i, text := range p.DHCPServers {
		item := n.Item(i)
		if !ok(item) {
			continue
		}
		if a, good := r.address(item, path, text); good && (!a.Is4() || a.IsLoopback()) {
			r.fail(item, "write the server's IPv4 address, which bantam net shows beside the lease", "%s: %s cannot be that of a DHCP server", path, a)
		}
	}
}

// usesDHCP reports a key that means nothing at a port without DHCP.
func (r *reader) usesDHCP(p *port, n *syntax.Node, path string) {
	fixed := slices.ContainsFunc(p.prefix, func(a netip.Prefix) bool { return a.Addr().Is4() })
	if p.IPv4 != "" && p.IPv4 != "dhcp" || p.IPv4 == "" && fixed {
		r.failAt(n, n.Key, "write ipv4 = \"dhcp\", or leave the line out", "%s: this port does not use DHCP", path)
	}
}

func (r *reader) checkGateway(p *port, key, text string, want4 bool, routed map[routePlace]string) {
	n := p.node.Get(key)
	if !ok(n) {
		return
	}
	path := p.path + "." + key
	a, good := r.address(n, path, text)
	if !good {
		return
	}
	if a.Is4() != want4 {
		other := "gateway6"
		if a.Is4() {
			other = "gateway"
		}
		r.fail(n, "write it as "+other+" = "+syntax.Quote(text), "%s: %s is an %s address", path, a, family(a))
		return
	}
	if want4 && p.IPv4 == "off" || !want4 && p.IPv6 == "off" {
		r.fail(n, "", "%s: there is a gateway, but %s is off on this port", path, family(a))
		return
	}
	r.reachable(n, p, path, a)
	routed[routePlace{netip.PrefixFrom(a, 0).Masked(), p.metric, p.table}] = path
}

// knownShown is how many of a port's networks are named.
const knownShown = 4

// reachable reports a gateway that no fixed prefix of the port holds. Where
// prefixes are learned as well, nothing can be said beforehand.
func (r *reader) reachable(n *syntax.Node, p *port, path string, gateway netip.Addr) {
	learned := gateway.Is4() && p.IPv4 == "dhcp" || gateway.Is6() && (p.LearnsIPv6() || gateway.IsLinkLocalUnicast())
	if learned || p.broken {
		return
	}
	var known []string
	for _, prefix := range p.prefix {
		if prefix.Addr() == gateway {
			r.fail(n, "", "%s: %s is this port's own address", path, gateway)
			return
		}
		if prefix.Contains(gateway) {
			return
		}
		if prefix.Addr().Is4() == gateway.Is4() && len(known) < knownShown {
			known = append(known, prefix.Masked().String())
		}
	}
	for _, to := range p.onLink { // makes it reachable
		if to.Contains(gateway) {
			return
		}
	}
	if len(known) == 0 {
		r.fail(n, "give the port an address in the gateway's network", "%s: %s cannot be reached: the port has no %s address", path, gateway, family(gateway))
		return
	}
	r.fail(n, "it must be in "+strings.Join(known, " or "), "%s: %s cannot be reached from this port's addresses", path, gateway)
}

func (r *reader) checkRoutes(p *port, routed map[routePlace]string) {
	list := p.node.Get("routes")
	for i, route := range p.Routes {
		n := list.Item(i)
		path := p.path + ".routes[" + strconv.Itoa(i) + "]"
		if n.Kind != syntax.TableKind {
			continue
		}
		var via netip.Addr
		if v := n.Get("via"); ok(v) {
			if a, good := r.address(v, path+".via", route.Via); good {
				via = a
				r.reachable(v, p, path+".via", a)
			}
		}
		if m := n.Get("metric"); ok(m) && (route.Metric < 0 || route.Metric > 1<<31-1) {
			r.fail(m, "", "%s.metric: %d is not between 0 and 2147483647", path, route.Metric)
		}
		if t := n.Get("table"); ok(t) && r.within(n, "table", path, route.Table, 1, 1<<31-1) && route.Table == 255 {
			r.fail(t, "choose another number", "%s.table: table 255 is the kernel's own", path)
		}
		if v := n.Get("via"); ok(v) && !route.Leads() {
			r.fail(v, "remove it, or the type", "%s.via: a route of type %s leads to no router", path, syntax.Quote(route.Type))
		}
		to := n.Get("to")
		if to == nil {
			r.fail(n, "add e.g. to = \"10.0.0.0/8\"", "%s: to is missing", path)
			continue
		}
		if prefix, good := r.destination(n, to, path, route, via); good {
			place := routePlace{prefix, cmp.Or(route.Metric, p.metric), cmp.Or(route.Table, p.table)}
			if owner := routed[place]; owner != "" {
				r.fail(to, "give one of them another metric", "%s.to: %s is already routed with metric %d by %s", path, route.To, place.metric, owner)
			} else {
				routed[place] = path
			}
		}
	}
}

// destination reads a route's to; "default" takes its family from via.
func (r *reader) destination(n, to *syntax.Node, path string, route Route, via netip.Addr) (netip.Prefix, bool) {
	if !ok(to) {
		return netip.Prefix{}, false
	}
	if route.To == "default" {
		if n.Get("via") == nil {
			r.fail(to, "add via, or write \"0.0.0.0/0\" or \"::/0\"", "%s.to: a default route without via is for no family", path)
		}
		if !via.IsValid() {
			return netip.Prefix{}, false
		}
		return netip.PrefixFrom(via, 0).Masked(), true
	}
	prefix, good := r.network(to, path+".to", route.To)
	if !good {
		return prefix, false
	}
	if v := n.Get("via"); via.IsValid() && via.Is4() != prefix.Addr().Is4() && ok(v) {
		r.fail(v, "", "%s.via: %s is an %s address, the destination is %s", path, via, family(via), family(prefix.Addr()))
	}
	return prefix, true
}

func (r *reader) checkMTU(p *port) {
	n := p.node.Get("mtu")
	switch {
	case !ok(n):
	case p.MTU < 68 || p.MTU > 65535:
		r.fail(n, "", "%s.mtu: %d is not between 68 and 65535", p.path, p.MTU)
	case p.MTU < 1280 && p.IPv6 != "off":
		r.fail(n, "write ipv6 = \"off\" as well, or a larger mtu", "%s.mtu: %d is less than IPv6 needs, 1280", p.path, p.MTU)
	}
}

func family(a netip.Addr) string {
	if a.Is4() {
		return "IPv4"
	}
	return "IPv6"
}

// isIPv4 reports whether the text, an address with or without prefix, is one of IPv4.
func isIPv4(text string) bool {
	text, _, _ = strings.Cut(text, "/")
	a, err := netip.ParseAddr(text)
	return err == nil && a.Is4()
}

// address reads an address without prefix length.
func (r *reader) address(n *syntax.Node, path, text string) (netip.Addr, bool) {
	a, err := netip.ParseAddr(text)
	suggestion := "write an address, e.g. \"192.168.1.1\" or \"2001:db8::1\""
	if p, perr := netip.ParsePrefix(text); perr == nil {
		suggestion = "write " + syntax.Quote(p.Addr().String()) + ", without prefix length"
	}
	switch {
	case err != nil:
		r.fail(n, suggestion, "%s: %q is not an address", path, text)
	case a.Zone() != "":
		r.fail(n, "write "+syntax.Quote(a.WithZone("").String()), "%s: %q names a port; the table does that already", path, text)
	case a.Is4In6():
		r.fail(n, "write "+syntax.Quote(a.Unmap().String()), "%s: %q is an IPv4 address in IPv6 form", path, text)
	case a.IsUnspecified() || a.IsMulticast():
		r.fail(n, "", "%s: %s is not the address of one machine", path, a)
	default:
		return a, true
	}
	return a, false
}

// prefix reads an address with prefix length.
func (r *reader) prefix(n *syntax.Node, path, text string) (netip.Prefix, bool) {
	p, err := netip.ParsePrefix(text)
	if err == nil && p.Addr().Is4In6() {
		r.fail(n, "write it in IPv4 form", "%s: %q is an IPv4 address in IPv6 form", path, text)
		return p, false
	}
	if err == nil {
		return p, true
	}
	host, length, slash := strings.Cut(text, "/")
	a, aerr := netip.ParseAddr(host)
	switch {
	case aerr != nil || a.Zone() != "":
		r.fail(n, "write e.g. \"192.168.1.2/24\" or \"2001:db8::2/64\"", "%s: %q is not an address with prefix length", path, text)
	case !slash && a.Is4():
		r.fail(n, "write e.g. "+syntax.Quote(text+"/24"), "%s: %q has no prefix length", path, text)
	case !slash:
		r.fail(n, "write e.g. "+syntax.Quote(text+"/64"), "%s: %q has no prefix length", path, text)
	default:
		r.fail(n, maskHint(host, length), "%s: prefix length %q is not between 0 and %d", path, length, a.BitLen())
	}
	return p, false
}

// maskHint turns a netmask such as 255.255.255.0 into the length it means.
func maskHint(host, mask string) string {
	m, err := netip.ParseAddr(mask)
	if err != nil || !m.Is4() {
		return ""
	}
	ones := 0
	for _, b := range m.As4() {
		for ; b&0x80 != 0; b <<= 1 {
			ones++
		}
	}
	return "write " + syntax.Quote(host+"/"+strconv.Itoa(ones))
}
