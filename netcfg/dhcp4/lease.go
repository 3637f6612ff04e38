package dhcp4

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"bantam/netcfg/bootp"
	"bantam/netcfg/dnsname"
)

// Limits on what a server can make us store.
const (
	maxRoutes  = 64
	maxServers = 4 // name servers, and time servers
	maxSearch  = 6
)

const (
	fallbackLease = time.Hour       // an ACK without lease time; RFC 2131 demands one, some servers forget it
	shortestLease = 2 * time.Second // less cannot be renewed in time; zero comes here too
	infinity      = 0xffffffff
)

// Lease is what a server granted, every field checked. Times are on the clock of Step.
type Lease struct {
	Address netip.Prefix // e.g. 10.0.2.15/24
	Server  netip.Addr   // option 54
	Routes  []Route
	DNS     []netip.Addr
	Search  []string // the domain name first
	NTP     []netip.Addr

	Start   time.Duration // when the request was sent that the server answered
	Renew   time.Duration // T1
	Rebind  time.Duration // T2
	Expires time.Duration // Forever for an infinite lease

	Dropped int // options that were present but unusable
	options bootp.Options
	ACK     []byte // the message it was read from, for Restore
}

// Forever is the time of things that do not happen.
const Forever = time.Duration(1<<63 - 1)

// Route is one route of a lease. Via is invalid when To is on the link itself.
type Route struct {
	To  netip.Prefix
	Via netip.Addr
}

// ValidAt tells whether the address may be used at now.
func (l *Lease) ValidAt(now time.Duration) bool { return now < l.Expires }

// readLease checks an OFFER or ACK and returns what it grants, counted from start.
func readLease(m *bootp.Message, start time.Duration) (*Lease, error) {
	l := &Lease{Start: start, options: m.Options}
	address := m.Your
	if !usableHost(address) {
		return nil, fmt.Errorf("address %v cannot be a host's", address)
	}
	var named bool
	if l.Server, named = serverOf(m); !named {
		return nil, errors.New("server identifier (option 54) missing or bad")
	}
	if l.Server == address {
		return nil, fmt.Errorf("address %v is the server's own", address)
	}
	bits, err := maskBits(m, address)
	if err != nil {
		return nil, err
	}
	l.Address = netip.PrefixFrom(address, bits)
	if !l.hasHost(address) {
		return nil, fmt.Errorf("address %v is its network's or broadcast address", l.Address)
	}
	if err := l.readTimes(m); err != nil {
		return nil, err
	}
	l.readRoutes(m)
	l.readNames(m)
	return l, nil
}

func serverOf(m *bootp.Message) (netip.Addr, bool) {
	server, ok := netip.AddrFromSlice(m.Options[bootp.ServerIdentifier])
	return server, ok && server.Is4() && usableHost(server)
}

// maskBits is the prefix length from option 1, a mask without holes.
func maskBits(m *bootp.Message, address netip.Addr) (int, error) {
	if !m.Options.Has(bootp.SubnetMask) {
		switch first := address.As4()[0]; { // classful, as every client does (RFC 1122, 3.2.1.3)
		case first < 128:
			return 8, nil
		case first < 192:
			return 16, nil
		}
		return 24, nil
	}
	raw := m.Options[bootp.SubnetMask]
	if len(raw) != 4 {
		return 0, fmt.Errorf("subnet mask of %d bytes", len(raw))
	}
	mask := binary.BigEndian.Uint32(raw)
	bits := 0
	for rest := mask; rest&(1<<31) != 0; rest <<= 1 {
		bits++
	}
	if bits < 8 || mask<<bits != 0 {
		return 0, fmt.Errorf("subnet mask %d.%d.%d.%d", raw[0], raw[1], raw[2], raw[3])
	}
	return bits, nil
}

// readTimes sets the lease's end and the timers T1 and T2 (RFC 2131, 4.4.5).
func (l *Lease) readTimes(m *bootp.Message) error {
	length := fallbackLease
	if raw := m.Options[bootp.LeaseTime]; len(raw) == 4 {
		n := binary.BigEndian.Uint32(raw)
		if n == infinity {
			l.Renew, l.Rebind, l.Expires = Forever, Forever, Forever
			return nil
		}
		length = time.Duration(n) * time.Second
	} else if raw != nil {
		l.Dropped++
	}
	if length < shortestLease {
		return fmt.Errorf("lease time %v is too short", length)
	}
	t1, t2 := seconds(m.Options[bootp.RenewalTime]), seconds(m.Options[bootp.RebindingTime])
	half, late := length/2, length-length/8 // seven eighths; times seven would overflow after 41 years
	if t1 < min(half, minRetry) || t1 >= length {
		t1 = half // also for a T1 by which a server would have us renew all the time
	}
	if t2 <= t1 || t2 >= length {
		t2 = late
	}
	if t1 >= t2 {
		t1, t2 = half, late
	}
	l.Renew, l.Rebind, l.Expires = l.Start+t1, l.Start+t2, l.Start+length
	return nil
}

func seconds(raw []byte) time.Duration {
	if len(raw) != 4 {
		return 0
	}
	return time.Duration(binary.BigEndian.Uint32(raw)) * time.Second
}

// readRoutes takes the classless routes (option 121), which override the routers (option 3) by RFC 3442.
func (l *Lease) readRoutes(m *bootp.Message) {
	if raw := m.Options[bootp.ClasslessRoutes]; raw != nil {
		routes, dropped := l.classlessRoutes(raw)
		l.Dropped += dropped
		if len(routes) > 0 {
			l.Routes = routes
			return
		}
	}
	raw := m.Options[bootp.Router]
	if len(raw)%4 != 0 {
		l.Dropped++
		return
	}
	for gateway := range slices.Chunk(raw, 4) {
		via := netip.AddrFrom4([4]byte(gateway))
		if l.hasHost(via) && via != l.Address.Addr() {
			l.Routes = []Route{{To: defaultRoute, Via: via}} // the first is the preferred one
			return
		}
		l.Dropped++
	}
}

var defaultRoute = netip.PrefixFrom(netip.IPv4Unspecified(), 0)

// classlessRoutes reads option 121 (RFC 3442). One that is malformed or too long is
// dropped as a whole, since the boundaries of its routes are a guess; of a good one
// the routes that cannot be set, e.g. to multicast, cost the others nothing.
func (l *Lease) classlessRoutes(raw []byte) (routes []Route, dropped int) {
	for len(raw) > 0 {
		bits := int(raw[0])
		n := (bits + 7) / 8
		if bits > 32 || len(raw) < 1+n+4 || len(routes) == maxRoutes {
			return nil, 1
		}
		var to [4]byte
		copy(to[:], raw[1:1+n])
		via := netip.AddrFrom4([4]byte(raw[1+n : 1+n+4]))
		raw = raw[1+n+4:]
		r := Route{To: netip.PrefixFrom(netip.AddrFrom4(to), bits).Masked(), Via: via}
		if via.IsUnspecified() {
			r.Via = netip.Addr{}
		} else if !l.hasHost(via) || via == l.Address.Addr() {
			dropped++
			continue
		}
		if a := r.To.Addr(); a.IsLoopback() || a.IsMulticast() {
			dropped++
			continue
		}
		if !slices.ContainsFunc(routes, func(have Route) bool { return have.To == r.To }) {
			routes = append(routes, r) // of two equal destinations the first counts
		}
	}
	return routes, dropped
}

// readNames takes name servers, search domains and time servers.
func (l *Lease) readNames(m *bootp.Message) {
	l.DNS = l.readServers(m.Options[bootp.NameServers])
	l.NTP = l.readServers(m.Options[bootp.TimeServers])
	var names []string
	if raw := m.Options[bootp.DomainName]; raw != nil {
		names = append(names, string(trimNUL(raw)))
	}
	if raw := m.Options[bootp.DomainSearch]; raw != nil {
		more, ok := dnsname.List(raw, true)
		if !ok {
			l.Dropped++
		}
		names = append(names, more...)
	}
	search, dropped := dnsname.Merge(l.Search, names, maxSearch)
	l.Search, l.Dropped = search, l.Dropped+dropped
}

// readServers reads a list of addresses.
func (l *Lease) readServers(raw []byte) (servers []netip.Addr) {
	if len(raw)%4 != 0 {
		l.Dropped++
		return nil
	}
	for server := range slices.Chunk(raw, 4) {
		a := netip.AddrFrom4([4]byte(server))
		switch {
		case !l.hasHost(a):
			l.Dropped++
		case len(servers) < maxServers && !slices.Contains(servers, a):
			servers = append(servers, a)
		}
	}
	return servers
}

// trimNUL removes the trailing NULs that some servers send (RFC 2132, 2).
func trimNUL(b []byte) []byte {
	for len(b) > 0 && b[len(b)-1] == 0 {
		b = b[:len(b)-1]
	}
	return b
}

// usableHost tells whether a can be one host's address on a network.
func usableHost(a netip.Addr) bool {
	first := a.As4()[0]
	return first != 0 && first != 127 && first < 224
}

// hasHost tells whether a can be one host's address, on the lease's network or beyond.
func (l *Lease) hasHost(a netip.Addr) bool {
	return usableHost(a) && (l.Address.Bits() > 30 || a != l.Address.Masked().Addr() && a != broadcastOf(l.Address))
}

func broadcastOf(p netip.Prefix) netip.Addr {
	b := p.Addr().As4()
	n := binary.BigEndian.Uint32(b[:]) | uint32(uint64(1)<<(32-p.Bits())-1)
	binary.BigEndian.PutUint32(b[:], n)
	return netip.AddrFrom4(b)
}
