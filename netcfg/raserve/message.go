package raserve

import (
	"encoding/binary"
	"net/netip"
	"time"

	"bantam/netcfg/dnsname"
)

// Types of messages and options (RFC 4861, RFC 8106).
const (
	typeSolicitation  = 133
	typeAdvertisement = 134

	optionSource     = 1
	optionPrefix     = 3
	optionMTU        = 5
	optionDNS        = 25
	optionSearchList = 31
)

const hopLimit = 64 // that hosts are told

// valid checks a solicitation as RFC 4861, section 6.1.1 has it.
func valid(s Solicit) bool {
	b := s.Payload
	if s.HopLimit != 255 || len(b) < 8 || b[0] != typeSolicitation || b[1] != 0 || !s.From.Is6() {
		return false
	}
	source := false
	for b = b[8:]; len(b) > 0; {
		if len(b) < 8 || b[1] == 0 || int(b[1])*8 > len(b) {
			return false
		}
		source = source || b[0] == optionSource
		b = b[int(b[1])*8:]
	}
	return !source || !s.From.IsUnspecified()
}

// Bounds of what is advertised, so that it fits into one packet of 1280 bytes.
const (
	mostPrefixes = 8
	mostServers  = 4
	mostSearch   = 400 // bytes
)

// encode makes an advertisement, and notes what hosts may make of it.
func (r *Router) encode(now time.Duration, c Config) []byte {
	lifetime := time.Duration(0)
	if c.Router {
		lifetime = routerLifetime
	}
	b := []byte{typeAdvertisement, 0, 0, 0, hopLimit, 0}
	b = binary.BigEndian.AppendUint16(b, uint16(lifetime/time.Second))
	b = append(b, make([]byte, 8)...) // reachable and retransmission time: not said
	if c.MAC != [6]byte{} {
		b = append(append(b, optionSource, 1), c.MAC[:]...)
	}
	if c.MTU >= 1280 {
		b = binary.BigEndian.AppendUint32(append(b, optionMTU, 1, 0, 0), uint32(c.MTU))
	}
	b = r.appendPrefixes(b, now, c.Prefixes)
	b = appendServers(b, c.DNS)
	return appendSearch(b, c.Search)
}

func (r *Router) appendPrefixes(b []byte, now time.Duration, prefixes []Prefix) []byte {
	prefixes = prefixes[:min(len(prefixes), mostPrefixes)]
	for _, p := range prefixes {
		valid := min(validLimit, left(p.Valid, now))
		b = appendPrefix(b, p.Prefix, min(preferredLimit, left(p.Preferred, now), valid), valid)
		r.promise(p.Prefix, now+valid)
	}
	promised := r.Promises(now)
	r.promised = nil
	old := 0
	for _, p := range promised {
		current := false
		for _, have := range prefixes {
			current = current || have.Prefix == p.Prefix
		}
		if !current {
			if old++; old > mostOld {
				continue
			}
			b = appendPrefix(b, p.Prefix, 0, left(p.Until, now))
		}
		r.promised = append(r.promised, p)
	}
	return b
}

// promise notes that hosts may have addresses of a prefix until a time, the latest that was said.
func (r *Router) promise(prefix netip.Prefix, until time.Duration) {
	for i, p := range r.promised {
		if p.Prefix == prefix {
			r.promised[i].Until = max(p.Until, until)
			return
		}
	}
	r.promised = append(r.promised, Promise{prefix, until})
}

// left is the time from now to until, in whole seconds.
func left(until, now time.Duration) time.Duration {
	if until == Forever {
		return Forever
	}
	return max(until-now, 0).Truncate(time.Second)
}

const (
	onLink     = 0x80
	autonomous = 0x40
)

func appendPrefix(b []byte, p netip.Prefix, preferred, valid time.Duration) []byte {
	flags := byte(onLink)
	if p.Bits() == 64 { // others make no addresses (RFC 4862, 5.5.3)
		flags |= autonomous
	}
	b = append(b, optionPrefix, 4, byte(p.Bits()), flags)
	b = binary.BigEndian.AppendUint32(b, uint32(valid/time.Second))
	b = binary.BigEndian.AppendUint32(b, uint32(preferred/time.Second))
	b = append(b, 0, 0, 0, 0)
	address := p.Masked().Addr().As16()
	return append(b, address[:]...)
}

func appendServers(b []byte, servers []netip.Addr) []byte {
	n := min(len(servers), mostServers)
	if n == 0 {
		return b
	}
	b = append(b, optionDNS, byte(1+2*n), 0, 0)
	b = binary.BigEndian.AppendUint32(b, uint32(serverLifetime/time.Second))
	for _, a := range servers[:n] {
		address := a.As16()
		b = append(b, address[:]...)
	}
	return b
}

func appendSearch(b []byte, domains []string) []byte {
	var names []byte
	for _, domain := range domains {
		if len(names)+len(domain)+2 > mostSearch {
			break
		}
		names = append(names, dnsname.Wire(domain)...)
	}
	if len(names) == 0 {
		return b
	}
	names = append(names, make([]byte, -len(names)&7)...)
	b = append(b, optionSearchList, byte(1+len(names)/8), 0, 0)
	b = binary.BigEndian.AppendUint32(b, uint32(serverLifetime/time.Second))
	return append(b, names...)
}
