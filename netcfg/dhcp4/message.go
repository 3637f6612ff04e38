package dhcp4

import (
	"encoding/binary"
	"net/netip"
	"time"

	"bantam/netcfg/dnsname"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/iana"
)

// parameters is option 55, the same in every message: a server may answer a
// renewal with no more than what that renewal asks for. 121 stands before 3 (RFC 3442).
var parameters = []byte{
	byte(dhcpv4.OptionSubnetMask), byte(dhcpv4.OptionClasslessStaticRoute), byte(dhcpv4.OptionRouter),
	byte(dhcpv4.OptionDomainNameServer), byte(dhcpv4.OptionDomainName), byte(dhcpv4.OptionDNSDomainSearchList),
	byte(dhcpv4.OptionRenewTimeValue), byte(dhcpv4.OptionRebindingTimeValue), byte(dhcpv4.OptionNTPServers),
}

const maxMessage = 1472 // option 57: what fits into an Ethernet frame

var broadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})

// message makes a request with what every request has.
func (c *Client) message(kind dhcpv4.MessageType, options ...dhcpv4.Option) *dhcpv4.DHCPv4 {
	m := &dhcpv4.DHCPv4{
		OpCode:       dhcpv4.OpcodeBootRequest,
		HWType:       iana.HWTypeEthernet,
		ClientHWAddr: c.id.MAC[:],
		NumSeconds:   uint16(min((c.now-c.begun)/time.Second, 0xffff)),
		Options:      dhcpv4.Options{},
	}
	binary.BigEndian.PutUint32(m.TransactionID[:], c.xid)
	m.UpdateOption(dhcpv4.OptMessageType(kind))
	m.UpdateOption(dhcpv4.OptClientIdentifier(append([]byte{byte(iana.HWTypeEthernet)}, c.id.MAC[:]...)))
	for _, o := range options {
		m.UpdateOption(o)
	}
	return m
}

// ask adds what every request but DECLINE has.
func (c *Client) ask(m *dhcpv4.DHCPv4) *dhcpv4.DHCPv4 {
	m.UpdateOption(dhcpv4.OptGeneric(dhcpv4.OptionParameterRequestList, parameters))
	m.UpdateOption(dhcpv4.OptMaxMessageSize(maxMessage))
	if c.id.Vendor != "" {
		m.UpdateOption(dhcpv4.OptClassIdentifier(c.id.Vendor))
	}
	if dnsname.Valid(c.id.Hostname) {
		m.UpdateOption(dhcpv4.OptHostName(c.id.Hostname))
	}
	return m
}

func (c *Client) send(from, to netip.Addr, m *dhcpv4.DHCPv4) {
	c.lastSent, c.sentAny = c.now, true
	c.out = append(c.out, SendDHCP{From: from, To: to, Payload: m.ToBytes()})
}

// wide broadcasts from no address. Every second attempt asks for a broadcast
// answer, for the relays and switches that lose unicast to an unconfigured host.
func (c *Client) wide(m *dhcpv4.DHCPv4) {
	if c.attempts%2 == 1 {
		m.SetBroadcast()
	}
	c.send(netip.IPv4Unspecified(), broadcast, m)
}

func (c *Client) sendDiscover() {
	m := c.message(dhcpv4.MessageTypeDiscover)
	c.secs = m.NumSeconds
	if c.hint.IsValid() {
		m.UpdateOption(requested(c.hint))
	}
	c.wide(c.ask(m))
}

func (c *Client) sendRequest() {
	m := c.message(dhcpv4.MessageTypeRequest, requested(c.wanted.Address.Addr()), server(c.wanted.Server))
	m.NumSeconds = c.secs // RFC 2131, 3.1
	c.wide(c.ask(m))
}

func (c *Client) sendReboot() {
	c.wide(c.ask(c.message(dhcpv4.MessageTypeRequest, requested(c.hint))))
}

// sendRenew names the address in ciaddr and carries neither option 50 nor 54.
func (c *Client) sendRenew() {
	own := c.lease.Address.Addr()
	m := c.ask(c.message(dhcpv4.MessageTypeRequest))
	m.ClientIPAddr = own.AsSlice()
	if c.phase == Rebinding {
		c.send(own, broadcast, m)
		return
	}
	c.send(own, c.lease.Server, m)
}

func (c *Client) sendDecline(l *Lease) {
	c.send(netip.IPv4Unspecified(), broadcast,
		c.message(dhcpv4.MessageTypeDecline, requested(l.Address.Addr()), server(l.Server)))
}

func requested(a netip.Addr) dhcpv4.Option { return dhcpv4.OptRequestedIPAddress(a.AsSlice()) }
func server(a netip.Addr) dhcpv4.Option    { return dhcpv4.OptServerIdentifier(a.AsSlice()) }
