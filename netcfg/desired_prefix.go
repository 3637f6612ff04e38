package netcfg

import (
	"crypto/sha256"
	"encoding/binary"
	"net/netip"
	"slices"

	"bantam/netcfg/dhcp6"
)

// onLinkOf is an address with the link on which it means something, where it needs one.
func onLinkOf(a netip.Addr, link string) netip.Addr {
	if a.IsLinkLocalUnicast() {
		return a.WithZone(link)
	}
	return a
}

// addLease6 adds what DHCPv6 says of a port itself: which network an address is in, and the router, routers advertise.
func (w *DesiredState) addLease6(p port, l *dhcp6.Lease) {
	for _, b := range l.Addresses {
		w.addAddress(AddressKey{p.Name, b.Prefix}, Address{Until: b.Valid, Preferred: b.Preferred, Metric: p.Metric, Source: "dhcp6 " + l.Server.String()})
	}
	for _, server := range l.DNS {
		w.addServer(onLinkOf(server, p.Name).String())
	}
	for _, domain := range l.Search {
		w.addSearch(domain)
	}
	for _, server := range l.NTP {
		if s := onLinkOf(server, p.Name).String(); !slices.Contains(w.NTP, s) {
			w.NTP = append(w.NTP, s)
		}
	}
}

// unusedMetric is that of the routes for what is delegated and not used: every other one is better.
const unusedMetric = 1<<31 - 1

// addInner gives the ports behind this machine their networks: of each delegated prefix, and of the machine's own.
// What of a prefix nobody has is unreachable: otherwise it would be sent to the provider, who sends it back.
func (w *DesiredState) addInner(facts Facts) {
	for _, outer := range w.Ports {
		lease := facts.Leases6[outer.Name]
		if lease == nil || outer.Net.Prefix != delegate {
			continue
		}
		source := "delegated to " + outer.Name
		for _, b := range lease.Prefixes {
			w.delegated[outer.Name] = true
			w.addRoute(RouteKey{To: b.Prefix, Metric: unusedMetric, Type: Unreachable, Table: tableNumber(outer.Table)}, Route{Source: source})
			for _, p := range w.Ports {
				if n := p.Net.Subnet6; n == nil || !p.Present && !p.Net.Makes() {
					continue
				} else if own, ok := subnet(b.Prefix, uint64(*n)); ok {
					w.addAddress(AddressKey{p.Name, own}, Address{Until: b.Valid, Preferred: b.Preferred, Metric: p.Metric, Source: source})
				} else {
					w.tooSmall(p.Name, *n, outer.Name, b.Prefix)
				}
			}
		}
	}
	taken := map[uint64]bool{}
	for _, p := range w.Ports {
		if !p.Net.ULA || facts.DUID == "" || !p.Present && !p.Net.Makes() {
			continue
		}
		sum := sha256.Sum256([]byte("subnet " + p.Name))
		n := uint64(binary.BigEndian.Uint16(sum[:]))
		if p.Net.Subnet6 != nil {
			n = uint64(*p.Net.Subnet6)
		}
		for taken[n] {
			n = (n + 1) % (1 << 16)
		}
		taken[n] = true
		if own, ok := subnet(machinePrefix(facts.DUID), n); ok {
			w.addAddress(AddressKey{p.Name, own}, Address{Until: forever, Metric: p.Metric, Source: "ula"})
		}
	}
}

func (w *DesiredState) tooSmall(link string, number int, outer string, p netip.Prefix) {
	if p.Bits() > 64 {
		w.problem("%s: no network for it: %s, which was delegated to %s, is smaller than one (/64); ask the provider for a larger prefix", link, p, outer)
		return
	}
	w.problem("%s: no network for it: subnet6 = %d, but %s, which was delegated to %s, has the numbers 0 to %d only; choose one of them, or ask the provider for a larger prefix",
		link, number, p, outer, uint64(1)<<(64-p.Bits())-1)
}

// subnet is the first address in one of the networks of /64 that a prefix has; false where it has fewer.
func subnet(p netip.Prefix, number uint64) (own netip.Prefix, ok bool) {
	if p.Bits() > 64 || number>>(64-p.Bits()) != 0 {
		return own, false
	}
	a := p.Masked().Addr().As16()
	binary.BigEndian.PutUint64(a[:], binary.BigEndian.Uint64(a[:])|number)
	a[15] = 1
	return netip.PrefixFrom(netip.AddrFrom16(a), 64), true
}

// machinePrefix is the machine's own network (RFC 4193). It stays as long as the DUID does, and tells nobody what that is.
func machinePrefix(duid string) netip.Prefix {
	sum := sha256.Sum256([]byte("unique local addresses of " + duid))
	a := [16]byte{0: 0xfd}
	copy(a[1:6], sum[:])
	return netip.PrefixFrom(netip.AddrFrom16(a), 48)
}
