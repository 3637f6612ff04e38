package systemfile

import (
	"strings"

	"bantam/editor/language"
)

// parameters are those of the kernel that a router is asked for most. The
// kernel has a thousand; any may be written.
var parameters = []struct{ name, value, doc string }{
	{"net.ipv4.ip_forward", "1", "1: packets are passed on between ports, IPv4"},
	{"net.ipv6.conf.all.forwarding", "1", "1: packets are passed on between ports, IPv6"},
	{"net.ipv4.conf.all.rp_filter", "1", "1: packets from an address that is not behind their port are dropped"},
}

// parameters offers kernel parameters in [sysctl], or what of their names is
// left behind a dot.
func (c *completer) parameters(bare bool) []candidate {
	if len(c.path) == 0 || c.path[0] != "sysctl" {
		return nil
	}
	typed := ""
	for _, part := range c.path[1:] {
		typed += part + "."
	}
	var all []candidate
	for _, p := range parameters {
		left, below := strings.CutPrefix(p.name, typed)
		set := c.root.Get("sysctl").Get(strings.Split(p.name, ".")...)
		if !below || c.root.Get("sysctl", p.name) != nil || set != nil && !c.typing(set) {
			continue
		}
		text := left
		if !bare {
			text += " = " + p.value
		}
		all = append(all, candidate{left, language.Completion{Text: text, Doc: p.doc}})
	}
	return all
}
