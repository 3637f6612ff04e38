package dhcp4

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/iana"
)

// Where a message (RFC 2131, 2) has what option overload is about.
const (
	atServerName = 44
	atFile       = 108
	atCookie     = 236
	headerSize   = 240 // the options follow
)

// parse reads an answer meant for the station mac; without a message it is none.
// With one and an error it is ours, but its options cannot be read.
//
// The codec wants an End option, which some servers forget, so that it gets
// the header alone, and leaves out option overload.
func parse(payload []byte, mac [6]byte) (*dhcpv4.DHCPv4, error) {
	n := min(len(payload), headerSize)
	m, err := dhcpv4.FromBytes(append(payload[:n:n], dhcpv4.OptionEnd.Code()))
	switch {
	case err != nil:
		return nil, err
	case m.OpCode != dhcpv4.OpcodeBootReply || m.HWType != iana.HWTypeEthernet:
		return nil, errors.New("no answer to an Ethernet client")
	case !slices.Equal(m.ClientHWAddr, mac[:]):
		return nil, fmt.Errorf("for %v", net.HardwareAddr(m.ClientHWAddr))
	}
	if err := m.Options.FromBytes(payload[headerSize:]); err != nil {
		return m, err
	}
	overload := m.Options.Get(dhcpv4.OptionOptionOverload)
	if len(overload) != 1 {
		return m, nil
	}
	if overload[0]&1 != 0 {
		err = m.Options.FromBytes(payload[atFile:atCookie])
	}
	if err == nil && overload[0]&2 != 0 {
		err = m.Options.FromBytes(payload[atServerName:atFile])
	}
	m.Options.Del(dhcpv4.OptionOptionOverload) // what it said is done, also for who reads what is stored
	m.BootFileName, m.ServerHostName = "", ""
	return m, err
}

// receive handles one datagram and tells whether it answers a request of ours.
func (c *Client) receive(payload []byte) bool {
	m, err := parse(payload, c.id.MAC)
	if m == nil || binary.BigEndian.Uint32(m.TransactionID[:]) != c.xid || c.attempts == 0 && c.phase < Bound {
		return false
	}
	if err != nil {
		c.refuse("answer", err)
		return true
	}
	switch m.MessageType() {
	case dhcpv4.MessageTypeOffer:
		return c.asksAny() && c.offered(m)
	case dhcpv4.MessageTypeAck:
		return c.acknowledged(m)
	case dhcpv4.MessageTypeNak:
		return c.refused(m)
	}
	return false
}

func (c *Client) offered(m *dhcpv4.DHCPv4) bool {
	offer, err := readLease(m, c.now)
	if err == nil {
		err = c.unbelieved(offer.Server)
	}
	switch {
	case err != nil:
		c.refuse("offer", err)
	case offer.Server == c.avoid:
		c.spare = offer
	default:
		c.request(offer)
	}
	return true
}

// expected returns the server that may answer a request; any when it is not valid.
func (c *Client) expected() (from netip.Addr, ok bool) {
	switch c.phase {
	case Requesting:
		return c.wanted.Server, true
	case Renewing:
		return c.lease.Server, true
	case Rebinding, Rebooting:
		return netip.Addr{}, true
	}
	return netip.Addr{}, false
}

func (c *Client) acknowledged(m *dhcpv4.DHCPv4) bool {
	from, ok := c.expected()
	if !ok {
		return false
	}
	inherit(m, c.known)
	l, err := readLease(m, c.start)
	if err == nil {
		err = c.unbelieved(l.Server)
	}
	switch {
	case err != nil:
		c.refuse("acknowledgement", err)
		return true
	case from.IsValid() && l.Server != from || !l.ValidAt(c.now):
		return false
	}
	l.ACK = slices.Clone(m.ToBytes())
	if c.lease != nil && c.lease.Address.Addr() == l.Address.Addr() {
		c.bind(l) // it is ours already: nothing to probe
		return true
	}
	if c.phase == Rebooting && c.lease == nil && l.Address.Addr() == c.hint {
		c.trust(l)
		return true
	}
	// The server may give another address than was asked for, also where one is renewed: that
	// one is used as long as its lease lasts, or until the other is probed.
	c.enter(Probing, c.now)
	c.wanted = l
	return true
}

// inherit completes an acknowledgement by what was said of the same address
// before: to renew a lease some servers send no more than the address. Without
// a mask an answer says nothing of the network; with it, it has said all.
func inherit(m *dhcpv4.DHCPv4, before *Lease) {
	own, _ := netip.AddrFromSlice(m.YourIPAddr.To4())
	if before == nil || before.Address.Addr() != own {
		return
	}
	keep := func(list ...dhcpv4.OptionCode) {
		if slices.ContainsFunc(list, m.Options.Has) {
			return
		}
		for _, code := range list {
			if value := dhcpv4.Options(before.options).Get(code); value != nil {
				m.Options[code.Code()] = value
			}
		}
	}
	if !m.Options.Has(dhcpv4.OptionSubnetMask) {
		keep(dhcpv4.OptionSubnetMask)
		keep(dhcpv4.OptionClasslessStaticRoute, dhcpv4.OptionRouter)
		keep(dhcpv4.OptionDomainNameServer)
		keep(dhcpv4.OptionDomainName, dhcpv4.OptionDNSDomainSearchList)
	}
	if !m.Options.Has(dhcpv4.OptionIPAddressLeaseTime) {
		keep(dhcpv4.OptionIPAddressLeaseTime)
		keep(dhcpv4.OptionRenewTimeValue)
		keep(dhcpv4.OptionRebindingTimeValue)
	}
}

func (c *Client) refused(m *dhcpv4.DHCPv4) bool {
	from, ok := c.expected()
	server, named := serverOf(m)
	if !ok || !named || from.IsValid() && server != from {
		return false
	}
	if err := c.unbelieved(server); err != nil {
		c.refuse("NAK", err)
		return true
	}
	if c.phase == Requesting && c.failures > 0 {
		c.avoid = server // once more it refuses what it offered: others go first
	}
	c.startOver(0, fmt.Sprintf("refused by %v", server))
	return true
}

// Restore reads a lease from Lease.ACK and Lease.Start of before, checking it like any answer.
func Restore(ack []byte, start time.Duration, mac [6]byte) (*Lease, error) {
	m, err := parse(ack, mac)
	if err != nil {
		return nil, err
	}
	if m.MessageType() != dhcpv4.MessageTypeAck {
		return nil, fmt.Errorf("a %v, not an ACK", m.MessageType())
	}
	l, err := readLease(m, start)
	if err != nil {
		return nil, err
	}
	l.ACK = slices.Clone(ack)
	return l, nil
}
