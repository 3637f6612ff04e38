package netcfg

import (
	"encoding/binary"
	"net/netip"

	"bantam/netcfg/dhcp4"
)

const (
	serverPort = 67
	clientPort = 68
	ipHeader   = 20
	udpHeader  = 8
)

// datagram wraps a DHCP message into UDP and IPv4 headers.
func datagram(from, to netip.Addr, payload []byte) []byte {
	b := make([]byte, ipHeader+udpHeader, ipHeader+udpHeader+len(payload))
	b[0] = 0x45 // version 4, five words
	binary.BigEndian.PutUint16(b[2:], uint16(cap(b)))
	b[8] = 64 // time to live
	b[9] = 17 // UDP
	copy(b[12:16], from.AsSlice())
	copy(b[16:20], to.AsSlice())
	binary.BigEndian.PutUint16(b[10:], ^fold(sum(0, b[:ipHeader])))
	udp := b[ipHeader:]
	binary.BigEndian.PutUint16(udp, clientPort)
	binary.BigEndian.PutUint16(udp[2:], serverPort)
	binary.BigEndian.PutUint16(udp[4:], uint16(udpHeader+len(payload)))
	b = append(b, payload...)
	check := ^udpSum(b[12:20], b[ipHeader:])
	if check == 0 {
		check = 0xffff // zero would say that there is none
	}
	binary.BigEndian.PutUint16(b[ipHeader+6:], check)
	return b
}

// payloadOf returns what a UDP datagram to the DHCP client port carries. The
// check sum is not looked at when the sender is on this machine and left it to
// hardware that there is not.
func payloadOf(b []byte, summed bool) ([]byte, bool) {
	if len(b) < ipHeader || b[0]>>4 != 4 {
		return nil, false
	}
	header, total := int(b[0]&0xf)*4, int(binary.BigEndian.Uint16(b[2:]))
	switch {
	case header < ipHeader || total < header+udpHeader || total > len(b):
		return nil, false
	case b[9] != 17 || binary.BigEndian.Uint16(b[6:])&0x3fff != 0: // a fragment
		return nil, false
	case fold(sum(0, b[:header])) != 0xffff:
		return nil, false
	}
	udp := b[header:total]
	size := int(binary.BigEndian.Uint16(udp[4:]))
	if binary.BigEndian.Uint16(udp[2:]) != clientPort || size < udpHeader || size > len(udp) {
		return nil, false
	}
	udp = udp[:size]
	if summed && binary.BigEndian.Uint16(udp[6:]) != 0 && udpSum(b[12:20], udp) != 0xffff {
		return nil, false
	}
	return udp[udpHeader:], true
}

// udpSum is the one's complement sum over pseudo header and datagram (RFC 768).
func udpSum(addresses, udp []byte) uint16 {
	return fold(sum(sum(17+uint32(len(udp)), addresses), udp))
}

func sum(s uint32, b []byte) uint32 {
	for ; len(b) >= 2; b = b[2:] {
		s += uint32(binary.BigEndian.Uint16(b))
	}
	if len(b) == 1 {
		s += uint32(b[0]) << 8
	}
	return s
}

func fold(s uint32) uint16 {
	for s > 0xffff {
		s = s>>16 + s&0xffff
	}
	return uint16(s)
}

const arpSize = 28

// arpRequest is an ARP request for Ethernet and IPv4 (RFC 826).
func arpRequest(mac [6]byte, sender, target netip.Addr) []byte {
	b := make([]byte, arpSize)
	copy(b, []byte{0, 1, 8, 0, 6, 4, 0, 1})
	copy(b[8:14], mac[:])
	copy(b[14:18], sender.AsSlice())
	copy(b[24:28], target.AsSlice())
	return b
}

// readARP reads a request or answer.
func readARP(b []byte) (dhcp4.ARP, bool) {
	if len(b) < arpSize || binary.BigEndian.Uint64(b)&^3 != 0x0001_0800_0604_0000 {
		return dhcp4.ARP{}, false
	}
	return dhcp4.ARP{
		SenderMAC: [6]byte(b[8:14]),
		Sender:    netip.AddrFrom4([4]byte(b[14:18])),
		Target:    netip.AddrFrom4([4]byte(b[24:28])),
	}, true
}
