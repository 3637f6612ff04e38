package dhcp4

import (
	"encoding/binary"
	"net/netip"
	"time"

	"bantam/netcfg/bootp"
	"bantam/netcfg/dnsname"
)

// parameters is option 55, the same in every message: a server may answer a
// renewal with no more than what that renewal asks for. 121 stands before 3 (RFC 3442).
var parameters = []byte{
	bootp.SubnetMask, bootp.ClasslessRoutes, bootp.Router,
	bootp.NameServers, bootp.DomainName, bootp.DomainSearch,
	bootp.RenewalTime, bootp.RebindingTime, bootp.TimeServers,
}

const maxMessage = 1472 // option 57: what fits into an Ethernet frame

var broadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})

// message makes a request with what every request has, and with the address and the server that are named in it if they are valid.
func (c *Client) message(kind bootp.Kind, address, server netip.Addr) *bootp.Message {
	m := &bootp.Message{XID: c.xid, Seconds: uint16(min((c.now-c.begun)/time.Second, 0xffff)), MAC: c.id.MAC, Options: bootp.Options{
		bootp.MessageType:      {byte(kind)},
		bootp.ClientIdentifier: append([]byte{bootp.Ethernet}, c.id.MAC[:]...),
	}}
	if address.IsValid() {
		m.Options[bootp.RequestedAddress] = address.AsSlice()
	}
	if server.IsValid() {
		m.Options[bootp.ServerIdentifier] = server.AsSlice()
	}
	return m
}

// ask adds what every request but DECLINE has.
func (c *Client) ask(m *bootp.Message) *bootp.Message {
	m.Options[bootp.ParameterList] = parameters
	m.Options[bootp.MaxMessageSize] = binary.BigEndian.AppendUint16(nil, maxMessage)
	if c.id.Vendor != "" {
		m.Options[bootp.ClassIdentifier] = []byte(c.id.Vendor)
	}
	if dnsname.Valid(c.id.Hostname) {
		m.Options[bootp.HostName] = []byte(c.id.Hostname)
	}
	return m
}

func (c *Client) send(from, to netip.Addr, m *bootp.Message) {
	c.lastSent, c.sentAny = c.now, true
	c.out = append(c.out, SendDHCP{From: from, To: to, Payload: m.Bytes()})
}

// wide broadcasts from no address. Every second attempt asks for a broadcast
// answer, for the relays and switches that lose unicast to an unconfigured host.
func (c *Client) wide(m *bootp.Message) {
	if c.attempts%2 == 1 {
		m.Flags = bootp.Broadcast
	}
	c.send(netip.IPv4Unspecified(), broadcast, m)
}

func (c *Client) sendDiscover() {
	m := c.message(bootp.Discover, c.hint, netip.Addr{})
	c.secs = m.Seconds
	c.wide(c.ask(m))
}

func (c *Client) sendRequest() {
	m := c.message(bootp.Request, c.wanted.Address.Addr(), c.wanted.Server)
	m.Seconds = c.secs // RFC 2131, 3.1
	c.wide(c.ask(m))
}

func (c *Client) sendReboot() {
	c.wide(c.ask(c.message(bootp.Request, c.hint, netip.Addr{})))
}

// sendRenew names the address in ciaddr and carries neither option 50 nor 54.
func (c *Client) sendRenew() {
	own := c.lease.Address.Addr()
	m := c.ask(c.message(bootp.Request, netip.Addr{}, netip.Addr{}))
	m.Client = own
	if c.phase == Rebinding {
		c.send(own, broadcast, m)
		return
	}
	c.send(own, c.lease.Server, m)
}

func (c *Client) sendDecline(l *Lease) {
	c.send(netip.IPv4Unspecified(), broadcast, c.message(bootp.Decline, l.Address.Addr(), l.Server))
}
