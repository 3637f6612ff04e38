package netcfg

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"strconv"

	"golang.org/x/sys/unix"

	"bantam/netcfg/rtnl"
)

// seenLink is a link as the kernel tells of it, with its kernel parameters.
type seenLink struct {
	Link
	name       string
	group      uint32
	below      int       // index of the link that it is on, or of a cable's other end; 0 for none
	master     int       // index of its bridge, bond or VRF
	parameters [2][]byte // of IPv4 and IPv6: arrays of 32-bit numbers; nil: the kernel tells none
}

const skipStatistics = 8 // RTEXT_FILTER_SKIP_STATS: they are most of a message

// Of a Wi-Fi station wpa_supplicant says when it is let in: until then the link is dormant (RFC 2863, linux/if.h).
const linkModeDormant, operUp = 1, 6

// readLink reads the body of an RTM_NEWLINK message (struct ifinfomsg and attributes).
func readLink(b []byte) (l seenLink, ok bool) {
	if len(b) < unix.SizeofIfInfomsg {
		return l, false
	}
	ethernet := binary.NativeEndian.Uint16(b[2:]) == unix.ARPHRD_ETHER
	l.Index = int(int32(binary.NativeEndian.Uint32(b[4:])))
	flags := binary.NativeEndian.Uint32(b[8:])
	elsewhere, within := false, 0
	waits, let := false, false // somebody has to let the link be used, and has
	for a := (rtnl.Attributes{Rest: b[unix.SizeofIfInfomsg:]}); a.Next(); {
		switch v := a.Value; a.Kind {
		case unix.IFLA_IFNAME:
			l.name = rtnl.Text(v)
		case unix.IFLA_ADDRESS:
			if len(v) == len(l.MAC) {
				copy(l.MAC[:], v)
			}
		case unix.IFLA_MTU:
			l.MTU = int(int32(rtnl.Read32(v)))
		case unix.IFLA_PERM_ADDRESS:
			if len(v) == len(l.Permanent) {
				copy(l.Permanent[:], v)
			}
		case unix.IFLA_LINKMODE:
			waits = len(v) > 0 && v[0] == linkModeDormant
		case unix.IFLA_OPERSTATE:
			let = len(v) > 0 && v[0] == operUp
		case unix.IFLA_MASTER:
			l.master = int(int32(rtnl.Read32(v)))
		case unix.IFLA_LINK:
			l.below = int(int32(rtnl.Read32(v)))
		case unix.IFLA_LINK_NETNSID:
			elsewhere = true
		case unix.IFLA_PROP_LIST:
			if property := (rtnl.Attributes{Rest: v}); property.Next() && property.Kind == unix.IFLA_ALT_IFNAME {
				l.Former = rtnl.Text(property.Value)
			}
		case unix.IFLA_GROUP:
			l.group = rtnl.Read32(v)
		case unix.IFLA_PARENT_DEV_NAME:
			l.Hardware = rtnl.Text(v) != ""
		case unix.IFLA_LINKINFO:
			l.Make, l.Tune, within = readInfo(v)
			l.Kind = l.Make.Kind
		case unix.IFLA_AF_SPEC:
			for family := (rtnl.Attributes{Rest: v}); family.Next(); {
				for of := (rtnl.Attributes{Rest: family.Value}); of.Next(); {
					switch {
					case family.Kind == unix.AF_INET && of.Kind == unix.IFLA_INET_CONF:
						l.parameters[0] = bytes.Clone(of.Value)
					case family.Kind == unix.AF_INET6 && of.Kind == unix.IFLA_INET6_FLAGS:
						flags := rtnl.Read32(of.Value)
						l.Managed, l.OtherConfig = flags&advertisesManaged != 0, flags&advertisesOther != 0
					case family.Kind == unix.AF_INET6 && of.Kind == unix.IFLA_INET6_CONF:
						l.parameters[1] = bytes.Clone(of.Value)
					}
				}
			}
		}
	}
	l.Up = flags&unix.IFF_UP != 0
	l.Carrier = flags&unix.IFF_LOWER_UP != 0 && (!waits || let)
	l.Ethernet = ethernet && flags&unix.IFF_LOOPBACK == 0
	l.below = cmp.Or(within, l.below)
	if elsewhere {
		l.below = 0
	}
	for mark, group := range markGroups {
		if l.group == group {
			l.Mark = Mark(mark)
		}
	}
	return l, l.name != ""
}

// The flags M and O of the last router advertisement, as the kernel tells them (IF_RA_MANAGED and IF_RA_OTHERCONF of net/if_inet6.h).
const (
	advertisesManaged = 0x40
	advertisesOther   = 0x80
)

// resolve gives the names of the links that a link is on and belongs to.
func (l *seenLink) resolve(names map[int]string) {
	l.Master = names[l.master]
	switch l.Kind {
	case "vlan", "macvlan", "vxlan":
		l.Make.Parent = names[l.below]
	case "veth":
		l.Make.Peer = names[l.below]
	}
}

// parameterPlaces are where a link's message has a kernel parameter, in the
// arrays of IPv4 (IPV4_DEVCONF_... of linux/ip.h, less one) and IPv6 (DEVCONF_...
// of linux/ipv6.h). A file has to be opened, read and closed for each otherwise,
// of each port, at each look.
var parameterPlaces = [2]numbers{
	{
		{"accept_redirects", 3}, {"send_redirects", 5}, {"promote_secondaries", 19}, {"ignore_routes_with_linkdown", 28},
	},
	{
		{"accept_ra", 3}, {"accept_redirects", 4}, {"autoconf", 5}, {"max_addresses", 15}, {"accept_ra_defrtr", 17}, {"accept_ra_pinfo", 18},
		{"accept_ra_rt_info_max_plen", 21}, // 0 also where the kernel has none of it
		{"disable_ipv6", 26}, {"accept_ra_min_hop_limit", 38}, {"ignore_routes_with_linkdown", 39}, {"ra_defrtr_metric", 52},
	},
}

// parameter is the value of a kernel parameter of the link; told is whether the
// message has it, or says that this kernel does not have it.
func (l *seenLink) parameter(family int, name string) (value string, exists, told bool) {
	place := parameterPlaces[family].of(name)
	array := l.parameters[family]
	switch {
	case place == 0 || array == nil:
		return "", false, false
	case 4*place+4 > len(array):
		return "", false, true
	}
	return strconv.Itoa(int(int32(binary.NativeEndian.Uint32(array[4*place:])))), true, true
}
