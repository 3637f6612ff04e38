package netcfg

import (
	"maps"
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"bantam/netcfg/wgnl"
)

// down is the kernel's: it takes a link's routes and IPv6 addresses along.
func (k *fakeKernel) down(name string) {
	link := k.Links[name]
	link.Up = false
	k.Links[name] = link
	k.dropRoutes(func(key RouteKey, _ Route) bool { return key.Link == name })
	maps.DeleteFunc(k.Addresses, func(a AddressKey, _ Address) bool { return a.Link == name && a.Prefix.Addr().Is6() })
}

// forget takes away all that a link has.
func (k *fakeKernel) forget(name string) {
	k.dropRoutes(func(key RouteKey, _ Route) bool { return key.Link == name })
	maps.DeleteFunc(k.Addresses, func(a AddressKey, _ Address) bool { return a.Link == name })
	maps.DeleteFunc(k.Sysctls, func(path, _ string) bool { return portOf(path) == name })
	delete(k.Links, name)
	delete(k.Queues, name)
	delete(k.Redirects, name)
}

// remove takes along what is on a link, and lets its ports go.
func (k *fakeKernel) remove(name string) {
	peer := k.Links[name].Make.Peer
	k.forget(name)
	for from, to := range k.Redirects { // the filter stays, and swallows
		if to == name {
			k.Redirects[from] = ""
		}
	}
	for other, l := range k.Links {
		switch {
		case l.Make.Parent == name || other == peer:
			k.remove(other)
		case l.Master == name:
			l.Master, l.VLANs = "", ""
			k.Links[other] = l
		}
	}
}

// changeLink has what the kernel asks for: parents that are there, names that nobody has, bonds whose ports join them
// down, names of links that are down.
func (k *fakeKernel) changeLink(o Op) error {
	link := k.Links[o.Link]
	switch o.Verb {
	case MakeLink:
		if link.Index != 0 {
			return unix.EEXIST
		}
		if o.Make.Parent != "" && k.Links[o.Make.Parent].Index == 0 {
			return unix.ENODEV
		}
		for i, name := range []string{o.Link, o.Make.Peer} {
			if name == "" {
				continue
			}
			m := o.Make
			if i == 1 {
				m.Peer = o.Link
			}
			made := Link{Index: 100 + len(k.Links), Kind: m.Kind, MTU: max(o.MTU, 1500), MAC: o.MAC, Ethernet: true, Mark: Made, Make: m, Tune: o.Tune, Carrier: true}
			if m.Kind == "bridge" && !o.Tune.Filtering {
				made.VLANs = "1u"
			}
			k.plug(name, made)
		}
		return nil
	case RemoveLink:
		k.remove(o.Link)
		return nil
	case RenameLink:
		if k.Links[o.Value].Index != 0 {
			return unix.EEXIST
		}
		if link.Up {
			k.down(o.Link)
			link = k.Links[o.Link]
		}
		queue, shaped := k.Queues[o.Link]
		to, led := k.Redirects[o.Link]
		k.forget(o.Link)
		if shaped {
			k.Queues[o.Value] = queue
		}
		if led {
			k.Redirects[o.Value] = to
		}
		switch {
		case o.Value == link.Former:
			link.Mark, link.Former = Foreign, ""
		default:
			link.Mark = Renamed
			if o.Former != "" {
				link.Former = o.Former
			}
		}
		k.plug(o.Value, link)
		return nil
	case TuneLink:
		link.Tune = o.Tune
	case JoinLink:
		master := k.Links[o.Value]
		if master.Index == 0 {
			return unix.ENODEV
		}
		if link.Mark == Foreign {
			link.Mark = Raised
		}
		if master.Make.Kind == "bond" || master.Make.Kind == "vrf" {
			k.Links[o.Link] = link
			k.down(o.Link)
			link.Up = true
		}
		link.Master = o.Value
		if master.Tune.Filtering {
			link.VLANs = ""
		}
	case LeaveLink:
		link.Master = ""
	case SetVLANs:
		if link.Master == "" && link.Make.Kind != "bridge" {
			return unix.EOPNOTSUPP
		}
		link.VLANs = strings.Clone(o.Value)
	}
	k.Links[o.Link] = link
	return nil
}

// ReadWireGuard tells of the links that are wanted.
func (k *fakeKernel) ReadWireGuard(into *State, want State) error {
	for name := range want.WireGuard {
		if k.Links[name].Make.Kind == wireGuardKind {
			d := k.WireGuard[name]
			d.Peers = maps.Clone(d.Peers)
			into.WireGuard[name] = d
		}
	}
	return nil
}

// changeWireGuard keeps keys without the bits that are not used, leaves out a peer that has the link's own key, and takes
// a network away from the peer that had it.
func (k *fakeKernel) changeWireGuard(o Op) error {
	if k.Links[o.Link].Make.Kind != wireGuardKind {
		return unix.EOPNOTSUPP
	}
	d, c := k.WireGuard[o.Link], o.WireGuard
	d.Peers = maps.Clone(d.Peers)
	if d.Peers == nil {
		d.Peers = map[wgnl.Key]wgnl.Peer{}
	}
	if c.PrivateKey != nil {
		d.PrivateKey = c.PrivateKey.Clamped()
		d.PublicKey = wgnl.Key(d.PrivateKey) // it is enough that each has its own
		delete(d.Peers, d.PublicKey)
	}
	if c.Port != nil {
		d.Port = *c.Port
	}
	if c.Mark != nil {
		d.Mark = *c.Mark
	}
	if c.Peer != nil && c.Peer.Key != d.PublicKey {
		p := d.Peers[c.Peer.Key]
		if c.Peer.Preshared != nil {
			p.Preshared = *c.Peer.Preshared
		}
		if c.Peer.Keepalive != nil {
			p.Keepalive = *c.Peer.Keepalive
		}
		if c.Peer.Endpoint.IsValid() {
			p.Endpoint = c.Peer.Endpoint
		}
		if c.Peer.Replace {
			for other, had := range d.Peers {
				had.Allowed = slices.DeleteFunc(slices.Clone(had.Allowed), func(p netip.Prefix) bool { return slices.Contains(c.Peer.Allowed, p) })
				d.Peers[other] = had
			}
			p.Allowed = c.Peer.Allowed
		}
		d.Peers[c.Peer.Key] = p
		if c.Peer.Remove {
			delete(d.Peers, c.Peer.Key)
		}
	}
	k.WireGuard[o.Link] = d
	return nil
}
