// Package firewall says which table of nftables a system's zones, forwards and rules mean, and says it in words.
//
// What no rule allows is dropped. Zones are sets of interfaces, and this machine's external addresses are a set too, so
// that a port that comes or an address that changes is an element, not other rules. It is pure: who applies the table
// is netcfg. There is no UPnP and no PCP: a program inside opens nothing to the outside by itself.
package firewall

import (
	"fmt"
	"hash/fnv"
	"net/netip"
	"slices"
	"strings"

	"bantam/netcfg/nft"
	"bantam/order"
	"bantam/system"
)

// Name is that of our table, of the family inet.
const Name = "bantam"

// Facts is what a table needs to know beside system.toml.
type Facts struct {
	External []netip.Addr // IPv4 addresses of the interfaces of external zones
	Devices  []string     // interfaces of zones that are there; with none, no connection passes by the rules
	Comment  string       // of the table
}

// What a table has beside a set and a chain for each zone.
const (
	outside   = "outside" // the set of this machine's external addresses
	forwarded = "forwarded"
)

func zoneSet(zone string) string    { return "zone-" + zone }
func inputChain(zone string) string { return "input-" + zone }

// Bounds of what is answered to everybody.
var (
	echoLimit    = nft.Limit{Rate: 20, Burst: 40}
	forwardLimit = nft.Limit{Rate: 1000, Burst: 1000} // echo requests over IPv6 to all machines inside
)

// bogons are sources that no packet from outside can have. What private networks use is not among them: many a
// provider's own router has such an address. What our own networks use is found by the routes.
var bogons = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("224.0.0.0/4"), netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("::/16"), netip.MustParsePrefix("fec0::/10"), netip.MustParsePrefix("ff00::/8"), // ::/16: loopback, IPv4 in IPv6's form
}

// Wanted says whether a system wants a table at all.
func Wanted(s *system.System) bool { return len(s.ZonesInForce()) > 0 }

// Table is the one that a system means.
func Table(s *system.System, f Facts) nft.Table {
	b := &builder{system: s, zones: s.ZonesInForce(), table: nft.Table{Name: Name, Comment: f.Comment}}
	for _, z := range b.zones {
		b.table.Sets = append(b.table.Sets, nft.Set{Name: zoneSet(z.Name), Elements: z.Interfaces})
	}
	external := nft.Set{Name: outside, Addresses: true}
	for _, a := range f.External {
		external.Elements = append(external.Elements, a.String())
	}
	b.table.Sets = append(b.table.Sets, external)
	if len(f.Devices) > 0 && s.Firewall.Offload != "off" {
		b.table.Flowtables = []nft.Flowtable{{Name: "fast", Devices: f.Devices}}
	}
	b.early()
	b.input()
	b.forward()
	b.translate()
	return b.table
}

type builder struct {
	system *system.System
	zones  []system.ZoneInForce
	table  nft.Table
	rules  []nft.Rule // of the chain that is being made
}

func (b *builder) add(rules ...nft.Rule) {
	for _, r := range rules {
		if r.Counter != "" && !slices.Contains(b.table.Counters, r.Counter) {
			b.table.Counters = append(b.table.Counters, r.Counter)
		}
		b.rules = append(b.rules, r)
	}
}

func (b *builder) chain(c nft.Chain) {
	c.Rules, b.rules = b.rules, nil
	b.table.Chains = append(b.table.Chains, c)
}

// neighbours are the ICMPv6 messages without which a link does not work (RFC 4890, 4.4.1): of the discovery of
// neighbours and routers, and of who listens to which group.
var neighbours = []nft.Rule{
	{Family: 6, Protocol: nft.ICMPv6, ICMP: nft.Range{First: 133, Last: 136}, OnLink: true, Do: nft.Accept, Comment: "neighbours and routers of the link"},
	{Family: 6, Protocol: nft.ICMPv6, ICMP: nft.Range{First: 130, Last: 132}, Do: nft.Accept, Comment: "who listens to which group"},
	{Family: 6, Protocol: nft.ICMPv6, ICMP: nft.Range{First: 143, Last: 143}, Do: nft.Accept, Comment: "who listens to which group"},
}

// early drops what lies about its source, before anything is kept of it.
func (b *builder) early() {
	b.add(nft.Rule{Interface: "lo", Do: nft.Accept})
	b.add(neighbours...)
	// With a full tunnel the way back to everybody leads into it, but to whoever was written to past it, as what carries it is.
	past := b.hasFullTunnel()
	if past {
		b.add(nft.Rule{Do: nft.SetMark, Mark: system.WireGuardMark, Comment: "as what goes past the tunnel"})
	}
	for _, z := range b.zones {
		b.add(nft.Rule{In: zoneSet(z.Name), Spoofed: true, Lost: past, Counter: z.Name + "-spoofed", Do: nft.Drop, Comment: "from " + z.Name + " with a source that is not there"})
		if z.External { // a chain, so that others' packets are not compared with each of them
			b.add(nft.Rule{In: zoneSet(z.Name), Do: nft.Jump, Chain: "bogons-" + z.Name})
		}
	}
	if past {
		b.add(nft.Rule{Do: nft.SetMark, Comment: "and as it came"})
	}
	b.chain(nft.Chain{Name: "early", Type: "filter", Hook: nft.Prerouting, Priority: -300})
	for _, z := range b.zones {
		if !z.External {
			continue
		}
		for _, p := range bogons {
			b.add(nft.Rule{Source: p, Counter: z.Name + "-bogon", Do: nft.Drop, Comment: "from " + z.Name + " with a source that nobody has"})
		}
		b.chain(nft.Chain{Name: "bogons-" + z.Name})
	}
}

// carriers lets the packets in that carry tunnels whose peers find them at a port that the file names: who has no key gets
// no answer.
func (b *builder) carriers() {
	links, ports := b.system.WireGuardPorts()
	for i, link := range links {
		for _, z := range b.zones {
			b.add(nft.Rule{In: zoneSet(z.Name), Protocol: nft.UDP, Ports: nft.Range{First: uint16(ports[i]), Last: uint16(ports[i])},
				Counter: "wireguard", Do: nft.Accept, Comment: "carries " + link})
		}
	}
}

// hasFullTunnel tells whether everything goes by some tunnel.
func (b *builder) hasFullTunnel() bool {
	for _, n := range b.system.Net {
		if n.WireGuard.IsFull() {
			return true
		}
	}
	return false
}

func (b *builder) tracked(where string) {
	b.add(nft.Rule{State: nft.Established | nft.Related, Do: nft.Accept, Comment: "of a connection that stands"},
		nft.Rule{State: nft.Invalid, Counter: where + "-invalid", Do: nft.Drop, Comment: "of no connection that is known"})
}

// input is what this machine itself is asked.
func (b *builder) input() {
	b.add(nft.Rule{Interface: "lo", Do: nft.Accept, Comment: "what the machine says to itself"})
	b.tracked("input")
	b.add(neighbours...)
	b.own("")
	b.carriers()
	for _, z := range b.zones {
		b.add(nft.Rule{In: zoneSet(z.Name), Do: nft.Jump, Chain: inputChain(z.Name)})
	}
	b.add(nft.Rule{Counter: "nowhere-input", Do: nft.Drop, Comment: "from an interface in no zone"})
	b.chain(nft.Chain{Name: "input", Type: "filter", Hook: nft.Input, Drop: true})
	for _, z := range b.zones {
		b.inputOf(z)
	}
}

func (b *builder) inputOf(z system.ZoneInForce) {
	counter := z.Name + "-to-machine"
	if slices.Contains(z.Open, system.OpenAll) {
		b.add(nft.Rule{Counter: counter, Do: nft.Accept, Comment: z.Name + " may use all of this machine"})
		b.chain(nft.Chain{Name: inputChain(z.Name)})
		return
	}
	echo4 := nft.Rule{Family: 4, Protocol: nft.ICMP, ICMP: nft.Range{First: 8, Last: 8}, Do: nft.Accept, Comment: "ping"}
	echo6 := nft.Rule{Family: 6, Protocol: nft.ICMPv6, ICMP: nft.Range{First: 128, Last: 128}, Do: nft.Accept, Comment: "ping"}
	if z.External {
		echo4.Limit, echo6.Limit = echoLimit, echoLimit
	}
	b.add(echo4, echo6, nft.Rule{Family: 4, Protocol: nft.IGMP, Do: nft.Accept, Comment: "who listens to which group"})
	if z.External {
		b.add(nft.Rule{Source: netip.MustParsePrefix("fe80::/10"), Protocol: nft.UDP, Ports: nft.Range{First: 546, Last: 546}, Do: nft.Accept, Comment: "DHCPv6 servers' answers"})
	}
	for _, open := range z.Open {
		for _, p := range b.system.OpenPorts(open) {
			b.add(nft.Rule{Protocol: protocol(p), Ports: nft.Range{First: p.First, Last: p.Last}, Counter: counter, Do: nft.Accept, Comment: z.Name + " may use " + open})
		}
	}
	b.add(b.refusal(z, z.Name+"-to-machine-refused", z.Name+" may use nothing else of this machine"))
	b.chain(nft.Chain{Name: inputChain(z.Name)})
}

// refusal says no: strangers hear nothing, our own networks are told.
func (b *builder) refusal(z system.ZoneInForce, counter, comment string) nft.Rule {
	r := nft.Rule{Counter: counter, Do: nft.Reject, Comment: comment}
	if z.External {
		r.Do = nft.Drop
	}
	return r
}

func protocol(p system.PortRange) uint8 {
	if p.Protocol == "udp" {
		return nft.UDP
	}
	return nft.TCP
}

// forward is what goes through this machine.
func (b *builder) forward() {
	b.add(nft.Rule{Protocol: nft.TCP, First: true, Do: nft.ClampMSS, Comment: "segments that fit the way"})
	for _, f := range b.table.Flowtables {
		for _, p := range []uint8{nft.TCP, nft.UDP} {
			b.add(nft.Rule{Protocol: p, State: nft.Established, Do: nft.Offload, Flowtable: f.Name, Comment: "the rest of it goes without these rules"})
		}
	}
	b.tracked("forward")
	for _, z := range b.zones {
		b.own(z.Name)
	}
	for _, z := range b.zones {
		if len(b.system.Forwards) > 0 {
			b.add(nft.Rule{In: zoneSet(z.Name), Translated: true, Do: nft.Jump, Chain: forwarded})
		}
	}
	for _, z := range b.zones {
		if !z.External {
			continue
		}
		for _, to := range b.zones {
			if !to.External { // RFC 4890, 4.3.1
				b.add(nft.Rule{In: zoneSet(z.Name), Out: zoneSet(to.Name), Family: 6, Protocol: nft.ICMPv6, ICMP: nft.Range{First: 128, Last: 128}, Limit: forwardLimit, Do: nft.Accept, Comment: "ping over IPv6"})
			}
		}
	}
	for _, z := range b.zones {
		for _, to := range z.To {
			b.add(nft.Rule{In: zoneSet(z.Name), Out: zoneSet(to), Counter: z.Name + "-to-" + to, Do: nft.Accept, Comment: z.Name + " may reach " + to})
		}
	}
	for _, z := range b.zones {
		r := b.refusal(z, z.Name+"-refused", z.Name+" may reach nothing else")
		r.In = zoneSet(z.Name)
		b.add(r)
	}
	b.add(nft.Rule{Counter: "nowhere", Do: nft.Drop, Comment: "from an interface in no zone"})
	b.chain(nft.Chain{Name: "forward", Type: "filter", Hook: nft.Forward, Drop: true})
	for _, f := range b.forwards() {
		b.add(nft.Rule{Destination: single(f.to), Protocol: protocol(f.ports), Ports: f.there(),
			Counter: f.counter(), Do: nft.Accept, Comment: f.ports.String() + " leads to " + f.to.String()})
	}
	if len(b.rules) > 0 {
		b.chain(nft.Chain{Name: forwarded})
	}
}

// own adds the rules of one's own that lead to a zone, "" for this machine.
func (b *builder) own(to string) {
	for _, rule := range b.system.Firewall.Rules {
		if rule.To != to {
			continue
		}
		r := nft.Rule{Comment: ruleWords(rule), Do: map[string]nft.Verdict{"accept": nft.Accept, "drop": nft.Drop, "reject": nft.Reject}[rule.Action]}
		// The same words are the same rule, whatever stands before it in the file: its counter goes on.
		sum := fnv.New32a()
		sum.Write([]byte(r.Comment))
		r.Counter = fmt.Sprintf("rule-%08x", sum.Sum32())
		if to != "" {
			r.Out = zoneSet(to)
		}
		r.Source, _ = system.ParseNetwork(rule.Source)
		r.Destination, _ = system.ParseNetwork(rule.Destination)
		for _, z := range b.zones {
			if rule.From != "" && rule.From != z.Name {
				continue
			}
			r.In = zoneSet(z.Name)
			if len(rule.Ports) == 0 {
				b.add(r)
			}
			for _, text := range rule.Ports {
				p, _ := system.ParsePorts(text)
				r.Protocol, r.Ports = protocol(p), nft.Range{First: p.First, Last: p.Last}
				b.add(r)
			}
		}
	}
}

// forwarding is one [forward].
type forwarding struct {
	ports system.PortRange
	port  uint16 // there; 0: the same
	to    netip.Addr
	from  []netip.Prefix
	near  netip.Prefix // the network of to; invalid where it is not known
	zone  string       // of near
}

func (b *builder) forwards() []forwarding { return forwards(b.system, b.zones) }

func forwards(s *system.System, zones []system.ZoneInForce) (list []forwarding) {
	keys := make([]string, 0, len(s.Forwards))
	for key := range s.Forwards {
		keys = append(keys, key)
	}
	order.By(keys, strings.Compare)
	for _, key := range keys {
		f := s.Forwards[key]
		ports, fault := system.ParsePorts(key)
		to, err := netip.ParseAddr(f.To)
		if fault != "" || err != nil {
			continue // Parse takes no such file
		}
		one := forwarding{ports: ports, port: uint16(f.Port), to: to}
		for _, text := range f.From {
			if p, ok := system.ParseNetwork(text); ok {
				one.from = append(one.from, p)
			}
		}
		for _, z := range zones {
			for _, p := range s.Subnets(z) {
				if p.Contains(to) {
					one.near, one.zone = p.Masked(), z.Name
				}
			}
		}
		list = append(list, one)
	}
	return list
}

func (f forwarding) there() nft.Range {
	if f.port != 0 {
		return nft.Range{First: f.port, Last: f.port}
	}
	return nft.Range{First: f.ports.First, Last: f.ports.Last}
}

func (f forwarding) counter() string {
	return "forward-" + strings.ReplaceAll(f.ports.String(), "/", "-")
}

func single(a netip.Addr) netip.Prefix { return netip.PrefixFrom(a, a.BitLen()) }

// translate changes addresses: of what is forwarded, of what leaves, and of what comes back to where it came from.
func (b *builder) translate() {
	for _, f := range b.forwards() {
		r := nft.Rule{AddressedTo: outside, Protocol: protocol(f.ports), Ports: nft.Range{First: f.ports.First, Last: f.ports.Last},
			Do: nft.DNAT, To: netip.AddrPortFrom(f.to, f.port), Comment: f.ports.String() + " leads to " + f.to.String()}
		if len(f.from) == 0 {
			b.add(r)
		}
		for _, from := range f.from {
			r.Source = from
			b.add(r)
		}
	}
	b.chain(nft.Chain{Name: "dstnat", Type: "nat", Hook: nft.Prerouting, Priority: -100})
	for _, f := range b.forwards() {
		if f.near.IsValid() {
			// Otherwise the answer would go to the asker past this machine, from an address that he has not asked.
			b.add(nft.Rule{Source: f.near, Destination: single(f.to), Protocol: protocol(f.ports), Ports: f.there(), Translated: true,
				Do: nft.Masquerade, Comment: "back into " + f.zone})
		}
	}
	for _, z := range b.zones {
		if z.Masquerade {
			b.add(nft.Rule{Out: zoneSet(z.Name), Family: 4, Do: nft.Masquerade, Comment: "leaves by " + z.Name})
		}
	}
	b.chain(nft.Chain{Name: "srcnat", Type: "nat", Hook: nft.Postrouting, Priority: 100})
}
