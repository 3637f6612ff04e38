package netserve

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"bantam/netcfg/rtnl"
)

// link is one port as the kernel has it. The kernel is asked, and not the configurator: what is served is what is
// there, whoever made it and whether the configurator runs or not.
type link struct {
	name      string
	index     int
	mac       [6]byte
	mtu       int
	up        bool // and it has a carrier
	addresses []address
}

// address is one of a link that is in use.
type address struct {
	prefix           netip.Prefix
	preferred, valid time.Duration // until when; forever
}

// has says whether a link has an IPv4 address.
func (l link) has(a netip.Addr) bool {
	for _, own := range l.addresses {
		if own.prefix.Addr() == a {
			return true
		}
	}
	return false
}

// linkLocal is the address from which advertisements come; invalid: none yet.
func (l link) linkLocal() netip.Addr {
	for _, own := range l.addresses {
		if a := own.prefix.Addr(); a.Is6() && a.IsLinkLocalUnicast() {
			return a
		}
	}
	return netip.Addr{}
}

// groups are those whose messages make us look again. A route says something only if it is the default one.
const groups = 1<<(unix.RTNLGRP_LINK-1) | 1<<(unix.RTNLGRP_IPV4_IFADDR-1) | 1<<(unix.RTNLGRP_IPV6_IFADDR-1) | 1<<(unix.RTNLGRP_IPV6_ROUTE-1)

// kernel tells of links.
type kernel struct {
	*rtnl.Conversation
	events int
	buffer []byte
}

func openKernel() (k kernel, err error) {
	if k.Conversation, err = rtnl.Open(); err != nil {
		return k, err
	}
	k.events, err = unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
	if err != nil {
		return k, fmt.Errorf("socket(AF_NETLINK): %w", err)
	}
	if err := unix.Bind(k.events, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: groups}); err != nil {
		return k, fmt.Errorf("bind(AF_NETLINK): %w", err)
	}
	k.buffer = make([]byte, rtnl.AnswerSize)
	return k, nil
}

// changed reads what the kernel says by itself, and tells whether it has to be asked. Where something was lost, too.
func (k kernel) changed() (changed bool) {
	for range 64 {
		n, from, err := unix.Recvfrom(k.events, k.buffer, 0)
		if err == unix.EAGAIN {
			return changed
		}
		if nl, ok := from.(*unix.SockaddrNetlink); err != nil || !ok || nl.Pid != 0 {
			changed = changed || err != nil && err != unix.EINTR
			continue
		}
		for m := (rtnl.Messages{Rest: k.buffer[:n]}); m.Next(); {
			isRoute := m.Kind == unix.RTM_NEWROUTE || m.Kind == unix.RTM_DELROUTE
			changed = changed || !isRoute || len(m.Body) > 1 && m.Body[1] == 0
		}
	}
	return changed
}

// links reads those of the names.
func (k kernel) links(now time.Duration, wanted func(name string) bool) (all map[string]link, err error) {
	byIndex := map[int]*link{}
	err = k.all(unix.RTM_GETLINK, make([]byte, unix.SizeofIfInfomsg), func(b []byte) {
		if l, ok := readLink(b); ok && wanted(l.name) {
			byIndex[l.index] = &l
		}
	})
	if err == nil {
		err = k.all(unix.RTM_GETADDR, make([]byte, unix.SizeofIfAddrmsg), func(b []byte) {
			index, a, ok := readAddress(b, now)
			if l := byIndex[index]; ok && l != nil && !slices.Contains(l.addresses, a) { // a dump may begin anew
				l.addresses = append(l.addresses, a)
			}
		})
	}
	all = map[string]link{}
	for _, l := range byIndex {
		all[l.name] = *l
	}
	return all, err
}

// all hands every object of a kind to each, some perhaps twice.
func (k kernel) all(kind uint16, body []byte, each func(b []byte)) error {
	_, err := k.Dump(kind, body, func() func([]byte) bool { return func(b []byte) bool { each(b); return true } })
	if err != nil {
		return fmt.Errorf("list links and addresses: %w", err)
	}
	return nil
}

// readLink reads the body of an RTM_NEWLINK message of an Ethernet link.
func readLink(b []byte) (l link, ok bool) {
	if len(b) < unix.SizeofIfInfomsg || binary.NativeEndian.Uint16(b[2:]) != unix.ARPHRD_ETHER {
		return l, false
	}
	flags := rtnl.Read32(b[8:])
	l = link{index: int(int32(rtnl.Read32(b[4:]))), up: flags&unix.IFF_UP != 0 && flags&unix.IFF_RUNNING != 0}
	for at := (rtnl.Attributes{Rest: b[unix.SizeofIfInfomsg:]}); at.Next(); {
		switch at.Kind {
		case unix.IFLA_IFNAME:
			l.name = rtnl.Text(at.Value)
		case unix.IFLA_ADDRESS:
			if len(at.Value) == 6 {
				l.mac = [6]byte(at.Value)
			}
		case unix.IFLA_MTU:
			l.mtu = int(rtnl.Read32(at.Value))
		}
	}
	return l, l.name != "" && l.mac != [6]byte{}
}

// unusable are the flags of addresses that nobody should be told of.
const unusable = unix.IFA_F_TENTATIVE | unix.IFA_F_DADFAILED | unix.IFA_F_TEMPORARY

// unforgotten is the kernel's INFINITY_LIFE_TIME.
const unforgotten = 0xffffffff

// readAddress reads the body of an RTM_NEWADDR message.
func readAddress(b []byte, now time.Duration) (index int, a address, ok bool) {
	if len(b) < unix.SizeofIfAddrmsg {
		return 0, a, false
	}
	a = address{preferred: forever, valid: forever}
	flags := uint32(b[2])
	var own netip.Addr
	until := func(seconds uint32) time.Duration {
		if seconds == unforgotten {
			return forever
		}
		return now + time.Duration(seconds)*time.Second
	}
	for at := (rtnl.Attributes{Rest: b[unix.SizeofIfAddrmsg:]}); at.Next(); {
		switch v := at.Value; at.Kind {
		case unix.IFA_ADDRESS:
			if !own.IsValid() {
				own, _ = netip.AddrFromSlice(v)
			}
		case unix.IFA_LOCAL:
			own, _ = netip.AddrFromSlice(v)
		case unix.IFA_FLAGS:
			flags = rtnl.Read32(v)
		case unix.IFA_CACHEINFO:
			if len(v) >= unix.SizeofIfaCacheinfo {
				a.preferred, a.valid = until(rtnl.Read32(v)), until(rtnl.Read32(v[4:]))
			}
		}
	}
	a.prefix = netip.PrefixFrom(own, int(b[1]))
	return int(int32(rtnl.Read32(b[4:]))), a, a.prefix.IsValid() && flags&unusable == 0
}

// farAway is an address that is beyond every network of one's own.
var farAway = netip.MustParseAddr("2000::1")

// leads says whether this machine forwards what comes from a port to everywhere: it has a default route, and forwards.
func (k kernel) leads(port string) bool {
	text, err := os.ReadFile("/proc/sys/net/ipv6/conf/" + port + "/forwarding")
	if err != nil || strings.TrimSpace(string(text)) == "0" {
		return false
	}
	body := make([]byte, unix.SizeofRtMsg)
	body[0], body[1] = unix.AF_INET6, 128
	answer, err := k.Ask(unix.RTM_GETROUTE, body, rtnl.Attribute(unix.RTA_DST, farAway.AsSlice()))
	return err == nil && len(answer) >= unix.SizeofRtMsg && answer[7] == unix.RTN_UNICAST
}
