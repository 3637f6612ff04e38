// Package wgnl is WireGuard as the kernel speaks of it over generic netlink (linux/wireguard.h): a link with its key,
// port and peers. Encoding and decoding are pure; Kernel asks.
//
// It speaks only of what a peer is, never of "all peers at once": so a change of one leaves the others alone.
package wgnl

import (
	"encoding/base64"
	"encoding/binary"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"bantam/netcfg/rtnl"
)

// Key is a public key. Its text is that of wg(8).
type Key [32]byte

func (k Key) String() string { return base64.StdEncoding.EncodeToString(k[:]) }

// Secret is a private or preshared key. It has no text, so that none gets into a log; zero is none.
type Secret [32]byte

func (s Secret) String() string   { return "(secret)" }
func (s Secret) GoString() string { return "(secret)" }

// Clamped is a private key as the kernel keeps it, whatever the bits are that X25519 does not use (RFC 7748, 5).
func (s Secret) Clamped() Secret {
	s[0] &= 248
	s[31] = s[31]&127 | 64
	return s
}

// Device is one WireGuard link.
type Device struct {
	PrivateKey Secret
	PublicKey  Key // observed: the kernel makes it of the private one
	Port       int // UDP; 0 in a desired one: any
	Mark       uint32
	Peers      map[Key]Peer
}

// Peer is one other end.
type Peer struct {
	Preshared Secret
	Endpoint  netip.AddrPort // invalid: not known
	Keepalive int            // in seconds; 0: never
	Allowed   []netip.Prefix // sorted, see Sort

	// Observed.
	Handshake      time.Time // the last one; zero: none
	Received, Sent uint64    // bytes
}

// Change is what is to be changed of a link: what is nil or zero stays as it is.
type Change struct {
	PrivateKey *Secret
	Port       *int
	Mark       *uint32
	Peer       *PeerChange
}

// PeerChange is what is to be changed of one peer, which is added where it is not there.
type PeerChange struct {
	Key       Key
	Remove    bool
	Preshared *Secret
	Endpoint  netip.AddrPort
	Keepalive *int
	Allowed   []netip.Prefix // instead of those that it has, where Replace
	Replace   bool
}

// Attributes of a device, a peer, and a network behind one (enum wgdevice_attribute and so on), the commands and flags.
const (
	getDevice = 0
	setDevice = 1
	version   = 1

	deviceName       = 2
	devicePrivateKey = 3
	devicePublicKey  = 4
	devicePort       = 6
	deviceMark       = 7
	devicePeers      = 8

	peerPublicKey = 1
	peerPreshared = 2
	peerFlags     = 3
	peerEndpoint  = 4
	peerKeepalive = 5
	peerHandshake = 6
	peerReceived  = 7
	peerSent      = 8
	peerAllowed   = 9

	allowedFamily  = 1
	allowedAddress = 2
	allowedBits    = 3

	removePeer     = 1
	replaceAllowed = 2
)

// header is struct genlmsghdr.
func header(command byte) rtnl.Body { return rtnl.Body{command, version, 0, 0} }

// get is the body of the request for a link with all of its peers.
func get(link string) []byte {
	b := header(getDevice)
	b.AddText(deviceName, link)
	return b
}

// Encode is the body of the request for the change of a link.
func (c Change) Encode(link string) []byte {
	b := header(setDevice)
	b.AddText(deviceName, link)
	if c.PrivateKey != nil {
		b.Add(devicePrivateKey, c.PrivateKey[:])
	}
	if c.Port != nil {
		b.Add16(devicePort, uint16(*c.Port))
	}
	if c.Mark != nil {
		b.Add32(deviceMark, *c.Mark)
	}
	if c.Peer != nil {
		var peers rtnl.Body
		peers.Nest(0, c.Peer.encode())
		b.Nest(devicePeers, peers)
	}
	return b
}

func (p *PeerChange) encode() (b rtnl.Body) {
	b.Add(peerPublicKey, p.Key[:])
	if p.Remove {
		b.Add32(peerFlags, removePeer)
		return b
	}
	if p.Preshared != nil {
		b.Add(peerPreshared, p.Preshared[:])
	}
	if p.Endpoint.IsValid() {
		b.Add(peerEndpoint, socketAddress(p.Endpoint))
	}
	if p.Keepalive != nil {
		b.Add16(peerKeepalive, uint16(*p.Keepalive))
	}
	if p.Replace {
		b.Add32(peerFlags, replaceAllowed)
		var list rtnl.Body
		for _, prefix := range p.Allowed {
			list.Nest(0, allowed(prefix))
		}
		b.Nest(peerAllowed, list)
	}
	return b
}

func allowed(p netip.Prefix) (b rtnl.Body) {
	family := uint16(unix.AF_INET)
	if p.Addr().Is6() {
		family = unix.AF_INET6
	}
	b.Add16(allowedFamily, family)
	b.Add(allowedAddress, p.Addr().AsSlice())
	b.Add8(allowedBits, byte(p.Bits()))
	return b
}

// socketAddress is struct sockaddr_in or sockaddr_in6.
func socketAddress(e netip.AddrPort) []byte {
	a := e.Addr()
	if a.Is4() {
		b := binary.NativeEndian.AppendUint16(nil, unix.AF_INET)
		b = append(binary.BigEndian.AppendUint16(b, e.Port()), a.AsSlice()...)
		return append(b, make([]byte, 8)...)
	}
	b := binary.NativeEndian.AppendUint16(nil, unix.AF_INET6)
	b = append(binary.BigEndian.AppendUint16(b, e.Port()), 0, 0, 0, 0)
	return append(append(b, a.AsSlice()...), 0, 0, 0, 0)
}

func readSocketAddress(b []byte) (e netip.AddrPort) {
	if len(b) < 16 {
		return e
	}
	port := binary.BigEndian.Uint16(b[2:])
	switch family := binary.NativeEndian.Uint16(b); {
	case family == unix.AF_INET:
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[4:8])), port)
	case family == unix.AF_INET6 && len(b) >= 28:
		return netip.AddrPortFrom(netip.AddrFrom16([16]byte(b[8:24])), port)
	}
	return e
}

// Read adds what one message of the answer says; a link with many peers is told in several, and a peer with many
// networks as well. What is malformed is left out.
func (d *Device) Read(body []byte) {
	if len(body) < 4 {
		return
	}
	if d.Peers == nil {
		d.Peers = map[Key]Peer{}
	}
	for a := (rtnl.Attributes{Rest: body[4:]}); a.Next(); {
		switch a.Kind {
		case devicePrivateKey:
			copyKey(d.PrivateKey[:], a.Value)
		case devicePublicKey:
			copyKey(d.PublicKey[:], a.Value)
		case devicePort:
			d.Port = rtnl.Number(a.Value) & 0xffff
		case deviceMark:
			d.Mark = rtnl.Read32(a.Value)
		case devicePeers:
			for list := (rtnl.Attributes{Rest: a.Value}); list.Next(); {
				d.readPeer(list.Value)
			}
		}
	}
}

func copyKey(key, value []byte) {
	if len(value) == len(key) {
		copy(key, value)
	}
}

func (d *Device) readPeer(b []byte) {
	first := rtnl.Attributes{Rest: b}
	var key Key
	for named := false; !named; {
		if !first.Next() {
			return
		}
		named = first.Kind == peerPublicKey && len(first.Value) == len(key)
		copyKey(key[:], first.Value)
	}
	p := d.Peers[key]
	for a := (rtnl.Attributes{Rest: b}); a.Next(); {
		switch a.Kind {
		case peerPreshared:
			copyKey(p.Preshared[:], a.Value)
		case peerEndpoint:
			p.Endpoint = readSocketAddress(a.Value)
		case peerKeepalive:
			p.Keepalive = rtnl.Number(a.Value) & 0xffff
		case peerHandshake: // struct __kernel_timespec
			if len(a.Value) >= 16 {
				seconds, rest := int64(binary.NativeEndian.Uint64(a.Value)), int64(binary.NativeEndian.Uint64(a.Value[8:]))
				if seconds != 0 || rest != 0 {
					p.Handshake = time.Unix(seconds, rest)
				}
			}
		case peerReceived:
			p.Received = number64(a.Value)
		case peerSent:
			p.Sent = number64(a.Value)
		case peerAllowed:
			for list := (rtnl.Attributes{Rest: a.Value}); list.Next(); {
				if prefix := readAllowed(list.Value); prefix.IsValid() {
					p.Allowed = append(p.Allowed, prefix)
				}
			}
		}
	}
	d.Peers[key] = p
}

func number64(b []byte) uint64 {
	if len(b) < 8 {
		return 0
	}
	return binary.NativeEndian.Uint64(b)
}

func readAllowed(b []byte) (p netip.Prefix) {
	var address netip.Addr
	bits := -1
	for a := (rtnl.Attributes{Rest: b}); a.Next(); {
		switch a.Kind {
		case allowedAddress:
			address, _ = netip.AddrFromSlice(a.Value)
		case allowedBits:
			if len(a.Value) == 1 {
				bits = int(a.Value[0])
			}
		}
	}
	return netip.PrefixFrom(address, bits)
}
