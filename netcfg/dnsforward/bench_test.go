package dnsforward

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

// desk drives one forwarder by hand: a clock, a client on the LAN, and what was sent last.
type desk struct {
	t    *testing.T
	f    *Forwarder
	now  time.Duration
	id   uint16
	seed uint64
	sent []Action
}

var (
	lan    = netip.MustParsePrefix("192.168.1.0/24")
	anna   = Client{Net: "lan", Addr: netip.MustParseAddrPort("192.168.1.50:40000"), Local: netip.MustParseAddr("192.168.1.1")}
	first  = Server{Addr: netip.MustParseAddrPort("9.9.9.9:53")}
	second = Server{Addr: netip.MustParseAddrPort("149.112.112.112:53")}
	secret = Server{Addr: netip.MustParseAddrPort("9.9.9.9:853"), TLS: "dns.quad9.net"}
	corp   = Server{Addr: netip.MustParseAddrPort("10.1.0.53:53")}
)

func home() Config {
	return Config{
		Nets:    []Net{{"lan", []netip.Prefix{lan, netip.MustParsePrefix("2001:db8:1::/64")}}},
		Servers: []Server{first, second},
		Zones:   []Zone{{"corp.example", []Server{corp}}, {"10.in-addr.arpa", []Server{corp}}},
		Domain:  "lan",
		Rebind:  []string{"plex.direct"},
		Hosts: []Host{
			{"nas", []netip.Addr{netip.MustParseAddr("192.168.1.5"), netip.MustParseAddr("2001:db8:1::5")}, false},
			{"www.example.org", []netip.Addr{netip.MustParseAddr("192.168.1.6")}, false},
			{"laptop", []netip.Addr{netip.MustParseAddr("192.168.1.70")}, true},
		},
	}
}

func newDesk(t *testing.T, c Config) *desk {
	d := &desk{t: t, now: time.Hour}
	d.f = New(func() uint64 { d.seed = d.seed*6364136223846793005 + 1442695040888963407; return d.seed >> 20 })
	d.step(Configure{c})
	return d
}

func (d *desk) step(e Event) []Action {
	d.sent = d.f.Step(d.now, e)
	return d.sent
}

// after lets time pass, waking the forwarder as it wants to be.
func (d *desk) after(by time.Duration) (sent []Action) {
	for end := d.now + by; ; {
		if d.now = min(end, d.f.Deadline()); d.now == end {
			return append(sent, d.step(nil)...)
		}
		sent = append(sent, d.step(nil)...)
	}
}

var kinds = map[string]uint16{"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28, "OPT": 41, "DS": 43, "HTTPS": 65, "TYPE65280": 65280, "AXFR": 252, "ANY": 255}

func kindName(k uint16) string {
	for name, kind := range kinds {
		if kind == k {
			return name
		}
	}
	return fmt.Sprint(k)
}

func wire(text string) string {
	name, ok := packName(text)
	if !ok {
		panic(text)
	}
	return name
}

// build makes a message: "example.org A" as question, records such as "example.org 300 A 192.0.2.1" by section.
func build(id, flags uint16, question string, sections ...[]string) []byte {
	b := make([]byte, 12)
	binary.BigEndian.PutUint16(b, id)
	binary.BigEndian.PutUint16(b[2:], flags)
	b[5] = 1
	name, kind, _ := strings.Cut(question, " ")
	b = append(b, exact(name)...)
	b = binary.BigEndian.AppendUint16(b, kinds[kind])
	b = append(b, 0, 1)
	for i, list := range sections {
		binary.BigEndian.PutUint16(b[6+2*i:], uint16(len(list)))
		for _, text := range list {
			f := strings.Fields(text)
			var ttl uint32
			fmt.Sscan(f[1], &ttl)
			b = append(b, wire(f[0])...)
			b = binary.BigEndian.AppendUint16(b, kinds[f[2]])
			b = append(b, 0, 1)
			b = binary.BigEndian.AppendUint32(b, ttl)
			data := rdata(f[2], f[3])
			b = binary.BigEndian.AppendUint16(b, uint16(len(data)))
			b = append(b, data...)
		}
	}
	return b
}

// exact is a name of text as it is written.
func exact(text string) string {
	b := []byte(wire(text))
	for at, i := 0, 0; at < len(b)-1 && text != "."; at += 1 + int(b[at]) {
		i += copy(b[at+1:at+1+int(b[at])], text[i:]) + 1
	}
	return string(b)
}

func rdata(kind, text string) []byte {
	switch kind {
	case "A", "AAAA":
		return netip.MustParseAddr(text).AsSlice()
	case "CNAME", "NS", "PTR":
		return []byte(wire(text))
	case "SOA": // its minimum
		var minimum uint32
		fmt.Sscan(text, &minimum)
		return binary.BigEndian.AppendUint32(append([]byte(wire("ns.example")+wire("root.example")), make([]byte, 16)...), minimum)
	case "HTTPS": // an address as hint
		a := netip.MustParseAddr(text)
		key := byte(4)
		if a.Is6() {
			key = 6
		}
		return append([]byte{0, 1, 0, 0, key, 0, byte(len(a.AsSlice()))}, a.AsSlice()...)
	}
	return []byte(text)
}

// withOPT adds an OPT record.
func withOPT(b []byte, size uint16, do bool) []byte {
	return withOPTVersion(b, size, do, 0)
}

func withOPTVersion(b []byte, size uint16, do bool, version byte) []byte {
	var bits byte
	if do {
		bits = 0x80
	}
	b = append(b, 0, 0, 41, byte(size>>8), byte(size), 0, version, bits, 0, 0, 0)
	binary.BigEndian.PutUint16(b[10:], u16(b[10:])+1)
	return b
}

// ask lets a client ask; what the client or a server is sent is in d.sent.
func (d *desk) ask(c Client, question string) {
	d.t.Helper()
	d.id++
	d.step(FromClient{c, build(d.id, flagRD, question)})
}

// asks are the questions that were sent to servers.
func (d *desk) asks() (list []Ask) {
	for _, a := range d.sent {
		if ask, ok := a.(Ask); ok {
			list = append(list, ask)
		}
	}
	return list
}

// asked is the one question that was sent to a server.
func (d *desk) asked() Ask {
	d.t.Helper()
	if list := d.asks(); len(list) == 1 {
		return list[0]
	}
	d.t.Fatalf("want one question to a server, got %s", d.told())
	return Ask{}
}

// answer lets the server answer what it was asked.
func (d *desk) answer(a Ask, rcode int, question string, sections ...[]string) {
	d.t.Helper()
	b := build(u16(a.Data), flagQR|flagRA|uint16(rcode), question, sections...)
	d.step(FromUpstream{a.Ask, b})
}

// reply is the one answer that a client got, as text: "NOERROR: example.org 300 A 192.0.2.1".
func (d *desk) reply() string {
	d.t.Helper()
	list := d.replies()
	if len(list) != 1 {
		d.t.Fatalf("want one answer to a client, got %s", d.told())
	}
	return list[0]
}

func (d *desk) replies() (list []string) {
	for _, a := range d.sent {
		if answer, ok := a.(Answer); ok {
			list = append(list, show(answer.Data))
		}
	}
	return list
}

// told is all that was sent.
func (d *desk) told() string {
	var list []string
	for _, a := range d.sent {
		switch a := a.(type) {
		case Ask:
			over := ""
			if a.TCP {
				over = " over TCP"
			}
			list = append(list, "ask "+a.To.String()+over)
		case Answer:
			list = append(list, "answer "+show(a.Data))
		}
	}
	return strings.Join(list, "; ")
}

// show is an answer's code, flags beyond QR, RD and RA, and records.
func show(b []byte) string {
	if len(b) == headerSize {
		return []string{"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"}[b[3]&15] + " bare"
	}
	m, ok := readMessage(b)
	if !ok {
		return fmt.Sprintf("malformed: %x", b)
	}
	code := fmt.Sprint(m.rcode())
	if m.rcode() < 6 {
		code = []string{"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"}[m.rcode()]
	}
	for _, flag := range []struct {
		bit  uint16
		name string
	}{{flagTC, " tc"}, {flagAD, " ad"}, {flagCD, " cd"}} {
		if m.flags&flag.bit != 0 {
			code += flag.name
		}
	}
	var lines []string
	for _, r := range m.records {
		name, _, _ := readName(b, r.start)
		data := b[r.data:r.end]
		text := ""
		switch r.kind {
		case typeA, typeAAAA:
			a, _ := netip.AddrFromSlice(data)
			text = a.String()
		case typeCNAME, typePTR, typeNS:
			to, _, _ := readName(b, r.data)
			text = strings.Join(labels(to), ".")
		case typeOPT:
			text = fmt.Sprintf("%d", r.class)
			if b[r.ttl+2]&0x80 != 0 {
				text += " do"
			}
			if len(data) > 0 {
				text += fmt.Sprintf(" %x", data)
			}
			lines = append(lines, "OPT "+text)
			continue
		case typeSOA:
		default:
			text = fmt.Sprintf("%d bytes", len(data))
		}
		lines = append(lines, strings.TrimSpace(fmt.Sprintf("%s %d %s %s", strings.Join(labels(name), "."), u32(b[r.ttl:]), kindName(r.kind), text)))
	}
	if len(lines) == 0 {
		return code
	}
	return code + ": " + strings.Join(lines, ", ")
}

// want compares what came with what is claimed.
func want(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %s, want %s", what, got, want)
	}
}

func sortedNames(m map[netip.Addr]int) (list []string) {
	for a := range m {
		list = append(list, a.String())
	}
	slices.Sort(list)
	return list
}
