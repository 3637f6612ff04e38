package netcfg

import (
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"bantam/netcfg/rtnl"
)

// groups are the rtnetlink multicast groups whose messages wake us. What they
// say is not used, since every look compares everything, but for the options of
// router advertisements, which the kernel tells once and does not keep. A route
// that can matter to nothing wakes nobody: a router's table changes all the time.
const groups = 1<<(unix.RTNLGRP_LINK-1) |
	1<<(unix.RTNLGRP_IPV4_IFADDR-1) | 1<<(unix.RTNLGRP_IPV4_ROUTE-1) |
	1<<(unix.RTNLGRP_IPV6_IFADDR-1) | 1<<(unix.RTNLGRP_IPV6_ROUTE-1) | 1<<(unix.RTNLGRP_IPV6_IFINFO-1) |
	1<<(unix.RTNLGRP_IPV4_RULE-1) | 1<<(unix.RTNLGRP_IPV6_RULE-1) | 1<<(unix.RTNLGRP_ND_USEROPT-1) | 1<<(unix.RTNLGRP_TC-1)

// subscription is a socket that hears of every change.
type subscription struct {
	fd      int
	receive func(buffer []byte) (n int, fromKernel bool, err error)
	close   func()
}

func subscribe() (subscription, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
	if err != nil {
		return subscription{}, fmt.Errorf("socket(AF_NETLINK): %w", err)
	}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: groups}); err != nil {
		unix.Close(fd)
		return subscription{}, fmt.Errorf("bind(AF_NETLINK): %w", err)
	}
	receive := func(buffer []byte) (int, bool, error) {
		n, from, err := unix.Recvfrom(fd, buffer, 0)
		nl, ok := from.(*unix.SockaddrNetlink)
		return n, ok && nl.Pid == 0, err
	}
	return subscription{fd, receive, func() { unix.Close(fd) }}, nil
}

// drain reads what is pending and returns the router advertisement options in
// it, and whether anything changed that is to be looked at; wakes decides about
// routes, and clashes is given the addresses that another machine has. A full queue (ENOBUFS) has lost messages but not the socket: the dump that
// follows makes up for it, but for those options. Any other error means that
// the subscription must be made anew.
func (s subscription) drain(buffer []byte, wakes func(routeMessage) bool, clashes func(address)) (options []userOptions, changed, lost bool, err error) {
	for range 64 { // a storm must not keep us from the other sockets
		n, fromKernel, err := s.receive(buffer)
		switch {
		case errors.Is(err, unix.EAGAIN):
			return options, changed, lost, nil
		case errors.Is(err, unix.ENOBUFS):
			lost = true
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return options, true, true, fmt.Errorf("recvfrom(AF_NETLINK): %w", err)
		case n == 0:
			return options, true, true, errors.New("recvfrom(AF_NETLINK): closed")
		case !fromKernel:
			changed = true
		default:
			for m := (rtnl.Messages{Rest: buffer[:n]}); m.Next(); {
				switch m.Kind {
				case rtmNewUserOptions:
					options = append(options, readUserOptions(m.Body)...)
				case unix.RTM_NEWROUTE, unix.RTM_DELROUTE:
					if route, ok := readRoute(m.Body); ok && !changed {
						changed = wakes(route)
					}
				case unix.RTM_DELADDR:
					changed = true
					// The kernel forgets at once one with an end, and says why only here.
					if a, ok := readAddress(m.Body); ok && a.flags&unix.IFA_F_DADFAILED != 0 {
						clashes(a)
					}
				default:
					changed = true
				}
			}
		}
	}
	return options, changed, lost, nil
}

// userOptions is one RTM_NEWNDUSEROPT message: options of a router advertisement.
type userOptions struct {
	Link    int
	Options []byte
}

const (
	rtmNewUserOptions = 68
	routerAdvert      = 134
)

// readUserOptions reads the body of such a message (struct nduseroptmsg of
// linux/rtnetlink.h); none where it is malformed or of another kind of packet.
func readUserOptions(b []byte) []userOptions {
	if len(b) < 16 || b[0] != unix.AF_INET6 || b[8] != routerAdvert {
		return nil
	}
	n := int(binary.NativeEndian.Uint16(b[2:]))
	if 16+n > len(b) {
		return nil
	}
	return []userOptions{{Link: int(int32(rtnl.Read32(b[4:]))), Options: append([]byte(nil), b[16:16+n]...)}}
}
