package packet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// is asks for the Ethernet type.
func (c *compiler) is(kind uint32, yes, no label) {
	c.do(loadHalf, c.link.protocol)
	if c.link.protocol >= ancillary {
		c.steps[len(c.steps)-1].Code = loadWord
	}
	c.branch(jumpEqual, kind, yes, no)
}

// equal asks for a part of the network layer's header.
func (c *compiler) equal(load uint16, offset, value uint32, yes, no label) {
	c.do(load, c.link.network+offset)
	c.branch(jumpEqual, value, yes, no)
}

// either tries ask for one thing after the other until it says yes.
func either[T any](c *compiler, list []T, yes, no label, ask func(T, label, label)) {
	for i, one := range list {
		next := no
		if i < len(list)-1 {
			next = c.label()
		}
		ask(one, yes, next)
		if next != no {
			c.place(next)
		}
	}
}

func (c *compiler) protocol(name string, yes, no label) error {
	switch name {
	case "ip":
		c.is(typeIPv4, yes, no)
	case "ip6":
		c.is(typeIPv6, yes, no)
	case "arp":
		c.is(typeARP, yes, no)
	case "rarp":
		c.is(typeRARP, yes, no)
	case "ether":
		return errors.New("ether needs host and a hardware address")
	default:
		number := uint32(protocols[name])
		six, v4, v6, fragment, inside := c.label(), c.label(), c.label(), c.label(), c.label()
		if name == "icmp" {
			six = no
		}
		if name != "icmp6" {
			c.is(typeIPv4, v4, six)
			c.place(v4)
			c.equal(loadByte, 9, number, yes, six)
		}
		if name == "icmp" {
			return nil
		}
		c.place(six)
		c.is(typeIPv6, v6, no)
		c.place(v6)
		c.equal(loadByte, 6, number, yes, fragment)
		c.place(fragment)
		c.equal(loadByte, 6, 44, inside, no)
		c.place(inside)
		c.equal(loadByte, 40, number, yes, no)
	}
	return nil
}

// vlan asks for a tag and moves what comes after it inwards.
func (c *compiler) vlan(yes, no label) error {
	id, given := uint64(0), false
	if w := c.word(); w != "" && w[0] >= '0' && w[0] <= '9' {
		var err error
		if id, err = strconv.ParseUint(c.take(), 10, 16); err != nil || id > 4095 {
			return fmt.Errorf("vlan %s: not a number up to 4095", w)
		}
		given = true
	}
	tagged := yes
	if given {
		tagged = c.label()
	}
	if c.link.live {
		// A tag that a card or the kernel has not taken off is not found: where it is then
		// decides where all the rest is, which one pass cannot follow.
		c.link.live = false
		c.do(loadByte, vlanTagPresent)
		c.branch(jumpEqual, 0, no, tagged)
		if given {
			c.place(tagged)
			c.do(loadHalf, vlanTag)
		}
	} else {
		if c.link.protocol >= ancillary {
			return errors.New("a vlan in a vlan needs -i and one link")
		}
		either(c, vlanTypes[:], tagged, no, func(kind uint32, yes, no label) { c.is(kind, yes, no) })
		if given {
			c.place(tagged)
			c.do(loadHalf, c.link.network)
		}
		c.link.network += 4
		c.link.protocol = c.link.network - 2
	}
	if given {
		c.do(and, 0xfff)
		c.branch(jumpEqual, uint32(id), yes, no)
	}
	return nil
}

// ways asks for a source and a destination as the direction says.
func (c *compiler) ways(dir string, yes, no label, source, destination func(yes, no label)) {
	middle := c.label()
	switch dir {
	case "src":
		source(yes, no)
	case "dst":
		destination(yes, no)
	case "and":
		source(middle, no)
		c.place(middle)
		destination(yes, no)
	default:
		source(yes, middle)
		c.place(middle)
		destination(yes, no)
	}
}

func (c *compiler) etherHost(q asked, value string, yes, no label) error {
	mac, err := net.ParseMAC(value)
	if err != nil || len(mac) != 6 {
		return fmt.Errorf("ether host %s: not a hardware address like 02:00:00:12:34:56", value)
	}
	if !c.link.ethernet {
		return errors.New("ether host needs an Ethernet link; choose one with -i")
	}
	at := func(offset uint32) func(yes, no label) {
		return func(yes, no label) {
			first := c.label()
			c.do(loadWord, offset+2)
			c.branch(jumpEqual, binary.BigEndian.Uint32(mac[2:]), first, no)
			c.place(first)
			c.do(loadHalf, offset)
			c.branch(jumpEqual, uint32(binary.BigEndian.Uint16(mac)), yes, no)
		}
	}
	c.ways(q.dir, yes, no, at(6), at(0))
	return nil
}

func (c *compiler) addresses(q asked, value string, yes, no label) error {
	list, err := c.prefixes(q.kind, value)
	if err != nil {
		return err
	}
	kept := list[:0]
	for _, p := range list {
		if p.Addr().Is4() == (q.proto != "ip6") || q.proto == "" {
			kept = append(kept, p)
		}
	}
	if len(kept) == 0 {
		return fmt.Errorf("%s %s %s: an address of the other family", q.proto, q.kind, value)
	}
	either(c, kept, yes, no, func(p netip.Prefix, yes, no label) {
		if !p.Addr().Is4() {
			c.within(typeIPv6, 8, 24, q.dir, p, yes, no)
			return
		}
		kinds := []uint32{typeIPv4, typeARP, typeRARP}
		switch q.proto {
		case "ip":
			kinds = kinds[:1]
		case "arp":
			kinds = kinds[1:2]
		case "rarp":
			kinds = kinds[2:]
		}
		either(c, kinds, yes, no, func(kind uint32, yes, no label) {
			if kind == typeIPv4 {
				c.within(kind, 12, 16, q.dir, p, yes, no)
			} else {
				c.within(kind, 14, 24, q.dir, p, yes, no)
			}
		})
	})
	return nil
}

// within asks whether addresses at two offsets are of a network.
func (c *compiler) within(kind, source, destination uint32, dir string, p netip.Prefix, yes, no label) {
	at := func(offset uint32) func(yes, no label) {
		return func(yes, no label) {
			words := p.Addr().AsSlice()
			for i := 0; i < len(words); i += 4 {
				next := yes
				if i+4 < len(words) {
					next = c.label()
				}
				mask := uint32(0xffffffff)
				if bits := p.Bits() - i*8; bits < 32 {
					mask <<= 32 - max(bits, 0)
				}
				c.do(loadWord, c.link.network+offset+uint32(i))
				if mask != 0xffffffff {
					c.do(and, mask)
				}
				c.branch(jumpEqual, binary.BigEndian.Uint32(words[i:])&mask, next, no)
				if next != yes {
					c.place(next)
				}
			}
		}
	}
	right := c.label()
	c.is(kind, right, no)
	c.place(right)
	c.ways(dir, yes, no, at(source), at(destination))
}

// prefixes are the networks of a value: an address, 10.0.0.0/8, 192.168, a name.
func (c *compiler) prefixes(kind, value string) ([]netip.Prefix, error) {
	if kind == "net" {
		text := value
		if !strings.ContainsAny(value, "/:") {
			parts := strings.Count(value, ".") + 1
			text = value + strings.Repeat(".0", max(4-parts, 0)) + "/" + strconv.Itoa(parts*8)
		}
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, fmt.Errorf("net %s: not like 10.0.0.0/8 or fd00::/8", value)
		}
		if p != p.Masked() {
			return nil, fmt.Errorf("net %s: has bits behind its length; %s?", value, p.Masked())
		}
		return []netip.Prefix{p}, nil
	}
	addresses := []netip.Addr{}
	if address, err := netip.ParseAddr(value); err == nil {
		if address.Zone() != "" {
			return nil, fmt.Errorf("host %s: an address without a link", value)
		}
		addresses = append(addresses, address)
	} else {
		if c.resolve == nil {
			return nil, fmt.Errorf("host %s: not an address", value)
		}
		if addresses, err = c.resolve(value); err != nil {
			return nil, fmt.Errorf("host %s: %w", value, err)
		}
	}
	list := []netip.Prefix{}
	for _, address := range addresses {
		address = address.Unmap().WithZone("")
		list = append(list, netip.PrefixFrom(address, address.BitLen()))
	}
	return list, nil
}

func (c *compiler) ports(q asked, value string, yes, no label) error {
	first, last, ranged := strings.Cut(value, "-")
	if !ranged || q.kind == "port" {
		first, last = value, value
	}
	low, err := strconv.ParseUint(first, 10, 16)
	high, err2 := strconv.ParseUint(last, 10, 16)
	if errors.Join(err, err2) != nil || low > high {
		return fmt.Errorf("%s %s: not a number up to 65535", q.kind, value)
	}
	numbers := []uint32{protoTCP, protoUDP, protoSCTP}
	switch q.proto {
	case "":
	case "tcp", "udp", "sctp":
		numbers = []uint32{uint32(protocols[q.proto])}
	default:
		return fmt.Errorf("%s %s: no such question", q.proto, q.kind)
	}
	at := func(load uint16, offset uint32) func(yes, no label) {
		return func(yes, no label) {
			c.do(load, c.link.network+offset)
			if low == high {
				c.branch(jumpEqual, uint32(low), yes, no)
				return
			}
			enough := c.label()
			c.branch(jumpAtLeast, uint32(low), enough, no)
			c.place(enough)
			c.branch(jumpGreater, uint32(high), no, yes)
		}
	}
	six, four, right6, right4, whole := c.label(), c.label(), c.label(), c.label(), c.label()
	c.is(typeIPv6, six, four)
	c.place(six)
	either(c, numbers, right6, no, func(n uint32, yes, no label) { c.equal(loadByte, 6, n, yes, no) })
	c.place(right6)
	c.ways(q.dir, yes, no, at(loadHalf, 40), at(loadHalf, 42))
	c.place(four)
	v4 := c.label()
	c.is(typeIPv4, v4, no)
	c.place(v4)
	either(c, numbers, right4, no, func(n uint32, yes, no label) { c.equal(loadByte, 9, n, yes, no) })
	c.place(right4)
	c.do(loadHalf, c.link.network+6)
	c.branch(jumpSet, 0x1fff, no, whole) // a later fragment has no ports
	c.place(whole)
	c.do(loadX4Lower, c.link.network)
	c.ways(q.dir, yes, no, at(loadHalfX, 0), at(loadHalfX, 2))
	return nil
}
