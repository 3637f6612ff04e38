package system

import (
	"fmt"
	"net/netip"
	"slices"
)

// networkRemark is one on a table.
type networkRemark struct {
	table, name string // e.g. net, eth0
	remark
}

// networkRemarks are what ports, zones and forwards mean together and hardly anybody wants.
func (s *System) networkRemarks() []networkRemark {
	return slices.Concat(s.overlaps(), s.closedServers(), s.takenPorts())
}

// overlaps are networks that two ports have, so that answers to one leave by the other. A VRF's ports have routes of their own.
func (s *System) overlaps() (remarks []networkRemark) {
	type network struct {
		port string
		netip.Prefix
	}
	var had []network // of other ports
	masters := Masters(s.Net)
	for _, name := range sortedKeys(s.Net) {
		n := s.Net[name]
		if s.Net[masters[name]].VRF != nil {
			continue
		}
		var own []network
		told := false // one is enough, where many may be alike
		for _, text := range n.Addresses {
			p, err := netip.ParsePrefix(text)
			if err != nil || p.IsSingleIP() || p.Addr().IsLinkLocalUnicast() {
				continue
			}
			own = append(own, network{name, p})
			i := slices.IndexFunc(had, func(other network) bool { return other.Overlaps(p) })
			if told || i < 0 {
				continue
			}
			told = true
			remarks = append(remarks, networkRemark{"net", name, remark{
				fmt.Sprintf("has the network %v, and %s has %v: what is sent there leaves by one of them", p.Masked(), had[i].port, had[i].Masked()),
				"give them networks of their own, or put both into a bridge"}})
		}
		had = append(had, own...)
	}
	return remarks
}

// closedServers are ports that serve what the firewall lets nobody ask them for.
func (s *System) closedServers() (remarks []networkRemark) {
	zones := s.ZonesInForce()
	if len(zones) == 0 {
		return nil
	}
	for _, name := range sortedKeys(s.Net) {
		n := s.Net[name]
		var open []PortRange
		all := slices.ContainsFunc(s.Firewall.Rules, func(r FirewallRule) bool {
			return r.Action == "accept" && r.To == "" && (r.From == "" || r.From == n.Zone)
		})
		for _, z := range zones {
			if z.Name != n.Zone {
				continue
			}
			all = all || slices.Contains(z.Open, OpenAll)
			for _, item := range z.Open {
				open = append(open, s.OpenPorts(item)...)
			}
		}
		for _, word := range s.served(ZoneInForce{Interfaces: []string{name}}) {
			needs := s.OpenPorts(word)[0]
			if all || slices.ContainsFunc(open, needs.meets) {
				continue
			}
			why, suggestion := "its zone "+n.Zone+" lets", fmt.Sprintf("add %q to open in [zone.%s]", word, n.Zone)
			if n.Zone == "" {
				why, suggestion = "the firewall, as it is in no zone, lets", "write e.g. zone = \"lan\""
			}
			remarks = append(remarks, networkRemark{"net", name, remark{fmt.Sprintf("serves %s, and %s nobody ask for it", word, why), suggestion}})
		}
	}
	return remarks
}

// takenPorts are those that a forward takes from what this machine has open to strangers.
func (s *System) takenPorts() (remarks []networkRemark) {
	type opened struct {
		PortRange
		by string
	}
	var open []opened
	for _, z := range s.ZonesInForce() {
		if !z.External {
			continue
		}
		for _, item := range z.Open {
			for _, p := range s.OpenPorts(item) {
				open = append(open, opened{p, "zone " + z.Name + " has open"})
			}
		}
	}
	for _, name := range sortedKeys(s.Net) {
		if w := s.Net[name].WireGuard; w != nil && w.ListenPort != 0 {
			open = append(open, opened{PortRange{"udp", uint16(w.ListenPort), uint16(w.ListenPort)}, "the tunnel " + name + " listens at"})
		}
	}
	for _, name := range sortedKeys(s.Forwards) {
		f := s.Forwards[name]
		ports, fault := ParsePorts(name)
		for _, o := range open {
			if fault == "" && len(f.From) == 0 && ports.meets(o.PortRange) {
				remarks = append(remarks, networkRemark{"forward", name, remark{
					fmt.Sprintf("takes %v, which %s: by IPv4 it leads to %s instead", o.PortRange, o.by, f.To), "forward another port, or for some alone, from = [...]"}})
			}
		}
	}
	return remarks
}

// meets tells whether there is a port in both.
func (p PortRange) meets(other PortRange) bool {
	return p.Protocol == other.Protocol && p.First <= other.Last && other.First <= p.Last
}
