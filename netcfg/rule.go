package netcfg

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"strings"

	"golang.org/x/sys/unix"

	"bantam/netcfg/rtnl"
	"bantam/order"
)

// Attributes of rules and what one does (linux/fib_rules.h), which package unix does not have.
const (
	fraDst      = 1
	fraSrc      = 2
	fraIif      = 3
	fraPriority = 6
	fraMark     = 10
	fraTable    = 15
	fraMask     = 16
	fraProtocol = 21

	ruleHeader = 12 // struct fib_rule_hdr
	toTable    = 1  // FR_ACT_TO_TBL
	ruleInvert = 2  // FIB_RULE_INVERT
)

func (r Rule) String() string {
	var words []string
	for _, w := range []struct {
		is   bool
		text string
	}{
		{r.From.IsValid(), fmt.Sprintf("from %s", r.From)}, {r.To.IsValid(), fmt.Sprintf("to %s", r.To)},
		{r.Iif != "", "iif " + r.Iif}, {r.Mark != 0, fmt.Sprintf("mark %d", r.Mark)},
	} {
		if w.is {
			words = append(words, w.text)
		}
	}
	if len(words) == 0 {
		words = []string{"all"}
	}
	if !r.From.IsValid() && !r.To.IsValid() && r.IPv6 {
		words = append(words, "(IPv6)")
	}
	return fmt.Sprintf("%s table %d priority %d", strings.Join(words, " "), r.Table, r.Priority)
}

// readRule reads the body of an RTM_NEWRULE message (struct fib_rule_hdr and
// attributes). ok is false for one that says more than a Rule can.
func readRule(b []byte) (r Rule, ours, ok bool) {
	if len(b) < ruleHeader || b[0] != unix.AF_INET && b[0] != unix.AF_INET6 || b[7] != toTable || b[3] != 0 || rtnl.Read32(b[8:])&ruleInvert != 0 {
		return r, false, false
	}
	r.IPv6, r.Table, ok = b[0] == unix.AF_INET6, int(b[4]), true
	mask := uint32(0)
	for a := (rtnl.Attributes{Rest: b[ruleHeader:]}); a.Next(); {
		address, _ := netip.AddrFromSlice(a.Value)
		switch a.Kind {
		case fraDst:
			r.To = netip.PrefixFrom(address, int(b[1]))
		case fraSrc:
			r.From = netip.PrefixFrom(address, int(b[2]))
		case fraIif:
			r.Iif = rtnl.Text(a.Value)
		case fraPriority:
			r.Priority = int(rtnl.Read32(a.Value))
		case fraMark:
			r.Mark = rtnl.Read32(a.Value)
		case fraMask:
			mask = rtnl.Read32(a.Value)
		case fraTable:
			r.Table = int(rtnl.Read32(a.Value))
		case fraProtocol:
			ours = len(a.Value) == 1 && a.Value[0] == protocolOurs
		}
	}
	return r, ours, r.Mark == 0 || mask == 1<<32-1
}

// body is that of a request about a rule.
func (r Rule) body() rtnl.Body {
	b := make(rtnl.Body, ruleHeader)
	b[0], b[7] = unix.AF_INET, toTable
	if r.IPv6 {
		b[0] = unix.AF_INET6
	}
	b.Add32(fraPriority, uint32(r.Priority))
	b.Add32(fraTable, uint32(r.Table))
	b.Add8(fraProtocol, protocolOurs)
	if r.To.IsValid() {
		b[1] = byte(r.To.Bits())
		b.Add(fraDst, r.To.Addr().AsSlice())
	}
	if r.From.IsValid() {
		b[2] = byte(r.From.Bits())
		b.Add(fraSrc, r.From.Addr().AsSlice())
	}
	if r.Iif != "" {
		b.AddText(fraIif, r.Iif)
	}
	if r.Mark != 0 {
		b.Add32(fraMark, r.Mark)
		b.Add32(fraMask, 1<<32-1)
	}
	return b
}

// readRules adds the rules, where there may be any that matter.
func (r *rtnetlink) readRules(into *State, want State) error {
	if r.unruled && len(want.Rules) == 0 {
		return nil
	}
	type seen struct {
		Rule
		ours bool
	}
	rules, err := rtnl.List(r.Conversation, unix.RTM_GETRULE, make([]byte, ruleHeader), func(b []byte) (s seen, ok bool) {
		s.Rule, s.ours, ok = readRule(b)
		return s, ok
	})
	if err != nil {
		return fmt.Errorf("list rules: %w", err)
	}
	r.unruled = true
	for _, rule := range rules {
		into.Rules[rule.Rule] = rule.ours || into.Rules[rule.Rule]
		r.unruled = r.unruled && !rule.ours
	}
	return nil
}

func (p *planner) putRules() {
	for _, rule := range sortedRules(p.want.Rules) {
		if _, there := p.have.Rules[rule]; !there {
			p.add(Op{Verb: AddRule, Rule: rule})
		}
	}
}

func (p *planner) removeRules() {
	for _, rule := range sortedRules(p.have.Rules) {
		if _, wanted := p.want.Rules[rule]; !wanted && p.have.Rules[rule] {
			p.add(Op{Verb: RemoveRule, Rule: rule})
		}
	}
}

func sortedRules(rules map[Rule]bool) []Rule {
	return order.Sorted(maps.Keys(rules), func(a, b Rule) int {
		return cmp.Or(cmp.Compare(a.Priority, b.Priority), cmp.Compare(a.String(), b.String()))
	})
}
