package nft

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// Text is the table as nft(8) 1.0.6 lists it without what counters have counted: nft -s list table inet NAME.
func (t *Table) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "table inet %s {\n", t.Name)
	if t.Comment != "" {
		fmt.Fprintf(&b, "\tcomment %q\n", t.Comment)
	}
	first := true // nft leaves the line out behind a comment too
	begin := func(format string, args ...any) {
		if !first {
			b.WriteByte('\n')
		}
		first = false
		fmt.Fprintf(&b, "\t"+format+" {\n", args...)
	}
	for _, name := range t.Counters {
		begin("counter %s", name)
		b.WriteString("\t}\n")
	}
	for _, s := range t.Sets {
		kind, quoted := "ifname", []string(nil)
		for _, e := range s.Elements {
			if !s.Addresses {
				e = strconv.Quote(e)
			}
			quoted = append(quoted, e)
		}
		if s.Addresses {
			kind = "ipv4_addr"
		}
		begin("set %s", s.Name)
		fmt.Fprintf(&b, "\t\ttype %s\n", kind)
		if len(quoted) > 0 {
			fmt.Fprintf(&b, "\t\telements = { %s }\n", strings.Join(quoted, ", "))
		}
		b.WriteString("\t}\n")
	}
	for _, f := range t.Flowtables {
		begin("flowtable %s", f.Name)
		fmt.Fprintf(&b, "\t\thook ingress priority filter\n\t\tdevices = { %s }\n\t}\n", strings.Join(f.Devices, ", "))
	}
	for _, c := range t.Chains {
		begin("chain %s", c.Name)
		if c.Hook != None {
			policy := "accept"
			if c.Drop {
				policy = "drop"
			}
			fmt.Fprintf(&b, "\t\ttype %s hook %s priority %s; policy %s;\n", c.Type, hooks[c.Hook], c.priority(), policy)
		}
		for i := range c.Rules {
			fmt.Fprintf(&b, "\t\t%s\n", c.Rules[i].Text())
		}
		b.WriteString("\t}\n")
	}
	return b.String() + "}\n"
}

var hooks = []string{"", "prerouting", "input", "forward", "output", "postrouting"}

func (c *Chain) priority() string {
	for name, n := range map[string]int{"raw": -300, "mangle": -150, "filter": 0} {
		if n == c.Priority {
			return name
		}
	}
	switch {
	case c.Priority == -100 && c.Hook == Prerouting:
		return "dstnat"
	case c.Priority == 100 && c.Hook == Postrouting:
		return "srcnat"
	}
	return strconv.Itoa(c.Priority)
}

var protocolNames = [...]string{ICMP: "icmp", IGMP: "igmp", TCP: "tcp", UDP: "udp", ICMPv6: "ipv6-icmp"}

// icmpNames are of types of ICMP and ICMPv6.
var icmpNames = [2][]struct {
	first uint16
	name  string
}{
	{{3, "destination-unreachable"}, {8, "echo-request"}, {11, "time-exceeded"}, {12, "parameter-problem"}},
	{{1, "destination-unreachable"}, {2, "packet-too-big"}, {128, "echo-request"}, {143, "mld2-listener-report"}},
}

// Text is the rule as nft(8) lists it.
func (r *Rule) Text() string {
	var words []string
	say := func(format string, args ...any) { words = append(words, fmt.Sprintf(format, args...)) }
	if r.Interface != "" {
		say("iifname %q", r.Interface)
	}
	if r.In != "" {
		say("iifname @%s", r.In)
	}
	if r.Out != "" {
		say("oifname @%s", r.Out)
	}
	// nft leaves out what the words behind it imply.
	implied := r.Source.IsValid() || r.Destination.IsValid() || r.AddressedTo != "" || r.ICMP != (Range{}) || r.OnLink
	if f := r.family(); f != 0 && !implied {
		say("meta nfproto ipv%d", f)
	}
	ip := func(p netip.Prefix, side string) {
		if !p.IsValid() {
			return
		}
		text, family := p.Masked().String(), "ip"
		if p.IsSingleIP() {
			text = p.Addr().String()
		}
		if p.Addr().Is6() {
			family = "ip6"
		}
		say("%s %s %s", family, side, text)
	}
	ip(r.Source, "saddr")
	ip(r.Destination, "daddr")
	if r.AddressedTo != "" {
		say("ip daddr @%s", r.AddressedTo)
	}
	name := strconv.Itoa(int(r.Protocol))
	if int(r.Protocol) < len(protocolNames) && protocolNames[r.Protocol] != "" {
		name = protocolNames[r.Protocol]
	}
	switch {
	case r.ICMP != (Range{}):
		kind, names, text := "icmp", icmpNames[0], r.ICMP.String()
		if r.Protocol == ICMPv6 {
			kind, names = "icmpv6", icmpNames[1]
		}
		for _, known := range names {
			if r.ICMP == (Range{known.first, known.first}) {
				text = known.name
			}
		}
		say("%s type %s", kind, text)
	case r.Ports != (Range{}):
		say("%s dport %s", name, r.Ports)
	case r.Protocol != 0 && !r.First:
		say("meta l4proto %s", name)
	}
	if r.OnLink {
		say("ip6 hoplimit 255")
	}
	if r.First {
		say("tcp flags syn / syn,rst")
	}
	if r.State != 0 {
		say("ct state %s", r.State)
	}
	if r.Translated {
		say("ct status dnat")
	}
	if r.Spoofed {
		say("fib saddr . iif oif 0")
	}
	if r.Lost {
		say("fib saddr . mark . iif oif 0")
	}
	if r.Limit.Rate != 0 {
		say("limit rate %d/second burst %d packets", r.Limit.Rate, r.Limit.Burst)
	}
	if r.Counter != "" {
		say("counter name %q", r.Counter)
	}
	if action := r.action(); action != "" {
		words = append(words, action)
	}
	if r.Comment != "" {
		say("comment %q", r.Comment)
	}
	return strings.Join(words, " ")
}

func (r *Rule) action() string {
	switch r.Do {
	case Accept:
		return "accept"
	case Drop:
		return "drop"
	case Reject:
		return "reject with icmpx admin-prohibited"
	case Jump:
		return "jump " + r.Chain
	case Masquerade:
		return "masquerade"
	case ClampMSS:
		return "tcp option maxseg size set rt mtu"
	case Offload:
		return "flow add @" + r.Flowtable
	case SetMark:
		return fmt.Sprintf("meta mark set 0x%08x", r.Mark)
	case DNAT:
		family, to := "ip", r.To.String()
		if r.To.Port() == 0 {
			to = r.To.Addr().String()
		}
		if r.To.Addr().Is6() {
			family = "ip6"
		}
		return "dnat " + family + " to " + to
	}
	return ""
}

func (r Range) String() string {
	if r.First == r.Last {
		return strconv.Itoa(int(r.First))
	}
	return fmt.Sprintf("%d-%d", r.First, r.Last)
}

func (s State) String() string {
	var words []string
	for _, one := range []struct {
		bit  State
		word string
	}{{Invalid, "invalid"}, {Established, "established"}, {Related, "related"}} {
		if s&one.bit != 0 {
			words = append(words, one.word)
		}
	}
	return strings.Join(words, ",")
}
