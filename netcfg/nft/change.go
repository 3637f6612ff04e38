package nft

import (
	"maps"
	"slices"

	"bantam/netcfg/rtnl"
	"bantam/order"

	"golang.org/x/sys/unix"
)

// Change lists the requests that make the observed table the wanted one; none where it is. A chain whose rules differ
// is written anew as a whole, its counters go on. A table, set or chain of the same name that cannot be made the wanted
// one is a reason to make the whole table anew, in the same transaction.
func Change(want Table, have Observed) []Request {
	if have.There && !changeable(want, have) {
		return Replace(want, true)
	}
	c := &change{want: want, have: have}
	if !have.There {
		c.add(unix.NFT_MSG_NEWTABLE, unix.NLM_F_CREATE, want.body())
	}
	c.makeParts()
	c.writeRules()
	c.setElements()
	c.removeParts()
	return c.requests
}

// Replace makes the whole table anew, and with it its counters; there says that there is one already.
func Replace(want Table, there bool) []Request {
	var list []Request
	if there {
		list = Remove(want.Name)
	}
	return append(list, Change(want, NewObserved())...)
}

// Remove takes away the table of that name.
func Remove(name string) []Request {
	return []Request{request(unix.NFT_MSG_DELTABLE, 0, text(unix.NFTA_TABLE_NAME, name))}
}

type change struct {
	want     Table
	have     Observed
	requests []Request
}

func (c *change) add(message, flags uint16, body []byte) {
	c.requests = append(c.requests, request(message, flags, body))
}

// changeable says whether what is there under a wanted name is, but for its contents, what is wanted.
func changeable(want Table, have Observed) bool {
	if !covers(want.body(), have.table) {
		return false
	}
	for _, s := range want.Sets {
		if b, there := have.sets[s.Name]; there && (!covers(s.body(want.Name), b) || number32(attribute(b, unix.NFTA_SET_FLAGS)) != 0) {
			return false
		}
	}
	for _, ch := range want.Chains {
		b, there := have.chains[ch.Name]
		if there && (!covers(ch.body(want.Name), b) || ch.Hook == None && attribute(b, unix.NFTA_CHAIN_HOOK) != nil) {
			return false
		}
	}
	return true
}

func devices(flowtable []byte) (names []string) {
	list := attribute(attribute(flowtable, flowtableHook), flowtableHookDevices)
	for n := 0; ; n++ {
		name, there := nth(list, deviceName, n)
		if !there {
			return names
		}
		names = append(names, rtnl.Text(name))
	}
}

// without is those of a that b does not have.
func without(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(s string) bool { return slices.Contains(b, s) })
}

func (c *change) makeParts() {
	table := c.want.Name
	for _, name := range c.want.Counters {
		if _, there := c.have.Counters[name]; !there {
			c.add(unix.NFT_MSG_NEWOBJ, unix.NLM_F_CREATE, counter(table, name))
		}
	}
	for i, s := range c.want.Sets {
		if c.have.sets[s.Name] == nil {
			c.add(unix.NFT_MSG_NEWSET, unix.NLM_F_CREATE, join(s.body(table), number(unix.NFTA_SET_ID, uint32(i+1)), s.order()))
		}
	}
	for _, f := range c.want.Flowtables {
		have := devices(c.have.flowtables[f.Name])
		if less := without(have, f.Devices); len(less) > 0 { // with devices it takes away those alone, since Linux 5.8
			c.add(unix.NFT_MSG_DELFLOWTABLE, 0, (&Flowtable{f.Name, less}).body(table))
		}
		if more := without(f.Devices, have); len(more) > 0 || c.have.flowtables[f.Name] == nil {
			c.add(unix.NFT_MSG_NEWFLOWTABLE, unix.NLM_F_CREATE, (&Flowtable{f.Name, more}).body(table))
		}
	}
	for _, ch := range c.want.Chains {
		if c.have.chains[ch.Name] == nil {
			c.add(unix.NFT_MSG_NEWCHAIN, unix.NLM_F_CREATE, ch.body(table))
		}
	}
}

// writeRules empties the chains that nobody wants and those whose rules differ, and fills the latter.
func (c *change) writeRules() {
	wanted := map[string]bool{}
	var differ []Chain
	for _, ch := range c.want.Chains {
		wanted[ch.Name] = true
		have := c.have.rules[ch.Name]
		same := len(have) == len(ch.Rules)
		for i := 0; same && i < len(have); i++ {
			same = covers(ch.Rules[i].body(c.want.Name, ch.Name), have[i]) && comment(attribute(have[i], unix.NFTA_RULE_USERDATA)) == fitting(ch.Rules[i].Comment)
		}
		if same {
			continue
		}
		differ = append(differ, ch)
		if len(have) > 0 {
			c.add(unix.NFT_MSG_DELRULE, 0, rulesOf(c.want.Name, ch.Name))
		}
	}
	for _, name := range names(c.have.chains) {
		if !wanted[name] && len(c.have.rules[name]) > 0 {
			c.add(unix.NFT_MSG_DELRULE, 0, rulesOf(c.want.Name, name))
		}
	}
	for _, ch := range differ {
		for _, r := range ch.Rules {
			c.add(unix.NFT_MSG_NEWRULE, unix.NLM_F_CREATE|unix.NLM_F_APPEND, r.body(c.want.Name, ch.Name))
		}
	}
}

func names[V any](m map[string]V) []string {
	return order.Sorted(maps.Keys(m), func(a, b string) int {
		if a < b {
			return -1
		}
		return 1
	})
}

func (c *change) setElements() {
	for _, s := range c.want.Sets {
		var keys, more, less []string
		for _, element := range s.Elements {
			if key, ok := s.key(element); ok {
				keys = append(keys, string(key))
			}
		}
		slices.Sort(keys)
		keys = slices.Compact(keys)
		for _, key := range keys {
			if !slices.Contains(c.have.elements[s.Name], key) {
				more = append(more, key)
			}
		}
		for _, key := range c.have.elements[s.Name] {
			if !slices.Contains(keys, key) {
				less = append(less, key)
			}
		}
		if len(less) > 0 {
			c.add(unix.NFT_MSG_DELSETELEM, 0, elements(c.want.Name, s.Name, less))
		}
		if len(more) > 0 {
			c.add(unix.NFT_MSG_NEWSETELEM, unix.NLM_F_CREATE, elements(c.want.Name, s.Name, more))
		}
	}
}

// removeParts takes away what nobody wants, chains first: rules hold the rest.
func (c *change) removeParts() {
	table := c.want.Name
	for _, name := range names(c.have.chains) {
		if !slices.ContainsFunc(c.want.Chains, func(ch Chain) bool { return ch.Name == name }) {
			c.add(unix.NFT_MSG_DELCHAIN, 0, chainName(table, name))
		}
	}
	for _, name := range names(c.have.flowtables) {
		if !slices.ContainsFunc(c.want.Flowtables, func(f Flowtable) bool { return f.Name == name }) {
			c.add(unix.NFT_MSG_DELFLOWTABLE, 0, join(text(flowtableTable, table), text(flowtableName, name)))
		}
	}
	for _, name := range names(c.have.sets) {
		if !slices.ContainsFunc(c.want.Sets, func(s Set) bool { return s.Name == name }) {
			c.add(unix.NFT_MSG_DELSET, 0, join(text(unix.NFTA_SET_TABLE, table), text(unix.NFTA_SET_NAME, name)))
		}
	}
	for _, name := range names(c.have.Counters) {
		if !slices.Contains(c.want.Counters, name) {
			c.add(unix.NFT_MSG_DELOBJ, 0, object(table, name, unix.NFT_OBJECT_COUNTER))
		}
	}
	for _, name := range names(c.have.strange) {
		c.add(unix.NFT_MSG_DELOBJ, 0, object(table, name, c.have.strange[name]))
	}
}
