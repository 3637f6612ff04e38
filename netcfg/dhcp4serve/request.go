package dhcp4serve

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"time"

	"bantam/netcfg/bootp"
)

// request is what the server uses of a client's message.
type request struct {
	kind      bootp.Kind
	xid       uint32
	flags     uint16
	mac       [6]byte
	client    string     // who it is
	id        []byte     // option 61, to be sent back (RFC 6842)
	relayed   []byte     // option 82, likewise (RFC 3046): a switch on the way may have put it there
	ciaddr    netip.Addr // invalid: none
	requested netip.Addr // option 50; invalid: none
	server    netip.Addr // option 54; invalid: none
	lease     time.Duration
	wants     []byte // option 55; nil: it does not say
	name      string
}

const (
	maxMessage = 1500 // bytes; no client sends as many
	maxClient  = 256
)

// clientOf is who sent a message: the identifier that it calls itself by, or its card. One that is made of the card's
// address is the card's, so that a boot loader that sends none is the same client as the system that it starts.
func clientOf(id []byte, mac [6]byte) string {
	if len(id) < 2 || len(id) == 7 && id[0] == bootp.Ethernet && bytes.Equal(id[1:], mac[:]) {
		return "mac:" + string(mac[:])
	}
	return "id:" + string(id)
}

// parse reads a client's message.
func parse(payload []byte) (r request, err error) {
	if len(payload) > maxMessage {
		return r, errors.New("no message")
	}
	m, err := bootp.Read(payload)
	switch {
	case err != nil:
		return r, err
	case m.Reply:
		return r, errors.New("not a request")
	case m.MAC[0]&1 != 0 || m.MAC == [6]byte{}:
		return r, errors.New("from no card")
	case !m.Relay.IsUnspecified():
		return r, errors.New("from a relay")
	}
	r = request{
		kind: m.Kind(), xid: m.XID, flags: m.Flags, mac: m.MAC,
		id: m.Options[bootp.ClientIdentifier], relayed: m.Options[bootp.RelayAgent],
		ciaddr: addressOf(m.Client.AsSlice()), requested: addressOf(m.Options[bootp.RequestedAddress]),
		server: addressOf(m.Options[bootp.ServerIdentifier]),
		wants:  m.Options[bootp.ParameterList], name: named(m),
	}
	if raw := m.Options[bootp.LeaseTime]; len(raw) == 4 {
		r.lease = time.Duration(binary.BigEndian.Uint32(raw)) * time.Second
	}
	if len(r.id) >= maxClient-8 || len(r.relayed) > 255 {
		return r, errors.New("an identifier that is too long")
	}
	r.client = clientOf(r.id, r.mac)
	return r, nil
}

// addressOf reads an address; the unspecified one is none.
func addressOf(b []byte) netip.Addr {
	a, ok := netip.AddrFromSlice(b)
	if !ok || len(b) != 4 || a.IsUnspecified() {
		return netip.Addr{}
	}
	return a
}

func (s *Server) receive(payload []byte) {
	r, err := parse(payload)
	if err != nil {
		s.counts.Ignored++
		return
	}
	if s.hostOf(r.mac) != nil {
		r.client = "mac:" + string(r.mac[:]) // whatever it calls itself
	}
	bucket := &s.strangers // of their own, so that a flood of them takes nothing from others
	if s.known(r) {
		bucket = &s.regulars
	}
	if !bucket.take(s.now) {
		s.counts.Overload++
		return
	}
	switch r.kind {
	case bootp.Discover:
		s.discover(r)
	case bootp.Request:
		s.request(r)
	case bootp.Decline:
		s.decline(r)
	case bootp.Release:
		s.release(r)
	case bootp.Inform:
		if r.ciaddr.IsValid() && s.mine(r.ciaddr) {
			s.reply(r, bootp.Acknowledge, netip.Addr{})
		} else {
			s.counts.Ignored++
		}
	default:
		s.counts.Ignored++
	}
}

// request decides by RFC 2131, table 4.3.2, in which state the client is.
func (s *Server) request(r request) {
	wanted := r.requested
	switch {
	case r.server.IsValid() && r.server != s.config.Own.Addr():
		s.withdraw(r.client) // it has chosen another server
		s.counts.Ignored++
		return
	case r.server.IsValid(): // SELECTING
		if !wanted.IsValid() {
			wanted = r.ciaddr // some old clients
		}
	case wanted.IsValid() && !r.ciaddr.IsValid(): // INIT-REBOOT
	case r.ciaddr.IsValid() && !wanted.IsValid(): // RENEWING or REBINDING
		wanted = r.ciaddr
	default:
		s.counts.Ignored++
		return
	}
	if !wanted.IsValid() {
		s.counts.Ignored++
		return
	}
	answer, why := s.decide(r, wanted)
	switch answer {
	case acknowledge:
		s.acknowledge(r, wanted)
	case refuse:
		s.counts.Refused++
		s.withdraw(r.client)
		s.note("%v is refused to %v: %s", wanted, net.HardwareAddr(r.mac[:]), why)
		s.refuse(r, why)
	default:
		s.counts.Ignored++
	}
}

type answer int

const (
	silence answer = iota
	acknowledge
	refuse
)

// decide says what is answered to a client that wants an address, and why it is refused.
func (s *Server) decide(r request, wanted netip.Addr) (answer, string) {
	b := s.byClient[r.client]
	h := s.hostOf(r.mac)
	switch {
	case !s.config.Own.Contains(wanted):
		return refuse, "wrong network"
	case !s.mine(wanted):
		return refuse, "address of the server"
	case h != nil && h.Address != wanted:
		return refuse, "another address is set aside for this client"
	case h != nil && !s.free(wanted, r.client):
		return refuse, "another client still has this address"
	case h != nil:
		return acknowledge, ""
	case !s.pooled(wanted) && (s.hostAt(wanted) != nil || b != nil && b.Address == wanted || r.server.IsValid()):
		return refuse, "address is not given away"
	case !s.pooled(wanted):
		return silence, "" // perhaps another server's
	case b != nil && b.Address != wanted && b.Until > s.now && s.offerTo(r.client, wanted) == nil:
		return refuse, "client has another address"
	case !s.free(wanted, r.client):
		return refuse, "another client has this address"
	}
	return acknowledge, ""
}

func (s *Server) acknowledge(r request, wanted netip.Addr) {
	s.counts.Acknowledged++
	name := s.nameFor(r.client, r.mac, r.name)
	s.bind(Binding{Address: wanted, Client: r.client, MAC: r.mac, Name: name, Until: s.now + s.leaseFor(r)})
	s.reply(r, bootp.Acknowledge, wanted)
}

// leaseFor is how long the client gets an address: what it asks for, within bounds.
func (s *Server) leaseFor(r request) time.Duration {
	if r.lease == 0 {
		return s.config.Lease
	}
	return min(max(r.lease, shortestLease), s.config.Lease)
}

// decline takes an address out of use that somebody else answers for.
func (s *Server) decline(r request) {
	b := s.byClient[r.client]
	if b == nil || b.Address != r.requested || b.MAC != r.mac || r.server.IsValid() && r.server != s.config.Own.Addr() {
		s.counts.Ignored++
		return
	}
	s.counts.Declined++
	s.note("%v declines %v: somebody else has it", net.HardwareAddr(r.mac[:]), b.Address)
	s.forget(b)
	s.bar(b.Address)
}

// release ends a lease. The address is kept for its client as long as nobody else needs it.
func (s *Server) release(r request) {
	b := s.byClient[r.client]
	if b == nil || b.Address != r.ciaddr || b.MAC != r.mac {
		s.counts.Ignored++
		return
	}
	if b.Until > s.now {
		b.Until = s.now
		s.revision++
	}
}
