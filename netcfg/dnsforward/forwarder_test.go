package dnsforward

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"
)

const exampleA = "example.org 300 A 192.0.2.1"

func TestAQuestionIsAskedOnceAndKept(t *testing.T) {
	d := newDesk(t, home())
	d.ask(anna, "example.org A")
	ask := d.asked()
	want(t, "server", ask.To.String(), "9.9.9.9")
	d.answer(ask, rcodeSuccess, "example.org A", []string{exampleA})
	want(t, "answer", d.reply(), "NOERROR: example.org 300 A 192.0.2.1")
	d.after(100 * time.Second)
	d.ask(anna, "example.org A")
	want(t, "100 s later", d.told(), "answer NOERROR: example.org 200 A 192.0.2.1")
	d.after(200 * time.Second)
	d.ask(anna, "example.org A")
	want(t, "when its time is over", d.told(), "ask 9.9.9.9")
}

func TestCapitalsComeBackAsTheyWereAsked(t *testing.T) {
	d := newDesk(t, home())
	d.ask(anna, "Example.ORG A")
	d.answer(d.asked(), rcodeSuccess, "example.org A", []string{exampleA})
	for _, name := range []string{"Example.ORG", "eXample.org"} {
		if name != "Example.ORG" {
			d.ask(anna, name+" A")
		}
		answer := d.sent[len(d.sent)-1].(Answer).Data
		if !bytes.Contains(answer, []byte(exact(name))) {
			t.Errorf("asked for %s, got %q", name, answer)
		}
	}
}

func TestManyWhoAskTheSameGetOneAnswer(t *testing.T) {
	d := newDesk(t, home())
	d.ask(anna, "example.org A")
	ask := d.asked()
	d.step(FromClient{anna, build(d.id, flagRD, "example.org A")})
	want(t, "the same question again", d.told(), "")
	berta := anna
	berta.Addr = netip.MustParseAddrPort("192.168.1.51:1")
	d.ask(berta, "example.org A")
	want(t, "another's", d.told(), "")
	d.answer(ask, rcodeSuccess, "example.org A", []string{exampleA})
	if n := len(d.replies()); n != 2 {
		t.Errorf("%d answers, want 2: %s", n, d.told())
	}
	if d.f.waits != 0 || len(d.f.waiting) != 0 {
		t.Errorf("still waiting: %d %v", d.f.waits, sortedNames(d.f.waiting))
	}
}

func TestANoIsKeptForAsLongAsTheZoneSays(t *testing.T) {
	for _, c := range []struct {
		claim string
		rcode int
		soa   []string
		kept  time.Duration
	}{
		{"no such name, the SOA's minimum is the shorter", rcodeNXDomain, []string{"example.org 900 SOA 60"}, 60 * time.Second},
		{"no such type, the SOA's own time is the shorter", rcodeSuccess, []string{"example.org 30 SOA 600"}, 30 * time.Second},
		{"a zone that says a week is kept three hours", rcodeNXDomain, []string{"example.org 604800 SOA 604800"}, 3 * time.Hour},
		{"without SOA it is not kept", rcodeNXDomain, nil, 0},
	} {
		d := newDesk(t, home())
		d.ask(anna, "nothing.example.org A")
		d.answer(d.asked(), c.rcode, "nothing.example.org A", nil, c.soa)
		if len(d.replies()) != 1 {
			t.Errorf("%s: not answered", c.claim)
		}
		if c.kept > 0 {
			d.after(c.kept - time.Second)
			d.ask(anna, "nothing.example.org A")
			if len(d.asks()) != 0 {
				t.Errorf("%s: forgotten too early", c.claim)
			}
			d.after(time.Second)
		}
		d.ask(anna, "nothing.example.org A")
		if len(d.asks()) != 1 {
			t.Errorf("%s: kept too long", c.claim)
		}
	}
}

func TestNothingIsKeptForMoreThanADay(t *testing.T) {
	d := newDesk(t, home())
	d.ask(anna, "example.org A")
	d.answer(d.asked(), rcodeSuccess, "example.org A", []string{"example.org 604800 A 192.0.2.1"})
	d.after(time.Hour)
	d.ask(anna, "example.org A")
	want(t, "after an hour", d.reply(), "NOERROR: example.org 82800 A 192.0.2.1")
	d.after(23 * time.Hour)
	d.ask(anna, "example.org A")
	d.asked()
}

func TestNobodyFromElsewhereIsServed(t *testing.T) {
	for _, c := range []struct {
		claim  string
		net    string
		from   string
		served bool
	}{
		{"a machine of the net", "lan", "192.168.1.50", true},
		{"one by IPv6", "lan", "2001:db8:1::7", true},
		{"one by its link-local address", "lan", "fe80::1", true},
		{"one of another network behind the net", "lan", "192.168.2.50", false},
		{"one of the internet that comes in by the net", "lan", "198.51.100.1", false},
		{"a net that is not served", "wan", "192.168.1.50", false},
		{"IPv4's link-local, which is not one of the net's", "lan", "169.254.1.1", false},
	} {
		d := newDesk(t, home())
		from := Client{Net: c.net, Addr: netip.AddrPortFrom(netip.MustParseAddr(c.from), 4000), Local: anna.Local}
		for _, name := range []string{"nas.lan A", "example.org A"} {
			d.ask(from, name)
			if refused := d.told() == "answer REFUSED bare"; refused == c.served {
				t.Errorf("%s, %s: %s", c.claim, name, d.told())
			}
		}
	}
}

func TestTheNextServerIsAskedWhereOneFails(t *testing.T) {
	d := newDesk(t, home())
	d.ask(anna, "example.org A")
	late := d.asked()
	d.sent = d.after(time.Second)
	want(t, "after a second", d.told(), "ask 149.112.112.112")
	d.sent = d.after(time.Second)
	want(t, "after two", d.told(), "ask 9.9.9.9")
	d.answer(late, rcodeSuccess, "example.org A", []string{exampleA})
	want(t, "the first one's answer, late", d.reply(), "NOERROR: "+exampleA)

	for _, c := range []struct {
		claim string
		fail  func(d *desk, a Ask)
	}{
		{"nobody listens", func(d *desk, a Ask) { d.step(Failed{a.Ask, "connection refused"}) }},
		{"SERVFAIL", func(d *desk, a Ask) { d.answer(a, rcodeServFail, "example.org A") }},
		{"REFUSED", func(d *desk, a Ask) { d.answer(a, rcodeRefused, "example.org A") }},
		{"REFUSED without a question", func(d *desk, a Ask) {
			d.step(FromUpstream{a.Ask, []byte{a.Data[0], a.Data[1], 0x80, 5, 0, 0, 0, 0, 0, 0, 0, 0}})
		}},
		{"malformed", func(d *desk, a Ask) {
			d.step(FromUpstream{a.Ask, append(build(u16(a.Data), flagQR, "example.org A"), 0)})
		}},
	} {
		d := newDesk(t, home())
		d.ask(anna, "example.org A")
		c.fail(d, d.asked())
		want(t, c.claim, d.told(), "ask 149.112.112.112")
		c.fail(d, d.asked())
		want(t, c.claim+", both", d.reply(), "SERVFAIL")
		d.ask(anna, "example.org A")
		want(t, c.claim+", at once again", d.reply(), "SERVFAIL")
		d.after(failureTTL)
		d.ask(anna, "example.org A")
		d.asked()
	}
}

func TestWhereNobodyAnswersItEnds(t *testing.T) {
	d := newDesk(t, home())
	d.ask(anna, "example.org A")
	sent := d.after(time.Minute)
	asked := 0
	for _, a := range sent {
		if _, ok := a.(Ask); ok {
			asked++
		}
	}
	if asked != maxAttempts-1 {
		t.Errorf("asked %d times more, want %d", asked, maxAttempts-1)
	}
	d.sent = sent
	want(t, "answer", d.reply(), "SERVFAIL")
	if len(d.f.queries)+len(d.f.asked)+len(d.f.ids)+d.f.waits != 0 || d.f.Deadline() != Never {
		t.Errorf("something is left: %+v", d.f)
	}
}

func TestAServerThatIsDownIsNotWaitedFor(t *testing.T) {
	d := newDesk(t, home())
	for i := range 3 { // the first is silent
		d.ask(anna, fmt.Sprintf("n%d.example.org A", i))
		for d.asked().To != second {
			d.sent = d.after(time.Second)
		}
		d.answer(d.asked(), rcodeNXDomain, fmt.Sprintf("n%d.example.org A", i), nil, []string{"example.org 60 SOA 60"})
	}
	d.ask(anna, "n9.example.org A")
	want(t, "server", d.asked().To.String(), second.String())
	d.after(maxDown)
	d.ask(anna, "n10.example.org A")
	want(t, "when it may be back", d.asked().To.String(), first.String())
}

func TestATruncatedAnswerIsAskedForOverTCP(t *testing.T) {
	d := newDesk(t, home())
	d.ask(anna, "example.org TXT")
	ask := d.asked()
	d.step(FromUpstream{ask.Ask, build(u16(ask.Data), flagQR|flagTC, "example.org TXT")})
	want(t, "truncated", d.told(), "ask 9.9.9.9 over TCP")
	long := "example.org 300 TXT " + strings.Repeat("x", 2000)
	d.answer(d.asked(), rcodeSuccess, "example.org TXT", []string{long})
	want(t, "over UDP", d.reply(), "NOERROR tc")
	overTCP := anna
	overTCP.TCP = 1
	d.ask(overTCP, "example.org TXT")
	want(t, "over TCP", d.reply(), "NOERROR: example.org 300 TXT 2000 bytes")
}

func TestAnAnswerIsNoLargerThanTheClientTakes(t *testing.T) {
	for _, c := range []struct {
		size      uint16 // 0: no EDNS
		data      int
		truncated bool
	}{{0, 400, false}, {0, 500, true}, {1232, 1100, false}, {1232, 1200, true}, {4096, 1300, true}, {100, 400, false}, {600, 520, false}, {600, 580, true}} {
		d := newDesk(t, home())
		d.ask(anna, "example.org TXT")
		d.answer(d.asked(), rcodeSuccess, "example.org TXT", []string{"example.org 300 TXT " + strings.Repeat("x", c.data)})
		q := build(7, flagRD, "example.org TXT")
		if c.size > 0 {
			q = withOPT(q, c.size, false)
		}
		d.step(FromClient{anna, q})
		if got := strings.Contains(d.reply(), " tc"); got != c.truncated {
			t.Errorf("EDNS size %d, %d bytes: truncated %v, want %v", c.size, c.data, got, c.truncated)
		}
		limit := max(512, min(int(c.size), udpSize))
		if n := len(d.sent[0].(Answer).Data); n > limit {
			t.Errorf("EDNS size %d: %d bytes", c.size, n)
		}
	}
}

func TestNothingOfTheClientGoesUpstreamButItsQuestion(t *testing.T) {
	d := newDesk(t, home())
	q := withOPT(build(7, flagRD|flagCD, "example.org A"), 4096, true)
	q = append(q[:len(q)-2], 0, 12, 0, 8, 0, 8, 0, 1, 24, 0, 192, 168, 1, 0) // its subnet
	d.step(FromClient{anna, q})
	ask := d.asked()
	want(t, "question", show(ask.Data), "NOERROR ad cd: OPT 1232 do")
	if u16(ask.Data) == 7 {
		t.Error("with the client's number")
	}
}

func TestDNSSECPassesThrough(t *testing.T) {
	d := newDesk(t, home())
	d.step(FromClient{anna, withOPT(build(7, flagRD, "example.org A"), 1232, true)})
	ask := d.asked()
	b := withOPT(build(u16(ask.Data), flagQR|flagAD, "example.org A", []string{exampleA, "example.org 300 TYPE65280 signature"}), 1232, true)
	d.step(FromUpstream{ask.Ask, b})
	want(t, "who wants it", d.reply(), "NOERROR ad: example.org 300 A 192.0.2.1, example.org 300 TYPE65280 9 bytes, OPT 1232 do")
	d.ask(anna, "example.org A")
	ask = d.asked() // another question: its answer has no signatures
	d.step(FromUpstream{ask.Ask, withOPT(build(u16(ask.Data), flagQR|flagAD, "example.org A", []string{exampleA}), 1232, false)})
	want(t, "who does not", d.reply(), "NOERROR: example.org 300 A 192.0.2.1")
	d.step(FromClient{anna, build(8, flagRD|flagAD, "example.org A")})
	want(t, "who only wants to know", d.reply(), "NOERROR ad: example.org 300 A 192.0.2.1")
}

func TestAServerWithoutEDNSIsAskedWithout(t *testing.T) {
	d := newDesk(t, home())
	d.ask(anna, "example.org A")
	ask := d.asked()
	want(t, "with", show(ask.Data), "NOERROR ad: OPT 1232")
	d.answer(ask, rcodeFormErr, "example.org A")
	ask = d.asked()
	want(t, "without", show(ask.Data), "NOERROR ad")
	want(t, "server", ask.To.String(), "9.9.9.9")
	d.answer(ask, rcodeSuccess, "example.org A", []string{exampleA})
	d.reply()
	d.ask(anna, "two.example.org A")
	want(t, "the next time", show(d.asked().Data), "NOERROR ad")
}

func TestAWrongAnswerIsNoAnswer(t *testing.T) {
	for _, c := range []struct {
		claim string
		make  func(a Ask) []byte
	}{
		{"another number", func(a Ask) []byte { return build(u16(a.Data)+1, flagQR, "example.org A", []string{exampleA}) }},
		{"another name", func(a Ask) []byte {
			return build(u16(a.Data), flagQR, "evil.example.org A", []string{"evil.example.org 1 A 192.0.2.6"})
		}},
		{"another type", func(a Ask) []byte { return build(u16(a.Data), flagQR, "example.org AAAA") }},
		{"a question", func(a Ask) []byte { return build(u16(a.Data), 0, "example.org A") }},
		{"too short", func(a Ask) []byte { return a.Data[:11] }},
		{"two questions", func(a Ask) []byte {
			b := build(u16(a.Data), flagQR, "evil.example A", []string{exampleA})
			b[5] = 2
			return b
		}},
	} {
		d := newDesk(t, home())
		d.ask(anna, "example.org A")
		ask := d.asked()
		for range maxUnwanted - 1 {
			d.step(FromUpstream{ask.Ask, c.make(ask)})
			want(t, c.claim, d.told(), "")
		}
		d.step(FromUpstream{ask.Ask, c.make(ask)})
		want(t, c.claim+", again and again", d.told(), "ask 9.9.9.9 over TCP")
		ask = d.asked()
		d.answer(ask, rcodeSuccess, "example.org A", []string{exampleA})
		want(t, c.claim+", then the right one", d.reply(), "NOERROR: "+exampleA)
		if d.f.counts.Unwanted != maxUnwanted {
			t.Errorf("%s: %d counted", c.claim, d.f.counts.Unwanted)
		}
	}
}

func TestAZoneHasServersOfItsOwn(t *testing.T) {
	d := newDesk(t, home())
	for question, server := range map[string]string{
		"corp.example A": "10.1.0.53", "a.b.CORP.example A": "10.1.0.53", "notcorp.example A": "9.9.9.9",
		"1.0.1.10.in-addr.arpa PTR": "10.1.0.53", "example A": "",
	} {
		d.ask(anna, question)
		if server == "" {
			want(t, question, d.reply(), "NXDOMAIN: example 60 SOA")
		} else {
			want(t, question, d.told(), "ask "+server)
		}
	}
}

func TestWhatIsMalformedIsRefused(t *testing.T) {
	good := build(7, flagRD, "example.org A")
	change := func(f func(b []byte) []byte) []byte { return f(bytes.Clone(good)) }
	for _, c := range []struct {
		claim string
		b     []byte
		want  string
	}{
		{"too short for a header", good[:11], ""},
		{"an answer", change(func(b []byte) []byte { b[2] |= 0x80; return b }), ""},
		{"an update", change(func(b []byte) []byte { b[2] |= 5 << 3; return b }), "answer NOTIMP bare"},
		{"no question", change(func(b []byte) []byte { b[5] = 0; return b[:12] }), "answer FORMERR bare"},
		{"two", change(func(b []byte) []byte { b[5] = 2; return append(b, good[12:]...) }), "answer FORMERR bare"},
		{"a name that leads to itself", append(bytes.Clone(good[:12]), 0xc0, 12, 0, 1, 0, 1), "answer FORMERR bare"},
		{"a name that ends nowhere", good[:len(good)-6], "answer FORMERR bare"},
		{"something behind it", append(bytes.Clone(good), 1), "answer FORMERR bare"},
		{"an answer in it", change(func(b []byte) []byte { b[7] = 1; return b }), "answer FORMERR bare"},
		{"two OPT records", withOPT(withOPT(bytes.Clone(good), 512, false), 512, false), "answer FORMERR bare"},
		{"another version of EDNS", withOPTVersion(bytes.Clone(good), 512, false, 1), "answer 16: OPT 1232"},
		{"a zone transfer", build(7, flagRD, "example.org AXFR"), "answer REFUSED"},
		{"the server's own name", change(func(b []byte) []byte { b[len(b)-1] = 3; return b }), "answer REFUSED"},
		{"what is in the cache only", change(func(b []byte) []byte { b[2] = 0; return b }), "answer REFUSED"},
	} {
		d := newDesk(t, home())
		d.step(FromClient{anna, c.b})
		want(t, c.claim, d.told(), c.want)
	}
}

func TestAFloodOfNamesIsBounded(t *testing.T) {
	d := newDesk(t, home())
	overload := 0
	for i := range 10_000 {
		d.ask(anna, fmt.Sprintf("n%d.example.org A", i))
		if d.told() == "answer SERVFAIL" {
			overload++
		}
	}
	if overload != 10_000-maxPerClient || len(d.f.queries) != maxPerClient {
		t.Errorf("%d refused, %d under way", overload, len(d.f.queries))
	}
	berta := anna
	berta.Addr = netip.MustParseAddrPort("192.168.1.51:1")
	d.ask(berta, "example.org A")
	d.asked() // others are served all the same

	d = newDesk(t, home())
	for i := range 50_000 { // of many clients
		c := anna
		c.Addr = netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 168, 1, byte(i)}), 1)
		d.ask(c, fmt.Sprintf("n%d.example.org A", i))
	}
	if len(d.f.queries) != maxQueries || len(d.f.asked) != maxQueries || d.f.waits > maxWaiting {
		t.Errorf("%d queries, %d asked, %d waiting", len(d.f.queries), len(d.f.asked), d.f.waits)
	}
	d.after(time.Minute)
	if len(d.f.queries)+len(d.f.asked)+len(d.f.ids)+len(d.f.waiting) != 0 {
		t.Error("something is left")
	}
}

func TestTheCacheIsBounded(t *testing.T) {
	d := newDesk(t, home())
	most := 0
	for i := range 20_000 {
		name := fmt.Sprintf("n%d.example.org", i)
		d.ask(anna, name+" TXT")
		d.answer(d.asked(), rcodeSuccess, name+" TXT", []string{name + " 3600 TXT " + strings.Repeat("x", 1+i%1000)})
		most = max(most, d.f.cache.bytes)
		if i%10 == 0 {
			d.ask(anna, "n0.example.org TXT") // used, so kept
			if len(d.asks()) != 0 {
				t.Fatalf("what is used is forgotten at %d", i)
			}
		}
	}
	c := &d.f.cache
	if most > cacheBytes || len(c.entries) > cacheEntries || len(c.entries) < 1000 {
		t.Errorf("%d bytes, %d entries", most, len(c.entries))
	}
	sum, ring := 0, 0
	for _, e := range c.entries {
		sum += e.size()
	}
	for e := c.newest; ring == 0 || e != c.newest; e = e.older {
		if ring++; e.older.newer != e {
			t.Fatal("the ring is torn")
		}
	}
	if sum != c.bytes || ring != len(c.entries) {
		t.Errorf("counted %d bytes of %d, %d of %d in the ring", c.bytes, sum, ring, len(c.entries))
	}
	for _, e := range c.entries {
		c.remove(e)
	}
	if c.bytes != 0 || c.newest != nil {
		t.Errorf("empty, and %d bytes", c.bytes)
	}
}

func TestALargeAnswerIsPassedOnAndNotKept(t *testing.T) {
	d := newDesk(t, home())
	overTCP := anna
	overTCP.TCP = 1
	for range 2 {
		d.ask(overTCP, "example.org TXT")
		d.answer(d.asked(), rcodeSuccess, "example.org TXT", []string{"example.org 300 TXT " + strings.Repeat("x", 65000)})
		want(t, "answer", d.reply(), "NOERROR: example.org 300 TXT 65000 bytes")
	}
}

func TestOtherServersForgetWhatWasSaid(t *testing.T) {
	d := newDesk(t, home())
	d.ask(anna, "example.org A")
	d.answer(d.asked(), rcodeSuccess, "example.org A", []string{exampleA})
	c := home()
	c.Hosts = nil
	d.step(Configure{c})
	d.ask(anna, "example.org A")
	d.reply() // the same servers
	c.Servers = []Server{secret}
	d.ask(anna, "slow.example.org A")
	slow := d.asked()
	d.step(Configure{c})
	d.ask(anna, "example.org A")
	want(t, "server", d.asked().To.String(), "tls://9.9.9.9#dns.quad9.net")
	d.step(Failed{slow.Ask, "gone"}) // of a server that is no longer there
	d.after(time.Minute)
}

func TestQuestionsOverTLSAreOfOneLength(t *testing.T) {
	c := home()
	c.Servers = []Server{secret}
	for i := range 100 {
		d := newDesk(t, c)
		d.ask(anna, strings.Repeat("a", 1+i%60)+".example."+strings.Repeat("b", 1+i)[:min(1+i, 60)]+" A")
		ask := d.asked()
		if len(ask.Data)%padding != 0 || len(ask.Data) == 0 {
			t.Errorf("%d bytes", len(ask.Data))
		}
		if _, ok := readMessage(ask.Data); !ok {
			t.Errorf("malformed: %x", ask.Data)
		}
	}
}
