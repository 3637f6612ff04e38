package resolve

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"bantam/netcfg/dnsforward"
)

var (
	one, two = netip.MustParseAddr("192.0.2.53"), netip.MustParseAddr("198.51.100.53")
	v4, w4   = netip.MustParseAddr("203.0.113.5"), netip.MustParseAddr("203.0.113.6")
	v6       = netip.MustParseAddr("2001:db8::5")
)

const vpn = "vpn.example.net"

// lab is a resolver with its servers.
type lab struct {
	*Resolver
	t       *testing.T
	now     time.Duration
	servers []netip.Addr
	asked   []Question
}

func newLab(t *testing.T, servers ...netip.Addr) *lab {
	next := uint16(100)
	l := &lab{Resolver: New(func() uint16 { next++; return next }), t: t, servers: servers}
	l.Want([]string{vpn}, 0)
	return l
}

// until lets the time pass, a deadline after the other.
func (l *lab) until(end time.Duration) {
	for range 1000 {
		at := max(l.Deadline(), l.now)
		if at > end {
			l.now = end
			return
		}
		l.now = at
		questions, _ := l.Step(l.now, l.servers)
		l.asked = append(l.asked, questions...)
	}
	l.t.Fatalf("it asks without end at %v", l.now)
}

// reply is a server's answer to a message.
func reply(message []byte, code byte, addresses ...netip.Addr) []byte {
	b := append([]byte(nil), message...)
	b[2] |= 0x80
	b[3] = b[3]&^0xf | code
	kind := binary.BigEndian.Uint16(b[len(b)-4:])
	count := uint16(0)
	for _, a := range addresses {
		if a.Is4() == (kind == dnsforward.TypeA) {
			b = append(b, 0xc0, 12, byte(kind>>8), byte(kind), 0, 1, 0, 0, 0, 60, 0, byte(a.BitLen()/8))
			b = append(b, a.AsSlice()...)
			count++
		}
	}
	binary.BigEndian.PutUint16(b[6:], count)
	return b
}

func (l *lab) answer(prefer6 bool, code byte, addresses ...netip.Addr) (changed bool) {
	l.t.Helper()
	q := l.asked[len(l.asked)-1]
	for _, m := range q.Messages {
		changed = l.Hear(vpn, reply(m, code, addresses...), prefer6, l.now) || changed
	}
	return changed
}

func (l *lab) has(want netip.Addr) {
	l.t.Helper()
	if got := l.Addresses()[vpn]; got != want {
		l.t.Errorf("at %v: %v, want %v (%s)", l.now, got, want, l.Fault(vpn))
	}
}

func TestANameIsAskedForAtOnceAndOnce(t *testing.T) {
	l := newLab(t, one)
	l.until(0)
	if len(l.asked) != 1 || l.asked[0].Server != one || !l.answer(false, 0, v4, v6) {
		t.Fatalf("asked %v", l.asked)
	}
	l.has(v4)
	l.until(time.Hour)
	if len(l.asked) != 1 || l.Deadline() != Never {
		t.Errorf("asked %d times, the next at %v", len(l.asked), l.Deadline())
	}
}

func TestTheFamilyThatLeadsOutComesFirst(t *testing.T) {
	l := newLab(t, one)
	l.until(0)
	l.answer(true, 0, v4, v6)
	l.has(v6)
}

func TestAServerThatIsSilentIsFollowedByTheNext(t *testing.T) {
	l := newLab(t, one, two)
	l.until(patience)
	if len(l.asked) != 2 || l.asked[1].Server != two {
		t.Fatalf("asked %v", l.asked)
	}
	l.answer(false, 3)
	l.until(l.now)
	if l.Fault(vpn) != "there is no such name" {
		t.Errorf("fault %q", l.Fault(vpn))
	}
	l.asked = nil
	l.until(l.now + firstWait)
	if len(l.asked) != 1 || l.asked[0].Server != one {
		t.Errorf("asked %v", l.asked)
	}
}

func TestOnANetworkThatFailsItAsksForEverAndSeldom(t *testing.T) {
	for _, servers := range [][]netip.Addr{nil, {one}} {
		l := newLab(t, servers...)
		l.until(time.Hour)
		if l.Deadline() > l.now+lastWait+patience || l.Fault(vpn) == "" {
			t.Errorf("%v: the next at %v, fault %q", servers, l.Deadline()-l.now, l.Fault(vpn))
		}
		if most := int(time.Hour/lastWait) + 10; len(l.asked) > most || len(servers) > 0 && len(l.asked) < 50 {
			t.Errorf("%v: asked %d times in an hour", servers, len(l.asked))
		}
		for l.names[vpn].asks {
			l.until(l.Deadline())
		}
		l.servers, l.asked = []netip.Addr{two}, nil
		l.Retry(l.now)
		l.until(l.now)
		if len(l.asked) != 1 {
			t.Errorf("%v: with a server it is asked %d times", servers, len(l.asked))
		}
		l.answer(false, 0, w4)
		l.has(w4)
	}
}

func TestWhoIsNotFoundIsLookedUpAgain(t *testing.T) {
	l := newLab(t, one)
	l.until(0)
	l.answer(false, 0, v4)
	l.now = time.Second
	l.Again(vpn, l.now)
	l.Again(vpn, l.now)
	if l.until(calm - 1); len(l.asked) != 1 {
		t.Errorf("asked again within %v", calm)
	}
	l.until(calm)
	if len(l.asked) != 2 {
		t.Fatalf("asked %d times", len(l.asked))
	}
	if l.has(v4); !l.answer(false, 0, w4) {
		t.Error("nobody is told")
	}
	l.has(w4)
	// Of several the next one is tried, and after the last the first.
	for _, want := range []netip.Addr{v4, w4, v4} {
		l.until(l.now + calm)
		l.Again(vpn, l.now)
		l.until(l.now)
		l.answer(false, 0, v4, w4)
		l.has(want)
	}
	// A failing network takes nothing away.
	l.until(l.now + calm)
	l.Again(vpn, l.now)
	l.until(l.now + time.Hour)
	l.has(v4)
}

func TestAForgedAnswerIsNone(t *testing.T) {
	l := newLab(t, one)
	l.until(0)
	q := l.asked[0]
	for i, m := range q.Messages {
		other := append([]byte(nil), m...)
		other[0] ^= 1 // another number
		elsewhere, _ := dnsforward.Question(binary.BigEndian.Uint16(m), "evil.example", [2]uint16{1, 28}[i])
		for _, forged := range [][]byte{reply(other, 0, w4, v6), reply(elsewhere, 0, w4, v6), m, m[:20], nil} {
			if l.Hear(vpn, forged, false, 0) {
				t.Errorf("%x is believed", forged)
			}
		}
	}
	if l.Hear("evil.example", reply(q.Messages[0], 0, w4), false, 0) {
		t.Error("a name that nobody wants is believed")
	}
	l.has(netip.Addr{})
	for _, absurd := range []string{"0.0.0.0", "127.0.0.1", "224.0.0.1", "255.255.255.255", "::", "ff02::1", "fe80::1", "::ffff:192.0.2.1"} {
		l := newLab(t, one)
		l.until(0)
		l.answer(false, 0, netip.MustParseAddr(absurd))
		l.has(netip.Addr{})
	}
}

func FuzzHear(f *testing.F) {
	message, _ := dnsforward.Question(101, vpn, dnsforward.TypeA)
	f.Add(reply(message, 0, v4), true)
	f.Add(reply(message, 3), false)
	f.Fuzz(func(t *testing.T, b []byte, prefer6 bool) {
		l := newLab(t, one)
		l.until(0)
		l.Hear(vpn, b, prefer6, 0)
		l.Hear(vpn, b, prefer6, 0)
		l.until(time.Minute)
	})
}
