package firewall

import (
	"net/netip"
	"testing"

	"bantam/netcfg/nft"
)

// packet is one that comes to the machine, or through it.
type packet struct {
	in          string // the interface that it comes by
	from, to    netip.Addr
	protocol    uint8
	port        uint16
	icmp        uint16
	hops        int
	state       nft.State // 0: the first of a connection
	translated  bool
	fromMachine bool
}

// router is where the packets are: what its interfaces have, and by which the rest of the world is reached.
type router struct {
	addresses map[string][]netip.Prefix // by interface
	world     string
	past      string // likewise, by the routes for packets with a mark; "": the same
}

// way is the interface that leads to an address; "lo" for the machine's own.
func (r router) way(a netip.Addr) string {
	way := r.world
	for name, prefixes := range r.addresses {
		for _, p := range prefixes {
			if p.Addr() == a {
				return "lo"
			}
			if p.Contains(a) {
				way = name
			}
		}
	}
	return way
}

// fate is what becomes of a packet.
type fate struct {
	verdict string // "machine", "out IFACE", "drop" or "reject"
	to      netip.AddrPort
	masked  bool
	counted []string
	clamped bool
}

// walker goes through a table as the kernel does.
type walker struct {
	t      *testing.T
	table  nft.Table
	router router
	fate   fate
	mark   uint32
}

// wayBack is the interface that leads to an address for what has the mark of the packet.
func (w *walker) wayBack(a netip.Addr) string {
	r := w.router
	if w.mark != 0 && r.past != "" {
		r.world = r.past
	}
	return r.way(a)
}

func walk(t *testing.T, table nft.Table, r router, p packet) fate {
	w := &walker{t: t, table: table, router: r}
	if p.hops == 0 {
		p.hops = 64
	}
	out := ""
	for _, hook := range []nft.Hook{nft.Prerouting, nft.Input, nft.Forward, nft.Postrouting} {
		local := hook != nft.Prerouting && w.router.way(p.to) == "lo"
		if hook == nft.Input && !local || hook == nft.Forward && local || hook == nft.Postrouting && local {
			continue
		}
		if w.mark != 0 {
			t.Errorf("a packet has the mark %d when its way is looked up", w.mark)
		}
		if hook == nft.Forward {
			out = w.router.way(p.to)
		}
		for _, c := range table.Chains { // in the order of their priorities, which is that of the table
			if c.Hook != hook || c.Type == "nat" && p.state != 0 {
				continue
			}
			verdict := w.chain(c, &p, out)
			if verdict == nft.Continue && c.Drop {
				verdict = nft.Drop
			}
			switch verdict {
			case nft.Drop:
				w.fate.verdict = "drop"
				return w.fate
			case nft.Reject:
				w.fate.verdict = "reject"
				return w.fate
			}
		}
	}
	w.fate.to = netip.AddrPortFrom(p.to, p.port)
	w.fate.verdict = "machine"
	if out != "" {
		w.fate.verdict = "out " + out
	}
	return w.fate
}

func (w *walker) chain(c nft.Chain, p *packet, out string) nft.Verdict {
	for _, r := range c.Rules {
		if !w.fits(r, *p, out) {
			continue
		}
		if r.Counter != "" {
			w.fate.counted = append(w.fate.counted, r.Counter)
		}
		switch r.Do {
		case nft.Accept, nft.Drop, nft.Reject:
			return r.Do
		case nft.Jump:
			if v := w.chain(w.named(r.Chain), p, out); v != nft.Continue {
				return v
			}
		case nft.DNAT:
			p.to, p.translated = r.To.Addr(), true
			if r.To.Port() != 0 {
				p.port = r.To.Port()
			}
			return nft.Accept
		case nft.Masquerade:
			w.fate.masked = true
			return nft.Accept
		case nft.ClampMSS:
			w.fate.clamped = true
		case nft.SetMark:
			w.mark = r.Mark
		}
	}
	return nft.Continue
}

func (w *walker) named(chain string) nft.Chain {
	for _, c := range w.table.Chains {
		if c.Name == chain && c.Hook == nft.None {
			return c
		}
	}
	w.t.Fatalf("there is no chain %s", chain)
	return nft.Chain{}
}

func (w *walker) member(set, element string) bool {
	for _, s := range w.table.Sets {
		if s.Name != set {
			continue
		}
		for _, e := range s.Elements {
			if e == element {
				return true
			}
		}
		return false
	}
	w.t.Fatalf("there is no set %s", set)
	return false
}

// fits asks each thing that a rule may ask for itself: Family is not filled in by what else it says.
func (w *walker) fits(r nft.Rule, p packet, out string) bool {
	family := 6
	if p.to.Is4() {
		family = 4
	}
	within := func(r nft.Range, n uint16) bool { return r == nft.Range{} || n >= r.First && n <= r.Last }
	icmp := p.protocol == nft.ICMP || p.protocol == nft.ICMPv6
	ports := p.protocol == nft.TCP || p.protocol == nft.UDP
	switch {
	case r.Interface != "" && r.Interface != p.in,
		r.In != "" && !w.member(r.In, p.in),
		r.Out != "" && !w.member(r.Out, out),
		r.Family != 0 && r.Family != family,
		r.Source.IsValid() && !r.Source.Contains(p.from),
		r.Destination.IsValid() && !r.Destination.Contains(p.to),
		r.AddressedTo != "" && !w.member(r.AddressedTo, p.to.String()),
		r.Protocol != 0 && r.Protocol != p.protocol,
		r.Ports != nft.Range{} && !ports, !within(r.Ports, p.port),
		r.ICMP != nft.Range{} && !icmp, !within(r.ICMP, p.icmp),
		r.OnLink && p.hops != 255,
		r.State != 0 && p.state&r.State == 0,
		r.Translated && !p.translated,
		r.First && (p.protocol != nft.TCP || p.state != 0),
		r.Spoofed && w.router.way(p.from) == p.in,
		r.Lost && w.wayBack(p.from) == p.in:
		return false
	}
	return true
}
