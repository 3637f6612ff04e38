package netcfg

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"
)

// Socket filters, so that the traffic of a busy port does not wake us. They
// see a packet from its network header on.

func statement(code uint16, k uint32) unix.SockFilter { return unix.SockFilter{Code: code, K: k} }

func jump(code uint16, k uint32, yes, no uint8) unix.SockFilter {
	return unix.SockFilter{Code: code, Jt: yes, Jf: no, K: k}
}

const (
	loadByte    = unix.BPF_LD | unix.BPF_B | unix.BPF_ABS
	loadHalf    = unix.BPF_LD | unix.BPF_H | unix.BPF_ABS
	loadWord    = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
	loadWordAtX = unix.BPF_LD | unix.BPF_W | unix.BPF_IND
	loadHalfAtX = unix.BPF_LD | unix.BPF_H | unix.BPF_IND
	loadHeader  = unix.BPF_LDX | unix.BPF_B | unix.BPF_MSH // X = 4 * (low nibble): the IPv4 header's length
	ifEqual     = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
	ifAnySet    = unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K
	accept      = unix.BPF_RET | unix.BPF_K
)

// dhcpFilter lets unfragmented UDP to the client port through that answers one
// transaction of one station. With the check here a flood of other answers does
// not fill the socket's queue, in which the one that matters must find a place.
func dhcpFilter(transaction uint32, mac [6]byte) []unix.SockFilter {
	const message = udpHeader // from X on
	return []unix.SockFilter{
		statement(loadByte, 9),
		jump(ifEqual, unix.IPPROTO_UDP, 0, 12),
		statement(loadHalf, 6),
		jump(ifAnySet, 0x1fff, 10, 0),
		statement(loadHeader, 0),
		statement(loadHalfAtX, 2),
		jump(ifEqual, clientPort, 0, 7),
		statement(loadWordAtX, message+4),
		jump(ifEqual, transaction, 0, 5),
		statement(loadWordAtX, message+28),
		jump(ifEqual, binary.BigEndian.Uint32(mac[:4]), 0, 3),
		statement(loadHalfAtX, message+32),
		jump(ifEqual, uint32(binary.BigEndian.Uint16(mac[4:])), 0, 1),
		statement(accept, 0xffff),
		statement(accept, 0),
	}
}

// dhcp6Filter lets UDP to the client port of DHCPv6 through that answers one transaction. It sees packets from UDP's header on.
func dhcp6Filter(transaction uint32) []unix.SockFilter {
	return []unix.SockFilter{
		statement(loadHalf, 2),
		jump(ifEqual, dhcp6ClientPort, 0, 4),
		statement(loadWord, udpHeader),
		statement(unix.BPF_ALU|unix.BPF_AND|unix.BPF_K, 0xffffff),
		jump(ifEqual, transaction, 0, 1),
		statement(accept, 0xffff),
		statement(accept, 0),
	}
}

// arpFilter lets ARP through whose sender has the address, and probes for it.
func arpFilter(address netip.Addr) []unix.SockFilter {
	b := address.As4()
	a := binary.BigEndian.Uint32(b[:])
	return []unix.SockFilter{
		statement(loadWord, 14), // sender
		jump(ifEqual, a, 3, 0),
		jump(ifEqual, 0, 0, 3),
		statement(loadWord, 24), // target
		jump(ifEqual, a, 0, 1),
		statement(accept, 0xffff),
		statement(accept, 0),
	}
}
