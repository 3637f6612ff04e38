package applet

import (
	"encoding/binary"
	"net"
	"slices"

	"golang.org/x/sys/unix"

	"bantam/netcfg/rtnl"
)

// link is what the kernel tells of one (struct ifinfomsg and attributes).
type link struct {
	index, parent, master, mtu int
	flags                      uint32 // IFF_...
	name, kind                 string // kind: e.g. bridge; "" of hardware
	state                      byte   // an index of linkStates
	mac                        net.HardwareAddr
	statistics                 []byte // struct rtnl_link_stats64
}

// linkStates are RFC 2863's as the kernel numbers them.
var linkStates = []string{"UNKNOWN", "NOT-PRESENT", "DOWN", "LOWER-LAYER-DOWN", "TESTING", "DORMANT", "UP"}

func (l link) stateName() string {
	if int(l.state) < len(linkStates) {
		return linkStates[l.state]
	}
	return linkStates[0]
}

func readLink(b []byte) (l link, ok bool) {
	if len(b) < unix.SizeofIfInfomsg {
		return l, false
	}
	l.index, l.flags = int(int32(rtnl.Read32(b[4:]))), rtnl.Read32(b[8:])
	for a := (rtnl.Attributes{Rest: b[unix.SizeofIfInfomsg:]}); a.Next(); {
		switch v := a.Value; a.Kind {
		case unix.IFLA_IFNAME:
			l.name = rtnl.Text(v)
		case unix.IFLA_ADDRESS:
			if slices.ContainsFunc(v, func(b byte) bool { return b != 0 }) {
				l.mac = slices.Clone(v)
			}
		case unix.IFLA_MTU:
			l.mtu = int(int32(rtnl.Read32(v)))
		case unix.IFLA_LINK:
			l.parent = int(int32(rtnl.Read32(v)))
		case unix.IFLA_MASTER:
			l.master = int(int32(rtnl.Read32(v)))
		case unix.IFLA_OPERSTATE:
			if len(v) > 0 {
				l.state = v[0]
			}
		case unix.IFLA_STATS64:
			l.statistics = slices.Clone(v)
		case unix.IFLA_LINKINFO:
			for info := (rtnl.Attributes{Rest: v}); info.Next(); {
				if info.Kind == unix.IFLA_INFO_KIND {
					l.kind = rtnl.Text(info.Value)
				}
			}
		}
	}
	return l, l.name != ""
}

// count is one of the 64-bit numbers of the statistics; 0 where the kernel has none.
func (l link) count(place int) uint64 {
	if len(l.statistics) < 8*place+8 {
		return 0
	}
	return binary.NativeEndian.Uint64(l.statistics[8*place:])
}

func (r *ipRun) allLinks() ([]link, error) {
	return rtnl.List(r.kernel, unix.RTM_GETLINK, rtnl.LinkHeader(0, 0, 0), readLink)
}

func (r *ipRun) linkNamed(name string) (l link, err error) {
	kind := uint16(unix.IFLA_IFNAME)
	if len(name) >= unix.IFNAMSIZ {
		kind = unix.IFLA_ALT_IFNAME
	}
	answer, err := r.kernel.Ask(unix.RTM_GETLINK, rtnl.LinkHeader(0, 0, 0), rtnl.AttributeText(kind, name))
	l, ok := readLink(answer)
	if err != nil || !ok {
		return l, errNoLink
	}
	return l, nil
}

// changeLink changes the flags in mask, and what else of a link is in the attributes.
func (r *ipRun) changeLink(l link, flags, mask uint32, attributes ...[]byte) error {
	return r.kernel.Change(unix.RTM_NEWLINK, 0, append([][]byte{rtnl.LinkHeader(l.index, flags, mask)}, attributes...)...)
}

// linkAddress is what the kernel tells of an address (struct ifaddrmsg and attributes).
type linkAddress struct {
	net.IPNet
	index            int
	scope            byte
	flags            uint32 // IFA_F_...
	peer             net.IP // the other end, where it is not the address
	broadcast        net.IP
	label            string
	valid, preferred uint32 // seconds
}

func readAddress(b []byte) (a linkAddress, ok bool) {
	if len(b) < unix.SizeofIfAddrmsg {
		return a, false
	}
	a = linkAddress{index: int(int32(rtnl.Read32(b[4:]))), scope: b[3], flags: uint32(b[2])}
	var local net.IP // otherwise IFA_ADDRESS, which is the other end's where there is one
	for at := (rtnl.Attributes{Rest: b[unix.SizeofIfAddrmsg:]}); at.Next(); {
		switch v := at.Value; at.Kind {
		case unix.IFA_ADDRESS:
			a.IP = slices.Clone(v)
		case unix.IFA_LOCAL:
			local = slices.Clone(v)
		case unix.IFA_BROADCAST:
			a.broadcast = slices.Clone(v)
		case unix.IFA_LABEL:
			a.label = rtnl.Text(v)
		case unix.IFA_FLAGS:
			a.flags = rtnl.Read32(v)
		case unix.IFA_CACHEINFO:
			if len(v) >= unix.SizeofIfaCacheinfo {
				a.preferred, a.valid = rtnl.Read32(v), rtnl.Read32(v[4:])
			}
		}
	}
	if local != nil && !local.Equal(a.IP) {
		a.IP, a.peer = local, a.IP
	}
	a.Mask = net.CIDRMask(int(b[1]), 8*len(a.IP))
	return a, len(a.IP) == net.IPv4len || len(a.IP) == net.IPv6len
}

// addresses are those of a link, of the family that is asked for.
func (r *ipRun) addresses(l link) ([]linkAddress, error) {
	list, err := rtnl.List(r.kernel, unix.RTM_GETADDR, addressHeader(byte(r.family), 0, 0, l.index), readAddress)
	return slices.DeleteFunc(list, func(a linkAddress) bool {
		return a.index != l.index || r.family != unix.AF_UNSPEC && int(familyOf(a.IP)) != r.family
	}), err
}

// addressHeader is struct ifaddrmsg.
func addressHeader(family, bits, scope byte, index int) []byte {
	return binary.NativeEndian.AppendUint32([]byte{family, bits, 0, scope}, uint32(index))
}

// raw is an address as the kernel has it.
func raw(ip net.IP) []byte {
	if v4 := ip.To4(); v4 != nil {
		return v4
	}
	return ip
}

func familyOf(ip net.IP) byte {
	if ip.To4() != nil {
		return unix.AF_INET
	}
	return unix.AF_INET6
}

func (r *ipRun) addAddress(l link, a linkAddress) error {
	return r.kernel.Change(unix.RTM_NEWADDR, unix.NLM_F_CREATE|unix.NLM_F_EXCL, a.parts(l)...)
}

func (r *ipRun) deleteAddress(l link, a linkAddress) error {
	return r.kernel.Change(unix.RTM_DELADDR, 0, a.parts(l)...)
}

// parts are the body of a request about an address.
func (a linkAddress) parts(l link) [][]byte {
	bits, _ := a.Mask.Size()
	ip, family := raw(a.IP), familyOf(a.IP)
	end := ip // by which the kernel finds it
	if a.peer != nil {
		end = raw(a.peer)
	}
	parts := [][]byte{addressHeader(family, byte(bits), a.scope, l.index), rtnl.Attribute(unix.IFA_LOCAL, ip), rtnl.Attribute(unix.IFA_ADDRESS, end)}
	if family == unix.AF_INET6 {
		return parts
	}
	broadcast := a.broadcast
	if broadcast == nil && bits < 31 { // RFC 3021
		broadcast = slices.Clone(ip)
		for i, m := range a.Mask {
			broadcast[i] |= ^m
		}
	}
	if broadcast != nil && !broadcast.IsUnspecified() {
		parts = append(parts, rtnl.Attribute(unix.IFA_BROADCAST, raw(broadcast)))
	}
	if a.label != "" {
		parts = append(parts, rtnl.AttributeText(unix.IFA_LABEL, a.label))
	}
	return parts
}

// route is what the kernel tells of one, or is asked for (struct rtmsg and attributes).
type route struct {
	to                    net.IP // nil: all
	bits                  int    // of to
	table                 uint32
	protocol, scope, kind byte // RTPROT_..., RT_SCOPE_..., RTN_...
	flags                 uint32
	index                 int
	via, from             net.IP
	metric                uint32
	hops                  []hop // where there are several ways
}

type hop struct {
	index, weight int
	via           net.IP
}

func readRoute(b []byte) (r route, ok bool) {
	if len(b) < unix.SizeofRtMsg {
		return r, false
	}
	r = route{bits: int(b[1]), table: uint32(b[4]), protocol: b[5], scope: b[6], kind: b[7], flags: rtnl.Read32(b[8:])}
	for a := (rtnl.Attributes{Rest: b[unix.SizeofRtMsg:]}); a.Next(); {
		switch v := a.Value; a.Kind {
		case unix.RTA_DST:
			r.to = slices.Clone(v)
		case unix.RTA_OIF:
			r.index = int(int32(rtnl.Read32(v)))
		case unix.RTA_PRIORITY:
			r.metric = rtnl.Read32(v)
		case unix.RTA_GATEWAY:
			r.via = slices.Clone(v)
		case unix.RTA_PREFSRC:
			r.from = slices.Clone(v)
		case unix.RTA_TABLE:
			r.table = rtnl.Read32(v)
		case unix.RTA_MULTIPATH:
			r.hops = readHops(v)
		}
	}
	return r, true
}

// readHops reads what stands in RTA_MULTIPATH: struct rtnexthop with attributes, one after the other.
func readHops(b []byte) (list []hop) {
	for len(b) >= unix.SizeofRtNexthop {
		size := int(binary.NativeEndian.Uint16(b))
		if size < unix.SizeofRtNexthop || size > len(b) {
			return list
		}
		h := hop{weight: int(b[3]) + 1, index: int(int32(rtnl.Read32(b[4:])))}
		for a := (rtnl.Attributes{Rest: b[unix.SizeofRtNexthop:size]}); a.Next(); {
			if a.Kind == unix.RTA_GATEWAY {
				h.via = slices.Clone(a.Value)
			}
		}
		list = append(list, h)
		b = b[min((size+3)&^3, len(b)):]
	}
	return list
}

// routeHeader is struct rtmsg.
func routeHeader(family, bits, table, protocol, scope, kind byte, flags uint32) []byte {
	return binary.NativeEndian.AppendUint32([]byte{family, bits, 0, 0, table, protocol, scope, kind}, flags)
}

func (r *ipRun) routes(family int) ([]route, error) {
	return rtnl.List(r.kernel, unix.RTM_GETROUTE, routeHeader(byte(family), 0, 0, 0, 0, 0, 0), readRoute)
}

func (r *ipRun) routeTo(to net.IP) (route, error) {
	ip := raw(to)
	answer, err := r.kernel.Ask(unix.RTM_GETROUTE, routeHeader(familyOf(to), byte(8*len(ip)), 0, 0, 0, 0, unix.RTM_F_LOOKUP_TABLE), rtnl.Attribute(unix.RTA_DST, ip))
	found, _ := readRoute(answer)
	return found, err
}

// parts are the body of a request about a route.
func (r route) parts() [][]byte {
	table := byte(unix.RT_TABLE_UNSPEC)
	if r.table < 256 {
		table = byte(r.table)
	}
	parts := [][]byte{routeHeader(familyOf(r.to), byte(r.bits), table, r.protocol, r.scope, r.kind, r.flags), rtnl.Attribute(unix.RTA_DST, raw(r.to))}
	if r.from != nil {
		parts = append(parts, rtnl.Attribute(unix.RTA_PREFSRC, raw(r.from)))
	}
	if r.via != nil {
		parts = append(parts, rtnl.Attribute(unix.RTA_GATEWAY, raw(r.via)))
	}
	if r.metric != 0 {
		parts = append(parts, rtnl.Attribute32(unix.RTA_PRIORITY, r.metric))
	}
	if r.table >= 256 {
		parts = append(parts, rtnl.Attribute32(unix.RTA_TABLE, r.table))
	}
	return append(parts, rtnl.Attribute32(unix.RTA_OIF, uint32(r.index)))
}

// neighbour is what the kernel tells of one (struct ndmsg and attributes).
type neighbour struct {
	family, flags byte
	state         uint16 // NUD_...
	index         int
	ip            net.IP
	mac           net.HardwareAddr
}

func readNeighbour(b []byte) (n neighbour, ok bool) {
	if len(b) < unix.SizeofNdMsg {
		return n, false
	}
	n = neighbour{family: b[0], index: int(int32(rtnl.Read32(b[4:]))), state: binary.NativeEndian.Uint16(b[8:]), flags: b[10]}
	for a := (rtnl.Attributes{Rest: b[unix.SizeofNdMsg:]}); a.Next(); {
		switch v := a.Value; a.Kind {
		case unix.NDA_DST:
			n.ip = slices.Clone(v)
		case unix.NDA_LLADDR:
			n.mac = slices.Clone(v)
		}
	}
	return n, len(n.ip) == net.IPv4len || len(n.ip) == net.IPv6len
}

// neighbourHeader is struct ndmsg.
func neighbourHeader(family byte, index int) []byte {
	b := binary.NativeEndian.AppendUint32([]byte{family, 0, 0, 0}, uint32(index))
	return append(b, 0, 0, 0, 0)
}

func (r *ipRun) allNeighbours() ([]neighbour, error) {
	return rtnl.List(r.kernel, unix.RTM_GETNEIGH, neighbourHeader(byte(r.family), 0), readNeighbour)
}

func (r *ipRun) deleteNeighbour(n neighbour) error {
	return r.kernel.Change(unix.RTM_DELNEIGH, 0, neighbourHeader(n.family, n.index), rtnl.Attribute(unix.NDA_DST, n.ip))
}
