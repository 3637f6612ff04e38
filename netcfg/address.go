package netcfg

import (
	"encoding/binary"
	"net"
	"net/netip"
	"time"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// The library leaves out two things about addresses, so we make and read the
// messages ourselves: the metric of the route to the subnet (IFA_RT_PRIORITY),
// and who made the address (IFA_PROTO), which kernels before 5.18 ignore.
const (
	ifaRoutePriority = 9
	ifaProtocol      = 11
)

// unforgotten is the kernel's INFINITY_LIFE_TIME.
const unforgotten = 0xffffffff

// address is what the kernel tells of one address.
type address struct {
	index    int
	prefix   netip.Prefix
	peer     netip.Addr
	flags    uint32 // IFA_F_...
	valid    uint32 // seconds left, or unforgotten
	protocol byte
}

func listAddresses() ([]address, error) {
	req := nl.NewNetlinkRequest(unix.RTM_GETADDR, unix.NLM_F_DUMP)
	req.AddData(nl.NewIfAddrmsg(unix.AF_UNSPEC))
	messages, err := req.Execute(unix.NETLINK_ROUTE, unix.RTM_NEWADDR)
	var list []address
	for _, m := range messages {
		if a, ok := readAddress(m); ok {
			list = append(list, a)
		}
	}
	return list, err
}

// readAddress reads the body of an RTM_NEWADDR message (struct ifaddrmsg and attributes).
func readAddress(b []byte) (a address, ok bool) {
	if len(b) < unix.SizeofIfAddrmsg {
		return a, false
	}
	attributes, err := nl.ParseRouteAttr(b[unix.SizeofIfAddrmsg:])
	if err != nil {
		return a, false
	}
	msg := nl.DeserializeIfAddrmsg(b)
	a = address{index: int(msg.Index), flags: uint32(msg.Flags), valid: unforgotten}
	var own, local netip.Addr
	for _, at := range attributes {
		switch v := at.Value; at.Attr.Type {
		case unix.IFA_ADDRESS:
			own, _ = netip.AddrFromSlice(v)
		case unix.IFA_LOCAL:
			local, _ = netip.AddrFromSlice(v)
		case unix.IFA_FLAGS:
			if len(v) == 4 {
				a.flags = binary.NativeEndian.Uint32(v)
			}
		case unix.IFA_CACHEINFO:
			if len(v) >= unix.SizeofIfaCacheinfo {
				a.valid = binary.NativeEndian.Uint32(v[4:])
			}
		case ifaProtocol:
			if len(v) > 0 {
				a.protocol = v[0]
			}
		}
	}
	if local.IsValid() && local != own { // then IFA_ADDRESS is the other end's
		own, a.peer = local, own
	}
	a.prefix = netip.PrefixFrom(own, int(msg.Prefixlen))
	return a, a.prefix.IsValid()
}

// distant is an end of an address so far away that the kernel may have chosen it:
// one of 32 bits cuts what we ask for to LONG_MAX/HZ seconds, 24 days at 1000 Hz.
const distant = 20 * 24 * time.Hour

func (a address) state(now time.Duration) Address {
	s := Address{
		Until:     forever,
		Distant:   time.Duration(a.valid)*time.Second >= distant,
		Peer:      a.peer,
		Announced: a.prefix.Addr().Is6() && a.flags&unix.IFA_F_PERMANENT == 0,
		Tentative: a.flags&unix.IFA_F_TENTATIVE != 0,
		Duplicate: a.flags&unix.IFA_F_DADFAILED != 0,
		Ours:      a.protocol == protocolOurs,
	}
	if a.valid != unforgotten {
		s.Until = now + time.Duration(a.valid)*time.Second
	}
	return s
}

// lifetime is the kernel's seconds until an address ends, rounded up: we take it
// away in time, and without us it may stay for part of a second; rounded down, one
// of a lease of two seconds would go before it can be renewed. Zero is refused.
func lifetime(until, now time.Duration) uint32 {
	if until == forever {
		return unforgotten
	}
	return uint32(min((max(until-now, 1)-1)/time.Second+1, unforgotten-1))
}

// putAddress adds an address or changes its lifetime and metric.
func putAddress(index int, p netip.Prefix, a Address, now time.Duration) error {
	family := unix.AF_INET
	if p.Addr().Is6() {
		family = unix.AF_INET6
	}
	req := nl.NewNetlinkRequest(unix.RTM_NEWADDR, unix.NLM_F_CREATE|unix.NLM_F_REPLACE|unix.NLM_F_ACK)
	msg := nl.NewIfAddrmsg(family)
	msg.Index = uint32(index)
	msg.Prefixlen = uint8(p.Bits())
	req.AddData(msg)
	raw := p.Addr().AsSlice()
	req.AddData(nl.NewRtAttr(unix.IFA_LOCAL, raw))
	req.AddData(nl.NewRtAttr(unix.IFA_ADDRESS, raw))
	if p.Addr().Is4() && p.Bits() < 31 {
		broadcast := p.Masked().Addr().AsSlice()
		for i, m := range net.CIDRMask(p.Bits(), 32) {
			broadcast[i] |= ^m
		}
		req.AddData(nl.NewRtAttr(unix.IFA_BROADCAST, broadcast))
	}
	seconds := lifetime(a.Until, now)
	life := nl.IfaCacheInfo{IfaCacheinfo: unix.IfaCacheinfo{Prefered: seconds, Valid: seconds}}
	req.AddData(nl.NewRtAttr(unix.IFA_CACHEINFO, life.Serialize()))
	req.AddData(nl.NewRtAttr(ifaRoutePriority, nl.Uint32Attr(uint32(a.Metric))))
	req.AddData(nl.NewRtAttr(ifaProtocol, []byte{protocolOurs}))
	_, err := req.Execute(unix.NETLINK_ROUTE, 0)
	return err
}
