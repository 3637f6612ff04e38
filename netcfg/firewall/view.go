package firewall

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"bantam/netcfg/nft"
)

// View is the firewall as the kernel has it.
type View struct {
	On       bool       `json:"on"`                 // false: no port belongs to a zone, or the table is not there
	Zones    []ZoneView `json:"zones,omitempty"`    // and the interfaces that belong to them
	External []string   `json:"external,omitempty"` // IPv4 addresses whose ports are forwarded
	Rules    []RuleView `json:"rules,omitempty"`
}

// ZoneView is one zone.
type ZoneView struct {
	Name  string   `json:"name"`
	Ports []string `json:"ports"`
}

// RuleView is a rule that counts: how many packets, which for what is allowed are the first of their connections.
type RuleView struct {
	Where string `json:"where"` // the chain, e.g. "forward" or "input-lan"
	What  string `json:"what"`
	nft.Count
}

// Look is what is seen of a table.
func Look(o nft.Observed) View {
	v := View{On: o.There, External: o.Elements(outside)}
	for _, set := range o.Sets() {
		if zone, ok := strings.CutPrefix(set, zoneSet("")); ok {
			v.Zones = append(v.Zones, ZoneView{zone, o.Elements(set)})
		}
	}
	for _, chain := range o.Chains() {
		counted := map[string]bool{}
		for _, r := range o.Rules(chain) {
			if r.Counter == "" || counted[r.Counter] { // several rules that are one of ours
				continue
			}
			counted[r.Counter] = true
			v.Rules = append(v.Rules, RuleView{chain, r.Comment, o.Counters[r.Counter]})
		}
	}
	return v
}

// Table writes it for people.
func (v View) Table(w io.Writer) error {
	if !v.On {
		_, err := fmt.Fprintln(w, "There is no firewall: no port belongs to a zone (bantam help firewall).")
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "ZONE\tPORTS\n")
	for _, z := range v.Zones {
		fmt.Fprintf(t, "%s\t%s\n", z.Name, strings.Join(z.Ports, " "))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(w)
	fmt.Fprintf(t, "CHAIN\tPACKETS\tBYTES\tRULE\n")
	for _, r := range v.Rules {
		fmt.Fprintf(t, "%s\t%d\t%d\t%s\n", r.Where, r.Packets, r.Bytes, r.What)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w, "\nOf what is allowed, the first packet of each connection is counted. All rules: nft list table inet bantam")
	return err
}
