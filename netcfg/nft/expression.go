package nft

import (
	"encoding/binary"
	"net/netip"

	"bantam/netcfg/rtnl"

	"golang.org/x/sys/unix"
)

// What a rule asks and does is a list of expressions, each of which works on the first registers. Numbers of
// attributes are in network order; what is compared is as the packet or the kernel has it: ports and addresses in
// network order, states and indexes in the machine's.

const (
	register1 = unix.NFT_REG_1
	register2 = unix.NFT_REG_2
)

func nested(kind uint16, parts ...[]byte) []byte {
	var b []byte
	for _, part := range parts {
		b = append(b, part...)
	}
	return rtnl.Attribute(kind|unix.NLA_F_NESTED, b)
}

func number(kind uint16, value uint32) []byte {
	return rtnl.Attribute(kind, binary.BigEndian.AppendUint32(nil, value))
}

func number64(kind uint16, value uint64) []byte {
	return rtnl.Attribute(kind, binary.BigEndian.AppendUint64(nil, value))
}

func text(kind uint16, s string) []byte { return rtnl.AttributeText(kind, s) }

// expressions collects those of one rule.
type expressions []byte

func (e *expressions) add(name string, attributes ...[]byte) {
	*e = append(*e, nested(unix.NFTA_LIST_ELEM, text(unix.NFTA_EXPR_NAME, name), nested(unix.NFTA_EXPR_DATA, attributes...))...)
}

func (e *expressions) meta(key uint32) {
	e.add("meta", number(unix.NFTA_META_DREG, register1), number(unix.NFTA_META_KEY, key))
}

func (e *expressions) payload(base, offset, length uint32) {
	e.add("payload", number(unix.NFTA_PAYLOAD_DREG, register1), number(unix.NFTA_PAYLOAD_BASE, base),
		number(unix.NFTA_PAYLOAD_OFFSET, offset), number(unix.NFTA_PAYLOAD_LEN, length))
}

func (e *expressions) compare(op uint32, value ...byte) {
	e.add("cmp", number(unix.NFTA_CMP_SREG, register1), number(unix.NFTA_CMP_OP, op),
		nested(unix.NFTA_CMP_DATA, rtnl.Attribute(unix.NFTA_DATA_VALUE, value)))
}

func (e *expressions) equal(value ...byte) { e.compare(unix.NFT_CMP_EQ, value...) }

func (e *expressions) mask(mask ...byte) {
	e.add("bitwise", number(unix.NFTA_BITWISE_SREG, register1), number(unix.NFTA_BITWISE_DREG, register1), number(unix.NFTA_BITWISE_LEN, uint32(len(mask))),
		nested(unix.NFTA_BITWISE_MASK, rtnl.Attribute(unix.NFTA_DATA_VALUE, mask)),
		nested(unix.NFTA_BITWISE_XOR, rtnl.Attribute(unix.NFTA_DATA_VALUE, make([]byte, len(mask)))))
}

func (e *expressions) lookup(set string) {
	e.add("lookup", text(unix.NFTA_LOOKUP_SET, set), number(unix.NFTA_LOOKUP_SREG, register1))
}

// tracked asks whether one of the bits is set in what connection tracking knows.
func (e *expressions) tracked(key, bits uint32) {
	e.add("ct", number(unix.NFTA_CT_DREG, register1), number(unix.NFTA_CT_KEY, key))
	e.mask(binary.NativeEndian.AppendUint32(nil, bits)...)
	e.compare(unix.NFT_CMP_NEQ, 0, 0, 0, 0)
}

func (e *expressions) within(size int, r Range) {
	bytes := func(n uint16) []byte {
		if size == 1 {
			return []byte{byte(n)}
		}
		return binary.BigEndian.AppendUint16(nil, n)
	}
	if r.First == r.Last {
		e.equal(bytes(r.First)...)
		return
	}
	e.compare(unix.NFT_CMP_GTE, bytes(r.First)...)
	e.compare(unix.NFT_CMP_LTE, bytes(r.Last)...)
}

// address asks whether the source (place 0) or destination (1) lies in a network.
func (e *expressions) address(place uint32, p netip.Prefix) {
	size, at := uint32(4), uint32(12)
	if p.Addr().Is6() {
		size, at = 16, 8
	}
	e.payload(unix.NFT_PAYLOAD_NETWORK_HEADER, at+place*size, size)
	if p.Bits() < p.Addr().BitLen() {
		e.mask(maskOf(p.Bits(), int(size))...)
	}
	e.equal(p.Masked().Addr().AsSlice()...)
}

func maskOf(bits, size int) []byte {
	mask := make([]byte, size)
	for i := range bits {
		mask[i/8] |= 0x80 >> (i % 8)
	}
	return mask
}

func (e *expressions) immediate(register uint32, value []byte) {
	e.add("immediate", number(unix.NFTA_IMMEDIATE_DREG, register), nested(unix.NFTA_IMMEDIATE_DATA, rtnl.Attribute(unix.NFTA_DATA_VALUE, value)))
}

func (e *expressions) verdict(code int32, chain string) {
	parts := [][]byte{number(unix.NFTA_VERDICT_CODE, uint32(code))}
	if chain != "" {
		parts = append(parts, text(unix.NFTA_VERDICT_CHAIN, chain))
	}
	e.add("immediate", number(unix.NFTA_IMMEDIATE_DREG, unix.NFT_REG_VERDICT),
		nested(unix.NFTA_IMMEDIATE_DATA, nested(unix.NFTA_DATA_VERDICT, parts...)))
}

// interfaceName is one as the kernel compares it.
func interfaceName(name string) []byte {
	return append([]byte(name), make([]byte, unix.IFNAMSIZ-len(name))...)
}

const (
	statusDNAT     = 1 << 5 // IPS_DST_NAT
	tcpFlags       = 13     // where they are in TCP's header
	tcpSYN, tcpRST = 2, 4
	tcpMSS         = 2 // the option
	fibByInterface = unix.NFTA_FIB_F_SADDR | unix.NFTA_FIB_F_IIF
	fibInterface   = unix.NFT_FIB_RESULT_OIF
	natAddress     = 1 // NF_NAT_RANGE_MAP_IPS
	natPort        = 2 // NF_NAT_RANGE_PROTO_SPECIFIED
	rejectICMPX    = 2 // NFT_REJECT_ICMPX_UNREACH

	attributeFlowTable = 1 // NFTA_FLOW_TABLE_NAME
)

// expressions are those of the rule.
func (r *Rule) expressions() expressions {
	var e expressions
	r.match(&e)
	if r.Limit.Rate != 0 {
		e.add("limit", number64(unix.NFTA_LIMIT_RATE, uint64(r.Limit.Rate)), number64(unix.NFTA_LIMIT_UNIT, 1),
			number(unix.NFTA_LIMIT_BURST, r.Limit.Burst), number(unix.NFTA_LIMIT_TYPE, unix.NFT_LIMIT_PKTS))
	}
	if r.Counter != "" {
		e.add("objref", number(unix.NFTA_OBJREF_IMM_TYPE, unix.NFT_OBJECT_COUNTER), text(unix.NFTA_OBJREF_IMM_NAME, r.Counter))
	}
	r.act(&e)
	return e
}

func (r *Rule) match(e *expressions) {
	if r.Interface != "" {
		e.meta(unix.NFT_META_IIFNAME)
		e.equal(interfaceName(r.Interface)...)
	}
	if r.In != "" {
		e.meta(unix.NFT_META_IIFNAME)
		e.lookup(r.In)
	}
	if r.Out != "" {
		e.meta(unix.NFT_META_OIFNAME)
		e.lookup(r.Out)
	}
	switch r.family() {
	case 4:
		e.meta(unix.NFT_META_NFPROTO)
		e.equal(unix.NFPROTO_IPV4)
	case 6:
		e.meta(unix.NFT_META_NFPROTO)
		e.equal(unix.NFPROTO_IPV6)
	}
	if r.Source.IsValid() {
		e.address(0, r.Source)
	}
	if r.Destination.IsValid() {
		e.address(1, r.Destination)
	}
	if r.AddressedTo != "" {
		e.payload(unix.NFT_PAYLOAD_NETWORK_HEADER, 16, 4)
		e.lookup(r.AddressedTo)
	}
	if r.Protocol != 0 {
		e.meta(unix.NFT_META_L4PROTO)
		e.equal(r.Protocol)
	}
	if r.ICMP != (Range{}) {
		e.payload(unix.NFT_PAYLOAD_TRANSPORT_HEADER, 0, 1)
		e.within(1, r.ICMP)
	}
	if r.Ports != (Range{}) {
		e.payload(unix.NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2)
		e.within(2, r.Ports)
	}
	if r.OnLink {
		e.payload(unix.NFT_PAYLOAD_NETWORK_HEADER, 7, 1)
		e.equal(255)
	}
	if r.First {
		e.payload(unix.NFT_PAYLOAD_TRANSPORT_HEADER, tcpFlags, 1)
		e.mask(tcpSYN | tcpRST)
		e.equal(tcpSYN)
	}
	if r.State != 0 {
		e.tracked(unix.NFT_CT_STATE, uint32(r.State))
	}
	if r.Translated {
		e.tracked(unix.NFT_CT_STATUS, statusDNAT)
	}
	if r.Spoofed {
		e.noWayBack(fibByInterface)
	}
	if r.Lost {
		e.noWayBack(fibByInterface | unix.NFTA_FIB_F_MARK)
	}
}

func (e *expressions) noWayBack(flags uint32) {
	e.add("fib", number(unix.NFTA_FIB_DREG, register1), number(unix.NFTA_FIB_RESULT, fibInterface), number(unix.NFTA_FIB_FLAGS, flags))
	e.equal(0, 0, 0, 0)
}

func (r *Rule) act(e *expressions) {
	switch r.Do {
	case Accept:
		e.verdict(1, "")
	case Drop:
		e.verdict(0, "")
	case Jump:
		e.verdict(unix.NFT_JUMP, r.Chain)
	case Reject:
		e.add("reject", number(unix.NFTA_REJECT_TYPE, rejectICMPX), rtnl.Attribute(unix.NFTA_REJECT_ICMP_CODE, []byte{unix.NFT_REJECT_ICMPX_ADMIN_PROHIBITED}))
	case Masquerade:
		e.add("masq")
	case DNAT:
		e.immediate(register1, r.To.Addr().AsSlice())
		family, flags := uint32(unix.NFPROTO_IPV4), uint32(natAddress)
		if r.To.Addr().Is6() {
			family = unix.NFPROTO_IPV6
		}
		parts := [][]byte{number(unix.NFTA_NAT_TYPE, unix.NFT_NAT_DNAT), number(unix.NFTA_NAT_FAMILY, family), number(unix.NFTA_NAT_REG_ADDR_MIN, register1)}
		if port := r.To.Port(); port != 0 {
			e.immediate(register2, binary.BigEndian.AppendUint16(nil, port))
			flags |= natPort
			parts = append(parts, number(unix.NFTA_NAT_REG_PROTO_MIN, register2))
		}
		e.add("nat", append(parts, number(unix.NFTA_NAT_FLAGS, flags))...)
	case ClampMSS:
		e.add("rt", number(unix.NFTA_RT_DREG, register1), number(unix.NFTA_RT_KEY, unix.NFT_RT_TCPMSS))
		e.add("byteorder", number(unix.NFTA_BYTEORDER_SREG, register1), number(unix.NFTA_BYTEORDER_DREG, register1),
			number(unix.NFTA_BYTEORDER_OP, unix.NFT_BYTEORDER_HTON), number(unix.NFTA_BYTEORDER_LEN, 2), number(unix.NFTA_BYTEORDER_SIZE, 2))
		e.add("exthdr", number(unix.NFTA_EXTHDR_SREG, register1), rtnl.Attribute(unix.NFTA_EXTHDR_TYPE, []byte{tcpMSS}),
			number(unix.NFTA_EXTHDR_OFFSET, 2), number(unix.NFTA_EXTHDR_LEN, 2), number(unix.NFTA_EXTHDR_OP, unix.NFT_EXTHDR_OP_TCPOPT))
	case Offload:
		e.add("flow_offload", text(attributeFlowTable, r.Flowtable))
	case SetMark:
		e.immediate(register1, binary.NativeEndian.AppendUint32(nil, r.Mark))
		e.add("meta", number(unix.NFTA_META_KEY, unix.NFT_META_MARK), number(unix.NFTA_META_SREG, register1))
	}
}
