package netcfg

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"bantam/netcfg/rtnl"
	"bantam/netcfg/wgnl"
)

// kernel is where plans come true: rtnetlink, or a fake with its traps in tests.
type kernel interface {
	// Observe reads links and addresses.
	Observe() (State, error)
	// ReadRoutes adds the routes and rules that matter where want is wanted, which has this interest; known are
	// routes of router advertisements that are not left out where there are too many.
	ReadRoutes(into *State, want State, of interest, known map[RouteKey]bool) error
	// ReadWireGuard adds the keys and peers of those links that are wanted as WireGuard's.
	ReadWireGuard(into *State, want State) error
	// ReadQueues adds the queues and redirections of ours.
	ReadQueues(into *State, want State) error
	// ReadSysctls adds the values of those paths that exist.
	ReadSysctls(into *State, paths []string)
	Apply(Op) error
	// Together applies those at the beginning of ops that it can apply at one go, one at least, and says for each how it went.
	Together(ops []Op) []error
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

func (r *rtnetlink) Apply(o Op) error { return r.Together([]Op{o})[0] }

func (r *rtnetlink) Together(ops []Op) (faults []error) {
	n := 0
	for n < len(ops) && r.isRequest(ops[n]) {
		n++
	}
	if n > 0 {
		faults = r.Changes(n, func(i int, b *rtnl.Body) (kind, flags uint16) { return r.request(ops[i], b) })
	} else if n = r.parameters(ops); n > 0 {
		faults = r.setParameters(ops[:n])
	} else {
		faults = []error{r.apply(ops[0])}
	}
	for i, err := range faults {
		if errors.Is(err, removedBefore(ops[i].Verb)) {
			faults[i] = nil
		} else if err != nil {
			faults[i] = fmt.Errorf("%v: %w", ops[i], err)
		}
	}
	return faults
}

// removedBefore is what the kernel says of something that shall be removed and is not there.
func removedBefore(v Verb) error {
	switch v {
	case RemoveRule:
		return unix.ENOENT
	case RemoveAddress:
		return unix.EADDRNOTAVAIL
	case RemoveRoute:
		return unix.ESRCH
	}
	return nil
}

// isRequest tells whether a change is one request, of a kind of which there may be many.
func (r *rtnetlink) isRequest(o Op) bool {
	switch o.Verb {
	case AddRule, RemoveRule:
		return true
	case PutAddress, RemoveAddress, AddRoute, ReplaceRoute, RemoveRoute:
		return r.links[o.Link].Index != 0 || o.To.Type != Unicast
	}
	return false
}

func (r *rtnetlink) request(o Op, b *rtnl.Body) (kind, flags uint16) {
	index := r.links[o.Link].Index
	switch o.Verb {
	case AddRule:
		*b = append(*b, o.Rule.body()...)
		return unix.RTM_NEWRULE, unix.NLM_F_CREATE | unix.NLM_F_EXCL
	case RemoveRule:
		*b = append(*b, o.Rule.body()...)
		return unix.RTM_DELRULE, 0
	case PutAddress:
		o.Address.request(b, index, o.Key.Prefix, r.now())
		return unix.RTM_NEWADDR, unix.NLM_F_CREATE | unix.NLM_F_REPLACE
	case RemoveAddress:
		removal(b, index, o.Key.Prefix, o.Address.Peer)
		return unix.RTM_DELADDR, 0
	}
	o.Route.request(b, index, o.To)
	switch o.Verb {
	case AddRoute: // with NLM_F_EXCL, so never a second path in IPv6
		return unix.RTM_NEWROUTE, unix.NLM_F_CREATE | unix.NLM_F_EXCL
	case ReplaceRoute:
		return unix.RTM_NEWROUTE, unix.NLM_F_CREATE | unix.NLM_F_REPLACE
	}
	return unix.RTM_DELROUTE, 0
}

// apply does what takes more than one request, or is rare.
func (r *rtnetlink) apply(o Op) error {
	link, there := r.links[o.Link]
	switch o.Verb {
	case SetSysctl:
		return r.setParameter(o)
	case MakeLink:
		return r.makeLink(o)
	}
	if !there {
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
	}
	return fmt.Errorf("unknown verb %q", o.Verb)
}
