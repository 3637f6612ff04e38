package netcfg

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"time"

	"bantam/netcfg/dnsname"
)

// Options of router advertisements (RFC 8106) and how many of each kind we keep
// for a port. Routers can claim any number.
const (
	optionRDNSS      = 25
	optionDNSSL      = 31
	maxAnnounced     = 4
	optionHeader     = 8
	longestAnnounced = 30 * 24 * time.Hour
)

// announcements is what the routers on one link say for resolv.conf, until when. The kernel passes it on, see daemon.hear.
type announcements struct {
	port    string
	servers expiring[netip.Addr]
	domains expiring[string]
}

// expiring is a short list of things with the time at which each ends.
type expiring[T comparable] []struct {
	what  T
	until time.Duration
}

// put adds, prolongs or, at until <= now, removes an entry. A full list keeps
// what it has, so that a router that invents new ones cannot push out the others.
func (e *expiring[T]) put(what T, until, now time.Duration) {
	e.expire(now)
	for i := range *e {
		if (*e)[i].what == what {
			if until <= now {
				*e = slices.Delete(*e, i, i+1)
				return
			}
			(*e)[i].until = until
			return
		}
	}
	if until > now && len(*e) < maxAnnounced {
		*e = append(*e, struct {
			what  T
			until time.Duration
		}{what, until})
	}
}

func (e *expiring[T]) expire(now time.Duration) {
	kept := (*e)[:0]
	for _, entry := range *e {
		if entry.until > now {
			kept = append(kept, entry)
		}
	}
	*e = kept
}

func (e expiring[T]) list() (list []T) {
	for _, entry := range e {
		list = append(list, entry.what)
	}
	return list
}

func (e expiring[T]) next() time.Duration {
	next := forever
	for _, entry := range e {
		next = min(next, entry.until)
	}
	return next
}

// read takes the options of one router advertisement. What is malformed is skipped.
func (a *announcements) read(options []byte, now time.Duration) {
	for len(options) >= optionHeader {
		size := int(options[1]) * 8
		if size == 0 || size > len(options) {
			return
		}
		option := options[:size]
		options = options[size:]
		life := time.Duration(binary.BigEndian.Uint32(option[4:])) * time.Second
		until := now + min(life, longestAnnounced)
		switch option[0] {
		case optionRDNSS:
			for server := range slices.Chunk(option[optionHeader:], 16) {
				if len(server) < 16 {
					break
				}
				if addr := netip.AddrFrom16([16]byte(server)); usableServer(addr) {
					a.servers.put(addr, until, now)
				}
			}
		case optionDNSSL:
			names, ok := dnsname.List(option[optionHeader:], false)
			if !ok {
				continue
			}
			for _, name := range names {
				if dnsname.Valid(name) {
					a.domains.put(name, until, now)
				}
			}
		}
	}
}

func usableServer(a netip.Addr) bool {
	return !a.IsUnspecified() && !a.IsLoopback() && !a.IsMulticast() && !a.Is4In6()
}

// current returns what is valid at now.
func (a *announcements) current(now time.Duration) Announced {
	a.servers.expire(now)
	a.domains.expire(now)
	return Announced{DNS: a.servers.list(), Search: a.domains.list()}
}

// deadline is when the first entry ends.
func (a *announcements) deadline() time.Duration { return min(a.servers.next(), a.domains.next()) }

// tick drops what is no longer valid at now.
func (a *announcements) tick(now time.Duration) news {
	due := a.deadline() <= now
	a.current(now)
	if due {
		return shown
	}
	return nothing
}

func (a *announcements) tell(f *Facts, now time.Duration) { f.Announced[a.port] = a.current(now) }

func (a *announcements) descriptors() []int  { return nil }
func (a *announcements) receive([]byte) news { return nothing }
func (a *announcements) close()              {}
