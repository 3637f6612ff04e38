package system

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"bantam/lifecycle"
	"bantam/system/syntax"
)

// madeByModules are links that a kernel module makes for itself when it is loaded.
var madeByModules = []string{"tunl0", "gre0", "gretap0", "erspan0", "sit0", "ip6tnl0", "ip6gre0"}

// pointToPoint are the kinds of links that carry IP without Ethernet: no bridge or bond takes them, and DHCP does not ask there.
var pointToPoint = []string{"vrf", "tunnel", "pppoe", "wireguard"}

// checkLinks checks how links are made and what belongs to what.
func (r *reader) checkLinks() {
	l := &linkCheck{r, map[string]string{}, map[string]string{}, map[string]string{}}
	for _, name := range r.root.Get("net").Keys() {
		if n := r.root.Get("net", name); n.Kind == syntax.TableKind {
			l.check(name, n)
		}
	}
	l.checkCircles()
}

// linkCheck is what has been seen while the links are checked.
type linkCheck struct {
	*reader
	masters map[string]string // of a link: what it belongs to
	things  map[string]string // who has what only one can have, e.g. "VLAN 7 of eth0"
	called  map[string]string // the names that ports get, by the kernel's
}

func (l *linkCheck) check(name string, n *syntax.Node) {
	net, at := l.system.Net[name], syntax.Join("net", name)
	kinds := net.kinds()
	if len(kinds) > 1 {
		l.failKey(n.Get(kinds[1]), "leave one of them", "%s: it cannot be both a %s and a %s", at, kinds[0], kinds[1])
		return
	}
	kind := net.Kind()
	if kind != "" && slices.Contains(madeByModules, name) {
		l.failKey(n, "choose another name", "%s: the kernel makes a link of that name for itself", at)
	}
	if kind != "" && (name == "lo" || name == "all" || name == "default") {
		l.failKey(n, "choose another name", "%s: no link can be made by that name", at)
	}
	if slices.Contains(pointToPoint, kind) && kind != "pppoe" || kind == "dummy" {
		if m := n.Get("ipv4"); ok(m) && net.IPv4 == "dhcp" {
			l.fail(m, `write "off"`, "%s.ipv4: nobody answers DHCP on a %s", at, kind)
		}
	}
	l.checkMatch(name, n, net, at)
	l.checkShape(name, n, at, net)
	switch own := n.Get(kind); {
	case kind == "" || !ok(own):
	case kind == "bridge":
		l.members(name, at+".bridge", own.Get("ports"), net.Bridge.Ports, false)
		l.checkBridgeVLANs(name, at+".bridge.vlans", own.Get("vlans"), net.Bridge)
	case kind == "vlan":
		l.parent(name, at+".vlan", own, net.VLAN.Parent, true)
		if l.within(own, "id", at+".vlan", net.VLAN.ID, 1, 4094) {
			l.only(own.Get("id"), at+".vlan.id", fmt.Sprintf("VLAN %d of %s", net.VLAN.ID, net.VLAN.Parent), "")
		}
	case kind == "bond":
		l.members(name, at+".bond", own.Get("ports"), net.Bond.Ports, true)
		if len(net.Bond.Ports) == 0 && ok(own) {
			l.fail(own, `name them in its ports`, "%s.bond: it has no ports", at)
		}
	case kind == "veth":
		l.checkPeer(name, at+".veth", own, net.Veth.Peer)
	case kind == "macvlan":
		l.parent(name, at+".macvlan", own, net.Macvlan.Parent, true)
	case kind == "vrf":
		l.members(name, at+".vrf", own.Get("ports"), net.VRF.Ports, false)
		if l.within(own, "table", at+".vrf", net.VRF.Table, 1, 1<<31-1) && l.ownTable(own.Get("table"), at+".vrf.table", net.VRF.Table) {
			l.only(own.Get("table"), at+".vrf.table", fmt.Sprintf("table %d", net.VRF.Table), "")
		}
	case kind == "vxlan":
		l.checkVXLAN(name, at+".vxlan", own, net.VXLAN)
	case kind == "pppoe":
		l.checkPPPoE(name, n, at+".pppoe", own, net)
	case kind == "wifi":
		l.checkWifi(name, n, at+".wifi", own, net)
	case kind == "tunnel":
		l.checkTunnel(at+".tunnel", own, net.Tunnel)
	case kind == "wireguard":
		l.checkWireGuard(name, at+".wireguard", own, net.WireGuard)
	}
}

// within checks a number that has to be there.
func (r *reader) within(table *syntax.Node, key, path string, value, least, most int) bool {
	n := table.Get(key)
	switch {
	case n == nil:
		r.fail(table, "add "+key+", "+strconv.Itoa(least)+" to "+strconv.Itoa(most), "%s: %s is missing", path, key)
	case !ok(n):
	case value < least || value > most:
		r.fail(n, "", "%s.%s: %d is not between %d and %d", path, key, value, least, most)
	default:
		return true
	}
	return false
}

// ownTable refuses the kernel's own routing tables.
func (r *reader) ownTable(n *syntax.Node, path string, table int) bool {
	if table >= 253 && table <= 255 {
		r.fail(n, "choose another number", "%s: table %d is the kernel's own", path, table)
		return false
	}
	return true
}

// only checks that nobody else has a thing.
func (l *linkCheck) only(n *syntax.Node, path, thing, suggestion string) {
	if owner := l.things[thing]; owner != "" {
		l.fail(n, suggestion, "%s: %s is already %s", path, owner, thing)
		return
	}
	l.things[thing] = path
}

// linkName checks the name of another link that a table names.
func (l *linkCheck) linkName(n *syntax.Node, path, name, own string) bool {
	switch {
	case !ok(n):
	case interfaceFault(name) != "":
		l.fail(n, "write the name of a port, e.g. \"eth1\"", "%s: %q %s", path, name, interfaceFault(name))
	case name == own:
		l.fail(n, "", "%s: %s is this link itself", path, name)
	case name == "lo":
		l.fail(n, "", "%s: the loopback port cannot be used so", path)
	default:
		if now := l.renamed(name); now != "" {
			l.fail(n, "write "+syntax.Quote(now), "%s: the port that the kernel calls %s is called %s here", path, name, now)
			return false
		}
		return true
	}
	return false
}

// renamed is the name that a table gives to the port that the kernel calls so, where no table has that name itself.
func (l *linkCheck) renamed(port string) string {
	if _, own := l.system.Net[port]; own {
		return ""
	}
	for _, name := range sortedKeys(l.system.Net) {
		if m := l.system.Net[name].Match; m != nil && m.Port == port && name != port {
			return name
		}
	}
	return ""
}

func (l *linkCheck) parent(name, path string, table *syntax.Node, parent string, needed bool) {
	n := table.Get("parent")
	if n == nil {
		if needed {
			l.fail(table, `add e.g. parent = "eth0"`, "%s: parent is missing", path)
		}
		return
	}
	if l.linkName(n, path+".parent", parent, name) && slices.Contains(pointToPoint, l.system.Net[parent].Kind()) {
		l.fail(n, "", "%s.parent: %s is a %s, which carries no Ethernet", path, parent, l.system.Net[parent].Kind())
	}
}

// members checks what belongs to a bridge, bond or VRF.
func (l *linkCheck) members(name, path string, list *syntax.Node, members []string, bond bool) {
	vrf := l.system.Net[name].VRF != nil
	for i, member := range members {
		n := list.Item(i)
		at := path + ".ports"
		if !l.linkName(n, at, member, name) {
			continue
		}
		if owner := l.masters[member]; owner != "" {
			l.fail(n, "a port belongs to one only", "%s: %s belongs to %s already", at, member, owner)
			continue
		}
		l.masters[member] = path
		port := l.system.Net[member]
		kind := port.Kind()
		switch {
		case vrf && kind == "vrf", !vrf && slices.Contains(pointToPoint, kind), !vrf && kind == "bridge", bond && kind == "bond":
			l.fail(n, "", "%s: %s is a %s, which cannot be a port of this", at, member, kind)
		case bond && kind == "wifi":
			l.fail(n, "", "%s: %s is a radio, which cannot be a port of this", at, member)
		case !vrf && kind == "wifi" && !port.IsAP():
			l.fail(n, "give it its own table with a zone, and route", "%s: %s is a station, whose access point takes frames from no machine behind it", at, member)
		case !vrf:
			l.bare(member, path)
		}
	}
}

// bare refuses what only a port of its own can have.
func (l *linkCheck) bare(member, owner string) {
	table := l.root.Get("net", member)
	for _, key := range []string{"addresses", "ipv4", "ipv6", "prefix", "subnet6", "ula", "gateway", "gateway6", "routes", "metric", "dhcp_servers", "link_local", "serve", "zone"} {
		if n := table.Get(key); ok(n) {
			l.failKey(n, "write it in the table of the bridge or bond", "%s.%s: %s belongs to %s, so it has no addresses and routes of its own",
				syntax.Join("net", member), key, member, owner)
		}
	}
}

// lowerEdge says that one link is on another.
type lowerEdge struct {
	to   string
	node *syntax.Node
}

// checkCircles finds links that are, by others, on themselves.
func (l *linkCheck) checkCircles() {
	lower := func(name string) (edges []lowerEdge) {
		net, table := l.system.Net[name], l.root.Get("net", name)
		if kinds := net.kinds(); len(kinds) == 1 {
			own := table.Get(kinds[0])
			for i, member := range net.Members() {
				edges = append(edges, lowerEdge{member, own.Get("ports").Item(i)})
			}
			if parent := net.Parent(); parent != "" {
				edges = append(edges, lowerEdge{parent, own.Get("parent")})
			}
		}
		return edges
	}
	lifecycle.Order(sortedKeys(l.system.Net), lower, func(e lowerEdge) string { return e.to }, func(circle []lowerEdge) {
		last := circle[len(circle)-1]
		if !ok(last.node) {
			return
		}
		names := []string{last.to}
		for _, e := range circle {
			names = append(names, e.to)
		}
		l.fail(last.node, "take one of them out", "links that are on each other: %s", strings.Join(names, " on "))
	})
}
