package applet

import (
	"errors"
	"fmt"
	"net"
	"strconv"

	"github.com/vishvananda/netlink"
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
	filter, mask := &netlink.Route{Table: unix.RT_TABLE_MAIN}, netlink.RT_FILTER_TABLE
	if table := values["table"]; table == "all" {
		filter.Table = unix.RT_TABLE_UNSPEC
	} else if table == "local" {
		filter.Table = unix.RT_TABLE_LOCAL
	} else if table != "" && table != "main" {
		if filter.Table, err = strconv.Atoi(table); err != nil {
			return usageError(table + " is not a table")
		}
	}
	names := linkNames()
	family := r.family
	if family == unix.AF_UNSPEC {
		family = unix.AF_INET
	}
	routes, err := netlink.RouteListFiltered(family, filter, mask)
	if err != nil {
		return err
	}
	for _, route := range routes {
		if dev := values["dev"]; dev != "" && names[route.LinkIndex] != dev {
			continue
		}
		r.printRoute(route, names)
	}
	return nil
}

func linkNames() map[int]string {
	names := map[int]string{}
	links, _ := netlink.LinkList()
	for _, link := range links {
		names[link.Attrs().Index] = link.Attrs().Name
	}
	return names
}

func (r *ipRun) printRoute(route netlink.Route, names map[int]string) {
	to := "default"
	if route.Dst != nil {
		if ones, bits := route.Dst.Mask.Size(); ones == bits {
			to = route.Dst.IP.String()
		} else if ones > 0 {
			to = route.Dst.String()
		}
	}
	if kind := route.Type; kind == unix.RTN_BLACKHOLE || kind == unix.RTN_UNREACHABLE || kind == unix.RTN_PROHIBIT {
		to = map[int]string{unix.RTN_BLACKHOLE: "blackhole ", unix.RTN_UNREACHABLE: "unreachable ", unix.RTN_PROHIBIT: "prohibit "}[kind] + to
	}
	r.c.printf("%s", to)
	if route.Gw != nil {
		r.c.printf(" via %s", route.Gw)
	}
	if route.LinkIndex != 0 {
		r.c.printf(" dev %s", names[route.LinkIndex])
	}
	for _, hop := range route.MultiPath {
		r.c.printf(" nexthop via %s dev %s weight %d", hop.Gw, names[hop.LinkIndex], hop.Hops+1)
	}
	if route.Protocol != 0 {
		r.c.printf(" proto %s", route.Protocol)
	}
	if route.Scope != netlink.SCOPE_UNIVERSE {
		r.c.printf(" scope %s", scopeName(route.Scope))
	}
	if route.Src != nil {
		r.c.printf(" src %s", route.Src)
	}
	if route.Priority != 0 {
		r.c.printf(" metric %d", route.Priority)
	}
	if route.Flags&int(netlink.FLAG_ONLINK) != 0 {
		r.c.printf(" onlink")
	}
	r.c.printf("\n")
}

func (r *ipRun) getRoute(args []string) error {
	if len(args) != 1 {
		return usageError("needs an address")
	}
	address := net.ParseIP(args[0])
	if address == nil {
		return usageError(args[0] + " is not an address")
	}
	routes, err := netlink.RouteGet(address)
	if err != nil {
		return err
	}
	names := linkNames()
	for _, route := range routes {
		r.printRoute(route, names)
	}
	return nil
}

func (r *ipRun) changeRoute(change func(*netlink.Route) error, deletes bool) func([]string) error {
	return func(args []string) error {
		onlink := false
		if n := len(args); n > 0 && args[n-1] == "onlink" {
			onlink, args = true, args[:n-1]
		}
		to, values, err := words(args, "via dev metric src table")
		if err != nil {
			return err
		}
		route := &netlink.Route{Gw: net.ParseIP(values["via"]), Src: net.ParseIP(values["src"])}
		if values["via"] != "" && route.Gw == nil {
			return usageError(values["via"] + " is not an address")
		}
		if onlink {
			route.SetFlag(netlink.FLAG_ONLINK)
		}
		switch {
		case to == "":
			return usageError("needs a destination")
		case to == "default" && (r.family == unix.AF_INET6 || route.Gw != nil && route.Gw.To4() == nil):
			route.Dst = &net.IPNet{IP: net.IPv6zero, Mask: net.CIDRMask(0, 128)}
		case to == "default":
			route.Dst = &net.IPNet{IP: net.IPv4zero, Mask: net.CIDRMask(0, 32)}
		default:
			prefix, err := netlink.ParseIPNet(to)
			if err != nil {
				address := net.ParseIP(to)
				if address == nil {
					return usageError(to + " is not a destination")
				}
				if v4 := address.To4(); v4 != nil {
					prefix = &net.IPNet{IP: v4, Mask: net.CIDRMask(32, 32)}
				} else {
					prefix = &net.IPNet{IP: address, Mask: net.CIDRMask(128, 128)}
				}
			}
			route.Dst = prefix
		}
		for word, field := range map[string]*int{"metric": &route.Priority, "table": &route.Table} {
			if values[word] == "" {
				continue
			}
			if *field, err = strconv.Atoi(values[word]); err != nil {
				return usageError(word + ": " + values[word] + " is not a number")
			}
		}
		if values["dev"] != "" {
			link, err := netlink.LinkByName(values["dev"])
			if err != nil {
				return fmt.Errorf("%s: no such link", values["dev"])
			}
			route.LinkIndex = link.Attrs().Index
			if route.Gw == nil {
				route.Scope = netlink.SCOPE_LINK
			}
		}
		if deletes {
			route.Scope = netlink.SCOPE_NOWHERE // whatever scope it has
		}
		return change(route)
	}
}

func (r *ipRun) neighbours(args []string) ([]netlink.Neigh, map[int]string, error) {
	subject, values, err := words(args, "dev")
	if err != nil {
		return nil, nil, err
	}
	if subject != "" {
		return nil, nil, usageError("unexpected " + subject)
	}
	names := linkNames()
	index := 0
	if dev := values["dev"]; dev != "" {
		link, err := netlink.LinkByName(dev)
		if err != nil {
			return nil, nil, errors.New("no such link")
		}
		index = link.Attrs().Index
	}
	list, err := netlink.NeighList(index, r.family)
	return list, names, err
}

func (r *ipRun) showNeighbours(args []string) error {
	list, names, err := r.neighbours(args)
	if err != nil {
		return err
	}
	states := []string{"INCOMPLETE", "REACHABLE", "STALE", "DELAY", "PROBE", "FAILED", "NOARP", "PERMANENT"}
	for _, n := range list {
		if n.State == unix.NUD_NOARP || n.State == 0 {
			continue
		}
		r.c.printf("%s dev %s", n.IP, names[n.LinkIndex])
		if len(n.HardwareAddr) > 0 {
			r.c.printf(" lladdr %s", n.HardwareAddr)
		}
		if n.Flags&unix.NTF_ROUTER != 0 {
			r.c.printf(" router")
		}
		for i, state := range states {
			if n.State&(1<<i) != 0 {
				r.c.printf(" %s", state)
			}
		}
		r.c.printf("\n")
	}
	return nil
}

func (r *ipRun) flushNeighbours(args []string) error {
	list, _, err := r.neighbours(args)
	if err != nil {
		return err
	}
	for _, n := range list {
		if n.State&(unix.NUD_NOARP|unix.NUD_PERMANENT) == 0 {
			netlink.NeighDel(&n)
		}
	}
	return nil
}
