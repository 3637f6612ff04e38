// Package bootp reads and writes messages of DHCP (RFC 2131), which have the form of BOOTP's (RFC 951), between Ethernet cards and their servers.
package bootp

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"strconv"
)

// Kind is what a message is (option 53).
type Kind byte

const (
	Discover Kind = 1 + iota
	Offer
	Request
	Decline
	Acknowledge
	Refuse
	Release
	Inform
)

var kinds = [...]string{"DISCOVER", "OFFER", "REQUEST", "DECLINE", "ACK", "NAK", "RELEASE", "INFORM"}

func (k Kind) String() string {
	if k == 0 || int(k) > len(kinds) {
		return "message of kind " + strconv.Itoa(int(k))
	}
	return kinds[k-1]
}

// Broadcast is the flag of a client that no single frame reaches.
const Broadcast = 1 << 15

// Ethernet is the kind of a card's address (RFC 1700).
const Ethernet = 1

// Message is a request or a reply. An address that is not valid is written as 0.0.0.0.
type Message struct {
	Reply   bool
	XID     uint32
	Seconds uint16
	Flags   uint16
	Client  netip.Addr // ciaddr: what the client has
	Your    netip.Addr // yiaddr: what it gets
	Relay   netip.Addr // giaddr
	MAC     [6]byte
	Options Options
}

// Where a message has what.
const (
	atServerName = 44
	atFile       = 108
	atCookie     = 236
	headerSize   = 240 // the options follow
	leastSize    = 300 // bytes, of BOOTP; some relays and servers drop what is shorter
)

const cookie = 0x63825363

// Read reads a message, with option overload (RFC 2132, 9.3). With a message and an error the options are those before the fault.
func Read(b []byte) (*Message, error) {
	switch {
	case len(b) < headerSize:
		return nil, errors.New("message too short")
	case binary.BigEndian.Uint32(b[atCookie:]) != cookie:
		return nil, errors.New("not a message of DHCP")
	case b[0] != 1 && b[0] != 2 || b[1] != Ethernet || b[2] != 6:
		return nil, errors.New("not a message of an Ethernet card")
	}
	address := func(at int) netip.Addr { return netip.AddrFrom4([4]byte(b[at:])) }
	m := &Message{
		Reply: b[0] == 2, XID: binary.BigEndian.Uint32(b[4:]), Seconds: binary.BigEndian.Uint16(b[8:]), Flags: binary.BigEndian.Uint16(b[10:]),
		Client: address(12), Your: address(16), Relay: address(24), MAC: [6]byte(b[28:]), Options: Options{},
	}
	err := m.Options.read(b[headerSize:])
	overload := m.Options[Overload]
	if err != nil || len(overload) != 1 {
		return m, err
	}
	if overload[0]&1 != 0 {
		err = m.Options.read(b[atFile:atCookie])
	}
	if err == nil && overload[0]&2 != 0 {
		err = m.Options.read(b[atServerName:atFile])
	}
	delete(m.Options, Overload) // what it said is done, also for who writes the message again
	return m, err
}

// Kind is what the message is; 0 if it does not say.
func (m *Message) Kind() Kind {
	if value := m.Options[MessageType]; len(value) == 1 {
		return Kind(value[0])
	}
	return 0
}

// Bytes is the message as it is sent.
func (m *Message) Bytes() []byte {
	b := make([]byte, headerSize, 2*leastSize)
	b[0], b[1], b[2] = 1, Ethernet, 6
	if m.Reply {
		b[0] = 2
	}
	binary.BigEndian.PutUint32(b[4:], m.XID)
	binary.BigEndian.PutUint16(b[8:], m.Seconds)
	binary.BigEndian.PutUint16(b[10:], m.Flags)
	copy(b[12:16], m.Client.AsSlice())
	copy(b[16:20], m.Your.AsSlice())
	copy(b[24:28], m.Relay.AsSlice())
	copy(b[28:], m.MAC[:])
	binary.BigEndian.PutUint32(b[atCookie:], cookie)
	b = m.Options.appendTo(b)
	if short := leastSize - len(b); short > 0 {
		b = append(b, make([]byte, short)...)
	}
	return b
}
