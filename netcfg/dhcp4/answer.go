package dhcp4

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"bantam/netcfg/bootp"
)

// parse reads an answer meant for the station mac; without a message it is none.
// With one and an error it is ours, but its options cannot be read.
func parse(payload []byte, mac [6]byte) (*bootp.Message, error) {
	m, err := bootp.Read(payload)
	switch {
	case m == nil:
		return nil, err
	case !m.Reply:
		return nil, errors.New("not an answer")
	case m.MAC != mac:
		return nil, fmt.Errorf("for %v", net.HardwareAddr(m.MAC[:]))
	}
	return m, err
}

// receive handles one datagram and tells whether it answers a request of ours.
func (c *Client) receive(payload []byte) bool {
	m, err := parse(payload, c.id.MAC)
	if m == nil || m.XID != c.xid || c.attempts == 0 && c.phase < Bound {
		return false
	}
	if err != nil {
		c.refuse("answer", err)
		return true
	}
	switch m.Kind() {
	case bootp.Offer:
		return c.asksAny() && c.offered(m)
	case bootp.Acknowledge:
		return c.acknowledged(m)
	case bootp.Refuse:
		return c.refused(m)
	}
	return false
}

func (c *Client) offered(m *bootp.Message) bool {
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

func (c *Client) acknowledged(m *bootp.Message) bool {
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
	l.ACK = m.Bytes()
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
func inherit(m *bootp.Message, before *Lease) {
	if before == nil || before.Address.Addr() != m.Your {
		return
	}
	keep := func(list ...byte) {
		if slices.ContainsFunc(list, m.Options.Has) {
			return
		}
		for _, code := range list {
			if value := before.options[code]; value != nil {
				m.Options[code] = value
			}
		}
	}
	if !m.Options.Has(bootp.SubnetMask) {
		keep(bootp.SubnetMask)
		keep(bootp.ClasslessRoutes, bootp.Router)
		keep(bootp.NameServers)
		keep(bootp.DomainName, bootp.DomainSearch)
	}
	if !m.Options.Has(bootp.LeaseTime) {
		keep(bootp.LeaseTime)
		keep(bootp.RenewalTime)
		keep(bootp.RebindingTime)
	}
}

func (c *Client) refused(m *bootp.Message) bool {
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
	if m.Kind() != bootp.Acknowledge {
		return nil, fmt.Errorf("a %v, not an ACK", m.Kind())
	}
	l, err := readLease(m, start)
	if err != nil {
		return nil, err
	}
	l.ACK = slices.Clone(ack)
	return l, nil
}
