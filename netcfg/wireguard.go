package netcfg

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"

	"bantam/netcfg/wgnl"
	"bantam/order"
	"bantam/system"
)

// WireGuard is what the kernel has, or shall have, of a WireGuard link. Its secrets have no text.
type WireGuard struct {
	wgnl.Device
	Silent map[wgnl.Key]bool // observed: peers of whom nothing has been heard for so long that there is no session
}

// silence is after which time without a handshake a peer is not there: sessions are made anew every 120 s, and a try
// takes up to 15 s more.
const silence = 135 * time.Second

// peerKey is a peer of a link.
type peerKey struct {
	link string
	key  wgnl.Key
}

// secretValue is what has been told of a secret.
type secretValue struct {
	value string
	set   bool // otherwise nobody has set it
}

// key reads a secret that is a key; said is whether it has been told of at all.
func (f *Facts) key(name string) (key wgnl.Secret, said bool, err error) {
	s, said := f.Secrets[name]
	if !said {
		return key, false, nil
	}
	if !s.set {
		return key, true, fmt.Errorf("secret %s is not set: bantam secret set %s", name, name)
	}
	if key, err = system.ParseWireGuardKey(s.value); err != nil {
		return key, true, fmt.Errorf("secret %s %w", name, err)
	}
	return key, true, nil
}

// addWireGuard adds a tunnel with its peers, and the routes to what is behind them. What is there stays as it is while
// its secrets are not known.
func (w *DesiredState) addWireGuard(p port, facts Facts) {
	n := p.Net.WireGuard
	if n == nil {
		return
	}
	w.addTunnelRoutes(p)
	// With the mark what carries it goes past every full tunnel, this one or another.
	device := WireGuard{Device: wgnl.Device{Port: n.ListenPort, Mark: system.WireGuardMark, Peers: map[wgnl.Key]wgnl.Peer{}}}
	var said bool
	var err error
	device.PrivateKey, said, err = facts.key(n.KeySecret(p.Name))
	if err != nil {
		w.problem("%s: %v", p.Name, err)
	}
	device.PrivateKey = device.PrivateKey.Clamped()
	if !said || err != nil {
		w.lacks[p.Name] = "its private key, the secret " + n.KeySecret(p.Name)
		return
	}
	for _, name := range order.Sorted(maps.Keys(n.Peers), naturally) {
		peer, key, said, err := facts.peer(n.Peers[name])
		if !said {
			w.lacks[p.Name] = "the secret " + n.Peers[name].PresharedKey.Secret
			return
		}
		if err != nil {
			w.problem("%s: peer %s: %v", p.Name, name, err)
			continue
		}
		device.Peers[key] = peer
	}
	w.WireGuard[p.Name] = device
}

func (f *Facts) peer(n system.Peer) (p wgnl.Peer, key wgnl.Key, said bool, err error) {
	if key, err = system.ParseWireGuardKey(n.PublicKey); err != nil {
		return p, key, true, fmt.Errorf("%q %w", n.PublicKey, err)
	}
	if n.PresharedKey.Secret != "" {
		if p.Preshared, said, err = f.key(n.PresharedKey.Secret); !said || err != nil {
			return p, key, said, err
		}
	}
	p.Keepalive = n.KeepaliveSeconds()
	if address, name, port, err := system.ParseEndpoint(n.Endpoint); err == nil {
		if name != "" {
			address = f.Endpoints[name]
		}
		if address.IsValid() {
			p.Endpoint = netip.AddrPortFrom(address, port)
		}
	}
	for _, text := range n.AllowedIPs {
		if prefix, err := netip.ParsePrefix(text); err == nil {
			p.Allowed = append(p.Allowed, prefix)
		}
	}
	p.Allowed = wgnl.Sort(p.Allowed)
	return p, key, true, nil
}

// addTunnelRoutes adds a route for each network behind a peer, but for those that an address of the link leads to.
func (w *DesiredState) addTunnelRoutes(p port) {
	n := p.Net.WireGuard
	if n.Routes == "off" {
		return
	}
	full := fullTunnel{link: p.Name}
	for _, name := range order.Sorted(maps.Keys(n.Peers), naturally) {
		for _, text := range n.Peers[name].AllowedIPs {
			to, err := netip.ParsePrefix(text)
			if err != nil || slices.ContainsFunc(w.subnets[p.Name], func(own netip.Prefix) bool { return own.Bits() <= to.Bits() && own.Contains(to.Addr()) }) {
				continue
			}
			k := RouteKey{Link: p.Name, To: to, Metric: p.Metric, Table: tableNumber(p.Table)}
			if to.Bits() == 0 && p.Table == 0 {
				k.Table = system.WireGuardTable
				full.v4, full.v6 = full.v4 || to.Addr().Is4(), full.v6 || to.Addr().Is6()
			}
			w.addRoute(k, Route{Source: "behind peer " + name})
		}
	}
	if full.v4 || full.v6 {
		w.tunnels = append(w.tunnels, full)
	}
}

// planWireGuard lists what is to be changed of a link. A peer that is as it shall be is not touched.
func (p *planner) wireGuard() {
	for _, link := range order.Sorted(maps.Keys(p.want.WireGuard), naturally) {
		if _, wanted := p.want.Links[link]; !wanted || !p.willBe(link) {
			continue
		}
		want, have := p.want.WireGuard[link], p.have.WireGuard[link]
		var c wgnl.Change
		changed := false
		if want.PrivateKey != have.PrivateKey {
			c.PrivateKey, changed = &want.PrivateKey, true
		}
		if want.Port != 0 && want.Port != have.Port {
			c.Port, changed = &want.Port, true
		}
		if want.Mark != have.Mark {
			c.Mark, changed = &want.Mark, true
		}
		if changed {
			p.add(Op{Verb: SetWireGuard, Link: link, WireGuard: c, interrupts: c.PrivateKey != nil && have.PrivateKey != wgnl.Secret{}})
		}
		for _, key := range sortedPeers(want.Peers) {
			if key == have.PublicKey {
				p.problems = append(p.problems, fmt.Sprintf("%s: the peer %s is this machine itself: its public_key has to be that of the other end", link, key))
				continue
			}
			if change, differs := p.peer(peerKey{link, key}, want, have); differs {
				p.add(Op{Verb: PutPeer, Link: link, WireGuard: wgnl.Change{Peer: &change}})
			}
		}
		for _, key := range sortedPeers(have.Peers) {
			if _, wanted := want.Peers[key]; !wanted {
				p.add(Op{Verb: RemovePeer, Link: link, WireGuard: wgnl.Change{Peer: &wgnl.PeerChange{Key: key, Remove: true}}})
			}
		}
	}
}

// peer is what is to be changed of a peer. One that has moved, as a telephone does, is where the kernel has heard of it:
// its endpoint is set where it has none, where another one is wished than before, or where nothing is heard there.
func (p *planner) peer(at peerKey, wanted, observed WireGuard) (c wgnl.PeerChange, differs bool) {
	want := wanted.Peers[at.key]
	have, there := observed.Peers[at.key]
	c.Key, differs = at.key, !there
	if want.Preshared != have.Preshared {
		c.Preshared, differs = &want.Preshared, true
	}
	if want.Keepalive != have.Keepalive {
		c.Keepalive, differs = &want.Keepalive, true
	}
	if !slices.Equal(want.Allowed, have.Allowed) {
		c.Allowed, c.Replace, differs = want.Allowed, true, true
	}
	if e := want.Endpoint; e.IsValid() && e != have.Endpoint {
		asked, before := p.owned.Endpoints[at]
		if !have.Endpoint.IsValid() || before && asked != e || observed.Silent[at.key] {
			c.Endpoint, differs = e, true
		}
	}
	return c, differs
}

func sortedPeers(peers map[wgnl.Key]wgnl.Peer) []wgnl.Key {
	return order.Sorted(maps.Keys(peers), func(a, b wgnl.Key) int { return slices.Compare(a[:], b[:]) })
}
