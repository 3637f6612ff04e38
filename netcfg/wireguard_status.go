package netcfg

import (
	"cmp"
	"fmt"
	"maps"
	"time"

	"bantam/netcfg/wgnl"
	"bantam/order"
	"bantam/system"
)

// WireGuardStatus is what is to be known of a tunnel beside its addresses and routes.
type WireGuardStatus struct {
	PublicKey string       `json:"public_key,omitempty"` // ours, for the other end; "" while there is none
	Port      int          `json:"port,omitempty"`       // UDP
	Peers     []PeerStatus `json:"peers,omitempty"`
}

// PeerStatus is one other end.
type PeerStatus struct {
	Name      string    `json:"name"`
	PublicKey string    `json:"public_key"`
	Endpoint  string    `json:"endpoint,omitempty"`  // where it is at present, e.g. 192.0.2.1:51820
	Allowed   []string  `json:"allowed,omitempty"`   // the networks behind it
	Handshake time.Time `json:"handshake,omitzero"`  // the last one that was seen; zero: none
	Connected bool      `json:"connected,omitempty"` // it has been heard of lately
	Waiting   string    `json:"waiting,omitempty"`   // why there is nobody to speak to
}

func (w *DesiredState) wireGuardStatus(p port, have State) *WireGuardStatus {
	device, n := have.WireGuard[p.Name], p.Net.WireGuard
	s := &WireGuardStatus{Port: device.Port}
	if device.PublicKey != (wgnl.Key{}) && device.PrivateKey != (wgnl.Secret{}) {
		s.PublicKey = device.PublicKey.String()
	}
	for _, name := range order.Sorted(maps.Keys(n.Peers), naturally) {
		wish := n.Peers[name]
		key, _ := system.ParseWireGuardKey(wish.PublicKey)
		peer, there := device.Peers[wgnl.Key(key)]
		one := PeerStatus{Name: name, PublicKey: wish.PublicKey, Allowed: wish.AllowedIPs, Connected: there && !device.Silent[wgnl.Key(key)]}
		if peer.Endpoint.IsValid() {
			one.Endpoint = peer.Endpoint.String()
		}
		if !peer.Handshake.IsZero() {
			one.Handshake = peer.Handshake.UTC().Truncate(time.Second)
		}
		switch {
		case one.Connected:
		case !there:
			one.Waiting = cmp.Or(w.lacks[p.Name], "not set yet")
		case wish.Endpoint == "" && one.Endpoint == "":
			one.Waiting = "it comes to us"
		case one.Endpoint == "":
			one.Waiting = "looking up " + wish.Endpoint
		case one.Handshake.IsZero():
			one.Waiting = "no answer yet"
		default:
			one.Waiting = "nothing heard lately"
		}
		s.Peers = append(s.Peers, one)
	}
	return s
}

// explain adds why names are not known.
func (s *WireGuardStatus) explain(peers map[string]system.Peer, fault func(name string) string) {
	if s == nil {
		return
	}
	for i, one := range s.Peers {
		if _, name, _, err := system.ParseEndpoint(peers[one.Name].Endpoint); err == nil && name != "" && !one.Connected {
			if why := fault(name); why != "" {
				s.Peers[i].Waiting = fmt.Sprintf("looking up %s: %s", name, why)
			}
		}
	}
}

// lines tell people of the tunnel: what, and because of what.
func (s *WireGuardStatus) lines(now time.Time) (lines [][2]string) {
	if s == nil {
		return nil
	}
	if s.PublicKey != "" {
		lines = append(lines, [2]string{"public key " + s.PublicKey, fmt.Sprintf("udp port %d", s.Port)})
	}
	for _, p := range s.Peers {
		what, why := "peer "+p.Name, cmp.Or(p.Waiting, "connected")
		if p.Endpoint != "" {
			what += " at " + p.Endpoint
		}
		if !p.Handshake.IsZero() {
			why += fmt.Sprintf(", handshake %v ago", now.Sub(p.Handshake).Round(time.Second))
		}
		lines = append(lines, [2]string{what, why})
	}
	return lines
}

func (s *WireGuardStatus) texts() (all []*string) {
	if s == nil {
		return nil
	}
	all = append(all, &s.PublicKey)
	for i := range s.Peers {
		p := &s.Peers[i]
		all = append(all, &p.Name, &p.PublicKey, &p.Endpoint, &p.Waiting)
		for j := range p.Allowed {
			all = append(all, &p.Allowed[j])
		}
	}
	return all
}
