package system

import (
	"reflect"
	"slices"
	"strings"
)

// Interruptions says what connections may notice of a change of the network, one line for each thing. What is only
// added, or replaced in one step, is not among it: an address more, one that moves to another link, a metric, an MTU.
func Interruptions(from, to map[string]Net) []string {
	var r interruptions
	if len(from) == 0 && len(to) > 0 {
		r.say("ports without a table are set down")
	}
	before, after := Masters(from), Masters(to)
	stays := map[string]bool{} // addresses, wherever they are
	for _, n := range to {
		for _, a := range n.Addresses {
			stays[a] = true
		}
	}
	for _, name := range sortedKeys(from) {
		old := from[name]
		n, named := to[name]
		kind := old.Kind()
		switch {
		case kind == "pppoe" && n.PPPoE != nil && session(old) != session(n):
			r.say(name, ": its session with the provider ends, and is opened anew")
		case kind == "pppoe" && n.PPPoE == nil:
			r.say(name, ": its session with the provider ends")
		case kind == "wifi" && old.IsPort() && (n.Wifi == nil || !n.IsPort()):
			r.say(name, ": its radio falls silent")
		case kind == "wifi" && old.IsPort() && !reflect.DeepEqual(onRadio(from, name), onRadio(to, name)):
			r.say(name, ": its radio begins anew, and who is connected by it connects again")
		case kind != "" && n.Kind() != kind:
			r.say(name, ", a ", kind, ", is deleted")
		case kind != "" && !reflect.DeepEqual(fixed(old), fixed(n)):
			r.say(name, " is made anew: something of a ", kind, " is changed that cannot be changed while it is there")
		case kind == "" && !named && after[name] == "" && !isParent(to, name) && len(to) > 0:
			r.say(name, " is set down")
			continue
		}
		for _, a := range old.Addresses {
			if !stays[a] {
				r.say(name, ": the address ", a, " goes")
			}
		}
		if old.IPv4 == "dhcp" && speaks(from, before[name]) && !(n.IPv4 == "dhcp" && speaks(to, after[name])) {
			r.say(name, ": its address of DHCP goes")
		} else if !slices.Equal(old.DHCPServers, n.DHCPServers) && len(n.DHCPServers) > 0 {
			r.say(name, ": a lease of another DHCP server goes")
		}
		if named && old.Zone != n.Zone {
			r.say(name, " is in another zone of the firewall, which may forbid what goes on")
		}
		if old.LearnsIPv6() && !n.LearnsIPv6() && named {
			r.say(name, ": what routers advertise goes")
		}
		if old.Prefix != "" && n.Prefix == "" {
			r.say(name, ": the prefix that was delegated to it is given back, with all addresses of it")
		}
		if old.Subnet6 != nil && (n.Subnet6 == nil || *n.Subnet6 != *old.Subnet6) || old.ULA && !n.ULA {
			r.say(name, ": the IPv6 network behind it is another one")
		}
		if old.Gateway != "" && old.Gateway != gatewayOf(to, old.Gateway) || old.Gateway6 != "" && old.Gateway6 != gatewayOf(to, old.Gateway6) {
			r.say(name, ": its gateway goes")
		}
	}
	for _, name := range sortedKeys(to) {
		if m := to[name].Match; m != nil && !reflect.DeepEqual(m, from[name].Match) {
			r.say("the port with ", m.String(), " becomes ", name, ", and is set down for that where the kernel is older than 6.2")
		}
		switch kind := to[name].Kind(); kind {
		case "bond", "vrf":
			for _, member := range to[name].Members() {
				if before[member] != name {
					r.say(member, " joins ", name, ", and is set down for that")
				}
			}
		}
	}
	return r
}

// onRadio is all that a radio is told.
func onRadio(net map[string]Net, radio string) map[string]*Wifi {
	all := map[string]*Wifi{}
	for _, name := range WifiLinks(net, radio) {
		all[name] = net[name].Wifi
	}
	return all
}

type interruptions []string

//go:noinline
func (r *interruptions) say(words ...string) { *r = append(*r, strings.Join(words, "")) }

// gatewayOf is the gateway where any port has it.
func gatewayOf(net map[string]Net, gateway string) string {
	for _, n := range net {
		if n.Gateway == gateway || n.Gateway6 == gateway {
			return gateway
		}
	}
	return ""
}

// speaks tells whether a link that belongs to another, or to none, has addresses.
func speaks(net map[string]Net, master string) bool {
	return master == "" || net[master].VRF != nil
}

func isParent(net map[string]Net, name string) bool {
	for _, n := range net {
		if n.Parent() == name {
			return true
		}
	}
	return false
}

// fixed is what of a link cannot be changed while it is there.
func fixed(n Net) Net {
	made := Net{VLAN: n.VLAN, Veth: n.Veth, Macvlan: n.Macvlan, VXLAN: n.VXLAN, Tunnel: n.Tunnel}
	if n.Bond != nil {
		made.Bond = &Bond{Mode: n.Bond.Mode, Fast: n.Bond.Fast}
	}
	if n.VRF != nil {
		made.VRF = &VRF{Table: n.VRF.Table}
	}
	return made
}
