package system

import (
	"slices"
	"strings"

	"bantam/system/syntax"
)

// NetworkProof is a word of proof.network, or the zones and ports that must be there, each with a space behind it, which no word has.
type NetworkProof string

// Of each is what follows a slash, e.g. of "wan/ipv6".
const (
	FamilyIPv4 = "ipv4"
	FamilyIPv6 = "ipv6"
)

// NetworkWant is a zone or port that must be there.
type NetworkWant struct {
	Name   string
	Zone   bool     // it is a zone
	Ports  []string // those of the zone, of which one is enough, or the port itself
	Family string   // that it must have an address of: "ipv4" or "ipv6"; "": it must be up
	Out    bool     // strangers are there, so that it must have a default route as well
}

func (n NetworkProof) wants() []string { return strings.Fields(string(n)) }

// named tells whether it is zones and ports, and no word.
func (n NetworkProof) named() bool { return strings.HasSuffix(string(n), " ") }

// NetworkWants are the zones and ports that proof.network names, in its order.
func (s *System) NetworkWants() (wants []NetworkWant) {
	if !s.Proof.Network.named() {
		return nil
	}
	zones := s.ZonesInForce()
	for _, text := range s.Proof.Network.wants() {
		w := NetworkWant{}
		w.Name, w.Family, _ = strings.Cut(text, "/")
		w.Ports = []string{w.Name}
		if i := slices.IndexFunc(zones, func(z ZoneInForce) bool { return z.Name == w.Name }); i >= 0 {
			w.Zone, w.Ports, w.Out = true, zones[i].Interfaces, zones[i].External
		}
		wants = append(wants, w)
	}
	return wants
}

func (r *reader) fillNetworkProof(n *syntax.Node, dst *NetworkProof, path string) {
	if n.Kind != syntax.ArrayKind {
		if r.expect(n, syntax.StringKind, path, "a string or an array of strings") {
			*dst = NetworkProof(n.Text)
		}
		return
	}
	for _, item := range n.Items {
		if r.expect(item, syntax.StringKind, path, "the name of a zone or port") {
			*dst += NetworkProof(item.Text) + " "
		}
	}
}

// checkNetworkProof checks the zones and ports that must be there.
func (r *reader) checkNetworkProof() {
	const path = "proof.network"
	n := r.root.Get("proof", "network")
	if !ok(n) || n.Kind != syntax.ArrayKind {
		return
	}
	if len(n.Items) == 0 {
		r.fail(n, `write "off", or name zones or ports`, "%s: it names nothing", path)
		return
	}
	var known, had []string
	zones := r.system.ZonesInForce()
	for _, z := range zones {
		known = append(known, z.Name)
	}
	known = append(known, sortedKeys(r.system.Net)...)
	for _, item := range n.Items {
		name, kind, slash := strings.Cut(item.Text, "/")
		i := slices.IndexFunc(zones, func(z ZoneInForce) bool { return z.Name == name })
		ports := []string{name}
		if i >= 0 {
			ports = zones[i].Interfaces
		}
		switch {
		case !ok(item):
		case !slices.Contains(known, name):
			suggestion := "name a zone that a port has, or a [net.NAME]"
			if near := r.near(name, known); near != "" {
				suggestion = "did you mean " + syntax.Quote(near) + "?"
			}
			r.fail(item, suggestion, "%s: there is no zone or port %q", path, name)
		case slash && kind != FamilyIPv4 && kind != FamilyIPv6:
			r.fail(item, "write "+syntax.Quote(name+"/"+FamilyIPv4)+" or "+syntax.Quote(name+"/"+FamilyIPv6), "%s: %q is no kind of IP", path, kind)
		case slices.Contains(had, item.Text):
			r.fail(item, "remove it", "%s: %s is named twice", path, item.Text)
		case !slices.ContainsFunc(ports, func(port string) bool { return r.system.Net[port].has(kind) }):
			r.fail(item, "", "%s: %s can never be there: it is off", path, item.Text)
		}
		had = append(had, item.Text)
	}
}

// has tells whether a port may have an address of a kind; "" is any.
func (n Net) has(kind string) bool {
	return kind == "" || kind == FamilyIPv4 && n.IPv4 != "off" || kind == FamilyIPv6 && n.IPv6 != "off"
}
