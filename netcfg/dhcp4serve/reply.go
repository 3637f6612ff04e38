package dhcp4serve

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/iana"
)

// Kinds of replies.
const (
	offerMessage = dhcpv4.MessageTypeOffer
	acknowledged = dhcpv4.MessageTypeAck
	informed     = dhcpv4.MessageTypeInform // answered by an ACK without a lease
)

var (
	broadcast    = netip.AddrFrom4([4]byte{255, 255, 255, 255})
	broadcastMAC = [6]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
)

const wantsBroadcast = 1 << 15

// message makes a reply with what every one has.
func (s *Server) message(r request, kind dhcpv4.MessageType) *dhcpv4.DHCPv4 {
	m := &dhcpv4.DHCPv4{
		OpCode: dhcpv4.OpcodeBootReply, HWType: iana.HWTypeEthernet, TransactionID: r.xid, Flags: r.flags,
		ClientHWAddr: r.mac[:], Options: dhcpv4.Options{},
	}
	set(m, dhcpv4.OptionDHCPMessageType, []byte{byte(kind)})
	set(m, dhcpv4.OptionServerIdentifier, s.config.Own.Addr().AsSlice())
	if r.id != nil {
		set(m, dhcpv4.OptionClientIdentifier, r.id)
	}
	if r.relayed != nil {
		set(m, dhcpv4.OptionRelayAgentInformation, r.relayed)
	}
	return m
}

func set(m *dhcpv4.DHCPv4, code dhcpv4.OptionCode, value []byte) {
	m.UpdateOption(dhcpv4.OptGeneric(code, value))
}

// reply sends an offer, or acknowledges a request or INFORM.
func (s *Server) reply(r request, kind dhcpv4.MessageType, a netip.Addr) {
	lease := kind != informed
	if !lease {
		kind = acknowledged
	}
	m := s.message(r, kind)
	if lease {
		m.YourIPAddr = a.AsSlice()
		d := s.leaseFor(r)
		set(m, dhcpv4.OptionIPAddressLeaseTime, seconds(d))
		set(m, dhcpv4.OptionRenewTimeValue, seconds(d/2))
		set(m, dhcpv4.OptionRebindingTimeValue, seconds(d*7/8))
	}
	if kind == acknowledged && r.ciaddr.IsValid() {
		m.ClientIPAddr = r.ciaddr.AsSlice()
	}
	s.tell(r, m)
	s.send(r, a, m)
}

func seconds(d time.Duration) []byte {
	return binary.BigEndian.AppendUint32(nil, uint32(d/time.Second))
}

// tell adds what the client wants to know, beside its lease.
func (s *Server) tell(r request, m *dhcpv4.DHCPv4) {
	add := func(code dhcpv4.OptionCode, value []byte) {
		if len(value) > 0 && (r.wants == nil || slices.Contains(r.wants, code.Code())) {
			set(m, code, value)
		}
	}
	c := s.config
	for code, value := range c.Options {
		add(dhcpv4.GenericOptionCode(code), value)
	}
	mask := ^uint32(0) << (32 - c.Own.Bits())
	add(dhcpv4.OptionSubnetMask, binary.BigEndian.AppendUint32(nil, mask))
	add(dhcpv4.OptionBroadcastAddress, binary.BigEndian.AppendUint32(nil, number(c.Own.Addr())|^mask))
	add(dhcpv4.OptionRouter, c.Router.AsSlice())
	add(dhcpv4.OptionDomainNameServer, list(c.DNS))
	add(dhcpv4.OptionNTPServers, list(c.NTP))
	add(dhcpv4.OptionDomainName, []byte(c.Domain))
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
	m := s.message(r, dhcpv4.MessageTypeNak)
	set(m, dhcpv4.OptionMessage, []byte(why))
	s.out = append(s.out, Send{To: broadcast, MAC: broadcastMAC, Payload: m.ToBytes()})
}

// send sends a reply where RFC 2131, 4.1 wants it.
func (s *Server) send(r request, a netip.Addr, m *dhcpv4.DHCPv4) {
	action := Send{To: a, MAC: r.mac, Payload: m.ToBytes()}
	switch {
	case r.ciaddr.IsValid() && m.MessageType() == acknowledged:
		action.To, action.MAC = r.ciaddr, [6]byte{}
	case r.flags&wantsBroadcast != 0:
		action.To, action.MAC = broadcast, broadcastMAC
	}
	s.out = append(s.out, action)
}
