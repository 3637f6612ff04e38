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
	if len(a.HardwareAddr) > 0 {
		r.continued("    link/ether %s", a.HardwareAddr)
	} else if a.Flags&net.FlagLoopback != 0 {
		r.continued("    link/loopback")
	}
	if r.stats && a.Statistics != nil {
		r.counters(a.Statistics)
	}
	r.c.printf("\n")
}

// continued prints a further line about a link; with -o it stays on the first.
func (r *ipRun) continued(format string, args ...any) {
	mark := "\n"
	if r.oneline {
		mark = "\\"
	}
	r.c.printf(mark+format, args...)
}

// counters prints what came and went since the link is there.
func (r *ipRun) counters(s *netlink.LinkStatistics) {
	for _, side := range []struct {
		title  []string
		counts []uint64
	}{
		{[]string{"RX:", "bytes", "packets", "errors", "dropped", "missed", "mcast"}, []uint64{s.RxBytes, s.RxPackets, s.RxErrors, s.RxDropped, s.RxMissedErrors, s.Multicast}},
		{[]string{"TX:", "bytes", "packets", "errors", "dropped", "carrier", "collsns"}, []uint64{s.TxBytes, s.TxPackets, s.TxErrors, s.TxDropped, s.TxCarrierErrors, s.Collisions}},
	} {
		title, values := "    "+side.title[0], "       "
		for i, n := range side.counts {
			text := strconv.FormatUint(n, 10)
			width := max(len(text), len(side.title[i+1]))
			title += fmt.Sprintf("  %*s", width, side.title[i+1])
			values += fmt.Sprintf("  %*s", width, text)
		}
		r.continued("%s", title)
		r.continued("%s", values)
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
