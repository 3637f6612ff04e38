package dhcp4serve

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"time"

	"bantam/netcfg/bootp"
)

var (
	broadcast    = netip.AddrFrom4([4]byte{255, 255, 255, 255})
	broadcastMAC = [6]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
)

// message makes a reply with what every one has.
func (s *Server) message(r request, kind bootp.Kind) *bootp.Message {
	m := &bootp.Message{Reply: true, XID: r.xid, Flags: r.flags, MAC: r.mac, Options: bootp.Options{
		bootp.MessageType:      {byte(kind)},
		bootp.ServerIdentifier: s.config.Own.Addr().AsSlice(),
	}}
	if r.id != nil {
		m.Options[bootp.ClientIdentifier] = r.id
	}
	if r.relayed != nil {
		m.Options[bootp.RelayAgent] = r.relayed
	}
	return m
}

// reply sends an offer of an address, or acknowledges a request; of an INFORM, without a lease.
func (s *Server) reply(r request, kind bootp.Kind, a netip.Addr) {
	m := s.message(r, kind)
	if a.IsValid() {
		m.Your = a
		d := s.leaseFor(r)
		m.Options[bootp.LeaseTime] = seconds(d)
		m.Options[bootp.RenewalTime] = seconds(d / 2)
		m.Options[bootp.RebindingTime] = seconds(d * 7 / 8)
	}
	if kind == bootp.Acknowledge && r.ciaddr.IsValid() {
		m.Client = r.ciaddr
	}
	s.tell(r, m)
	s.send(r, a, m)
}

func seconds(d time.Duration) []byte {
	return binary.BigEndian.AppendUint32(nil, uint32(d/time.Second))
}

// tell adds what the client wants to know, beside its lease.
func (s *Server) tell(r request, m *bootp.Message) {
	add := func(code byte, value []byte) {
		if len(value) > 0 && (r.wants == nil || slices.Contains(r.wants, code)) {
			m.Options[code] = value
		}
	}
	c := s.config
	for code, value := range c.Options {
		add(code, value)
	}
	mask := ^uint32(0) << (32 - c.Own.Bits())
	add(bootp.SubnetMask, binary.BigEndian.AppendUint32(nil, mask))
	add(bootp.BroadcastAddress, binary.BigEndian.AppendUint32(nil, number(c.Own.Addr())|^mask))
	add(bootp.Router, c.Router.AsSlice())
	add(bootp.NameServers, list(c.DNS))
	add(bootp.TimeServers, list(c.NTP))
	add(bootp.DomainName, []byte(c.Domain))
}

// mostListed is how many addresses of one kind a client is told.
const mostListed = 4

func list(addresses []netip.Addr) (raw []byte) {
	for _, a := range addresses {
		if a.Is4() && len(raw) < 4*mostListed {
			raw = append(raw, a.AsSlice()...)
		}
	}
	return raw
}

// refuse sends a NAK, always to everybody: the client's address is not one to send to.
func (s *Server) refuse(r request, why string) {
	m := s.message(r, bootp.Refuse)
	m.Options[bootp.Text] = []byte(why)
	s.out = append(s.out, Send{To: broadcast, MAC: broadcastMAC, Payload: m.Bytes()})
}

// send sends a reply where RFC 2131, 4.1 wants it.
func (s *Server) send(r request, a netip.Addr, m *bootp.Message) {
	action := Send{To: a, MAC: r.mac, Payload: m.Bytes()}
	switch {
	case r.ciaddr.IsValid() && m.Kind() == bootp.Acknowledge:
		action.To, action.MAC = r.ciaddr, [6]byte{}
	case r.flags&bootp.Broadcast != 0:
		action.To, action.MAC = broadcast, broadcastMAC
	}
	s.out = append(s.out, action)
}
