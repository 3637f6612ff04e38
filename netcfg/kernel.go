package netcfg

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"bantam/netcfg/rtnl"
	"bantam/netcfg/wgnl"
)

// kernel is where plans come true: rtnetlink, or a fake with its traps in tests.
type kernel interface {
	// Observe reads links and addresses.
	Observe() (State, error)
	// ReadRoutes adds the routes and rules that matter where want is wanted; known are
	// routes of router advertisements that are not left out where there are too many.
	ReadRoutes(into *State, want State, known map[RouteKey]bool) error
	// ReadWireGuard adds the keys and peers of those links that are wanted as WireGuard's.
	ReadWireGuard(into *State, want State) error
	// ReadQueues adds the queues and redirections of ours.
	ReadQueues(into *State, want State) error
	// ReadSysctls adds the values of those paths that exist.
	ReadSysctls(into *State, paths []string)
	Apply(Op) error
}

// rtnetlink is the kernel of the calling thread's network namespace.
type rtnetlink struct {
	*rtnl.Conversation
	now   func() time.Duration
	links map[string]seenLink // as last observed
	names map[int]string
	files int // below /proc/sys that were read

	devices  map[int]device // by index
	unruled  bool           // there is no rule of ours
	unshaped bool           // nor a queue

	wireGuard *wgnl.Kernel // nil: not needed yet
}

func openKernel(now func() time.Duration) (*rtnetlink, error) {
	c, err := rtnl.Open()
	if err != nil {
		return nil, fmt.Errorf("open rtnetlink: %w", err)
	}
	return &rtnetlink{Conversation: c, now: now}, nil
}

func (r *rtnetlink) Observe() (State, error) {
	s := newState()
	body := append(make([]byte, unix.SizeofIfInfomsg), rtnl.Attribute32(unix.IFLA_EXT_MASK, skipStatistics)...)
	links, err := rtnl.List(r.Conversation, unix.RTM_GETLINK, body, readLink)
	if err != nil {
		return s, fmt.Errorf("list links: %w", err)
	}
	r.links, r.names = make(map[string]seenLink, len(links)), make(map[int]string, len(links))
	for _, l := range links {
		r.names[l.Index] = l.name
	}
	for _, l := range links {
		l.resolve(r.names)
		r.describe(&l)
		r.links[l.name] = l
		s.Links[l.name] = l.Link
	}
	if err := r.readVLANs(&s); err != nil {
		return s, err
	}
	addresses, err := rtnl.List(r.Conversation, unix.RTM_GETADDR, make([]byte, unix.SizeofIfAddrmsg), readAddress)
	if err != nil {
		return s, fmt.Errorf("list addresses: %w", err)
	}
	now := r.now()
	for _, a := range addresses {
		if name := r.names[a.index]; name != "" {
			s.Addresses[AddressKey{name, a.prefix}] = a.state(now)
		}
	}
	return s, nil
}

// ReadSysctls takes what the links' messages say, and reads the files of the rest.
func (r *rtnetlink) ReadSysctls(into *State, paths []string) {
	for _, path := range paths {
		if value, exists, told := r.parameter(path); told {
			if exists {
				into.Sysctls[path] = value
			}
			continue
		}
		r.files++
		if text, err := os.ReadFile("/proc/sys/" + path); err == nil {
			into.Sysctls[path] = string(bytes.TrimSpace(text))
		}
	}
}

func (r *rtnetlink) parameter(path string) (value string, exists, told bool) {
	for family, prefix := range []string{"net/ipv4/conf/", "net/ipv6/conf/"} {
		rest, ours := strings.CutPrefix(path, prefix)
		port, name, _ := strings.Cut(rest, "/")
		if l, there := r.links[port]; ours && there {
			return l.parameter(family, name)
		}
	}
	return "", false, false
}

func (r *rtnetlink) Apply(o Op) error {
	if err := r.apply(o); err != nil {
		return fmt.Errorf("%v: %w", o, err)
	}
	return nil
}

func (r *rtnetlink) apply(o Op) error {
	link, there := r.links[o.Link]
	var err error
	switch o.Verb {
	case SetSysctl:
		if err = os.WriteFile("/proc/sys/"+o.Path, []byte(o.Value), 0); o.Optional && errors.Is(err, os.ErrNotExist) {
			return nil
		}
		return err
	case AddRule:
		return r.Change(unix.RTM_NEWRULE, unix.NLM_F_CREATE|unix.NLM_F_EXCL, o.Rule.body())
	case RemoveRule:
		if err = r.Change(unix.RTM_DELRULE, 0, o.Rule.body()); errors.Is(err, unix.ENOENT) {
			return nil // gone already
		}
		return err
	case MakeLink:
		return r.makeLink(o)
	}
	if !there && o.To.Type == Unicast {
		return unix.ENODEV
	}
	switch o.Verb {
	case SetWireGuard, PutPeer, RemovePeer:
		return r.changeWireGuard(o)
	case RemoveLink, RenameLink, TuneLink, JoinLink, LeaveLink, SetVLANs:
		return r.changeLink(link, o)
	case SetQueue:
		return r.setQueue(link, o.Queue.Rate)
	case RemoveQueue:
		return r.removeQueue(link)
	case Redirect:
		return r.redirect(link, o.Value)
	case RemoveRedirect:
		return r.removeRedirect(link)
	case SetMTU:
		return r.setLink(link.Index, 0, 0, rtnl.Attribute32(unix.IFLA_MTU, uint32(o.MTU)))
	case SetUp:
		return r.raise(link)
	case SetDown:
		return r.lower(link)
	case PutAddress:
		return r.putAddress(link.Index, o.Key.Prefix, o.Address, r.now())
	case RemoveAddress:
		if err = r.removeAddress(link.Index, o.Key.Prefix, o.Address.Peer); errors.Is(err, unix.EADDRNOTAVAIL) {
			return nil // gone already
		}
		return err
	case AddRoute: // with NLM_F_EXCL, so never a second path in IPv6
		return r.Change(unix.RTM_NEWROUTE, unix.NLM_F_CREATE|unix.NLM_F_EXCL, routeParts(link.Index, o.To, o.Route)...)
	case ReplaceRoute:
		return r.Change(unix.RTM_NEWROUTE, unix.NLM_F_CREATE|unix.NLM_F_REPLACE, routeParts(link.Index, o.To, o.Route)...)
	case RemoveRoute:
		if err = r.Change(unix.RTM_DELROUTE, 0, routeParts(link.Index, o.To, o.Route)...); errors.Is(err, unix.ESRCH) {
			return nil // gone already
		}
		return err
	}
	return fmt.Errorf("unknown verb %q", o.Verb)
}
