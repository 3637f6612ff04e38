package dnsforward

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"strings"
)

// local is what is answered here and never asked for: the names of this network, and those that mean nothing elsewhere.
type local struct {
	domain string // of the hosts; "" for none
	hosts  map[string][]netip.Addr
	names  map[netip.Addr]string
	zones  []string // that have servers of their own
	exempt []string // whose names may have private addresses
}

// Domains of which nobody outside is asked (RFC 6761, 6762, 7686, 8375, 9476, 9665, and ICANN's for private use).
var closed = packNames("invalid", "test", "onion", "local", "alt", "internal", "home.arpa", "service.arpa", "resolver.arpa")

var localhost = packNames("localhost")[0]

// Names by which machines find out about their network. A lease that takes one would decide for its neighbours.
var reserved = packNames("localhost", "wpad", "isatap", "invalid")

func packNames(texts ...string) (names []string) {
	for _, text := range texts {
		name, _ := packName(text)
		names = append(names, name)
	}
	return names
}

func newLocal(c Config) local {
	l := local{hosts: map[string][]netip.Addr{}, names: map[netip.Addr]string{}}
	if name, ok := packName(c.Domain); ok && name != "\x00" {
		l.domain = name
	}
	for _, z := range c.Zones {
		if name, ok := packName(z.Name); ok {
			l.zones = append(l.zones, name)
		}
	}
	l.exempt = slices.Clone(l.zones)
	for _, text := range c.Rebind {
		if name, ok := packName(text); ok {
			l.exempt = append(l.exempt, name)
		}
	}
	for _, leased := range []bool{false, true} {
		for _, h := range c.Hosts {
			if h.Leased == leased {
				l.addHost(h)
			}
		}
	}
	return l
}

// addHost takes a host's name, below the domain if it is one label, and without it.
func (l *local) addHost(h Host) {
	if h.Leased && !isHostLabel(h.Name) {
		return // whoever asked for the lease has chosen it
	}
	short, ok := packName(h.Name)
	if !ok || short == "\x00" || h.Leased && slices.Contains(reserved, short) {
		return
	}
	full := short
	if parent(short) == "\x00" && l.domain != "" {
		full = short[:len(short)-1] + l.domain
		if len(full) > maxName {
			return
		}
	}
	if h.Leased && (l.hosts[full] != nil || l.hosts[short] != nil) {
		return // somebody has it already
	}
	for _, a := range h.Addresses {
		a = a.Unmap().WithZone("")
		if !a.IsValid() {
			continue
		}
		l.hosts[full] = append(l.hosts[full], a)
		if short != full {
			l.hosts[short] = append(l.hosts[short], a)
		}
		if l.names[a] == "" {
			l.names[a] = full
		}
	}
}

// isHostLabel says whether a name is one label of letters, digits and hyphens (RFC 952, 1123).
func isHostLabel(name string) bool {
	return name != "" && len(name) <= maxLabel && name[0] != '-' && name[len(name)-1] != '-' &&
		!strings.ContainsFunc(name, func(r rune) bool {
			return r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
		})
}

// resolve answers what is to be answered here.
func (l *local) resolve(q question) (r reply, ours bool) {
	addrs, isHost := l.hosts[q.name]
	zone := longest(l.zones, q.name)
	private, exact, isReverse := reverse(q.name)
	host := ""
	if exact {
		host = l.names[private.Addr()]
		if host == "" && private.Addr().IsLoopback() {
			host = localhost
		}
	}
	single := parent(q.name) == "\x00" && q.name != "\x00"
	switch {
	case isWithin(q.name, localhost):
		addrs = []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()}
		return addressReply(q, addrs, localhost), true
	case isHost:
		return addressReply(q, addrs, l.authority(q.name)), true
	case host != "":
		r := reply{aa: true}
		if q.kind == typePTR || q.kind == 255 {
			r.add(0, typePTR, []byte(host))
			return r, true
		}
		return r.empty(q.name), true
	case l.domain != "" && isWithin(q.name, l.domain) && len(zone) <= len(l.domain):
		if q.name != l.domain && !l.hasBelow(q.name) {
			return reply{aa: true, rcode: rcodeNXDomain}.empty(l.domain), true
		}
		r := reply{aa: true}
		if q.name == l.domain && (q.kind == typeSOA || q.kind == 255) {
			r.add(0, typeSOA, soaData)
			return r, true
		}
		return r.empty(l.domain), true
	case zone != "":
		return r, false
	case isReverse && reverseIsLocal(private):
		r := reply{aa: true}
		if private.IsSingleIP() { // those above may have names below
			r.rcode = rcodeNXDomain
		}
		return r.empty(q.name), true
	}
	if domain := longest(closed, q.name); domain != "" {
		r := reply{aa: true}
		if q.name != domain {
			r.rcode = rcodeNXDomain
		}
		return r.empty(domain), true
	}
	if single && (q.kind == typeA || q.kind == typeAAAA || q.kind == typeSVCB || q.kind == typeHTTPS) {
		return reply{aa: true, rcode: rcodeNXDomain}.empty(q.name), true // no machine outside has a name of one label
	}
	return r, false
}

// authority is the zone to which a host's name belongs.
func (l *local) authority(name string) string {
	if l.domain != "" && isWithin(name, l.domain) {
		return l.domain
	}
	return name
}

// hasBelow says whether there are names below a name, which then is there, too.
func (l *local) hasBelow(name string) bool {
	for host := range l.hosts {
		if isWithin(host, name) {
			return true
		}
	}
	return false
}

// longest is the longest of some domains that a name is within; "" if none is.
func longest(domains []string, name string) (found string) {
	for _, domain := range domains {
		if len(domain) > len(found) && isWithin(name, domain) {
			found = domain
		}
	}
	return found
}

// addressReply answers with those addresses that were asked for.
func addressReply(q question, addrs []netip.Addr, authority string) reply {
	r := reply{aa: true}
	for _, a := range addrs {
		kind := uint16(typeAAAA)
		if a.Is4() {
			kind = typeA
		}
		if q.kind == kind || q.kind == 255 {
			r.add(0, kind, a.AsSlice())
		}
	}
	if r.sections[0] == 0 {
		return r.empty(authority)
	}
	return r
}

// soaData is that of a zone of ours: nobody transfers it, so all that counts is how long a no holds, the last number.
var soaData = []byte{0, 0, 0, 0, 0, 1, 0, 0, 14, 16, 0, 0, 3, 132, 0, 9, 58, 128, 0, 0, 0, localTTL}

// add adds a record of the name that was asked for.
func (r *reply) add(section int, kind uint16, data []byte) {
	r.addOf([]byte{0xc0, headerSize}, section, kind, data)
}

func (r *reply) addOf(name []byte, section int, kind uint16, data []byte) {
	b := append(r.records, name...)
	b = binary.BigEndian.AppendUint16(b, kind)
	b = binary.BigEndian.AppendUint16(b, classIN)
	b = binary.BigEndian.AppendUint32(b, localTTL)
	b = binary.BigEndian.AppendUint16(b, uint16(len(data)))
	r.records = append(b, data...)
	r.sections[section]++
}

// empty says no, in a way that may be kept: with the SOA record of the zone that says so.
func (r reply) empty(zone string) reply {
	r.addOf([]byte(zone), 1, typeSOA, soaData)
	return r
}
