package applet

import (
	"encoding/binary"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"bantam/netcfg/rtnl"
)

func (r *ipRun) links(args []string) ([]link, error) {
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
		l, err := r.linkNamed(name)
		return []link{l}, err
	}
	all, err := r.allLinks()
	if up {
		all = slices.DeleteFunc(all, func(l link) bool { return l.flags&unix.IFF_UP == 0 })
	}
	return all, err
}

// flagNames are the kernel's flags as iproute2 names them.
func (l link) flagNames() string {
	var names []string
	for _, f := range []struct {
		bit  uint32
		name string
	}{{unix.IFF_LOOPBACK, "LOOPBACK"}, {unix.IFF_BROADCAST, "BROADCAST"}, {unix.IFF_POINTOPOINT, "POINTOPOINT"},
		{unix.IFF_MULTICAST, "MULTICAST"}, {unix.IFF_NOARP, "NOARP"}, {unix.IFF_PROMISC, "PROMISC"},
		{unix.IFF_UP, "UP"}, {unix.IFF_LOWER_UP, "LOWER_UP"}} {
		if l.flags&f.bit != 0 {
			names = append(names, f.name)
		}
		if f.bit == unix.IFF_UP && l.flags&unix.IFF_UP != 0 && l.flags&unix.IFF_LOWER_UP == 0 && l.flags&unix.IFF_LOOPBACK == 0 {
			names = append([]string{"NO-CARRIER"}, names...)
		}
	}
	return strings.Join(names, ",")
}

func (r *ipRun) linkLine(l link) {
	name := l.name
	if parent := r.linkName(l.parent); parent != "" {
		name += "@" + parent
	}
	r.c.printf("%d: %s: <%s> mtu %d", l.index, name, l.flagNames(), l.mtu)
	if master := r.linkName(l.master); master != "" {
		r.c.printf(" master %s", master)
	}
	r.c.printf(" state %s", l.stateName())
	if l.kind != "" {
		r.c.printf(" type %s", l.kind)
	}
	if len(l.mac) > 0 {
		r.continued("    link/ether %s", l.mac)
	} else if l.flags&unix.IFF_LOOPBACK != 0 {
		r.continued("    link/loopback")
	}
	if r.stats && l.statistics != nil {
		r.counters(l)
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
func (r *ipRun) counters(l link) {
	for _, side := range []struct {
		title  []string
		places []int // in struct rtnl_link_stats64
	}{
		{[]string{"RX:", "bytes", "packets", "errors", "dropped", "missed", "mcast"}, []int{2, 0, 4, 6, 15, 8}},
		{[]string{"TX:", "bytes", "packets", "errors", "dropped", "carrier", "collsns"}, []int{3, 1, 5, 7, 17, 9}},
	} {
		title, values := "    "+side.title[0], "       "
		for i, place := range side.places {
			text := strconv.FormatUint(l.count(place), 10)
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
	for _, l := range links {
		if r.brief {
			rows = append(rows, []string{l.name, l.stateName(), l.mac.String(), "<" + l.flagNames() + ">"})
		} else {
			r.linkLine(l)
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
	l, err := r.linkNamed(args[0])
	if err != nil {
		return err
	}
	for args = args[1:]; len(args) > 0; args = args[1:] {
		word := args[0]
		switch word {
		case "up":
			err = r.changeLink(l, unix.IFF_UP, unix.IFF_UP)
		case "down":
			err = r.changeLink(l, 0, unix.IFF_UP)
		case "nomaster":
			err = r.changeLink(l, 0, 0, rtnl.Attribute32(unix.IFLA_MASTER, 0))
		default:
			if len(args) < 2 {
				return usageError(word + " needs a value")
			}
			value := args[1]
			args = args[1:]
			switch word {
			case "mtu":
				n, convErr := strconv.ParseUint(value, 10, 31)
				if convErr != nil {
					return usageError("mtu: " + value + " is not a number")
				}
				err = r.changeLink(l, 0, 0, rtnl.Attribute32(unix.IFLA_MTU, uint32(n)))
			case "name":
				err = r.changeLink(l, 0, 0, rtnl.AttributeText(unix.IFLA_IFNAME, value))
			case "address":
				mac, parseErr := net.ParseMAC(value)
				if parseErr != nil {
					return usageError(value + " is not a hardware address")
				}
				err = r.changeLink(l, 0, 0, rtnl.Attribute(unix.IFLA_ADDRESS, mac))
			case "master":
				master, findErr := r.linkNamed(value)
				if findErr != nil {
					return fmt.Errorf("%s: %w", value, findErr)
				}
				err = r.changeLink(l, 0, 0, rtnl.Attribute32(unix.IFLA_MASTER, uint32(master.index)))
			case "promisc":
				flags := uint32(0)
				if value == "on" {
					flags = unix.IFF_PROMISC
				}
				err = r.changeLink(l, flags, unix.IFF_PROMISC)
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
	if name == "" {
		return usageError("needs a name")
	}
	parts := [][]byte{rtnl.LinkHeader(0, 0, 0), rtnl.AttributeText(unix.IFLA_IFNAME, name)}
	info := rtnl.Attribute(unix.IFLA_INFO_KIND, []byte(values["type"]))
	switch values["type"] {
	case "dummy", "bridge":
	case "vlan":
		parent, err := r.linkNamed(values["link"])
		if err != nil {
			return fmt.Errorf("%s: %w", values["link"], err)
		}
		id, err := strconv.ParseUint(values["id"], 10, 16)
		if err != nil {
			return usageError("vlan needs id N")
		}
		parts = append(parts, rtnl.Attribute32(unix.IFLA_LINK, uint32(parent.index)))
		data := rtnl.Attribute(unix.IFLA_VLAN_ID, binary.NativeEndian.AppendUint16(nil, uint16(id)))
		info = append(info, rtnl.Attribute(unix.IFLA_INFO_DATA, data)...)
	default:
		return usageError("knows types dummy, bridge and vlan")
	}
	return r.kernel.Change(unix.RTM_NEWLINK, unix.NLM_F_CREATE|unix.NLM_F_EXCL, append(parts, rtnl.Attribute(unix.IFLA_LINKINFO, info))...)
}

func (r *ipRun) deleteLink(args []string) error {
	if len(args) > 0 && args[0] == "dev" {
		args = args[1:]
	}
	if len(args) != 1 {
		return usageError("needs a link")
	}
	l, err := r.linkNamed(args[0])
	if err != nil {
		return err
	}
	return r.kernel.Change(unix.RTM_DELLINK, 0, rtnl.LinkHeader(l.index, 0, 0))
}
