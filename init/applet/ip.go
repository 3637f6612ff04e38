package applet

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// ip shows and changes addresses, links, routes and neighbours, with the words
// of iproute2. What it changes lasts until netcfg's next look at the network.
func ip(c *call, args []string) int {
	r := &ipRun{c: c, family: unix.AF_UNSPEC}
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		switch args[0] {
		case "-4":
			r.family = unix.AF_INET
		case "-6":
			r.family = unix.AF_INET6
		case "-br", "-brief":
			r.brief = true
		case "-o", "-s", "-d", "-n":
			return c.misuse("%s is not supported", args[0])
		default:
			return c.misuse("unknown option %s", args[0])
		}
		args = args[1:]
	}
	if len(args) == 0 {
		return c.misuse("needs an object: addr, link, route or neigh")
	}
	object, args := args[0], args[1:]
	verb := "show"
	if len(args) > 0 {
		verb, args = args[0], args[1:]
	}
	objects := []struct {
		name  string
		verbs map[string]func([]string) error
	}{
		{"address", map[string]func([]string) error{"show": r.showAddresses, "list": r.showAddresses,
			"add": r.changeAddress(netlink.AddrAdd), "delete": r.changeAddress(netlink.AddrDel), "flush": r.flushAddresses}},
		{"link", map[string]func([]string) error{"show": r.showLinks, "list": r.showLinks, "set": r.setLink,
			"add": r.addLink, "delete": r.deleteLink}},
		{"route", map[string]func([]string) error{"show": r.showRoutes, "list": r.showRoutes, "get": r.getRoute,
			"add": r.changeRoute(netlink.RouteAdd), "replace": r.changeRoute(netlink.RouteReplace), "delete": r.changeRoute(netlink.RouteDel)}},
		{"neighbour", map[string]func([]string) error{"show": r.showNeighbours, "list": r.showNeighbours, "flush": r.flushNeighbours}},
	}
	for _, o := range objects {
		if !strings.HasPrefix(o.name, object) && !(object == "neighbor" && o.name == "neighbour") {
			continue
		}
		for _, name := range []string{"show", "list", "set", "add", "delete", "replace", "get", "flush"} {
			if do, ok := o.verbs[name]; ok && strings.HasPrefix(name, verb) {
				err := do(args)
				var wrong usageError
				if errors.As(err, &wrong) {
					return c.misuse("%v", err)
				}
				if err != nil {
					return c.fail(strings.Join(append([]string{o.name, name}, args...), " "), err)
				}
				return c.status
			}
		}
		return c.misuse("%s knows no %q", o.name, verb)
	}
	return c.misuse("unknown object %q", object)
}

// usageError is a fault of the command line.
type usageError string

func (e usageError) Error() string { return string(e) }

type ipRun struct {
	c      *call
	family int
	brief  bool
}

// words splits "dev eth0 via 10.0.0.1" into pairs; the first word that is no
// keyword is the subject.
func words(args []string, keys string) (subject string, values map[string]string, err error) {
	values = map[string]string{}
	known := " " + keys + " "
	for i := 0; i < len(args); i++ {
		if strings.Contains(known, " "+args[i]+" ") {
			if i+1 == len(args) {
				return "", nil, usageError(args[i] + " needs a value")
			}
			values[args[i]] = args[i+1]
			i++
		} else if subject == "" {
			subject = args[i]
		} else {
			return "", nil, usageError("unexpected " + args[i])
		}
	}
	return subject, values, nil
}

func (r *ipRun) links(args []string) ([]netlink.Link, error) {
	up := false
	if len(args) > 0 && args[0] == "up" {
		up, args = true, args[1:]
	}
	name, values, err := words(args, "dev")
	if err != nil {
		return nil, err
	}
	if values["dev"] != "" {
		name = values["dev"]
	}
	if name != "" {
		link, err := netlink.LinkByName(name)
		if err != nil {
			return nil, errors.New("no such link")
		}
		return []netlink.Link{link}, nil
	}
	all, err := netlink.LinkList()
	if !up {
		return all, err
	}
	var list []netlink.Link
	for _, link := range all {
		if link.Attrs().Flags&net.FlagUp != 0 {
			list = append(list, link)
		}
	}
	return list, err
}

// linkFlags are the kernel's flags as iproute2 names them.
func linkFlags(a *netlink.LinkAttrs) string {
	var names []string
	for _, f := range []struct {
		bit  uint32
		name string
	}{{unix.IFF_LOOPBACK, "LOOPBACK"}, {unix.IFF_BROADCAST, "BROADCAST"}, {unix.IFF_POINTOPOINT, "POINTOPOINT"},
		{unix.IFF_MULTICAST, "MULTICAST"}, {unix.IFF_NOARP, "NOARP"}, {unix.IFF_PROMISC, "PROMISC"},
		{unix.IFF_UP, "UP"}, {unix.IFF_LOWER_UP, "LOWER_UP"}} {
		if a.RawFlags&f.bit != 0 {
			names = append(names, f.name)
		}
		if f.bit == unix.IFF_UP && a.RawFlags&unix.IFF_UP != 0 && a.RawFlags&unix.IFF_LOWER_UP == 0 && a.RawFlags&unix.IFF_LOOPBACK == 0 {
			names = append([]string{"NO-CARRIER"}, names...)
		}
	}
	return strings.Join(names, ",")
}

func (r *ipRun) linkLine(link netlink.Link) {
	a := link.Attrs()
	name := a.Name
	if a.ParentIndex != 0 {
		if parent, err := netlink.LinkByIndex(a.ParentIndex); err == nil {
			name += "@" + parent.Attrs().Name
		}
	}
	r.c.printf("%d: %s: <%s> mtu %d", a.Index, name, linkFlags(a), a.MTU)
	if a.MasterIndex != 0 {
		if master, err := netlink.LinkByIndex(a.MasterIndex); err == nil {
			r.c.printf(" master %s", master.Attrs().Name)
		}
	}
	r.c.printf(" state %s", strings.ToUpper(a.OperState.String()))
	if kind := link.Type(); kind != "device" {
		r.c.printf(" type %s", kind)
	}
	r.c.printf("\n")
	if len(a.HardwareAddr) > 0 {
		r.c.printf("    link/ether %s\n", a.HardwareAddr)
	} else if a.Flags&net.FlagLoopback != 0 {
		r.c.printf("    link/loopback\n")
	}
}

func (r *ipRun) showLinks(args []string) error {
	links, err := r.links(args)
	if err != nil {
		return err
	}
	var rows [][]string
	for _, link := range links {
		a := link.Attrs()
		if r.brief {
			rows = append(rows, []string{a.Name, strings.ToUpper(a.OperState.String()), a.HardwareAddr.String(), "<" + linkFlags(a) + ">"})
		} else {
			r.linkLine(link)
		}
	}
	alignment{gap: 3}.print(r.c.out, rows)
	return nil
}

func (r *ipRun) showAddresses(args []string) error {
	links, err := r.links(args)
	if err != nil {
		return err
	}
	var rows [][]string
	for _, link := range links {
		addresses, err := netlink.AddrList(link, r.family)
		if err != nil {
			return err
		}
		a := link.Attrs()
		if r.brief {
			row := []string{a.Name, strings.ToUpper(a.OperState.String()), ""}
			for _, address := range addresses {
				row[2] += address.IPNet.String() + " "
			}
			rows = append(rows, row)
			continue
		}
		if r.family != unix.AF_UNSPEC && len(addresses) == 0 {
			continue
		}
		r.linkLine(link)
		for _, address := range addresses {
			family := "inet"
			if address.IP.To4() == nil {
				family = "inet6"
			}
			r.c.printf("    %s %s", family, address.IPNet)
			if address.Broadcast != nil {
				r.c.printf(" brd %s", address.Broadcast)
			}
			r.c.printf(" scope %s", scopeName(netlink.Scope(address.Scope)))
			for _, f := range []struct {
				bit  int
				name string
			}{{unix.IFA_F_TENTATIVE, "tentative"}, {unix.IFA_F_DADFAILED, "dadfailed"}, {unix.IFA_F_DEPRECATED, "deprecated"},
				{unix.IFA_F_MANAGETEMPADDR, "mngtmpaddr"}, {unix.IFA_F_NOPREFIXROUTE, "noprefixroute"}} {
				if address.Flags&f.bit != 0 {
					r.c.printf(" %s", f.name)
				}
			}
			if address.Label != "" && address.Label != a.Name {
				r.c.printf(" %s", address.Label)
			}
			r.c.printf("\n       valid_lft %s preferred_lft %s\n", lifetime(address.ValidLft), lifetime(address.PreferedLft))
		}
	}
	alignment{gap: 3}.print(r.c.out, rows)
	return nil
}

// scopeName is the scope as iproute2 calls it.
func scopeName(scope netlink.Scope) string {
	if scope == netlink.SCOPE_UNIVERSE {
		return "global"
	}
	return scope.String()
}

func lifetime(seconds int) string {
	if seconds == 0 || uint32(seconds) == 1<<32-1 {
		return "forever"
	}
	return strconv.Itoa(seconds) + "sec"
}

func (r *ipRun) changeAddress(change func(netlink.Link, *netlink.Addr) error) func([]string) error {
	return func(args []string) error {
		text, values, err := words(args, "dev brd label scope")
		if err != nil {
			return err
		}
		if text == "" || values["dev"] == "" {
			return usageError("needs ADDRESS/PREFIX dev LINK")
		}
		if !strings.Contains(text, "/") {
			if text += "/32"; strings.Contains(text, ":") {
				text = strings.TrimSuffix(text, "/32") + "/128"
			}
		}
		address, err := netlink.ParseAddr(text)
		if err != nil {
			return usageError(fmt.Sprintf("%s is not an address", text))
		}
		address.Label = values["label"]
		link, err := netlink.LinkByName(values["dev"])
		if err != nil {
			return errors.New("no such link")
		}
		return change(link, address)
	}
}

func (r *ipRun) flushAddresses(args []string) error {
	if len(args) == 0 {
		return usageError("needs dev LINK")
	}
	links, err := r.links(args)
	if err != nil {
		return err
	}
	for _, link := range links {
		addresses, err := netlink.AddrList(link, r.family)
		if err != nil {
			return err
		}
		for _, address := range addresses {
			// A secondary address may have gone with its primary.
			if err := netlink.AddrDel(link, &address); err != nil && !errors.Is(err, unix.EADDRNOTAVAIL) {
				return err
			}
		}
	}
	return nil
}

func (r *ipRun) setLink(args []string) error {
	if len(args) > 0 && args[0] == "dev" {
		args = args[1:]
	}
	if len(args) < 2 {
		return usageError("needs LINK up|down|mtu N|name NAME|address MAC|master LINK|nomaster|promisc on|off")
	}
	link, err := netlink.LinkByName(args[0])
	if err != nil {
		return errors.New("no such link")
	}
	for args = args[1:]; len(args) > 0; args = args[1:] {
		word := args[0]
		switch word {
		case "up":
			err = netlink.LinkSetUp(link)
		case "down":
			err = netlink.LinkSetDown(link)
		case "nomaster":
			err = netlink.LinkSetNoMaster(link)
		default:
			if len(args) < 2 {
				return usageError(word + " needs a value")
			}
			value := args[1]
			args = args[1:]
			switch word {
			case "mtu":
				n, convErr := strconv.Atoi(value)
				if convErr != nil {
					return usageError("mtu: " + value + " is not a number")
				}
				err = netlink.LinkSetMTU(link, n)
			case "name":
				err = netlink.LinkSetName(link, value)
			case "address":
				mac, parseErr := net.ParseMAC(value)
				if parseErr != nil {
					return usageError(value + " is not a hardware address")
				}
				err = netlink.LinkSetHardwareAddr(link, mac)
			case "master":
				master, findErr := netlink.LinkByName(value)
				if findErr != nil {
					return fmt.Errorf("%s: no such link", value)
				}
				err = netlink.LinkSetMaster(link, master)
			case "promisc":
				if value == "on" {
					err = netlink.SetPromiscOn(link)
				} else {
					err = netlink.SetPromiscOff(link)
				}
			default:
				return usageError("unknown word " + word)
			}
		}
		if err != nil {
			return fmt.Errorf("%s: %w", word, err)
		}
	}
	return nil
}

func (r *ipRun) addLink(args []string) error {
	name, values, err := words(args, "name type link id")
	if err != nil {
		return err
	}
	if values["name"] != "" {
		name = values["name"]
	}
	attributes := netlink.NewLinkAttrs()
	attributes.Name = name
	switch values["type"] {
	case "dummy":
		return netlink.LinkAdd(&netlink.Dummy{LinkAttrs: attributes})
	case "bridge":
		return netlink.LinkAdd(&netlink.Bridge{LinkAttrs: attributes})
	case "vlan":
		parent, err := netlink.LinkByName(values["link"])
		if err != nil {
			return fmt.Errorf("%s: no such link", values["link"])
		}
		id, err := strconv.Atoi(values["id"])
		if err != nil {
			return usageError("vlan needs id N")
		}
		attributes.ParentIndex = parent.Attrs().Index
		return netlink.LinkAdd(&netlink.Vlan{LinkAttrs: attributes, VlanId: id})
	}
	return usageError("knows types dummy, bridge and vlan")
}

func (r *ipRun) deleteLink(args []string) error {
	if len(args) == 0 {
		return usageError("needs a link")
	}
	links, err := r.links(args)
	if err != nil {
		return err
	}
	return netlink.LinkDel(links[0])
}

func (r *ipRun) showRoutes(args []string) error {
	_, values, err := words(args, "dev table")
	if err != nil {
		return err
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

func (r *ipRun) changeRoute(change func(*netlink.Route) error) func([]string) error {
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
		return change(route)
	}
}

func (r *ipRun) neighbours(args []string) ([]netlink.Neigh, map[int]string, error) {
	_, values, err := words(args, "dev")
	if err != nil {
		return nil, nil, err
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
