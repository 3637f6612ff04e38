package netcfg

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"bantam/order"
	"bantam/system"
)

// Status is what is configured and why, and what is waited for.
type Status struct {
	Config   string        `json:"config"` // SHA-256, in hex, of the system.toml that is in force; "" when none could be read
	Online   bool          `json:"online"` // every named port that is not optional is up, or with none named, one port is
	Ports    []PortStatus  `json:"ports,omitempty"`
	Routes   []RouteStatus `json:"routes,omitempty"` // ours that lead nowhere
	Rules    []RuleStatus  `json:"rules,omitempty"`  // which packets take which routing table
	DNS      []string      `json:"dns,omitempty"`
	Forwards bool          `json:"forwards,omitempty"` // the machine asks itself: its DNS forwarder asks these, or others
	Search   []string      `json:"search,omitempty"`
	NTP      []string      `json:"ntp,omitempty"`   // time servers that DHCP names
	Zones    []ZoneStatus  `json:"zones,omitempty"` // of the firewall; none without one
	Problems []string      `json:"problems,omitempty"`
	BootedAt time.Time     `json:"booted_at,omitzero"` // by the time of day of when this was written

	// What the next configurator is to find, also after a reboot; not in status.json.
	Remember string `json:"remember,omitempty"`

	// The secrets whose values are asked for; not in status.json.
	Needs []string `json:"needs,omitempty"`
}

// ZoneStatus is one zone of the firewall.
type ZoneStatus struct {
	Name  string   `json:"name"`
	Role  string   `json:"role"`  // "external" or "internal"
	Ports []string `json:"ports"` // whether they are there or not
}

// PortStatus is one port that we look after.
type PortStatus struct {
	Name      string           `json:"name"`
	Kind      string           `json:"kind"`             // "ethernet", or rtnetlink's word, e.g. "veth"
	Made      bool             `json:"made,omitempty"`   // by us
	On        string           `json:"on,omitempty"`     // the link that a made one is on, e.g. "eth0" of a VLAN
	Master    string           `json:"master,omitempty"` // the bridge, bond or VRF that it belongs to
	Former    string           `json:"former,omitempty"` // what the kernel called it, where we gave it its name
	Path      string           `json:"path,omitempty"`   // where its hardware is plugged in, below /sys/devices
	Driver    string           `json:"driver,omitempty"`
	Needed    bool             `json:"needed,omitempty"` // "online" waits for it
	MAC       string           `json:"mac"`
	Carrier   bool             `json:"carrier"`
	Explicit  bool             `json:"explicit"`           // named in system.toml
	Optional  bool             `json:"optional"`           // its absence does not matter
	Up        bool             `json:"up"`                 // everything desired of it is there
	Waiting   string           `json:"waiting,omitempty"`  // what it waits for, e.g. "no carrier"
	DHCP      *DHCPStatus      `json:"dhcp,omitempty"`     // nil: no DHCPv4 client runs there
	DHCP6     *DHCPStatus      `json:"dhcp6,omitempty"`    // likewise, DHCPv6
	Prefixes  []AddressStatus  `json:"prefixes,omitempty"` // that were delegated to it
	WireGuard *WireGuardStatus `json:"wireguard,omitempty"`
	Shape     string           `json:"shape,omitempty"` // its limits, e.g. "in 90 Mbit by cake, out 19 Mbit by cake"
	IPv4      Family           `json:"ipv4"`
	IPv6      Family           `json:"ipv6"`
	Addresses []AddressStatus  `json:"addresses"`
	Routes    []RouteStatus    `json:"routes"`
}

// Family is what a port has of one version of IP while its cable is in.
type Family struct {
	Address bool `json:"address"` // one that means something beyond the link and that is in use
	Default bool `json:"default"` // a default route
}

// DHCPStatus is what is to be known of a port's DHCP client beside its lease.
type DHCPStatus struct {
	Doubt   string `json:"doubt,omitempty"`   // the lease is used, but no server confirms it
	Ignored int    `json:"ignored,omitempty"` // answers to no request of ours, ARP probes that are none
	Refused int    `json:"refused,omitempty"` // answers to our requests that could not be used
	Refusal string `json:"refusal,omitempty"` // why, the last of them
	Damaged int    `json:"damaged,omitempty"` // packets that carried no whole datagram
	Lost    int    `json:"lost,omitempty"`    // packets for which the socket had no room
	Unused  int    `json:"unused,omitempty"`  // options of the lease that make no sense
}

// AddressStatus is one address of a port.
type AddressStatus struct {
	Prefix string    `json:"prefix"`         // e.g. "10.0.2.15/24"
	Source string    `json:"source"`         // "static", "dhcp 10.0.2.2", "router advertisement" or "link-local"
	Until  time.Time `json:"until,omitzero"` // when it ends; zero: never

	Duplicate  bool `json:"duplicate,omitempty"`  // another machine has it, so that it is not used
	Deprecated bool `json:"deprecated,omitempty"` // new connections use another one
}

// RuleStatus is one rule.
type RuleStatus struct {
	Rule   string `json:"rule"` // e.g. "from 192.168.2.0/24 table 100 priority 10000"
	Source string `json:"source"`
}

// RouteStatus is one route of a port.
type RouteStatus struct {
	To     string `json:"to"`              // e.g. "default" or "10.0.0.0/8"
	Type   string `json:"type,omitempty"`  // e.g. "blackhole"; "" for one that leads somewhere
	Table  int    `json:"table,omitempty"` // the routing table; 0: the main one
	Via    string `json:"via,omitempty"`   // the gateway; "" on the link itself
	IPv6   bool   `json:"ipv6,omitempty"`  // said where To and Via do not: the default route of IPv6 on the link itself
	Source string `json:"source"`
	Metric int    `json:"metric"`
}

// decodeStatus reads a report, and tells the ends of addresses, which follow the
// time since boot, by the present time of day.
func decodeStatus(text []byte) (s Status, err error) {
	if err := json.Unmarshal(text, &s); err != nil {
		return s, fmt.Errorf("network status: %w", err)
	}
	if set := bootedAt().Sub(s.BootedAt); !s.BootedAt.IsZero() && set.Abs() > lifetimeSlack {
		s.shift(set)
	}
	return s, nil
}

func (s *Status) shift(by time.Duration) {
	s.BootedAt = s.BootedAt.Add(by)
	for _, p := range s.Ports {
		for _, list := range [][]AddressStatus{p.Addresses, p.Prefixes} {
			for i, a := range list {
				if !a.Until.IsZero() {
					list[i].Until = a.Until.Add(by).Round(time.Second)
				}
			}
		}
	}
}

// report describes the observed state. reasons say, by port, what its DHCPv4 and
// DHCPv6 clients wait for; wall turns a time on CLOCK_BOOTTIME into one of the day.
func report(w DesiredState, have State, reasons, reasons6 map[string]string, wall func(time.Duration) time.Time) Status {
	s := Status{DNS: w.DNS, Search: w.Search, NTP: w.NTP, Problems: w.Problems}
	named, missing, connected := false, false, false
	present := have.byLink(func(RouteKey) bool { return true })
	wanted := w.State.byLink(func(k RouteKey) bool { _, there := have.Routes[k]; return !there }) // of routes those that lack
	uplinks := slices.ContainsFunc(w.Ports, port.leadsOut)
	for _, p := range w.Ports {
		ps := w.port(p, have, present[p.Name], wanted[p.Name], reasons[p.Name], reasons6[p.Name], wall)
		if ps.Needed = p.Explicit && !ps.Optional && !p.Bare && (p.leadsOut() || !uplinks); ps.Needed {
			named = true
			missing = missing || !ps.Up
		}
		connected = connected || ps.Up && ps.reachesOut()
		s.Ports = append(s.Ports, ps)
	}
	s.Online = connected
	if named {
		s.Online = !missing
	}
	for _, k := range present[""].routes {
		if have.Routes[k].Protocol == protocolOurs {
			s.Routes = append(s.Routes, w.route(k, have.Routes[k]))
		}
	}
	for _, rule := range sortedRules(have.Rules) {
		if have.Rules[rule] {
			s.Rules = append(s.Rules, RuleStatus{rule.String(), cmp.Or(w.because[rule], "named in system.toml")})
		}
	}
	return s
}

// leadsOut tells whether a port is told, or may learn, a way to everywhere. The others, as those of a router to its
// own networks, need no cable for the network to be online.
func (p port) leadsOut() bool {
	n := p.Net
	if p.Bare || !p.Explicit || n.Optional {
		return false
	}
	return n.IPv4 == "dhcp" || n.PPPoE != nil || n.Gateway != "" || n.Gateway6 != "" || n.Prefix == delegate || n.IPv6 == "dhcp" || n.IPv6 == "auto" && len(n.Addresses) == 0 ||
		slices.ContainsFunc(n.Routes, func(r system.Route) bool { return r.To == "default" || strings.HasSuffix(r.To, "/0") })
}

// onLink is what a state has on one link, sorted.
type onLink struct {
	addresses []AddressKey
	routes    []RouteKey
}

// byLink goes through all once for all links, and keeps of the routes those that which is true of.
func (s *State) byLink(which func(RouteKey) bool) map[string]onLink {
	links := make(map[string]onLink, len(s.Links))
	for k := range s.Addresses {
		l := links[k.Link]
		l.addresses = append(l.addresses, k)
		links[k.Link] = l
	}
	for k := range s.Routes {
		if !which(k) {
			continue
		}
		l := links[k.Link]
		l.routes = append(l.routes, k)
		links[k.Link] = l
	}
	for _, l := range links { // few of many each, which is less to do than all together
		order.By(l.addresses, compareAddresses)
		order.By(l.routes, compareRoutes)
	}
	return links
}

func (w *DesiredState) port(p port, have State, present, wanted onLink, reason, reason6 string, wall func(time.Duration) time.Time) PortStatus {
	link := have.Links[p.Name]
	s := PortStatus{Name: p.Name, Kind: link.Kind, Carrier: link.Carrier, Explicit: p.Explicit, Optional: p.Net.Optional}
	if !p.Present {
		s.Waiting = cmp.Or(p.Lacks, w.sessionLacks(p, false), "waiting for port "+cmp.Or(p.Net.Parent(), p.Name))
		return s
	}
	s.Made, s.On, s.Master, s.Path, s.Driver = link.Mark == Made, cmp.Or(link.Make.Parent, link.Make.Peer, p.sessionPort()), link.Master, link.Path, link.Driver
	if link.Mark == Renamed {
		s.Former = link.Former
	}
	if link.Kind == "" || link.Kind == "device" {
		s.Kind = "ethernet"
	}
	s.MAC = net.HardwareAddr(link.MAC[:]).String()
	if p.Net.WireGuard != nil {
		s.MAC, s.WireGuard = "", w.wireGuardStatus(p, have)
	}
	s.Shape = have.shaped(p.Name)
	for _, k := range present.addresses {
		s.Addresses = append(s.Addresses, AddressStatus{
			Prefix: k.Prefix.String(),
			Source: w.addressSource(k, have.Addresses[k]),
			Until:  w.until(k, have.Addresses[k], wall),

			Duplicate:  have.Addresses[k].Duplicate,
			Deprecated: have.Addresses[k].Spent,
		})
	}
	for _, k := range present.routes {
		r := have.Routes[k]
		if r.Protocol == protocolKernel {
			continue // it only says again what the addresses say
		}
		s.Routes = append(s.Routes, w.route(k, r))
	}
	if link.Carrier {
		s.IPv4, s.IPv6 = have.families(present)
	}
	s.Waiting = w.waiting(p, have, present, wanted, reason, reason6)
	s.Up = s.Waiting == ""
	return s
}

func (w *DesiredState) route(k RouteKey, r Route) RouteStatus {
	s := RouteStatus{To: k.To.String(), Source: w.routeSource(k, r), Metric: k.Metric, Table: k.Table}
	if k.To.Bits() == 0 {
		s.To = "default"
	}
	if r.Via.IsValid() {
		s.Via = r.Via.String()
	} else if k.To.Bits() == 0 {
		s.IPv6 = k.To.Addr().Is6()
	}
	if k.Type != Unicast {
		s.Type = k.Type.String()
	}
	return s
}

// families says what a link has of each version of IP.
func (s *State) families(present onLink) (v4, v6 Family) {
	of := func(a netip.Addr) *Family {
		if a.Is4() {
			return &v4
		}
		return &v6
	}
	for _, k := range present.addresses {
		if a := s.Addresses[k]; !a.Duplicate && !a.Tentative && !k.Prefix.Addr().IsLinkLocalUnicast() {
			of(k.Prefix.Addr()).Address = true
		}
	}
	for _, k := range present.routes {
		if k.To.Bits() == 0 {
			of(k.To.Addr()).Default = true
		}
	}
	return v4, v6
}

// unknownSource is that of what another program made.
const unknownSource = "unknown"

func (w *DesiredState) addressSource(k AddressKey, a Address) string {
	switch desired, ours := w.Addresses[k]; {
	case ours:
		return desired.Source
	case k.Prefix.Addr().Is6() && k.Prefix.Addr().IsLinkLocalUnicast():
		return "link-local"
	case a.Announced:
		return "router advertisement"
	case a.Peer.IsValid() && w.sessions[k.Link].Local == k.Prefix.Addr():
		return "PPPoE " + a.Peer.String()
	}
	return unknownSource
}

func (w *DesiredState) routeSource(k RouteKey, r Route) string {
	switch desired, ours := w.Routes[k]; {
	case ours:
		return desired.Source
	case r.Protocol == protocolRA:
		return "router advertisement"
	}
	return unknownSource
}

// until prefers what we asked for over what the kernel's rounding makes of it.
func (w *DesiredState) until(k AddressKey, a Address, wall func(time.Duration) time.Time) time.Time {
	until := a.Until
	if desired, ours := w.Addresses[k]; ours {
		until = desired.Until
	}
	if until == forever {
		return time.Time{}
	}
	return wall(until)
}

// waiting says what a port lacks; "" when it is up. A port that nobody named is
// up with DHCP or router advertisements, whichever the network has; a named one
// with all that it was told to have, but advertisements only count where
// nothing else was asked for: most networks with DHCP have none.
func (w *DesiredState) waiting(p port, have State, present, wanted onLink, reason, reason6 string) string {
	link := have.Links[p.Name]
	if want := p.Master; want != "" && link.Master != want {
		return "not in " + want
	}
	if lacks := w.sessionLacks(p, true); lacks != "" {
		return lacks
	}
	if !link.Up {
		return "link is down"
	}
	if !link.Carrier {
		return "no carrier"
	}
	if lacks := w.lacks[p.Name]; lacks != "" {
		return lacks
	}
	announced := have.announced(present.addresses) && p.Net.LearnsIPv6()
	advice := have.duplicate(p.Name, present)
	if reason != "" && advice != "" && !announced {
		reason += "; " + advice
	}
	if !p.Explicit {
		if reason != "" && !announced {
			return reason
		}
		return ""
	}
	static := false
	for _, k := range wanted.addresses {
		a, there := have.Addresses[k]
		switch {
		case !there:
			return fmt.Sprintf("address %s not set", k.Prefix)
		case a.Duplicate:
			return fmt.Sprintf("address %s is used by another machine", k.Prefix)
		case a.Tentative:
			return fmt.Sprintf("looking whether another machine uses %s", k.Prefix)
		}
		static = true
	}
	if len(wanted.routes) > 0 {
		return fmt.Sprintf("route to %s not set", wanted.routes[0].To)
	}
	switch {
	case p.Net.IPv4 == "dhcp" && reason != "":
		return reason
	case p.Net.IPv6 == "dhcp" && reason6 != "":
		return reason6
	case p.Net.PPPoE != nil: // with IPv4 it is complete, and without it with what advertises IPv6
		if p.Net.IPv4 == "off" && !announced && !w.delegated[p.Name] && !static {
			return cmp.Or(reason6, "router advertisement")
		}
	case !static && p.Net.IPv4 != "dhcp" && p.Net.IPv6 == "auto" && !announced && !w.delegated[p.Name]:
		switch {
		case reason6 != "":
			return reason6
		case advice != "":
			return advice
		case have.routedByRA(present) && !have.looking(present):
			return "an address: a router advertises, but it gives none, or another machine has it (see dmesg)"
		}
		return "router advertisement"
	}
	return ""
}

// duplicate says which address that the kernel made another machine has, and
// what to do: the kernel does not try again by itself. One that was announced it
// forgets at once; the router's route is all that is left of it.
func (s *State) duplicate(link string, present onLink) string {
	for _, k := range present.addresses {
		if a := s.Addresses[k]; a.Duplicate && k.Prefix.Addr().Is6() && !a.Ours {
			return fmt.Sprintf("address %s is used by another machine, or the network is a loop; when that is put right: ip link set %s down", k.Prefix, link)
		}
	}
	return ""
}

// routedByRA tells whether a router advertisement gave the link its default route.
func (s *State) routedByRA(present onLink) bool {
	return slices.ContainsFunc(present.routes, func(k RouteKey) bool { return k.To.Bits() == 0 && s.Routes[k].Protocol == protocolRA })
}

// looking tells whether the kernel still looks for duplicates of an address of the link.
func (s *State) looking(present onLink) bool {
	return slices.ContainsFunc(present.addresses, func(k AddressKey) bool { a := s.Addresses[k]; return a.Tentative && !a.Duplicate })
}

// announced tells whether a router advertisement gave one of these addresses.
func (s *State) announced(keys []AddressKey) bool {
	for _, k := range keys {
		a := s.Addresses[k]
		if a.Announced && !a.Tentative && !a.Duplicate && !k.Prefix.Addr().IsLinkLocalUnicast() {
			return true
		}
	}
	return false
}

// reachesOut tells whether a port has a default route or an address that means
// something beyond its link.
func (s *PortStatus) reachesOut() bool {
	for _, r := range s.Routes {
		if r.To == "default" {
			return true
		}
	}
	for _, a := range s.Addresses {
		if a.Source != "link-local" && !a.Duplicate {
			return true
		}
	}
	return false
}
