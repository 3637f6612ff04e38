package system

import (
	"net/netip"
	"slices"
	"strings"

	"bantam/system/syntax"
)

// mostNameServers bounds those of one zone; nobody waits for more.
const mostNameServers = 8

func (r *reader) checkDNS() {
	n, d := r.root.Get("dns"), r.system.DNS
	r.checkServers(n.Get("servers"), "dns.servers", d.Servers)
	for i, name := range d.Search {
		if item := n.Get("search").Item(i); ok(item) {
			r.checkDomain(item, item.At, "dns.search", strings.TrimSuffix(name, "."))
		}
	}
	for i, name := range d.Rebind {
		if item := n.Get("rebind").Item(i); ok(item) && name != "." {
			r.checkDomain(item, item.At, "dns.rebind", strings.TrimSuffix(name, "."))
		}
	}
	if domain := n.Get("domain"); ok(domain) {
		r.checkOwnDomain(domain, d.Domain)
	}
	for _, name := range n.Get("zone").Keys() {
		zone := n.Get("zone", name)
		if zone.Kind != syntax.TableKind {
			continue
		}
		path := syntax.Join("dns.zone", name)
		r.checkDomain(zone, zone.Key, path, strings.TrimSuffix(name, "."))
		if strings.EqualFold(strings.TrimSuffix(name, "."), r.system.DNS.Domain) {
			r.failKey(zone, "give one of them another name", "%s: names of dns.domain are known here and asked of nobody", path)
		}
		list := zone.Get("servers")
		if list == nil || ok(list) && len(list.Items) == 0 {
			r.failKey(zone, "add e.g. servers = [\"10.1.0.53\"]", "%s: it has no servers", path)
		}
		r.checkServers(list, path+".servers", d.Zones[name].Servers)
	}
	names := n.Get("names")
	for _, name := range names.Keys() {
		list, path := names.Get(name), syntax.Join("dns.names", name)
		if reported(list) {
			continue
		}
		r.checkDomain(list, list.Key, path, name)
		if len(list.Items) == 0 {
			r.fail(list, "write e.g. [\"192.168.1.5\"]", "%s: it has no address", path)
		}
		for i, text := range d.Names[name] {
			if item := list.Item(i); ok(item) {
				r.address(item, path, text)
			}
		}
	}
}

func (r *reader) checkDomain(n *syntax.Node, at int, path, name string) {
	if why := domainFault(name); why != "" {
		r.failAt(n, at, "", "%s: %q %s", path, name, why)
	}
}

// taken are the domains that mean something else to every machine (RFC 6761, 6762, 7686).
var taken = []string{"local", "localhost", "invalid", "test", "onion", "arpa"}

func (r *reader) checkOwnDomain(n *syntax.Node, name string) {
	if slices.Contains(taken, strings.ToLower(name)) {
		r.fail(n, "write \"lan\" or \"home.arpa\"", "dns.domain: %q means something else to other machines", name)
		return
	}
	r.checkDomain(n, n.At, "dns.domain", name)
}

func (r *reader) checkServers(list *syntax.Node, path string, texts []string) {
	if ok(list) && len(list.Items) > mostNameServers {
		r.fail(list, "", "%s: %d are more than %d", path, len(list.Items), mostNameServers)
	}
	for i, text := range texts {
		if item := list.Item(i); ok(item) {
			r.checkServer(item, path, text)
		}
	}
}

// checkServer checks a name server. A link-local address is the same
// on every link, so it comes with a port, as resolv.conf has it.
func (r *reader) checkServer(n *syntax.Node, path, text string) {
	a, err := netip.ParseAddr(text)
	if err != nil { // more than an address
		s, err := ParseNameServer(text)
		if err != nil {
			suggestion := "write an address, e.g. \"9.9.9.9\", or \"tls://9.9.9.9#dns.quad9.net\""
			if p, perr := netip.ParsePrefix(text); perr == nil {
				suggestion = "write " + syntax.Quote(p.Addr().String()) + ", without prefix length"
			}
			r.fail(n, suggestion, "%s: %q %v", path, text, err)
			return
		}
		if a = s.Address.Addr(); !a.IsLinkLocalUnicast() && a.Zone() == "" {
			return
		}
		text = a.String()
	}
	linkLocal := a.Is6() && a.IsLinkLocalUnicast()
	ports, example := slices.DeleteFunc(slices.Clone(r.root.Get("net").Keys()), func(name string) bool { return interfaceFault(name) != "" }), "eth0"
	if len(ports) > 0 {
		example = ports[0]
	}
	suggestion := "write " + syntax.Quote(a.WithZone(example).String())
	switch zone := a.Zone(); {
	case !linkLocal && zone == "":
		r.address(n, path, text)
	case !linkLocal:
		r.fail(n, "write "+syntax.Quote(a.WithZone("").String()), "%s: %q names a port, which only a link-local address needs", path, text)
	case zone == "":
		r.fail(n, suggestion, "%s: %s is the same on every link, so it needs a port", path, a)
	case interfaceFault(zone) != "":
		r.fail(n, suggestion, "%s: %q %s", path, zone, interfaceFault(zone))
	case len(ports) > 0 && r.root.Get("net", zone) == nil:
		r.fail(n, suggestion, "%s: there is no port %q in this file", path, zone)
	}
}
