package netcfg

import (
	"encoding/binary"
	"net/netip"

	"bantam/netcfg/dhcp4"
	"bantam/netcfg/frame"
)

const (
	serverPort = 67
	clientPort = 68
	ipHeader   = frame.IPHeader
	udpHeader  = frame.UDPHeader
)

// datagram wraps a client's DHCP message into UDP and IPv4 headers.
func datagram(from, to netip.Addr, payload []byte) []byte {
	return frame.UDP(netip.AddrPortFrom(from, clientPort), netip.AddrPortFrom(to, serverPort), payload)
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
	case frame.Fold(frame.Sum(0, b[:header])) != 0xffff:
		return nil, false
	}
	udp := b[header:total]
	size := int(binary.BigEndian.Uint16(udp[4:]))
	if binary.BigEndian.Uint16(udp[2:]) != clientPort || size < udpHeader || size > len(udp) {
		return nil, false
	}
	udp = udp[:size]
	if summed && binary.BigEndian.Uint16(udp[6:]) != 0 && frame.UDPSum(b[12:20], udp) != 0xffff {
		return nil, false
	}
	return udp[udpHeader:], true
}

// readARP reads a request or answer.
func readARP(b []byte) (dhcp4.ARP, bool) {
	a, ok := frame.ReadARP(b)
	return dhcp4.ARP{SenderMAC: a.MAC, Sender: a.Sender, Target: a.Target}, ok
}
