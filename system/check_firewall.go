package system

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"bantam/system/syntax"
)

// checkFirewall checks zones, forwards and rules, and that they fit the ports.
func (r *reader) checkFirewall() {
	zones := r.checkZonesOfPorts()
	for _, name := range r.root.Get("zone").Keys() {
		r.checkZone(name, zones)
	}
	r.checkForwards(zones)
	r.checkRules(zones)
}

// maxZoneName keeps what is made of a name, of sets and chains, short.
const maxZoneName = 20

func zoneFault(name string) string {
	switch {
	case name == "" || name[0] == '-' || name[0] == '_':
		return "does not begin with a letter or digit"
	case len(name) > maxZoneName:
		return "has more than " + strconv.Itoa(maxZoneName) + " letters"
	case !consists(name, "-_") || strings.ToLower(name) != name:
		return "has other characters than small letters, digits, - and _"
	}
	return ""
}

// checkZonesOfPorts checks the key zone of each port, and says which zones there are.
func (r *reader) checkZonesOfPorts() (zones []string) {
	known := append(r.root.Get("zone").Keys(), zoneLAN, zoneWAN)
	for _, name := range r.root.Get("net").Keys() {
		n := r.root.Get("net", name, "zone")
		if !ok(n) {
			continue
		}
		zone := r.system.Net[name].Zone
		path := syntax.Join("net", name) + ".zone"
		zones = append(zones, zone)
		switch {
		case zoneFault(zone) != "":
			r.fail(n, "write e.g. \"lan\"", "%s: %q %s", path, zone, zoneFault(zone))
		case name == "lo":
			r.fail(n, "remove the line", "%s: what the machine says to itself is never filtered", path)
		case !slices.Contains(known, zone):
			suggestion := "add [zone." + zone + "] with what it may do, e.g. to = [\"wan\"]"
			if near := r.near(zone, known); near != "" {
				suggestion = "did you mean " + syntax.Quote(near) + "?"
			}
			r.fail(n, suggestion, "%s: there is no zone %q", path, zone)
		}
	}
	for _, name := range []string{"net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"} {
		if value, set := r.system.Sysctl[name]; set && value == "0" && len(zones) > 0 {
			r.failKey(r.root.Get("sysctl"), "remove it", "sysctl: %s = 0, but a machine with zones forwards between them", name)
		}
	}
	slices.Sort(zones)
	return slices.Compact(zones)
}

func (r *reader) checkZone(name string, zones []string) {
	n, path := r.root.Get("zone", name), syntax.Join("zone", name)
	if n.Kind != syntax.TableKind {
		return
	}
	if why := zoneFault(name); why != "" {
		r.failKey(n, "write e.g. [zone.guest]", "%s: %q %s", path, name, why)
		return
	}
	if !slices.Contains(zones, name) {
		r.failKey(n, "give a [net.NAME] zone = "+syntax.Quote(name)+", or remove the table", "%s: no port belongs to this zone", path)
	}
	z := r.system.Zones[name]
	for i, to := range z.To {
		item := n.Get("to").Item(i)
		if !ok(item) {
			continue
		}
		r.checkZoneName(item, path+".to", to, zones)
		if slices.Index(z.To, to) < i {
			r.fail(item, "remove it", "%s.to: %q is there twice", path, to)
		}
	}
	for i, open := range z.Open {
		item := n.Get("open").Item(i)
		if !ok(item) {
			continue
		}
		_, word := openWords[open]
		_, fault := ParsePorts(open)
		switch {
		case !word && fault != "":
			words := sortedKeys(openWords)
			suggestion := "write " + oneOf(words) + ", or a port such as \"tcp/8080\""
			if near := r.near(open, words); near != "" {
				suggestion = "did you mean " + syntax.Quote(near) + "?"
			}
			r.fail(item, suggestion, "%s.open: %q is no service that is known, and %s", path, open, fault)
		case slices.Index(z.Open, open) < i:
			r.fail(item, "remove it", "%s.open: %q is there twice", path, open)
		}
	}
}

func (r *reader) checkZoneName(n *syntax.Node, path, name string, zones []string) {
	if slices.Contains(zones, name) {
		return
	}
	suggestion := "give a [net.NAME] zone = " + syntax.Quote(name)
	if near := r.near(name, zones); near != "" {
		suggestion = "did you mean " + syntax.Quote(near) + "?"
	}
	r.fail(n, suggestion, "%s: no port belongs to a zone %q", path, name)
}

func (r *reader) checkForwards(zones []string) {
	table := r.root.Get("forward")
	force := r.system.ZonesInForce()
	if ok(table) && len(table.Keys()) > 0 && !slices.ContainsFunc(force, func(z ZoneInForce) bool { return z.External }) {
		r.failKey(table, "give the [net.NAME] that strangers come by zone = \"wan\"", "forward: no port belongs to an external zone, so nobody could use it")
		return
	}
	var taken []PortRange
	for _, name := range table.Keys() {
		n, path, f := table.Get(name), syntax.Join("forward", name), r.system.Forwards[name]
		ports, fault := ParsePorts(name)
		switch {
		case n.Kind == syntax.StringKind:
			n.Bad = true // reported: it must be a table; say how
		case n.Kind != syntax.TableKind:
			continue
		}
		if fault != "" {
			r.failKey(n, "the key is a port, e.g. \"tcp/443\" or \"udp/5000-5010\"", "%s: %q %s", path, name, fault)
			continue
		}
		for _, other := range taken {
			if other.meets(ports) {
				r.failKey(n, "one port leads to one machine", "%s: %s is forwarded already, by %s", path, ports, other)
				break
			}
		}
		taken = append(taken, ports)
		if port := n.Get("port"); ok(port) {
			switch {
			case f.Port < 1 || f.Port > 65535:
				r.fail(port, "", "%s.port: %d is not between 1 and 65535", path, f.Port)
			case ports.First != ports.Last:
				r.fail(port, "remove it, or forward each port for itself", "%s.port: several ports keep their numbers", path)
			}
		}
		if from := n.Get("from"); ok(from) && len(f.From) == 0 {
			r.fail(from, "remove it if everybody may use it", "%s.from: it names nobody", path)
		}
		for i, text := range f.From {
			if item := n.Get("from").Item(i); ok(item) {
				if p := r.checkNetwork(item, path+".from", text); p.IsValid() && !p.Addr().Is4() {
					r.fail(item, "", "%s.from: %s is not of IPv4, as what is forwarded is", path, text)
				}
			}
		}
		if n.Kind == syntax.TableKind {
			r.checkForwardTo(n, path, f.To, force)
		}
	}
}

// checkForwardTo checks that the machine is one that is reached by a port of an internal zone.
func (r *reader) checkForwardTo(n *syntax.Node, path, text string, zones []ZoneInForce) {
	to := n.Get("to")
	if to == nil {
		r.fail(n, "add e.g. to = \"192.168.1.10\"", "%s: to is missing", path)
		return
	}
	if !ok(to) {
		return
	}
	a, good := r.address(to, path+".to", text)
	if !good {
		return
	}
	if !a.Is4() {
		r.fail(to, "IPv6 needs no other address: open it in [firewall], rules = [{ from = \"wan\", to = \"lan\", destination = "+syntax.Quote(text)+", ports = [\"tcp/443\"] }]",
			"%s.to: %s is not an IPv4 address", path, text)
		return
	}
	var known []string
	learned := false
	for _, z := range zones {
		for _, name := range z.Interfaces {
			learned = learned || r.system.Net[name].IPv4 == "dhcp" && !z.External
		}
		for _, p := range r.system.Subnets(z) {
			switch {
			case p.Addr() == a:
				r.fail(to, "open it in [zone.NAME], open = [...]", "%s.to: %s is this machine itself", path, a)
				return
			case p.Contains(a) && z.External:
				r.fail(to, "", "%s.to: %s is in the external zone %s", path, a, z.Name)
				return
			case p.Contains(a) && p.Bits() < 31 && (a == p.Masked().Addr() || !p.Contains(a.Next())):
				r.fail(to, "", "%s.to: %s is no machine's: it means a network, or all of it", path, a)
				return
			case p.Contains(a):
				return
			case p.Addr().Is4() && !z.External && len(known) < knownShown:
				known = append(known, p.Masked().String())
			}
		}
	}
	if learned {
		return // nothing can be said beforehand of its networks
	}
	suggestion := "give a port of an internal zone an address in its network"
	if len(known) > 0 {
		suggestion = "it must be in " + strings.Join(known, " or ")
	}
	r.fail(to, suggestion, "%s.to: %s is in no network of a zone", path, a)
}

func (r *reader) checkNetwork(n *syntax.Node, path, text string) netip.Prefix {
	p, good := ParseNetwork(text)
	if !good || p.Addr().Is4In6() {
		r.fail(n, "write e.g. \"198.51.100.7\" or \"2001:db8::/32\"", "%s: %q is neither an address nor a network", path, text)
		return netip.Prefix{}
	}
	if whole, err := netip.ParsePrefix(text); err == nil && whole != p {
		r.fail(n, "write "+syntax.Quote(p.String()), "%s: %s has host bits that are not zero", path, text)
	}
	return p
}

func (r *reader) checkRules(zones []string) {
	list := r.root.Get("firewall", "rules")
	if n := r.root.Get("firewall"); ok(n) && len(zones) == 0 {
		r.failKey(n, "give each [net.NAME] a zone, e.g. \"wan\" or \"lan\"", "firewall: no port belongs to a zone, so there is no firewall")
		return
	}
	for i, rule := range r.system.Firewall.Rules {
		n := list.Item(i)
		path := "firewall.rules[" + strconv.Itoa(i) + "]"
		if n.Kind != syntax.TableKind {
			continue
		}
		if from := n.Get("from"); ok(from) {
			r.checkZoneName(from, path+".from", rule.From, zones)
		}
		if to := n.Get("to"); ok(to) {
			r.checkZoneName(to, path+".to", rule.To, zones)
		}
		var source, destination netip.Prefix
		if item := n.Get("source"); ok(item) {
			source = r.checkNetwork(item, path+".source", rule.Source)
		}
		if item := n.Get("destination"); ok(item) {
			destination = r.checkNetwork(item, path+".destination", rule.Destination)
		}
		if source.IsValid() && destination.IsValid() && source.Addr().Is4() != destination.Addr().Is4() {
			r.fail(n.Get("destination"), "", "%s.destination: %s and the source, %s, are of two kinds of IP", path, rule.Destination, rule.Source)
		}
		for j, text := range rule.Ports {
			if item := n.Get("ports").Item(j); ok(item) {
				if _, fault := ParsePorts(text); fault != "" {
					r.fail(item, "write e.g. \"tcp/443\" or \"udp/5000-5010\"", "%s.ports: %q %s", path, text, fault)
				}
			}
		}
		if item := n.Get("ports"); ok(item) && len(rule.Ports) == 0 {
			r.fail(item, "remove it for everything, or name a port", "%s.ports: it names none", path)
		}
	}
}
