// Package packet reads packets as a network card delivers them: a small filter
// language as tcpdump has it (pcap-filter(7)), compiled to classic BPF; one line
// of text a packet; and files of pcap. It opens nothing and trusts no byte.
package packet

import "encoding/binary"

// Instruction is one of classic BPF, laid out as the kernel's sock_filter
// (linux/filter.h).
type Instruction struct {
	Code   uint16
	Jt, Jf uint8
	K      uint32
}

// Codes that the compiler emits (linux/bpf_common.h).
const (
	loadWord       = 0x20 // A = the 4 bytes at K
	loadHalf       = 0x28
	loadByte       = 0x30
	loadHalfX      = 0x48 // at X+K
	loadX4Lower    = 0xb1 // X = 4 * (lower half of the byte at K): an IPv4 header's length
	and            = 0x54
	jump           = 0x05
	jumpEqual      = 0x15
	jumpGreater    = 0x25
	jumpAtLeast    = 0x35
	jumpSet        = 0x45
	give           = 0x06 // take K bytes of the packet, 0: drop it
	ancillary      = 0xfffff000
	protocolOf     = ancillary + 0  // SKF_AD_PROTOCOL
	vlanTag        = ancillary + 44 // SKF_AD_VLAN_TAG
	vlanTagPresent = ancillary + 48 // SKF_AD_VLAN_TAG_PRESENT
)

// Run executes a program on a packet as the kernel does, and returns how many
// bytes it takes of it, 0: none. What only the kernel knows about a packet
// (ancillary data) is not there: the packet is dropped, as at a load behind its end.
func Run(program []Instruction, frame []byte) uint32 {
	var a, x uint32
	at := func(offset uint64, size int) (uint32, bool) {
		if offset+uint64(size) > uint64(len(frame)) {
			return 0, false
		}
		switch b := frame[offset:]; size {
		case 1:
			return uint32(b[0]), true
		case 2:
			return uint32(binary.BigEndian.Uint16(b)), true
		default:
			return binary.BigEndian.Uint32(b), true
		}
	}
	for pc := uint64(0); pc < uint64(len(program)); pc++ {
		i := program[pc]
		ok, taken := true, false
		switch i.Code {
		case loadWord:
			a, ok = at(uint64(i.K), 4)
		case loadHalf:
			a, ok = at(uint64(i.K), 2)
		case loadByte:
			a, ok = at(uint64(i.K), 1)
		case loadHalfX:
			a, ok = at(uint64(i.K)+uint64(x), 2)
		case loadX4Lower:
			x, ok = at(uint64(i.K), 1)
			x = x & 15 * 4
		case and:
			a &= i.K
		case jump:
			pc += uint64(i.K)
			continue
		case give:
			return i.K
		case jumpEqual:
			taken = a == i.K
		case jumpGreater:
			taken = a > i.K
		case jumpAtLeast:
			taken = a >= i.K
		case jumpSet:
			taken = a&i.K != 0
		default:
			return 0
		}
		switch {
		case !ok:
			return 0
		case i.Code&7 != 5: // no jump
		case taken:
			pc += uint64(i.Jt)
		default:
			pc += uint64(i.Jf)
		}
	}
	return 0
}
