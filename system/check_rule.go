package system

import (
	"net/netip"
	"strconv"

	"bantam/system/syntax"
)

// checkPolicy checks which packets take which table.
func (r *reader) checkPolicy(p *port) {
	list := p.node.Get("rules")
	for i, rule := range p.Rules {
		n := list.Item(i)
		path := p.path + ".rules[" + strconv.Itoa(i) + "]"
		if n == nil || n.Kind != syntax.TableKind {
			continue
		}
		if !badBelow(n) && rule.From == "" && rule.To == "" && rule.Iif == "" && rule.Mark == 0 {
			r.fail(n, "add from, to, iif or mark", "%s: it does not say which packets", path)
			continue
		}
		r.within(n, "table", path, rule.Table, 1, 1<<31-1)
		for key, most := range map[string]int{"mark": 1<<31 - 1, "priority": 32765} {
			value := rule.Mark
			if key == "priority" {
				value = rule.Priority
			}
			if m := n.Get(key); ok(m) && (value < 1 || value > most) {
				r.fail(m, "", "%s.%s: %d is not between 1 and %d", path, key, value, most)
			}
		}
		if iif := n.Get("iif"); ok(iif) && interfaceFault(rule.Iif) != "" {
			r.fail(iif, "write the name of a port, e.g. \"eth1\"", "%s.iif: %q %s", path, rule.Iif, interfaceFault(rule.Iif))
		}
		var families []bool
		for key, text := range map[string]string{"from": rule.From, "to": rule.To} {
			if s := n.Get(key); ok(s) {
				if prefix, good := r.network(s, path+"."+key, text); good {
					families = append(families, prefix.Addr().Is4())
				}
			}
		}
		if len(families) == 2 && families[0] != families[1] {
			r.fail(n.Get("to"), "", "%s.to: from and to are not of the same family", path)
		}
	}
}

// network reads a prefix without host bits.
func (r *reader) network(n *syntax.Node, path, text string) (netip.Prefix, bool) {
	prefix, good := r.prefix(n, path, text)
	if good && prefix != prefix.Masked() {
		r.fail(n, "write "+syntax.Quote(prefix.Masked().String())+" or "+syntax.Quote(netip.PrefixFrom(prefix.Addr(), prefix.Addr().BitLen()).String()),
			"%s: %s has host bits that are not zero", path, prefix)
		return prefix, false
	}
	return prefix, good
}
