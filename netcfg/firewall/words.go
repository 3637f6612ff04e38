package firewall

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"bantam/order"
	"bantam/system"
)

// Explain says in sentences, a line each, what a system's zones, forwards and rules mean; nothing for one without zones.
func Explain(s *system.System) (lines []string) {
	say := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	zones := s.ZonesInForce()
	for _, z := range zones {
		kind := "ours"
		if z.External {
			kind = "strangers"
		}
		say("%s (%s, %s):", z.Name, strings.Join(z.Interfaces, ", "), kind)
		if before := decidedBefore(s, z); len(before) > 0 {
			say("  before this: %s, see below", list(before))
		}
		reach, closed := []string{}, []string{}
		for _, to := range zones {
			switch {
			case slices.Contains(z.To, to.Name):
				reach = append(reach, to.Name)
			case to.Name != z.Name || len(z.Interfaces) > 1:
				closed = append(closed, to.Name)
			}
		}
		switch {
		case len(reach) > 0 && len(closed) > 0:
			say("  may open connections to %s, not to %s", list(reach), list(closed))
		case len(reach) > 0:
			say("  may open connections to %s", list(reach))
		case len(closed) > 0:
			say("  may open no connections to %s", list(closed))
		}
		switch {
		case slices.Contains(z.Open, system.OpenAll):
			say("  may use all of this machine")
		case len(z.Open) > 0:
			say("  may use of this machine %s, and ping it; nothing else", list(opened(s, z.Open)))
		default:
			say("  may use nothing of this machine but ping it")
		}
		if z.Masquerade {
			say("  what leaves there by IPv4 has this machine's address")
		}
		for _, name := range z.Interfaces {
			n := s.Net[name]
			if n.Prefix != "" {
				say("  %s asks for an IPv6 prefix, for the networks behind this machine; addresses of it are not translated", name)
			}
			if n.Subnet6 != nil {
				say("  %s has IPv6 network %d of what is delegated", name, *n.Subnet6)
			}
			if n.ULA {
				say("  %s has an IPv6 network of this machine's own", name)
			}
		}
	}
	if len(zones) > 0 {
		for _, name := range order.Sorted(maps.Keys(s.Net), strings.Compare) {
			w := s.Net[name].WireGuard
			if w != nil && w.ListenPort != 0 {
				say("udp/%d is open to all: the tunnel %s, which answers nobody without its key", w.ListenPort, name)
			}
			if w.IsFull() {
				say("what this file says no other way of leaves by the tunnel %s, or not at all", name)
			}
		}
	}
	for _, f := range forwards(s, zones) {
		to := f.to.String()
		if f.port != 0 {
			to += fmt.Sprintf(" port %d", f.port)
		}
		if f.zone != "" {
			to += " (" + f.zone + ")"
		}
		who := "everybody, from inside too"
		if len(f.from) > 0 {
			var from []string
			for _, p := range f.from {
				from = append(from, p.String())
			}
			who = list(from) + " alone"
		}
		say("%s of the external addresses leads to %s, for %s", f.ports, to, who)
	}
	for i, r := range s.Firewall.Rules {
		say("rule %d: %s", i+1, ruleWords(r))
	}
	if len(zones) > 0 {
		say("Everything else is refused, with IPv4 and with IPv6; answers to what was allowed come through.")
	}
	return lines
}

// decidedBefore names what decides before a zone's own lines.
func decidedBefore(s *system.System, z system.ZoneInForce) (names []string) {
	for i, r := range s.Firewall.Rules {
		if r.From == "" || r.From == z.Name {
			names = append(names, fmt.Sprintf("rule %d", i+1))
		}
	}
	if len(s.Forwards) > 0 && z.External {
		names = append(names, "what is forwarded")
	}
	return names
}

// opened names what is opened, with the ports that a word does not say.
func opened(s *system.System, items []string) (words []string) {
	for _, item := range items {
		text := item
		if !strings.Contains(item, "/") {
			var ports []string
			for _, p := range s.OpenPorts(item) {
				ports = append(ports, p.String())
			}
			text += " (" + strings.Join(ports, ", ") + ")"
		}
		words = append(words, text)
	}
	return words
}

// ruleWords is a rule of one's own as a sentence; no two that mean different things have the same one.
func ruleWords(r system.FirewallRule) string {
	text := r.Action + " from "
	if r.From == "" {
		text += "any zone"
	} else {
		text += r.From
	}
	if r.Source != "" {
		text += " " + r.Source
	}
	if r.To == "" {
		text += " to this machine"
	} else {
		text += " to " + r.To
	}
	if r.Destination != "" {
		text += " " + r.Destination
	}
	if len(r.Ports) > 0 {
		text += " " + strings.Join(r.Ports, " ")
	}
	return text
}

func list(words []string) string {
	switch n := len(words); n {
	case 0:
		return "nothing"
	case 1:
		return words[0]
	default:
		return strings.Join(words[:n-1], ", ") + " and " + words[n-1]
	}
}
