package netcfg

import (
	"net/netip"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"bantam/system"
)

// addLink adds a port, or a link that is made, which is wanted also where it is not there yet.
func (w *DesiredState) addLink(p port, net map[string]system.Net) {
	n := p.Net
	l := Link{Up: true, MTU: n.MTU, Announcements: n.LearnsIPv6(), Master: p.Master, Table: tableNumber(p.Table), Members: strings.Join(n.Members(), " ")}
	if l.MTU == 0 && p.Bare {
		l.MTU = net[p.Master].MTU
	}
	if l.Session = n.PPPoE != nil; l.Session {
		l.MTU = 0 // it is negotiated
	} else if l.MTU == 0 {
		l.MTU = w.carriers[p.Name]
	}
	l.Make, l.Tune = making(n)
	if n.VRF != nil {
		l.Table = tableNumber(n.VRF.Table)
	}
	if bridge := net[p.Master].Bridge; bridge != nil {
		l.VLANs = vlansOf(bridge, p.Name, false)
	} else if n.Bridge != nil {
		l.VLANs = vlansOf(n.Bridge, p.Name, true)
	}
	if !p.Present {
		if p.Lacks != "" {
			return
		}
		if p.Called == "" && l.Make.Kind == "" && !p.Peer && !n.IsAP() {
			return
		}
		l.Called = p.Called
		if n.IsAP() { // it gets its name, and is hostapd's then, which sets it up and down
			l.Session, l.Master = true, ""
		}
	}
	w.Links[p.Name] = l
}

// tableNumber is a routing table as a State has it.
func tableNumber(table int) int {
	if table == unix.RT_TABLE_MAIN {
		return 0
	}
	return table
}

// making says how a link is made.
func making(n system.Net) (m Make, t Tune) {
	if !n.Makes() {
		return m, t
	}
	m.Kind = n.Kind()
	m.Parent = n.Parent()
	address := func(text string) netip.Addr { a, _ := netip.ParseAddr(text); return a }
	switch {
	case n.Bridge != nil:
		t.Floods, t.Queries = n.Bridge.Multicast == "flood", n.Bridge.Multicast == "query"
		t.STP, t.Filtering, t.Ageing = n.Bridge.STP, len(n.Bridge.VLANs) > 0, int(time.Duration(n.Bridge.Ageing)/(10*time.Millisecond))
	case n.VLAN != nil:
		m.ID = n.VLAN.ID
	case n.Bond != nil:
		m.Mode, t.Monitor = bondModes.of(n.Bond.Mode), int(time.Duration(n.Bond.Monitor)/time.Millisecond)
		m.Fast = n.Bond.Fast && n.Bond.Mode == "802.3ad"
		if m.balances() {
			t.Hash = bondHashes.of(n.Bond.Hash)
		}
	case n.Veth != nil:
		m.Peer = n.Veth.Peer
	case n.Macvlan != nil:
		m.Mode = macvlanModes.of(n.Macvlan.Mode)
	case n.VRF != nil:
		m.Table = n.VRF.Table
	case n.VXLAN != nil:
		m.ID, m.Port, m.Local, m.Remote = n.VXLAN.ID, n.VXLAN.Port, address(n.VXLAN.Local), address(n.VXLAN.Remote)
	case n.Tunnel != nil:
		m.Kind, m.Local, m.Remote = n.Tunnel.Kind, address(n.Tunnel.Local), address(n.Tunnel.Remote)
	}
	return m, t
}

// vlansOf lists the VLANs of a bridge's port, or of the bridge itself, which has them all.
func vlansOf(b *system.Bridge, port string, self bool) string {
	set := vlanSet{}
	for _, v := range b.VLANs {
		for _, tagged := range v.Tagged {
			if tagged == port {
				set[v.ID] = false
			}
		}
		if self {
			set[v.ID] = false
		}
		for _, untagged := range v.Untagged {
			if untagged == port {
				set[v.ID] = true
			}
		}
	}
	return set.list()
}

// addRules adds the rules of a port's table; one for both families where it says of none which.
func (w *DesiredState) addRules(p port) {
	for _, r := range p.Net.Rules {
		rule := Rule{Iif: r.Iif, Mark: uint32(r.Mark), Priority: r.Priority, Table: r.Table}
		if rule.Priority == 0 {
			rule.Priority = system.RulePriority
		}
		rule.From, _ = netip.ParsePrefix(r.From)
		rule.To, _ = netip.ParsePrefix(r.To)
		if rule.From.IsValid() || rule.To.IsValid() {
			rule.IPv6 = rule.From.IsValid() && rule.From.Addr().Is6() || rule.To.IsValid() && rule.To.Addr().Is6()
			w.Rules[rule] = true
			continue
		}
		w.Rules[rule] = true
		rule.IPv6 = true
		w.Rules[rule] = true
	}
}
