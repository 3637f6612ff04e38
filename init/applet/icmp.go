package applet

import (
	"encoding/binary"
	"fmt"
	"net"
	"strconv"

	"golang.org/x/sys/unix"
)

// resolve is the address of a host, of the family that -4 or -6 asks for.
func (o options) resolve(host string) (*net.IPAddr, error) {
	network := "ip"
	if o.has('4') {
		network = "ip4"
	} else if o.has('6') {
		network = "ip6"
	}
	return net.ResolveIPAddr(network, host)
}

// icmpSocket is a datagram socket for echoes where the kernel allows that
// (net.ipv4.ping_group_range), else a raw one.
func icmpSocket(six bool) (fd int, raw bool, err error) {
	family, protocol := unix.AF_INET, unix.IPPROTO_ICMP
	if six {
		family, protocol = unix.AF_INET6, unix.IPPROTO_ICMPV6
	}
	if fd, err = unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, protocol); err == nil {
		return fd, false, nil
	}
	if fd, err = unix.Socket(family, unix.SOCK_RAW|unix.SOCK_CLOEXEC, protocol); err != nil {
		return -1, true, fmt.Errorf("socket: %w", err)
	}
	if six {
		unix.SetsockoptInt(fd, unix.IPPROTO_RAW, unix.IPV6_CHECKSUM, 2)
	}
	return fd, true, nil
}

func sockaddr(ip net.IP, zone string, port int) unix.Sockaddr {
	if v4 := ip.To4(); v4 != nil {
		return &unix.SockaddrInet4{Addr: [4]byte(v4), Port: port}
	}
	address := &unix.SockaddrInet6{Addr: [16]byte(ip.To16()), Port: port}
	if link, err := net.InterfaceByName(zone); err == nil {
		address.ZoneId = uint32(link.Index)
	} else if n, err := strconv.Atoi(zone); err == nil {
		address.ZoneId = uint32(n)
	}
	return address
}

// echoRequest is an ICMP message with size bytes of data; the kernel fills in
// the checksum of ICMPv6 (RFC 792, RFC 4443).
func echoRequest(six bool, id, sequence uint16, size int) []byte {
	packet := make([]byte, 8+size)
	packet[0] = 8
	if six {
		packet[0] = 128
	}
	binary.BigEndian.PutUint16(packet[4:], id)
	binary.BigEndian.PutUint16(packet[6:], sequence)
	for i := range packet[8:] {
		packet[8+i] = byte(i)
	}
	if !six {
		binary.BigEndian.PutUint16(packet[2:], checksum(packet))
	}
	return packet
}

// echoReply is what the answer to an echo request says.
func echoReply(six bool, packet []byte) (id, sequence uint16, ok bool) {
	want := byte(0)
	if six {
		want = 129
	}
	if len(packet) < 8 || packet[0] != want {
		return 0, 0, false
	}
	return binary.BigEndian.Uint16(packet[4:]), binary.BigEndian.Uint16(packet[6:]), true
}

// pastIPv4 is what follows the header of a packet, nil when it is cut off.
func pastIPv4(packet []byte) []byte {
	if len(packet) < 20 || len(packet) < int(packet[0]&15)*4 {
		return nil
	}
	return packet[int(packet[0]&15)*4:]
}

// checksum is that of RFC 1071.
func checksum(packet []byte) uint16 {
	sum := uint32(0)
	for i := 0; i+1 < len(packet); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(packet[i:]))
	}
	if len(packet)%2 == 1 {
		sum += uint32(packet[len(packet)-1]) << 8
	}
	for sum>>16 != 0 {
		sum = sum&0xffff + sum>>16
	}
	return ^uint16(sum)
}
