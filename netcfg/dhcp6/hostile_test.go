package dhcp6

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv6"

	"bantam/netcfg/dnsname"
)

// What is no answer to us, or cannot be used, moves neither schedule nor lease.
func TestMessagesThatAreNotUsed(t *testing.T) {
	rapid := &dhcpv6.OptionGeneric{OptionCode: dhcpv6.OptionRapidCommit}
	good := func(b *bench) []byte {
		return b.message(dhcpv6.MessageTypeReply, serverDUID, append(usual(address, delegated), rapid)...)
	}
	for _, test := range []struct {
		name string
		make func(*bench) []byte
	}{
		{"nothing", func(*bench) []byte { return nil }},
		{"another transaction", func(b *bench) []byte { m := good(b); m[3] ^= 1; return m }},
		{"a solicit", func(b *bench) []byte { m := good(b); m[0] = solicit; return m }},
		{"a relayed message", func(b *bench) []byte { m := good(b); m[0] = 13; return m }},
		{"for another client", func(b *bench) []byte { m := good(b); m[4+4+len(ourID.DUID)-1] ^= 1; return m }},
		{"of no server", func(b *bench) []byte {
			m := good(b)
			return slices.Delete(m, 4+4+len(ourID.DUID), 4+4+len(ourID.DUID)+4+10)
		}},
		{"for nobody", func(b *bench) []byte { m := good(b); return slices.Delete(m, 4, 4+4+len(ourID.DUID)) }},
		{"another association", func(b *bench) []byte {
			return []byte(strings.ReplaceAll(string(good(b)), "\x01\x02\x03\x04", "\x01\x02\x03\x05"))
		}},
		{"nothing but associations without anything", func(b *bench) []byte {
			return b.message(dhcpv6.MessageTypeReply, serverDUID, rapid, &dhcpv6.OptIANA{IaId: [4]byte{1, 2, 3, 4}}, &dhcpv6.OptIAPD{IaId: [4]byte{1, 2, 3, 4}})
		}},
		{"T1 beyond T2", func(b *bench) []byte {
			return b.message(dhcpv6.MessageTypeReply, serverDUID, append(leased(time.Hour, time.Hour, 30*time.Minute, 20*time.Minute, address, delegated), rapid)...)
		}},
		{"preferred for longer than valid", func(b *bench) []byte {
			return b.message(dhcpv6.MessageTypeReply, serverDUID, append(leased(2*time.Hour, time.Hour, 0, 0, address, delegated), rapid)...)
		}},
		{"lifetimes of nothing", func(b *bench) []byte {
			return b.message(dhcpv6.MessageTypeReply, serverDUID, append(leased(0, 0, 0, 0, address, delegated), rapid)...)
		}},
		{"a second, in which nothing can be renewed", func(b *bench) []byte {
			return b.message(dhcpv6.MessageTypeReply, serverDUID, append(leased(time.Second, time.Second, 0, 0, address, delegated), rapid)...)
		}},
		{"networks that are nobody's", func(b *bench) []byte {
			var list []netip.Prefix
			for _, text := range []string{"::/0", "::1/128", "ff02::/64", "fe80::/64", "::ffff:10.0.0.0/104", "2000::/3", "::/64"} {
				list = append(list, netip.MustParsePrefix(text))
			}
			return b.message(dhcpv6.MessageTypeReply, serverDUID, append(leased(time.Hour, time.Hour, 0, 0, list...), rapid)...)
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t, both)
			b.step(LinkUp{})
			deadline := b.c.Deadline()
			b.now += 10 * time.Millisecond
			b.step(Datagram{serverIP, test.make(b)})
			if b.phase(Soliciting); b.c.Lease() != nil || len(b.sent) > 0 || b.c.Deadline() != deadline {
				t.Errorf("lease %+v, %d messages, deadline %v, want %v", b.c.Lease(), len(b.sent), b.c.Deadline(), deadline)
			}
			if c := b.c.Counts(); c.Ignored+c.Refused != 1 {
				t.Errorf("not counted: %+v", c)
			}
			b.step(Datagram{serverIP, good(b)})
			b.phase(Bound)
		})
	}
}

func TestEveryTruncatedAnswerIsRefused(t *testing.T) {
	whole := newBench(t, both)
	whole.step(LinkUp{})
	m := whole.message(dhcpv6.MessageTypeReply, serverDUID, append(usual(address, delegated), &dhcpv6.OptionGeneric{OptionCode: dhcpv6.OptionRapidCommit})...)
	for n := range m {
		b := newBench(t, both)
		b.step(LinkUp{})
		b.step(Datagram{serverIP, m[:n]})
		if b.c.Lease() != nil {
			t.Errorf("%d of %d bytes are taken for a lease: %v", n, len(m), b.c.Lease().bindings())
		}
	}
}

func TestTimers(t *testing.T) {
	const never = 0xffffffff * time.Second
	for _, test := range []struct {
		name                     string
		preferred, valid, t1, t2 time.Duration
		wantT1, wantT2, end      time.Duration
	}{
		{"the server's", time.Hour, 2 * time.Hour, 10 * time.Minute, 20 * time.Minute, 10 * time.Minute, 20 * time.Minute, 2 * time.Hour},
		{"none: half and four fifths", time.Hour, 2 * time.Hour, 0, 0, 30 * time.Minute, 48 * time.Minute, 2 * time.Hour},
		{"T1 alone", time.Hour, 2 * time.Hour, 20 * time.Minute, 0, 20 * time.Minute, 48 * time.Minute, 2 * time.Hour},
		{"T2 alone", time.Hour, 2 * time.Hour, 0, 40 * time.Minute, 30 * time.Minute, 40 * time.Minute, 2 * time.Hour},
		{"T2 before half", time.Hour, 2 * time.Hour, 0, 20 * time.Minute, 30 * time.Minute, 48 * time.Minute, 2 * time.Hour},
		{"T1 of a second, which would have us renew all the time", time.Hour, 2 * time.Hour, time.Second, 2 * time.Second, 30 * time.Minute, 48 * time.Minute, 2 * time.Hour},
		{"both behind the end", time.Hour, 2 * time.Hour, 3 * time.Hour, 4 * time.Hour, 30 * time.Minute, 48 * time.Minute, 2 * time.Hour},
		{"no longer preferred", 0, 2 * time.Hour, 0, 0, time.Hour, 96 * time.Minute, 2 * time.Hour},
		{"four seconds", 3 * time.Second, 4 * time.Second, 0, 0, 1500 * time.Millisecond, 2400 * time.Millisecond, 4 * time.Second},
		{"for ever", never, never, 0, 0, Forever, Forever, Forever},
		{"for ever, and T1 never", never, never, never, never, Forever, Forever, Forever},
		{"for ever but for T1", never, never, time.Hour, 2 * time.Hour, Forever, Forever, Forever},
		{"136 years", never - time.Second, never - time.Second, never, never, (never - time.Second) / 2, (never - time.Second) / 5 * 4, never - time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t, both)
			b.bind(leased(test.preferred, test.valid, test.t1, test.t2, address, delegated)...)
			l := b.c.Lease()
			at := func(d time.Duration) time.Duration {
				if d == Forever {
					return d
				}
				return b.now + d
			}
			if l.Renew != at(test.wantT1) || l.Rebind != at(test.wantT2) || l.ends() != at(test.end) {
				t.Errorf("T1 %v, T2 %v, end %v", l.Renew-b.now, l.Rebind-b.now, l.ends()-b.now)
			}
		})
	}
}

func TestAThousandPrefixes(t *testing.T) {
	var list []netip.Prefix
	for i := range 1000 {
		list = append(list, netip.MustParsePrefix(fmt.Sprintf("2001:db8:%x::/48", i+1)))
	}
	b := newBench(t, both)
	b.bind(leased(time.Hour, time.Hour, 0, 0, list...)...)
	if l := b.c.Lease(); len(l.Prefixes) != maxBindings || l.Dropped == 0 {
		t.Errorf("%d prefixes, %d dropped", len(l.Prefixes), l.Dropped)
	}
	b.wake()
	if n := len(b.sent[0].Payload); n > 1232 {
		t.Errorf("renewed by %d bytes", n)
	}
}

func TestAServerThatRefusesForEverIsAskedSeldom(t *testing.T) {
	b := newBench(t, Wants{Prefix: true})
	b.step(LinkUp{})
	sent := 0
	for end := b.now + 10*time.Hour; b.now < end; {
		switch b.c.Phase() {
		case Soliciting:
			b.answer(dhcpv6.MessageTypeAdvertise, append(usual(delegated), &dhcpv6.OptionGeneric{OptionCode: dhcpv6.OptionPreference, OptionData: []byte{255}})...)
		case Requesting:
			b.answer(dhcpv6.MessageTypeReply)
		}
		sent += len(b.sent)
		b.wake()
		sent += len(b.sent)
	}
	if sent > 100 {
		t.Errorf("%d messages in ten hours", sent)
	}
}

func TestAWishOfTheServerToBeAskedSeldom(t *testing.T) {
	for _, test := range []struct {
		seconds uint32
		want    time.Duration
	}{{120, 2 * time.Minute}, {59, time.Hour}, {0, time.Hour}, {86400, 24 * time.Hour}, {86401, time.Hour}} {
		b := newBench(t, both)
		b.step(LinkUp{})
		b.answer(dhcpv6.MessageTypeAdvertise, &dhcpv6.OptionGeneric{OptionCode: optSolMax, OptionData: binary.BigEndian.AppendUint32(nil, test.seconds)})
		for range 20 {
			b.wake()
		}
		if d := (b.c.rt - test.want).Abs(); d > test.want/10 {
			t.Errorf("SOL_MAX_RT of %d s: messages are %v apart", test.seconds, b.c.rt)
		}
	}
}

// Whatever is answered, in whichever order: no panic, no lease that cannot be one, no storm.
func FuzzAnswers(f *testing.F) {
	b := newBench(&testing.T{}, both)
	b.step(LinkUp{})
	rapid := &dhcpv6.OptionGeneric{OptionCode: dhcpv6.OptionRapidCommit}
	f.Add(byte(0), b.message(dhcpv6.MessageTypeReply, serverDUID, append(usual(address, delegated), rapid)...)[4:], []byte{0})
	f.Add(byte(1), b.message(dhcpv6.MessageTypeAdvertise, serverDUID, usual(address, delegated)...)[4:], b.message(dhcpv6.MessageTypeReply, serverDUID, usual(another)...)[4:])
	f.Add(byte(6), b.message(dhcpv6.MessageTypeReply, serverDUID, append(leased(2*time.Second, 3*time.Second, 0, 0, delegated), rapid)...)[4:], []byte{})
	f.Fuzz(func(t *testing.T, wants byte, first, second []byte) {
		b := newBench(t, Wants{wants&1 == 0, wants&2 == 0, wants&4 == 0})
		b.step(LinkUp{})
		begun, sent := b.now, 0
		for round := range 60 {
			options := first
			if round%3 == 2 {
				options = second
			}
			kind := byte(reply)
			if b.c.Phase() == Soliciting && wants&8 > 0 {
				kind = advertise
			}
			b.step(Datagram{serverIP, append(binary.BigEndian.AppendUint32(nil, uint32(kind)<<24|b.c.xid), options...)})
			sent += len(b.sent)
			check(t, b)
			if b.c.Deadline() == Forever {
				break
			}
			b.wake()
			sent += len(b.sent)
			check(t, b)
		}
		if most := 10 + 4*int((b.now-begun)/time.Second); sent > most {
			t.Errorf("%d messages in %v", sent, b.now-begun)
		}
	})
}

func check(t *testing.T, b *bench) {
	t.Helper()
	if b.c.Deadline() <= b.now {
		t.Fatalf("%v: the deadline %v is past at %v", b.c.Phase(), b.c.Deadline(), b.now)
	}
	for _, s := range b.sent {
		if _, err := dhcpv6.MessageFromBytes(s.Payload); err != nil || len(s.Payload) > 1232 {
			t.Fatalf("sent %d bytes: %v", len(s.Payload), err)
		}
	}
	b.c.Reason()
	b.c.Doubt()
	l := b.c.Lease()
	if l == nil {
		return
	}
	for _, bound := range l.all() {
		if !usable(bound.Prefix) || bound.Prefix != bound.Prefix.Masked() || bound.Valid <= b.now || bound.Preferred > bound.Valid {
			t.Fatalf("%+v at %v", bound, b.now)
		}
	}
	if len(l.Addresses) > maxBindings || len(l.Prefixes) > maxBindings || len(l.DNS) > maxServers || len(l.NTP) > maxServers || len(l.Search) > maxSearch {
		t.Fatalf("too much: %+v", l)
	}
	if slices.ContainsFunc(l.Search, func(s string) bool { return !dnsname.Valid(s) }) || slices.ContainsFunc(append(l.DNS, l.NTP...), func(a netip.Addr) bool { return !usableAddress(a) }) {
		t.Fatalf("names: %+v", l)
	}
	if l.binds() && (l.Renew > l.Rebind || l.Renew > l.ends() && l.Renew != Forever && len(l.all()) == 1) {
		t.Fatalf("T1 %v, T2 %v, end %v", l.Renew, l.Rebind, l.ends())
	}
	if again, err := Restore(l.Encode(ourID), l.Start, l.Server, ourID); l.binds() && (err != nil || len(again.all()) > len(l.all())) {
		t.Fatalf("stored and read again: %v", err)
	}
}
