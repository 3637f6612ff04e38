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
	Sysctls   map[string]string // by path below /proc/sys, e.g. net/ipv6/conf/eth0/accept_ra
	Unshown   bool              // observed: there are more routes of other programs than were read
}

func newState() State {
	return State{Links: map[string]Link{}, Addresses: map[AddressKey]Address{}, Routes: map[RouteKey]Route{}, Sysctls: map[string]string{}}
}

// Link is one network interface. A desired one uses only Up, MTU and Announcements.
type Link struct {
	Index         int
	Kind          string // of rtnetlink: "veth", "bridge" ...; "" or "device" for hardware
	MAC           [6]byte
	MTU           int // 0 in a desired one: as it is
	Up            bool
	Carrier       bool
	Ethernet      bool // ARPHRD_ETHER
	Hardware      bool // it has a parent device
	Enslaved      bool // it is part of a bridge, bond or VRF
	Ours          bool // observed: we set it up
	Announcements bool // desired: router advertisements may configure it
}

// AddressKey is an address as the kernel tells addresses apart: the same one
// with two prefix lengths is two.
type AddressKey struct {
	Link   string
	Prefix netip.Prefix // e.g. 10.0.2.15/24
}

// Address is what is known of an address beside its key.
type Address struct {
	Until     time.Duration // forever, or when the kernel removes it
	Metric    int           // of the route to its subnet; the kernel does not tell it back
	Distant   bool          // observed: Until is at least the time distant away
	Peer      netip.Addr    // observed: the other end's, where that is another one
	Announced bool          // observed: the kernel made it from a router advertisement
	Tentative bool          // observed: the kernel still looks for duplicates
	Duplicate bool          // observed: somebody else has it
	Ours      bool          // observed: it carries our protocol number (Linux 5.18 or newer)
	Source    string        // desired: why, for people
}

// RouteKey is a route of the main table as we tell routes apart. The kernel
// leaves Link out: a replace hits the route of another link with the same rest.
type RouteKey struct {
	Link   string
	To     netip.Prefix
	Metric int
	Router netip.Addr // of a route with protocol RA: the kernel keeps one for each router
}

// Route is what is known of a route beside its key.
type Route struct {
	Via       netip.Addr // invalid: on the link
	From      netip.Addr // preferred source; with that address the route goes
	OnLink    bool       // the gateway is reached though no subnet says so
	Protocol  int        // who made it
	Announced bool       // observed: the kernel made it from a router advertisement
	Source    string     // desired: why, for people
}

// Protocol numbers of routes and addresses (rtnetlink(7)). Ours is one that
// nobody has registered in iproute2's rt_protos. With the group of the links
// that we set up it tells what is ours: in the kernel, so that it outlives us.
const (
	protocolOurs   = 66
	protocolKernel = 2
	protocolRA     = 9

	groupOurs = 66
)

// sameRoute compares what the kernel can tell.
func sameRoute(a, b Route) bool {
	return a.Via == b.Via && a.From == b.From && a.OnLink == b.OnLink && a.Protocol == b.Protocol
}
