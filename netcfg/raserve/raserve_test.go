package raserve

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"
)

var (
	old     = netip.MustParsePrefix("2001:db8:1::/64")
	newer   = netip.MustParsePrefix("2001:db8:2::/64")
	host    = netip.MustParseAddr("fe80::5")
	station = [6]byte{2, 0, 0, 0, 0, 1}
)

func config(prefixes ...Prefix) Config {
	return Config{MAC: station, MTU: 1500, Router: true, Prefixes: prefixes, DNS: []netip.Addr{netip.MustParseAddr("fe80::1")}, Search: []string{"lan.example"}}
}

func lasting(p netip.Prefix) Prefix { return Prefix{p, Forever, Forever} }

// told is what an advertisement says.
type told struct {
	router             time.Duration
	preferred, valid   map[netip.Prefix]time.Duration
	flags, prefixFlags byte
	options            map[byte][]byte
}

func seconds(b []byte) time.Duration {
	return time.Duration(binary.BigEndian.Uint32(b)) * time.Second
}

func read(t *testing.T, b []byte) told {
	t.Helper()
	if len(b) < 16 || b[0] != typeAdvertisement || b[1] != 0 || len(b) > 1240 {
		t.Fatalf("no advertisement: %x", b)
	}
	r := told{router: time.Duration(binary.BigEndian.Uint16(b[6:])) * time.Second, flags: b[5],
		preferred: map[netip.Prefix]time.Duration{}, valid: map[netip.Prefix]time.Duration{}, options: map[byte][]byte{}}
	for b = b[16:]; len(b) > 0; b = b[8*int(b[1]):] {
		if len(b) < 8 || b[1] == 0 || len(b) < 8*int(b[1]) {
			t.Fatalf("option %x", b)
		}
		r.options[b[0]] = b[:8*int(b[1])]
		if b[0] == optionPrefix {
			p := netip.PrefixFrom(netip.AddrFrom16([16]byte(b[16:32])), int(b[2]))
			r.valid[p], r.preferred[p], r.prefixFlags = seconds(b[4:]), seconds(b[8:]), b[3]
		}
	}
	return r
}

// run lets time pass until end, and returns when something was sent, and the last of it.
func run(t *testing.T, r *Router, from, end time.Duration) (at []time.Duration, last told) {
	t.Helper()
	for now := max(from, min(r.Deadline(), end)); now < end; now = r.Deadline() {
		sent := r.Step(now, uint64(now)*2654435761, nil)
		if len(sent) != 1 {
			t.Fatalf("at %v: %d advertisements though one was due", now, len(sent))
		}
		at, last = append(at, now), read(t, sent[0].Payload)
	}
	return at, last
}

// RFC 4861, 6.2.4: three soon, then between 200 and 600 s.
func TestThreeAdvertisementsComeSoonAndThenFewer(t *testing.T) {
	r := New(0, nil)
	first := r.Step(time.Second, 7, Configure{config(lasting(old))})
	if len(first) != 1 {
		t.Fatalf("%d at the start", len(first))
	}
	at, last := run(t, r, time.Second, 365*24*time.Hour)
	before := time.Second
	for i, now := range at {
		gap := now - before
		if i < 2 && gap > initialInterval || i >= 2 && (gap < minInterval || gap > maxInterval) {
			t.Fatalf("advertisement %d comes %v after the one before", i, gap)
		}
		before = now
	}
	if last.router != 30*time.Minute || last.preferred[old] != 45*time.Minute || last.valid[old] != 90*time.Minute || last.flags != 0 || last.prefixFlags != onLink|autonomous {
		t.Errorf("got %+v", last)
	}
	for _, option := range []byte{optionSource, optionMTU, optionDNS, optionSearchList} {
		if last.options[option] == nil {
			t.Errorf("no option %d", option)
		}
	}
}

func TestAFloodOfSolicitationsMakesOneAdvertisementInThreeSeconds(t *testing.T) {
	r := New(0, nil)
	r.Step(0, 1, Configure{config(lasting(old))})
	var at []time.Duration
	for now := time.Duration(0); now < 100*time.Second; now += time.Millisecond {
		if len(r.Step(now, uint64(now), Solicit{host, 255, []byte{133, 0, 0, 0, 0, 0, 0, 0}})) > 0 {
			at = append(at, now)
		}
	}
	if len(at) < 28 || len(at) > 34 {
		t.Errorf("%d in 100 s", len(at))
	}
	for i := 1; i < len(at); i++ {
		if at[i]-at[i-1] < minDelay {
			t.Errorf("%v after the one before", at[i]-at[i-1])
		}
	}
}

func TestASolicitationIsAnsweredWithinHalfASecond(t *testing.T) {
	r := New(0, nil)
	r.Step(0, 1, Configure{config(lasting(old))})
	run(t, r, 0, time.Minute)
	now := 2 * time.Minute
	r.Step(now, 1<<60, Solicit{host, 255, []byte{133, 0, 0, 0, 0, 0, 0, 0}})
	if r.Deadline() > now+maxAnswerDelay {
		t.Errorf("an answer %v later", r.Deadline()-now)
	}
}

func TestWhatIsNoSolicitationIsNotAnswered(t *testing.T) {
	good := []byte{133, 0, 0, 0, 0, 0, 0, 0}
	for name, s := range map[string]Solicit{
		"from beyond the link":          {host, 64, good},
		"another type":                  {host, 255, []byte{134, 0, 0, 0, 0, 0, 0, 0}},
		"another code":                  {host, 255, []byte{133, 1, 0, 0, 0, 0, 0, 0}},
		"too short":                     {host, 255, good[:7]},
		"an option of no length":        {host, 255, append(good[:8:8], 1, 0, 0, 0, 0, 0, 0, 0)},
		"an option beyond the end":      {host, 255, append(good[:8:8], 1, 2, 0, 0, 0, 0, 0, 0)},
		"an address of nobody, at home": {netip.IPv6Unspecified(), 255, append(good[:8:8], 1, 1, 2, 0, 0, 0, 0, 1)},
	} {
		r := New(0, nil)
		r.Step(0, 1, Configure{config(lasting(old))})
		before := r.Deadline()
		if r.Step(time.Second, 1, s); r.Deadline() != before {
			t.Errorf("%s is answered", name)
		}
	}
}

// RFC 9096, 3.5, and RFC 4862, 5.5.3 e): what hosts have been promised runs out, at most 90 minutes later.
func TestAPrefixThatIsGoneIsDeprecatedUntilNoHostHasIt(t *testing.T) {
	r := New(0, nil)
	r.Step(0, 1, Configure{config(lasting(old))})
	at, _ := run(t, r, 0, 10*time.Hour)
	promised := at[len(at)-1] + validLimit
	now := 10 * time.Hour
	sent := r.Step(now, 1, Configure{config(lasting(newer))})
	if len(sent) != 1 {
		t.Fatal("nobody is told at once")
	}
	got := read(t, sent[0].Payload)
	if got.preferred[old] != 0 || got.valid[old] == 0 || now+got.valid[old] > promised || got.preferred[newer] != preferredLimit {
		t.Errorf("got %+v", got)
	}
	before := got.valid[old]
	for now < promised+time.Hour {
		now = r.Deadline()
		sent := r.Step(now, 99, nil)
		got := read(t, sent[0].Payload)
		valid, there := got.valid[old]
		if now >= promised && there {
			t.Fatalf("%v after the end it is still advertised", now-promised)
		}
		if there && (valid >= before || got.preferred[old] != 0) {
			t.Fatalf("valid for %v after %v", valid, before)
		}
		before = valid
	}
	if len(r.Promises(now)) != 1 {
		t.Errorf("got %v", r.Promises(now))
	}
}

func TestAPrefixOfBeforeARebootIsDeprecated(t *testing.T) {
	r := New(time.Minute, []Promise{{old, time.Minute + ValidLimit}})
	got := read(t, r.Step(time.Minute, 1, Configure{config(lasting(newer))})[0].Payload)
	if got.preferred[old] != 0 || got.valid[old] != validLimit {
		t.Errorf("got %+v", got)
	}
}

func TestLifetimesFallWithWhatIsDelegated(t *testing.T) {
	r := New(0, nil)
	r.Step(0, 1, Configure{config(Prefix{old, time.Hour, 2 * time.Hour})})
	for r.Deadline() < 2*time.Hour {
		now := r.Deadline()
		got := read(t, r.Step(now, uint64(now), nil)[0].Payload)
		if now+got.preferred[old] > time.Hour+45*time.Minute && got.preferred[old] > 0 || now < time.Hour && now+got.preferred[old] > time.Hour || now+got.valid[old] > 2*time.Hour {
			t.Fatalf("at %v: preferred %v, valid %v", now, got.preferred[old], got.valid[old])
		}
		if now >= time.Hour && got.preferred[old] != 0 {
			t.Fatalf("at %v it is still preferred", now)
		}
	}
}

func TestTheLastAdvertisementSaysThatThisIsNoRouter(t *testing.T) {
	r := New(0, nil)
	if sent := r.Step(0, 1, Stop{}); len(sent) != 0 {
		t.Error("who has said nothing takes nothing back")
	}
	r.Step(0, 1, Configure{config(lasting(old))})
	sent := r.Step(time.Minute, 1, Stop{})
	if len(sent) != 1 || read(t, sent[0].Payload).router != 0 || r.Deadline() != Forever {
		t.Errorf("got %v", sent)
	}
}

func TestWithoutAWayOutThisIsNoDefaultRouter(t *testing.T) {
	c := config(lasting(old))
	c.Router = false
	r := New(0, nil)
	if got := read(t, r.Step(0, 1, Configure{c})[0].Payload); got.router != 0 || got.valid[old] == 0 {
		t.Errorf("got %+v", got)
	}
	c.Router = true
	if sent := r.Step(5*time.Second, 1, Configure{c}); len(sent) != 1 || read(t, sent[0].Payload).router == 0 {
		t.Error("that there is a way out is not told at once")
	}
}

func TestAnAdvertisementFitsIntoTheSmallestPacket(t *testing.T) {
	c := config()
	for i := range 60 {
		a := netip.MustParseAddr("2001:db8::").As16()
		a[7] = byte(i)
		c.Prefixes = append(c.Prefixes, lasting(netip.PrefixFrom(netip.AddrFrom16(a), 64)))
		c.DNS, c.Search = append(c.DNS, host), append(c.Search, "a-rather-long-name.of-a-domain.example")
	}
	r := New(0, nil)
	r.Step(0, 1, Configure{c})
	r.Step(time.Minute, 1, Configure{config()}) // all are old
	for range 20 {
		for _, sent := range r.Step(r.Deadline(), 1, nil) {
			read(t, sent.Payload)
		}
	}
	if len(r.promised) > mostOld {
		t.Errorf("%d are remembered", len(r.promised))
	}
}

func FuzzSolicitation(f *testing.F) {
	f.Add([]byte{133, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 0, 0, 0, 0, 1}, 255)
	f.Fuzz(func(t *testing.T, payload []byte, hops int) {
		r := New(0, nil)
		r.Step(0, 1, Configure{config(lasting(old))})
		if sent := r.Step(time.Second, 1, Solicit{host, hops, payload}); len(sent) != 0 {
			t.Fatal("an answer without delay")
		}
	})
}
