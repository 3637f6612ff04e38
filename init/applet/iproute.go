package applet

import (
	"fmt"
	"net"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"
)

func (r *ipRun) showRoutes(args []string) error {
	subject, values, err := words(args, "dev table")
	if err != nil {
		return err
	}
	if subject != "" {
		return usageError("unexpected " + subject + " (ip route get ADDRESS tells the way to it)")
	}
	table := uint64(unix.RT_TABLE_MAIN)
	switch word := values["table"]; word {
	case "", "main":
	case "all":
		table = unix.RT_TABLE_UNSPEC
	case "local":
		table = unix.RT_TABLE_LOCAL
	default:
		if table, err = strconv.ParseUint(word, 10, 32); err != nil {
			return usageError(word + " is not a table")
		}
	}
	family := r.family
	if family == unix.AF_UNSPEC {
		family = unix.AF_INET
	}
	routes, err := r.routes(family)
	if err != nil {
		return err
	}
	for _, route := range routes {
		if dev := values["dev"]; dev != "" && r.linkName(route.index) != dev {
			continue
		}
		if table != unix.RT_TABLE_UNSPEC && route.table != uint32(table) || route.flags&unix.RTM_F_CLONED != 0 {
			continue
		}
		r.printRoute(route)
	}
	return nil
}

// linkName is the name of a link by its number, "" if there is none; all are asked for with the first.
func (r *ipRun) linkName(index int) string {
	if index != 0 && r.names == nil {
		r.names = map[int]string{}
		links, _ := r.allLinks()
		for _, l := range links {
			r.names[l.index] = l.name
		}
	}
	return r.names[index]
}

func (r *ipRun) printRoute(route route) {
	to := "default"
	if route.to != nil {
		if route.bits == 8*len(route.to) {
			to = route.to.String()
		} else if route.bits > 0 {
			to = fmt.Sprintf("%s/%d", route.to, route.bits)
		}
	}
	if kind := route.kind; kind == unix.RTN_BLACKHOLE || kind == unix.RTN_UNREACHABLE || kind == unix.RTN_PROHIBIT {
		to = map[byte]string{unix.RTN_BLACKHOLE: "blackhole ", unix.RTN_UNREACHABLE: "unreachable ", unix.RTN_PROHIBIT: "prohibit "}[kind] + to
	}
	r.c.printf("%s", to)
	if route.via != nil {
		r.c.printf(" via %s", route.via)
	}
	if route.index != 0 {
		r.c.printf(" dev %s", r.linkName(route.index))
	}
	for _, hop := range route.hops {
		r.c.printf(" nexthop via %s dev %s weight %d", hop.via, r.linkName(hop.index), hop.weight)
	}
	if route.protocol != 0 {
		r.c.printf(" proto %s", protocolName(route.protocol))
	}
	if route.scope != unix.RT_SCOPE_UNIVERSE {
		r.c.printf(" scope %s", scopeName(route.scope))
	}
	if route.from != nil {
		r.c.printf(" src %s", route.from)
	}
	if route.metric != 0 {
		r.c.printf(" metric %d", route.metric)
	}
	if route.flags&unix.RTNH_F_ONLINK != 0 {
		r.c.printf(" onlink")
	}
	r.c.printf("\n")
}

// protocolNames are RTPROT_... of linux/rtnetlink.h as iproute2 calls them.
var protocolNames = map[byte]string{
	unix.RTPROT_REDIRECT: "redirect", unix.RTPROT_KERNEL: "kernel", unix.RTPROT_BOOT: "boot", unix.RTPROT_STATIC: "static",
	unix.RTPROT_GATED: "gated", unix.RTPROT_RA: "ra", unix.RTPROT_MRT: "mrt", unix.RTPROT_ZEBRA: "zebra", unix.RTPROT_BIRD: "bird",
	unix.RTPROT_DNROUTED: "dnrouted", unix.RTPROT_XORP: "xorp", unix.RTPROT_NTK: "ntk", unix.RTPROT_DHCP: "dhcp", unix.RTPROT_MROUTED: "mrouted",
	unix.RTPROT_BABEL: "babel", unix.RTPROT_BGP: "bgp", unix.RTPROT_ISIS: "isis", unix.RTPROT_OSPF: "ospf", unix.RTPROT_RIP: "rip",
	unix.RTPROT_EIGRP: "eigrp",
}

func protocolName(protocol byte) string {
	if name := protocolNames[protocol]; name != "" {
		return name
	}
	return strconv.Itoa(int(protocol))
}

func (r *ipRun) getRoute(args []string) error {
	if len(args) != 1 {
		return usageError("needs an address")
	}
	address := net.ParseIP(args[0])
	if address == nil {
		return usageError(args[0] + " is not an address")
	}
	found, err := r.routeTo(address)
	if err != nil {
		return err
	}
	r.printRoute(found)
	return nil
}

func (r *ipRun) changeRoute(message, flags uint16) func([]string) error {
	return func(args []string) error {
		onlink := false
		if n := len(args); n > 0 && args[n-1] == "onlink" {
			onlink, args = true, args[:n-1]
		}
		to, values, err := words(args, "via dev metric src table")
		if err != nil {
			return err
		}
		route := route{table: unix.RT_TABLE_MAIN, via: net.ParseIP(values["via"]), from: net.ParseIP(values["src"])}
		if values["via"] != "" && route.via == nil {
			return usageError(values["via"] + " is not an address")
		}
		if onlink {
			route.flags = unix.RTNH_F_ONLINK
		}
		switch {
		case to == "":
			return usageError("needs a destination")
		case to == "default" && (r.family == unix.AF_INET6 || route.via != nil && route.via.To4() == nil):
			route.to = net.IPv6zero
		case to == "default":
			route.to = net.IPv4zero
		default:
			if route.to, route.bits = parseDestination(to); route.to == nil {
				return usageError(to + " is not a destination")
			}
		}
		for _, other := range []net.IP{route.via, route.from} {
			if other != nil && familyOf(other) != familyOf(route.to) {
				return usageError(fmt.Sprintf("%s is of another family than the destination", other))
			}
		}
		for word, field := range map[string]*uint32{"metric": &route.metric, "table": &route.table} {
			if values[word] == "" {
				continue
			}
			n, err := strconv.ParseUint(values[word], 10, 32)
			if err != nil {
				return usageError(word + ": " + values[word] + " is not a number")
			}
			*field = uint32(n)
		}
		if values["dev"] != "" {
			l, err := r.linkNamed(values["dev"])
			if err != nil {
				return fmt.Errorf("%s: %w", values["dev"], err)
			}
			route.index = l.index
			if route.via == nil {
				route.scope = unix.RT_SCOPE_LINK
			}
		}
		if message == unix.RTM_DELROUTE {
			route.scope = unix.RT_SCOPE_NOWHERE // whatever scope it has
		} else {
			route.protocol, route.kind = unix.RTPROT_BOOT, unix.RTN_UNICAST
		}
		return r.kernel.Change(message, flags, route.parts()...)
	}
}

// parseDestination reads a prefix, or an address, which is one of full length.
func parseDestination(text string) (to net.IP, bits int) {
	if ip, subnet, err := net.ParseCIDR(text); err == nil {
		bits, _ = subnet.Mask.Size()
		return ip, bits
	}
	to = net.ParseIP(text)
	return to, 8 * len(raw(to))
}

func (r *ipRun) neighbours(args []string) ([]neighbour, error) {
	subject, values, err := words(args, "dev")
	if err != nil {
		return nil, err
	}
	if subject != "" {
		return nil, usageError("unexpected " + subject)
	}
	list, err := r.allNeighbours()
	if dev := values["dev"]; dev != "" {
		l, err := r.linkNamed(dev)
		if err != nil {
			return nil, err
		}
		list = slices.DeleteFunc(list, func(n neighbour) bool { return n.index != l.index })
	}
	return list, err
}

func (r *ipRun) showNeighbours(args []string) error {
	list, err := r.neighbours(args)
	if err != nil {
		return err
	}
	states := []string{"INCOMPLETE", "REACHABLE", "STALE", "DELAY", "PROBE", "FAILED", "NOARP", "PERMANENT"}
	for _, n := range list {
		if n.state == unix.NUD_NOARP || n.state == 0 {
			continue
		}
		r.c.printf("%s dev %s", n.ip, r.linkName(n.index))
		if len(n.mac) > 0 {
			r.c.printf(" lladdr %s", n.mac)
		}
		if n.flags&unix.NTF_ROUTER != 0 {
			r.c.printf(" router")
		}
		for i, state := range states {
			if n.state&(1<<i) != 0 {
				r.c.printf(" %s", state)
			}
		}
		r.c.printf("\n")
	}
	return nil
}

func (r *ipRun) flushNeighbours(args []string) error {
	list, err := r.neighbours(args)
	if err != nil {
		return err
	}
	for _, n := range list {
		if n.state&(unix.NUD_NOARP|unix.NUD_PERMANENT) == 0 {
			r.deleteNeighbour(n)
		}
	}
	return nil
}
