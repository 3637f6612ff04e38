package netcfg

import (
	"encoding/binary"
	"net"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"bantam/netcfg/rtnl"
)

// The metric of the route to the subnet (IFA_RT_PRIORITY), and who made the
// address (IFA_PROTO), which kernels before 5.18 ignore.
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
	chosen   uint32 // likewise, until it is no longer preferred
	protocol byte
}

// readAddress reads the body of an RTM_NEWADDR message (struct ifaddrmsg and attributes).
func readAddress(b []byte) (a address, ok bool) {
	if len(b) < unix.SizeofIfAddrmsg {
		return a, false
	}
	a = address{index: int(int32(rtnl.Read32(b[4:]))), flags: uint32(b[2]), valid: unforgotten, chosen: unforgotten}
	var own, local netip.Addr
	for at := (rtnl.Attributes{Rest: b[unix.SizeofIfAddrmsg:]}); at.Next(); {
		switch v := at.Value; at.Kind {
		case unix.IFA_ADDRESS:
			own, _ = netip.AddrFromSlice(v)
		case unix.IFA_LOCAL:
			local, _ = netip.AddrFromSlice(v)
		case unix.IFA_FLAGS:
			if len(v) == 4 {
				a.flags = rtnl.Read32(v)
			}
		case unix.IFA_CACHEINFO:
			if len(v) >= unix.SizeofIfaCacheinfo {
				a.chosen, a.valid = rtnl.Read32(v), rtnl.Read32(v[4:])
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
	a.prefix = netip.PrefixFrom(own, int(b[1]))
	return a, a.prefix.IsValid()
}

// distant is an end of an address so far away that the kernel may have chosen it:
// one of 32 bits cuts what we ask for to LONG_MAX/HZ seconds, 24 days at 1000 Hz.
const distant = 20 * 24 * time.Hour

func (a address) state(now time.Duration) Address {
	s := Address{
		Until:     forever,
		Preferred: forever,
		Spent:     a.chosen == 0,
		Distant:   time.Duration(a.valid)*time.Second >= distant,
		Peer:      a.peer,
		Announced: a.prefix.Addr().Is6() && a.flags&unix.IFA_F_PERMANENT == 0 && a.protocol != protocolOurs,
		Tentative: a.flags&unix.IFA_F_TENTATIVE != 0,
		Duplicate: a.flags&unix.IFA_F_DADFAILED != 0,
		Ours:      a.protocol == protocolOurs,
	}
	if a.valid != unforgotten {
		s.Until = now + time.Duration(a.valid)*time.Second
	}
	if a.chosen != unforgotten {
		s.Preferred = now + time.Duration(a.chosen)*time.Second
	}
	return s
}

// preferred is when an address is no longer taken for new connections: with its end, or before it.
func (a Address) preferred() time.Duration {
	if a.Preferred == 0 {
		return a.Until
	}
	return min(a.Preferred, a.Until)
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

// request appends the body of a request that adds an address or changes its lifetime and metric.
func (a Address) request(b *rtnl.Body, index int, p netip.Prefix, now time.Duration) {
	addressHeader(b, index, p)
	if p.Addr().Is4() && p.Addr().IsLinkLocalUnicast() {
		(*b)[3] = unix.RT_SCOPE_LINK // otherwise it would be taken for what leads beyond
	}
	b.AddAddress(unix.IFA_LOCAL, p.Addr())
	b.AddAddress(unix.IFA_ADDRESS, p.Addr())
	if p.Addr().Is4() && p.Bits() < 31 {
		broadcast := p.Addr().As4()
		for i, m := range net.CIDRMask(p.Bits(), 32) {
			broadcast[i] |= ^m
		}
		b.Add(unix.IFA_BROADCAST, broadcast[:])
	}
	if a.Lone {
		b.Add32(unix.IFA_FLAGS, unix.IFA_F_NODAD)
	}
	var life [unix.SizeofIfaCacheinfo]byte // the first two fields are preferred and valid
	if preferred := a.preferred(); preferred > now {
		binary.NativeEndian.PutUint32(life[:], lifetime(preferred, now))
	}
	binary.NativeEndian.PutUint32(life[4:], lifetime(a.Until, now))
	b.Add(unix.IFA_CACHEINFO, life[:])
	b.Add32(ifaRoutePriority, uint32(a.Metric))
	b.Add8(ifaProtocol, protocolOurs)
}

// removal appends the body of a request that takes an address away. The kernel finds it by the peer, where it has one.
func removal(b *rtnl.Body, index int, p netip.Prefix, peer netip.Addr) {
	end := p.Addr()
	if peer.IsValid() {
		end = peer
	}
	addressHeader(b, index, p)
	b.AddAddress(unix.IFA_LOCAL, p.Addr())
	b.AddAddress(unix.IFA_ADDRESS, end)
}

// addressHeader appends struct ifaddrmsg.
func addressHeader(b *rtnl.Body, index int, p netip.Prefix) {
	*b = binary.NativeEndian.AppendUint32(append(*b, family(p.Addr()), byte(p.Bits()), 0, 0), uint32(index))
}

func family(a netip.Addr) byte {
	if a.Is4() {
		return unix.AF_INET
	}
	return unix.AF_INET6
}
