package dnsforward

import (
	"net/netip"
	"strconv"
)

func prefixes(list ...string) (all []netip.Prefix) {
	for _, text := range list {
		all = append(all, netip.MustParsePrefix(text))
	}
	return all
}

// reverseLocal are the networks whose reverse zones nobody outside can know (RFC 6303, RFC 7793).
var reverseLocal = prefixes("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.2.0/24",
	"192.168.0.0/16", "198.51.100.0/24", "203.0.113.0/24", "255.255.255.255/32",
	"::/128", "::1/128", "fc00::/7", "fe80::/10", "2001:db8::/32")

// neverPublic are addresses that no public name has, unless somebody wants browsers to reach into this network by it.
var neverPublic = prefixes("0.0.0.0/8", "10.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16", "255.255.255.255/32",
	"::/128", "::1/128", "fc00::/7", "fe80::/10")

// nat64 is the prefix by which IPv6 addresses stand for IPv4's (RFC 6052).
var nat64 = netip.MustParsePrefix("64:ff9b::/96")

// isPrivate says whether an address leads into a network like this one. own are the prefixes of ours, of which those of
// IPv4 are private whatever they are.
func isPrivate(a netip.Addr, own []netip.Prefix) bool {
	a = a.Unmap()
	if b := a.As16(); nat64.Contains(a) {
		a = netip.AddrFrom4([4]byte(b[12:]))
	}
	return contains(neverPublic, a) || a.Is4() && contains(own, a)
}

// arpa is the domain of all reverse zones.
var arpa = packNames("arpa")[0]

// reverse is the network in whose reverse zone a name is; exact says that it is the name of one address.
func reverse(name string) (p netip.Prefix, exact, ok bool) {
	if !isWithin(name, arpa) {
		return p, false, false
	}
	parts := labels(name)
	n := len(parts) - 2
	if n < 0 {
		return p, false, false
	}
	switch parts[n] {
	case "in-addr":
		var b [4]byte
		for i := range min(n, 4) {
			part := parts[n-1-i]
			value, err := strconv.ParseUint(part, 10, 8)
			if err != nil || part != strconv.Itoa(int(value)) {
				return netip.PrefixFrom(netip.AddrFrom4(b), 8*i), false, true
			}
			b[i] = byte(value)
		}
		return netip.PrefixFrom(netip.AddrFrom4(b), 8*min(n, 4)), n == 4, true
	case "ip6":
		var b [16]byte
		for i := range min(n, 32) {
			part := parts[n-1-i]
			value, err := strconv.ParseUint(part, 16, 4)
			if err != nil || len(part) != 1 {
				return netip.PrefixFrom(netip.AddrFrom16(b), 4*i), false, true
			}
			b[i/2] |= byte(value) << (4 - 4*(i%2))
		}
		return netip.PrefixFrom(netip.AddrFrom16(b), 4*min(n, 32)), n == 32, true
	}
	return p, false, false
}

// reverseIsLocal says whether a network's reverse zone is kept here, as all of it is private.
func reverseIsLocal(p netip.Prefix) bool {
	for _, local := range reverseLocal {
		if local.Bits() <= p.Bits() && local.Contains(p.Addr()) {
			return true
		}
	}
	return false
}

// hasPrivate says whether an answer leads into this network: by an address, or by one that SVCB and HTTPS records hint at.
func (m *message) hasPrivate(own []netip.Prefix) bool {
	for _, r := range m.records {
		if r.class != classIN || r.section == 1 {
			continue
		}
		data := m.b[r.data:r.end]
		switch r.kind {
		case typeA, typeAAAA:
			if a, ok := netip.AddrFromSlice(data); ok && isPrivate(a, own) {
				return true
			}
		case typeSVCB, typeHTTPS:
			if hintsPrivate(m.b[:r.end], r.data, own) {
				return true
			}
		}
	}
	return false
}

// hintsPrivate reads the data of a SVCB record (RFC 9460): a number, a name, parameters, of which 4 and 6 are addresses.
func hintsPrivate(b []byte, at int, own []netip.Prefix) bool {
	if at+2 > len(b) {
		return false
	}
	_, at, ok := readName(b, at+2)
	for ok && at+4 <= len(b) {
		key, size := u16(b[at:]), int(u16(b[at+2:]))
		if at += 4; at+size > len(b) {
			return false
		}
		value := b[at : at+size]
		at += size
		width := map[uint16]int{4: 4, 6: 16}[key]
		for width > 0 && len(value) >= width {
			if a, ok := netip.AddrFromSlice(value[:width]); ok && isPrivate(a, own) {
				return true
			}
			value = value[width:]
		}
	}
	return false
}
