package netcfg

import (
	"net/netip"
	"time"
)

// State is what the kernel has, or shall have, of the ports we look after.
// Everything in it is a plain value under the key by which the kernel knows it,
// so that two states can be compared and printed. Times are on CLOCK_BOOTTIME.
type State struct {
	Links     map[string]Link
	Addresses map[AddressKey]Address
	Routes    map[RouteKey]Route
	Rules     map[Rule]bool        // observed: whether it is ours
	WireGuard map[string]WireGuard // by link
	Sysctls   map[string]string    // by path below /proc/sys, e.g. net/ipv6/conf/eth0/accept_ra
	Shaped
	Unshown bool // observed: there are more routes of other programs than were read
}

func newState() State {
	return State{Links: map[string]Link{}, Addresses: map[AddressKey]Address{}, Routes: map[RouteKey]Route{}, Rules: map[Rule]bool{}, WireGuard: map[string]WireGuard{}, Sysctls: map[string]string{}, Shaped: newShaped()}
}

// Link is one network interface.
type Link struct {
	MTU    int // 0 in a desired one: as it is
	Up     bool
	Master string // the bridge, bond or VRF that it belongs to; "" for none
	Make   Make   // how it is made; a desired one without Kind is not made
	Tune   Tune   // what can be changed of a made one
	VLANs  string // those of a bridge's port, and of the bridge itself, see vlanList

	// Of an observed one.
	Index     int
	Kind      string // of rtnetlink: "veth", "bridge" ...; "" or "device" for hardware
	MAC       [6]byte
	Permanent [6]byte // MAC address of the hardware, where the kernel tells it
	Carrier   bool
	Ethernet  bool   // ARPHRD_ETHER
	Hardware  bool   // it has a parent device
	Mark      Mark   // what it is to us
	Former    string // the name under which the kernel knows it as well, e.g. eth0
	Path      string // of the hardware below /sys/devices, e.g. pci0000:00/0000:00:03.0/virtio0
	Driver    string // of the hardware

	Managed, OtherConfig bool // a router advertises that addresses, or other things, are to be asked for by DHCPv6

	// Of a desired one.
	Members       string // the links that belong to it, in this order, with spaces between
	Called        string // the name that the link has until now; "" where it has its own
	Announcements bool   // router advertisements may configure it
	Session       bool   // pppd makes it, sets it up and gives it its addresses of IPv4
	Table         int    // of its VRF; 0: the main one
}

// Mark is what a link is to us. The kernel keeps it as the link's group.
type Mark int

const (
	Foreign Mark = iota
	Raised       // we set it up
	Made         // we made it, so it is ours to delete
	Renamed      // we gave it its name, and set it up
)

// markGroups are the groups of links by mark; a link that had another group before keeps that and has no mark.
var markGroups = [...]uint32{Foreign: 0, Raised: 66, Made: 67, Renamed: 68}

// AddressKey is an address as the kernel tells addresses apart: the same one
// with two prefix lengths is two.
type AddressKey struct {
	Link   string
	Prefix netip.Prefix // e.g. 10.0.2.15/24
}

// Address is what is known of an address beside its key.
type Address struct {
	Until     time.Duration // forever, or when the kernel removes it
	Preferred time.Duration // desired: when it is no longer taken for new connections, see preferred; observed: likewise
	Lone      bool          // desired: nobody else can have it, so the kernel need not look for duplicates
	Metric    int           // of the route to its subnet; the kernel does not tell it back
	Learned   bool          // desired: another machine has said so
	Spent     bool          // observed: it is no longer preferred
	Distant   bool          // observed: Until is at least the time distant away
	Peer      netip.Addr    // observed: the other end's, where that is another one
	Announced bool          // observed: the kernel made it from a router advertisement
	Tentative bool          // observed: the kernel still looks for duplicates
	Duplicate bool          // observed: somebody else has it
	Ours      bool          // observed: it carries our protocol number (Linux 5.18 or newer)
	Source    string        // desired: why, for people
}

// RouteKey is a route as we tell routes apart. The kernel leaves Link and Type
// out: a replace hits the route of another link with the same rest.
type RouteKey struct {
	Link   string // "" with a Type that leads nowhere
	To     netip.Prefix
	Metric int
	Router netip.Addr // of a route with protocol RA: the kernel keeps one for each router
	Table  int        // number of the routing table; 0: the main one
	Type   RouteType
}

// RouteType is what becomes of packets: rtnetlink's number; 0, the usual, is unicast.
type RouteType byte

const (
	Unicast     RouteType = 0
	Blackhole   RouteType = 6 // RTN_BLACKHOLE and so on
	Unreachable RouteType = 7
	Prohibit    RouteType = 8
)

var routeTypes = numbers{{"blackhole", int(Blackhole)}, {"unreachable", int(Unreachable)}, {"prohibit", int(Prohibit)}}

func (t RouteType) String() string {
	for _, known := range routeTypes {
		if RouteType(known.number) == t {
			return known.word
		}
	}
	return "unicast"
}

// Rule says which packets take which routing table. The kernel knows it by all of this.
type Rule struct {
	IPv6     bool
	From, To netip.Prefix // invalid: any
	Iif      string
	Mark     uint32
	Priority int
	Table    int
}

// Route is what is known of a route beside its key.
type Route struct {
	Via       netip.Addr // invalid: on the link
	From      netip.Addr // preferred source; with that address the route goes
	OnLink    bool       // the gateway is reached though no subnet says so
	Protocol  int        // who made it
	Announced bool       // observed: the kernel made it from a router advertisement
	Source    string     // desired: why, for people
	Learned   bool       // desired: another machine has said so
}

// Protocol numbers of routes and addresses (rtnetlink(7)). Ours is one that
// nobody has registered in iproute2's rt_protos. With the group of the links
// that we set up it tells what is ours: in the kernel, so that it outlives us.
const (
	protocolOurs   = 66
	protocolKernel = 2
	protocolRA     = 9
)

// sameRoute compares what the kernel can tell.
func sameRoute(a, b Route) bool {
	return a.Via == b.Via && a.From == b.From && a.OnLink == b.OnLink && a.Protocol == b.Protocol
}
