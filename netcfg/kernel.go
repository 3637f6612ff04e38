package netcfg

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// kernel is where plans come true: rtnetlink, or a fake with its traps in tests.
type kernel interface {
	// Observe reads links, addresses and routes.
	Observe() (State, error)
	// ReadSysctls adds the values of those paths that exist.
	ReadSysctls(into *State, paths []string)
	Apply(Op) error
}

// rtnetlink is the kernel of the calling thread's network namespace.
type rtnetlink struct {
	handle *netlink.Handle
	now    func() time.Duration
}

func openKernel(now func() time.Duration) (*rtnetlink, error) {
	h, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("open rtnetlink: %w", err)
	}
	return &rtnetlink{h, now}, nil
}

// dump repeats a dump that changes have interrupted: it may lack something.
func dump[T any](what string, list func() ([]T, error)) ([]T, error) {
	var items []T
	var err error
	for range 4 {
		if items, err = list(); !errors.Is(err, netlink.ErrDumpInterrupted) {
			break
		}
	}
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", what, err)
	}
	return items, nil
}

func (r *rtnetlink) Observe() (State, error) {
	s := newState()
	names := map[int]string{}
	links, err := dump("links", r.handle.LinkList)
	if err != nil {
		return s, err
	}
	for _, l := range links {
		a := l.Attrs()
		names[a.Index] = a.Name
		link := Link{
			Index: a.Index, Kind: l.Type(), MTU: a.MTU,
			Up:       a.RawFlags&unix.IFF_UP != 0,
			Carrier:  a.RawFlags&running == running,
			Ethernet: a.EncapType == "ether" && a.RawFlags&unix.IFF_LOOPBACK == 0,
			Hardware: a.ParentDev != "",
			Enslaved: a.MasterIndex != 0,
			Ours:     a.Group == groupOurs,
		}
		copy(link.MAC[:], a.HardwareAddr)
		s.Links[a.Name] = link
	}
	addresses, err := dump("addresses", listAddresses)
	if err != nil {
		return s, err
	}
	now := r.now()
	for _, a := range addresses {
		if name := names[a.index]; name != "" {
			s.Addresses[AddressKey{name, a.prefix}] = a.state(now)
		}
	}
	for _, family := range []int{unix.AF_INET, unix.AF_INET6} {
		routes, err := dump("routes", func() ([]netlink.Route, error) { return r.handle.RouteList(nil, family) })
		if err != nil {
			return s, err
		}
		for _, route := range routes {
			s.putRoute(route, names)
		}
	}
	return s, nil
}

func (r *rtnetlink) ReadSysctls(into *State, paths []string) {
	for _, path := range paths {
		if text, err := os.ReadFile("/proc/sys/" + path); err == nil {
			into.Sysctls[path] = string(bytes.TrimSpace(text))
		}
	}
}

// putRoute keeps a route; where two of IPv6 share a key, ours.
func (s *State) putRoute(route netlink.Route, names map[int]string) {
	to, ok := prefixOf(route.Dst)
	if !ok || route.Tos != 0 {
		return
	}
	k := RouteKey{names[route.LinkIndex], to, route.Priority}
	if have, there := s.Routes[k]; there && have.Protocol == protocolOurs {
		return
	}
	via, _ := netip.AddrFromSlice(route.Gw)
	from, _ := netip.AddrFromSlice(route.Src)
	s.Routes[k] = Route{Via: via, From: from, OnLink: route.Flags&unix.RTNH_F_ONLINK != 0, Protocol: int(route.Protocol)}
}

// running is a carrier with which one can send: IFF_LOWER_UP comes first, and
// what is sent before IFF_RUNNING is lost in a queue that is not yet set up.
const running = unix.IFF_LOWER_UP | unix.IFF_RUNNING

func prefixOf(n *net.IPNet) (netip.Prefix, bool) {
	if n == nil {
		return netip.Prefix{}, false
	}
	a, ok := netip.AddrFromSlice(n.IP)
	bits, size := n.Mask.Size()
	if size == 32 {
		a = a.Unmap()
	}
	return netip.PrefixFrom(a, bits), ok && size == a.BitLen()
}

func (r *rtnetlink) Apply(o Op) error {
	if err := r.apply(o); err != nil {
		return fmt.Errorf("%v: %w", o, err)
	}
	return nil
}

func (r *rtnetlink) apply(o Op) error {
	if o.Verb == SetSysctl {
		return os.WriteFile("/proc/sys/"+o.Path, []byte(o.Value), 0)
	}
	link, err := r.handle.LinkByName(o.Link)
	if err != nil {
		return err
	}
	switch o.Verb {
	case SetMTU:
		return r.handle.LinkSetMTU(link, o.MTU)
	case SetUp:
		return r.raise(link)
	case SetDown:
		return r.lower(link)
	case PutAddress:
		return putAddress(link.Attrs().Index, o.Key.Prefix, o.Address, r.now())
	case RemoveAddress:
		address := &netlink.Addr{IPNet: netOf(o.Key.Prefix)}
		if peer := o.Address.Peer; peer.IsValid() { // the kernel finds it by the other end
			address.Peer = netOf(netip.PrefixFrom(peer, o.Key.Prefix.Bits()))
		}
		err = r.handle.AddrDel(link, address)
		if errors.Is(err, unix.EADDRNOTAVAIL) {
			return nil // gone already
		}
		return err
	}
	route := &netlink.Route{
		LinkIndex: link.Attrs().Index, Dst: netOf(o.To.To), Priority: o.To.Metric,
		Gw: ipOf(o.Route.Via), Src: ipOf(o.Route.From), Protocol: netlink.RouteProtocol(o.Route.Protocol),
	}
	if o.Route.OnLink {
		route.Flags = unix.RTNH_F_ONLINK
	}
	if !o.Route.Via.IsValid() && o.To.To.Addr().Is4() {
		route.Scope = unix.RT_SCOPE_LINK
	}
	switch o.Verb {
	case AddRoute:
		return r.handle.RouteAdd(route) // with NLM_F_EXCL, so never a second path in IPv6
	case ReplaceRoute:
		return r.handle.RouteReplace(route)
	case RemoveRoute:
		if err = r.handle.RouteDel(route); errors.Is(err, unix.ESRCH) {
			return nil // gone already
		}
		return err
	}
	return fmt.Errorf("unknown verb %q", o.Verb)
}

// raise sets a link up. The mark comes first: a link that is up without it
// would be left up for ever if we died in between.
func (r *rtnetlink) raise(link netlink.Link) error {
	if link.Attrs().Group == 0 {
		if err := r.handle.LinkSetGroup(link, groupOurs); err != nil {
			return err
		}
	}
	return r.handle.LinkSetUp(link)
}

func (r *rtnetlink) lower(link netlink.Link) error {
	if err := r.handle.LinkSetDown(link); err != nil {
		return err
	}
	return r.handle.LinkSetGroup(link, 0)
}

func netOf(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}

func ipOf(a netip.Addr) net.IP {
	if !a.IsValid() {
		return nil
	}
	return a.AsSlice()
}
