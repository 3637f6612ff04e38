package packet

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"strings"
)

// Style is what a line says.
type Style struct {
	Link    bool // hardware addresses and Ethernet type
	Verbose bool // the fields of IP's header
}

// cut is appended to what ends before its time.
const cut = " [|cut off]"

// Line is a packet in tcpdump's short form, without its time. It is made of
// numbers and our own words: no byte of the packet gets into it.
func Line(p Captured, link Link, style Style) string {
	l := &line{style: style}
	l.frame(p, link)
	return l.String()
}

type line struct {
	strings.Builder
	style Style
}

func (l *line) add(format string, args ...any) { fmt.Fprintf(l, format, args...) }

func (l *line) frame(p Captured, link Link) {
	b := p.Bytes
	if len(b) < int(link.network) {
		l.add("packet of %d bytes%s", p.Length, cut)
		return
	}
	kind := uint32(binary.BigEndian.Uint16(b[link.protocol:]))
	length := p.Length - int(link.network)
	if l.style.Link {
		if link.ethernet {
			l.add("%s > %s, ", net.HardwareAddr(b[6:12]), net.HardwareAddr(b[:6]))
		}
		l.add("ethertype %s, length %d: ", typeName(kind), p.Length)
	}
	b = b[link.network:]
	for isVLAN(kind) && len(b) >= 4 {
		tag := binary.BigEndian.Uint16(b)
		kind = uint32(binary.BigEndian.Uint16(b[2:]))
		l.add("vlan %d, p %d, ", tag&0xfff, tag>>13)
		if l.style.Link {
			l.add("ethertype %s, ", typeName(kind))
		}
		b, length = b[4:], length-4
	}
	switch {
	case kind == typeIPv4:
		l.title("IP ")
		l.ipv4(b)
	case kind == typeIPv6:
		l.title("IP6 ")
		l.ipv6(b)
	case kind == typeARP:
		l.title("ARP, ")
		l.arp(b, length)
	case kind < 1536 && link.ethernet:
		l.add("802.3, length %d", kind)
	case l.style.Link:
		l.add("length %d", length)
	default:
		l.add("ethertype %s, length %d", typeName(kind), length)
	}
}

// title names the protocol where the Ethernet type has not.
func (l *line) title(name string) {
	if !l.style.Link {
		l.WriteString(name)
	}
}

func isVLAN(kind uint32) bool {
	return kind == vlanTypes[0] || kind == vlanTypes[1] || kind == vlanTypes[2]
}

func typeName(kind uint32) string {
	name := map[uint32]string{typeIPv4: "IPv4", typeIPv6: "IPv6", typeARP: "ARP", typeRARP: "Reverse ARP", 0x8100: "802.1Q", 0x88a8: "802.1Q-QinQ"}[kind]
	if name == "" {
		name = "Unknown"
	}
	return fmt.Sprintf("%s (0x%04x)", name, kind)
}

func address(b []byte) netip.Addr {
	a, _ := netip.AddrFromSlice(b)
	return a
}

func (l *line) arp(b []byte, length int) {
	if len(b) < 28 || b[4] != 6 || b[5] != 4 {
		l.add("length %d%s", length, cut)
		return
	}
	switch operation := binary.BigEndian.Uint16(b[6:]); operation {
	case 1:
		l.add("Request who-has %s tell %s", address(b[24:28]), address(b[14:18]))
	case 2:
		l.add("Reply %s is-at %s", address(b[14:18]), net.HardwareAddr(b[8:14]))
	default:
		l.add("operation %d", operation)
	}
	l.add(", length %d", length)
}

func (l *line) ipv4(b []byte) {
	if len(b) < 20 || b[0]>>4 != 4 || b[0]&15 < 5 {
		l.WriteString("bad header" + cut)
		return
	}
	header, total := int(b[0]&15)*4, int(binary.BigEndian.Uint16(b[2:]))
	fragment := binary.BigEndian.Uint16(b[6:])
	if l.style.Verbose {
		flags := "none"
		if fragment&0x4000 != 0 {
			flags = "DF"
		} else if fragment&0x2000 != 0 {
			flags = "+"
		}
		l.add("(tos 0x%x, ttl %d, id %d, offset %d, flags [%s], proto %d, length %d) ", b[1], b[8], binary.BigEndian.Uint16(b[4:]), int(fragment&0x1fff)*8, flags, b[9], total)
	}
	from, to := address(b[12:16]), address(b[16:20])
	if total < header || len(b) < header {
		l.add("%s > %s: bad length %d%s", from, to, total, cut)
		return
	}
	if fragment&0x1fff != 0 {
		l.add("%s > %s: fragment at %d of ip-proto-%d, length %d", from, to, int(fragment&0x1fff)*8, b[9], total-header)
		return
	}
	l.transport(from, to, b[9], b[header:min(len(b), total)], total-header)
}

func (l *line) ipv6(b []byte) {
	if len(b) < 40 || b[0]>>4 != 6 {
		l.WriteString("bad header" + cut)
		return
	}
	length, next := int(binary.BigEndian.Uint16(b[4:])), b[6]
	if l.style.Verbose {
		l.add("(flowlabel 0x%05x, hlim %d, next-header %d, payload length %d) ", binary.BigEndian.Uint32(b)&0xfffff, b[7], next, length)
	}
	from, to := address(b[8:24]), address(b[24:40])
	b = b[40:min(len(b), 40+length)]
	for isExtension(next) {
		if len(b) < 8 {
			l.add("%s > %s: extension%s", from, to, cut)
			return
		}
		size := 8 + int(b[1])*8
		if next == 44 {
			size = 8
			if offset := binary.BigEndian.Uint16(b[2:]) &^ 7; offset != 0 {
				l.add("%s > %s: fragment at %d of ip-proto-%d, length %d", from, to, offset, b[0], length-8)
				return
			}
		}
		if len(b) < size {
			l.add("%s > %s: extension%s", from, to, cut)
			return
		}
		next, b, length = b[0], b[size:], length-size
	}
	l.transport(from, to, next, b, length)
}

// isExtension tells whether a header goes before the payload (RFC 8200).
func isExtension(next byte) bool { return next == 0 || next == 43 || next == 44 || next == 60 }

func (l *line) transport(from, to netip.Addr, proto byte, b []byte, length int) {
	ports := proto == protoTCP || proto == protoUDP || proto == protoSCTP
	if ports && len(b) >= 4 {
		l.add("%s.%d > %s.%d: ", from, binary.BigEndian.Uint16(b), to, binary.BigEndian.Uint16(b[2:]))
	} else {
		l.add("%s > %s: ", from, to)
	}
	switch {
	case proto == protoTCP:
		l.tcp(b, length)
	case proto == protoUDP && len(b) >= 8:
		l.add("UDP, length %d", max(int(binary.BigEndian.Uint16(b[4:]))-8, 0))
	case proto == protoUDP:
		l.add("UDP, length %d%s", length, cut)
	case proto == protoICMP && from.Is4():
		l.icmp(b, length)
	case proto == protoICMPv6 && !from.Is4():
		l.icmp6(b, length)
	default:
		l.add("ip-proto-%d, length %d", proto, length)
	}
}

func (l *line) tcp(b []byte, length int) {
	if len(b) < 20 {
		l.add("tcp, length %d%s", length, cut)
		return
	}
	header := int(b[12]>>4) * 4
	if header < 20 || header > length {
		l.add("tcp, bad header length %d%s", header, cut)
		return
	}
	// tcpdump's letters in its order.
	flags := ""
	for _, f := range []struct {
		bit    byte
		letter string
	}{{1, "F"}, {2, "S"}, {4, "R"}, {8, "P"}, {16, "."}, {32, "U"}, {64, "E"}, {128, "W"}} {
		if b[13]&f.bit != 0 {
			flags += f.letter
		}
	}
	if flags == "" {
		flags = "none"
	}
	l.add("Flags [%s]", flags)
	sequence, data := binary.BigEndian.Uint32(b[4:]), length-header
	if data > 0 {
		l.add(", seq %d:%d", sequence, sequence+uint32(data))
	} else if b[13]&7 != 0 {
		l.add(", seq %d", sequence)
	}
	if b[13]&16 != 0 {
		l.add(", ack %d", binary.BigEndian.Uint32(b[8:]))
	}
	l.add(", win %d", binary.BigEndian.Uint16(b[14:]))
	if b[13]&32 != 0 {
		l.add(", urg %d", binary.BigEndian.Uint16(b[18:]))
	}
	l.add(", length %d", data)
}

func (l *line) icmp(b []byte, length int) {
	if len(b) < 8 {
		l.add("ICMP, length %d%s", length, cut)
		return
	}
	l.WriteString("ICMP ")
	switch b[0] {
	case 0, 8:
		l.add("echo %s, id %d, seq %d", map[byte]string{0: "reply", 8: "request"}[b[0]], binary.BigEndian.Uint16(b[4:]), binary.BigEndian.Uint16(b[6:]))
	case 3:
		l.unreachable(b, map[byte]string{0: "net", 1: "host", 2: "protocol", 3: "port", 13: "admin prohibited"}[b[1]])
	case 11:
		l.WriteString(map[byte]string{0: "time exceeded in-transit", 1: "ip reassembly time exceeded"}[b[1]&1])
	default:
		l.add("type-#%d code-#%d", b[0], b[1])
	}
	l.add(", length %d", length)
}

// unreachable says which address of the packet inside.
func (l *line) unreachable(b []byte, what string) {
	if inner := b[8:]; len(inner) >= 20 {
		l.add("%s ", address(inner[16:20]))
	}
	if what == "" {
		what = fmt.Sprintf("code-#%d", b[1])
	}
	l.add("%s unreachable", what)
}

func (l *line) icmp6(b []byte, length int) {
	if len(b) < 8 {
		l.add("ICMP6, length %d%s", length, cut)
		return
	}
	l.WriteString("ICMP6, ")
	switch kind := b[0]; {
	case kind == 128 || kind == 129:
		l.add("echo %s, id %d, seq %d", map[byte]string{129: "reply", 128: "request"}[kind], binary.BigEndian.Uint16(b[4:]), binary.BigEndian.Uint16(b[6:]))
	case kind == 133:
		l.WriteString("router solicitation")
	case kind == 134:
		l.WriteString("router advertisement")
	case kind == 135 && len(b) >= 24:
		l.add("neighbor solicitation, who has %s", address(b[8:24]))
	case kind == 136 && len(b) >= 24:
		l.add("neighbor advertisement, tgt is %s", address(b[8:24]))
	case kind == 1:
		l.add("destination unreachable, code %d", b[1])
	case kind == 2:
		l.add("packet too big, mtu %d", binary.BigEndian.Uint32(b[4:]))
	case kind == 3:
		l.WriteString("time exceeded in-transit")
	default:
		l.add("type %d, code %d", kind, b[1])
	}
	l.add(", length %d", length)
}

// Dump is the bytes from the network layer on, 16 a line, with their ASCII
// characters or without.
func Dump(p Captured, link Link, ascii bool) string {
	var out strings.Builder
	b := p.Bytes[min(len(p.Bytes), int(link.network)):]
	for at := 0; at < len(b); at += 16 {
		row := b[at:min(at+16, len(b))]
		text := ""
		for i, c := range row {
			if i%2 == 0 {
				text += " "
			}
			text += fmt.Sprintf("%02x", c)
		}
		fmt.Fprintf(&out, "\n\t0x%04x: %s", at, text)
		if ascii {
			fmt.Fprintf(&out, "%*s  ", 40-len(text), "")
			for _, c := range row {
				if c <= 0x20 || c > 0x7e {
					c = '.'
				}
				out.WriteByte(c)
			}
		}
	}
	return out.String()
}
