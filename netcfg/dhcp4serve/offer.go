package dhcp4serve

import (
	"fmt"
	"net"
	"net/netip"
	"time"

	"bantam/netcfg/bootp"
)

// offer is an address that a client was offered, or will be when nobody answers for it.
type offer struct {
	address netip.Addr
	request request // the newest DISCOVER
	probing bool
	sent    int           // probes
	tries   int           // addresses for which somebody answered
	due     time.Duration // the next probe, or the end
}

// offerTo is the offer to a client, of one address or, if that is invalid, of any; nil: none.
func (s *Server) offerTo(client string, a netip.Addr) *offer {
	for _, o := range s.offers {
		if o.request.client == client && (!a.IsValid() || o.address == a) {
			return o
		}
	}
	return nil
}

// offerOf is the offer of an address.
func (s *Server) offerOf(a netip.Addr) *offer {
	for _, o := range s.offers {
		if o.address == a {
			return o
		}
	}
	return nil
}

func (s *Server) withdraw(client string) {
	var others []*offer // a new list: who looks through the old one goes on
	for _, o := range s.offers {
		if o.request.client != client {
			others = append(others, o)
		}
	}
	s.offers = others
}

func (s *Server) discover(r request) {
	if o := s.offerTo(r.client, netip.Addr{}); o != nil {
		o.request = r
		if !o.probing {
			o.due = s.now + offerTime
			s.reply(r, bootp.Offer, o.address)
		}
		return
	}
	if len(s.offers) >= min(mostOffers, s.size()+len(s.config.Hosts)) && !s.known(r) {
		s.counts.Overload++
		return
	}
	s.consider(r, &offer{request: r})
}

// consider offers an address, or begins to look whether somebody has it.
func (s *Server) consider(r request, o *offer) {
	o.address = s.choose(r.client, r.mac, r.requested)
	if !o.address.IsValid() {
		s.counts.Exhausted++
		s.note("%v asks for an address, and there is none left", net.HardwareAddr(r.mac[:]))
		return
	}
	if other := s.offerOf(o.address); other != nil {
		s.withdraw(other.request.client)
	}
	s.offers = append(s.offers, o)
	if b := s.at(o.address); b != nil && b.Client == r.client && b.Until > s.now {
		o.due = s.now + offerTime
		s.reply(r, bootp.Offer, o.address)
		return
	}
	o.probing, o.sent = true, 0
	s.tick(o)
}

// tick does what is due of an offer.
func (s *Server) tick(o *offer) {
	switch {
	case !o.probing:
		s.withdraw(o.request.client)
	case o.sent < probeCount:
		o.sent++
		o.due = s.now + probeInterval
		s.out = append(s.out, Probe{o.address})
	default:
		o.probing, o.due = false, s.now+offerTime
		s.reply(o.request, bootp.Offer, o.address)
	}
}

// heard notes that somebody has an address that is about to be offered. The client itself may.
func (s *Server) heard(a ARP) {
	o := s.offerOf(a.Address)
	if o == nil || !o.probing || a.MAC == o.request.mac {
		return
	}
	client := o.request.client
	s.counts.Conflicts++
	s.note("%v is used by %v, who has no lease of it", a.Address, net.HardwareAddr(a.MAC[:]))
	s.withdraw(client)
	s.bar(a.Address)
	if s.hostAt(a.Address) != nil {
		return // it comes back with the next DISCOVER
	}
	if b := s.byClient[client]; b != nil && b.Address == a.Address {
		s.forget(b)
	}
	if o.tries++; o.tries < mostTries {
		s.consider(o.request, o)
	}
}

// known says whether there is a record of a client.
func (s *Server) known(r request) bool {
	return s.hostOf(r.mac) != nil || s.byClient[r.client] != nil
}

func (s *Server) note(format string, args ...any) {
	if s.notes.take(s.now) {
		s.out = append(s.out, Note{fmt.Sprintf(format, args...)})
	}
}
