package netcfg

import (
	"net/netip"

	"bantam/system"
)

// A full tunnel takes everything that no other part of system.toml says the way of. That is not a matter of metrics: a
// more special route wins over the default one, and whoever answers DHCP can give such routes, for half of all addresses
// each, or an address in a network as large (CVE-2024-3661, TunnelVision). So what goes by the tunnel is asked of a
// routing table of its own, before the main one:
//
//   - what carries the tunnel has a mark, and takes the main table: it cannot go in circles, and nothing else goes past
//     the tunnel to the peer's address, as it would with a route to that;
//   - what is for networks that system.toml names, or that this machine serves, takes the main table;
//   - all else takes the tunnel's table, whose last route leads nowhere: without the tunnel nothing leaves.
const (
	markPriority   = 9000
	nearPriority   = 9001
	tunnelPriority = 9002
)

// fullTunnel is a link by which everything goes.
type fullTunnel struct {
	link   string
	v4, v6 bool
}

// mainTable is the main table's number, as rules have it.
const mainTable = 254

// addFullTunnels adds the rules and routes of full tunnels, once all else is known.
func (w *DesiredState) addFullTunnels() {
	for _, t := range w.tunnels {
		for _, is6 := range []bool{false, true} {
			if is6 && t.v6 || !is6 && t.v4 {
				w.addFullTunnel(t.link, is6)
			}
		}
	}
}

func (w *DesiredState) addFullTunnel(link string, is6 bool) {
	rule := func(r Rule, why string) {
		r.IPv6 = is6
		w.Rules[r], w.because[r] = true, why
	}
	rule(Rule{Mark: system.WireGuardMark, Priority: markPriority, Table: mainTable}, "carries the tunnel "+link)
	rule(Rule{Priority: tunnelPriority, Table: system.WireGuardTable}, "all else goes by "+link)
	near := func(p netip.Prefix, why string) {
		if p.Addr().Is6() == is6 && p.Bits() > 0 {
			rule(Rule{To: p.Masked(), Priority: nearPriority, Table: mainTable}, why)
		}
	}
	everything := netip.PrefixFrom(netip.IPv4Unspecified(), 0)
	if is6 {
		everything = netip.PrefixFrom(netip.IPv6Unspecified(), 0)
		near(netip.MustParsePrefix("fe80::/10"), "on the link itself")
	}
	for k, a := range w.Addresses {
		if k.Link != link && w.Links[k.Link].Table == 0 && !k.Prefix.IsSingleIP() && !(a.Learned && !isNear(k.Prefix)) {
			near(k.Prefix, "the network of "+k.Link)
		}
	}
	for k, r := range w.Routes {
		if k.Table == 0 && !r.Learned {
			near(k.To, "a route of "+orDash(k.Link))
		}
	}
	w.Routes[RouteKey{To: everything, Metric: unusedMetric, Table: system.WireGuardTable, Type: Unreachable}] = Route{Protocol: protocolOurs, Source: "nothing goes past " + link}
}

// nearBits is how small a network has to be that DHCP says to be around us.
const nearBits = 16

var sharedSpace = netip.MustParsePrefix("100.64.0.0/10") // RFC 6598

// isNear tells whether a network that DHCP says to be around us is used without the tunnel: only one of private
// addresses, which nobody reaches by the tunnel unless system.toml says so. Otherwise a server could say that the
// addresses of others are its neighbours.
func isNear(p netip.Prefix) bool {
	a := p.Addr()
	return a.Is4() && p.Bits() >= nearBits && (a.IsPrivate() || a.IsLinkLocalUnicast() || sharedSpace.Contains(a))
}
