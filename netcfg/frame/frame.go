// Package frame makes and reads the packets that DHCP needs below the kernel's own sockets: IPv4 with UDP, and ARP; and opens
// the sockets of IPv6's neighbours.
package frame

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

const (
	IPHeader  = 20
	UDPHeader = 8

	protocolUDP = 17
)

// UDP wraps a payload into UDP and IPv4 headers.
func UDP(from, to netip.AddrPort, payload []byte) []byte {
	b := make([]byte, IPHeader+UDPHeader, IPHeader+UDPHeader+len(payload))
	b[0] = 0x45 // version 4, five words
	binary.BigEndian.PutUint16(b[2:], uint16(cap(b)))
	b[8] = 64 // time to live
	b[9] = protocolUDP
	copy(b[12:16], from.Addr().AsSlice())
	copy(b[16:20], to.Addr().AsSlice())
	binary.BigEndian.PutUint16(b[10:], ^Fold(Sum(0, b[:IPHeader])))
	udp := b[IPHeader:]
	binary.BigEndian.PutUint16(udp, from.Port())
	binary.BigEndian.PutUint16(udp[2:], to.Port())
	binary.BigEndian.PutUint16(udp[4:], uint16(UDPHeader+len(payload)))
	b = append(b, payload...)
	check := ^UDPSum(b[12:20], b[IPHeader:])
	if check == 0 {
		check = 0xffff // zero would say that there is none
	}
	binary.BigEndian.PutUint16(b[IPHeader+6:], check)
	return b
}

// UDPSum is the one's complement sum over pseudo header and datagram (RFC 768).
func UDPSum(addresses, udp []byte) uint16 {
	return Fold(Sum(Sum(protocolUDP+uint32(len(udp)), addresses), udp))
}

// Sum adds the words of b to s.
func Sum(s uint32, b []byte) uint32 {
	for ; len(b) >= 2; b = b[2:] {
		s += uint32(binary.BigEndian.Uint16(b))
	}
	if len(b) == 1 {
		s += uint32(b[0]) << 8
	}
	return s
}

// Fold makes 16 bits of a sum.
func Fold(s uint32) uint16 {
	for s > 0xffff {
		s = s>>16 + s&0xffff
	}
	return uint16(s)
}

const arpSize = 28

// ARP is a request or an answer for Ethernet and IPv4 (RFC 826).
type ARP struct {
	MAC            [6]byte // of the sender
	Sender, Target netip.Addr
}

// ARPRequest asks who has target.
func ARPRequest(mac [6]byte, sender, target netip.Addr) []byte {
	b := make([]byte, arpSize)
	copy(b, []byte{0, 1, 8, 0, 6, 4, 0, 1})
	copy(b[8:14], mac[:])
	copy(b[14:18], sender.AsSlice())
	copy(b[24:28], target.AsSlice())
	return b
}

// ReadARP reads a request or answer.
func ReadARP(b []byte) (ARP, bool) {
	if len(b) < arpSize || binary.BigEndian.Uint64(b)&^3 != 0x0001_0800_0604_0000 {
		return ARP{}, false
	}
	return ARP{MAC: [6]byte(b[8:14]), Sender: netip.AddrFrom4([4]byte(b[14:18])), Target: netip.AddrFrom4([4]byte(b[24:28]))}, true
}

// Attach lets a socket hear only what a filter accepts.
func Attach(fd int, filter []unix.SockFilter) error {
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if err := unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &program); err != nil {
		return fmt.Errorf("setsockopt(SO_ATTACH_FILTER): %w", err)
	}
	return nil
}

// BigEndian is htons.
func BigEndian(n uint16) uint16 {
	var b [2]byte
	binary.BigEndian.PutUint16(b[:], n)
	return binary.NativeEndian.Uint16(b[:])
}

// ICMPv6 opens a socket that hears one type of message alone and sends with hop limit 255, as neighbours must (RFC 4861).
func ICMPv6(hears byte) (fd int, err error) {
	fd, err = unix.Socket(unix.AF_INET6, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.IPPROTO_ICMPV6)
	if err != nil {
		return -1, fmt.Errorf("socket(AF_INET6, SOCK_RAW): %w", err)
	}
	var filter unix.ICMPv6Filter // a set bit blocks the type
	for i := range filter.Data {
		filter.Data[i] = 1<<32 - 1
	}
	filter.Data[hears>>5] &^= 1 << (hears & 31)
	if err = unix.SetsockoptICMPv6Filter(fd, unix.IPPROTO_ICMPV6, unix.ICMPV6_FILTER, &filter); err == nil {
		err = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_HOPS, 255)
	}
	if err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("ICMPv6 socket: %w", err)
	}
	return fd, nil
}
