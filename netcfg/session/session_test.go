package session

import (
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"
)

// life plays a session.
type life struct {
	*Session
	t      *testing.T
	now    time.Duration
	starts int
}

func (l *life) step(e Event) {
	if l.Step(l.now, 0, e) == Start {
		l.starts++
	}
}

// wait lets time pass until the deadline, and wants that to be so far away.
func (l *life) wait(want time.Duration) {
	l.t.Helper()
	if l.Deadline() == Forever || l.Deadline()-l.now != want {
		l.t.Fatalf("at %v: it is tried again at %v, want after %v", l.now, l.Deadline(), want)
	}
	l.step(Time{})
	l.now = l.Deadline()
	before := l.starts
	l.step(Time{})
	if l.starts != before+1 {
		l.t.Fatalf("at %v it is not tried", l.now)
	}
}

var words = Words{Kind: "PPPoE", Opening: "is being opened", Absent: "no carrier at eth0"}

var given = Told{Fact{Local: netip.MustParseAddr("10.9.9.100"), Remote: netip.MustParseAddr("10.9.9.1")}}

func TestASessionIsTriedForEver(t *testing.T) {
	l := &life{Session: New(words), t: t, now: time.Hour}
	l.step(Below{There: false})
	if l.starts != 0 || l.Deadline() != Forever || l.Fact.Reason != "PPPoE: no carrier at eth0" {
		t.Fatalf("without a cable: %+v", l.Session)
	}
	l.step(Below{There: true})
	if l.starts != 1 {
		t.Fatal("with a cable it is not opened")
	}
	nobody := Ended{Cause{Text: "no provider answers there"}}
	for _, pause := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60, 60} {
		l.step(nobody)
		if l.Fact.Reason != "PPPoE: no provider answers there" {
			t.Fatal(l.Fact)
		}
		l.wait(pause * time.Second)
	}
	for range 1000 {
		l.step(nobody)
		l.wait(time.Minute)
	}
	l.step(given)
	if !l.Fact.Up || l.Fact.Reason != "" || l.Deadline() != Forever {
		t.Fatalf("%+v", l.Fact)
	}
	l.now += stable
	l.step(Ended{Cause{Text: "the provider ended the session"}})
	if l.Fact.Up || l.Fact.Local.IsValid() {
		t.Fatalf("%+v", l.Fact)
	}
	l.wait(time.Second) // it was a good one
	l.step(given)
	l.step(Ended{Cause{Text: "x"}})
	l.wait(2 * time.Second) // one that ended at once was none
}

func TestWhoIsRefusedWaitsLonger(t *testing.T) {
	l := &life{Session: New(words), t: t}
	l.step(Below{There: true})
	refused := Ended{Cause{Text: "no", Refused: true}}
	for _, pause := range []time.Duration{15, 30, 60, 120, 240, 300, 300} {
		l.step(refused)
		l.step(Below{There: true}) // no news
		l.wait(pause * time.Second)
	}
	l.step(refused)
	l.now += time.Second
	l.step(Below{There: false})
	l.step(Below{There: true})
	l.wait(300 * time.Second) // another cable changes no password
}

func TestACableThatComesBackIsUsedAtOnce(t *testing.T) {
	l := &life{Session: New(words), t: t}
	l.step(Below{There: true})
	l.step(given)
	l.step(Below{There: false})
	if !l.Fact.Up {
		t.Fatal("without a cable the session is given up at once")
	}
	l.now += time.Minute
	l.step(Ended{Cause{Text: "dead"}})
	if l.Deadline() != Forever || l.Fact.Reason != "PPPoE: no carrier at eth0" {
		t.Fatalf("%+v until %v", l.Fact, l.Deadline())
	}
	l.now += time.Hour
	before := l.starts
	l.step(Below{There: true})
	if l.starts != before+1 {
		t.Fatal("it is not tried")
	}
	l.step(Below{There: false})
	l.step(Below{There: true})
	if l.starts != before+1 {
		t.Fatal("a second pppd")
	}
}

func TestIPv6IsEnough(t *testing.T) {
	l := &life{Session: New(words), t: t}
	l.step(Told{}) // of a pppd that is no more
	if l.Fact.Up {
		t.Fatal("it is up before it is opened")
	}
	l.step(Below{There: true})
	l.step(Told{})
	if !l.Fact.Up {
		t.Fatal("it is not up")
	}
	l.step(given)
	l.step(Told{})
	if !l.Fact.Local.IsValid() {
		t.Fatal("IPv6 has taken IPv4 away")
	}
}

func TestTheTriesOfManyAreSpread(t *testing.T) {
	for _, random := range []uint32{0, 255, 1 << 31, 1<<32 - 1} {
		s := New(words)
		s.Step(0, random, Below{There: true})
		s.Step(0, random, Ended{Cause{Text: "x", Refused: true}})
		if d := s.Deadline(); d < refusedFirst || d > refusedFirst*5/4 {
			t.Errorf("%d: %v", random, d)
		}
	}
}

func TestAProgramMayRunWithoutItsSession(t *testing.T) {
	l := &life{Session: New(Words{Kind: "Wi-Fi", Opening: "is being set up", Absent: "no radio", Ends: true}), t: t}
	l.step(Lost{"x"}) // of a program that is no more
	if l.Fact.Reason != "Wi-Fi: is being set up" {
		t.Fatal(l.Fact)
	}
	l.step(Below{There: true})
	l.step(Lost{"wrong"})
	if l.Fact.Up || l.Fact.Reason != "Wi-Fi: wrong" || l.Deadline() != Forever {
		t.Fatalf("%+v until %v", l.Fact, l.Deadline())
	}
	l.step(Told{})
	if !l.Fact.Up || l.Fact.Reason != "" {
		t.Fatal(l.Fact)
	}
	l.step(Lost{"away"})
	l.step(Told{})
	if !l.Fact.Up || l.starts != 1 {
		t.Fatalf("%+v, %d starts", l.Fact, l.starts)
	}
	if got := l.Step(l.now, 0, Below{There: false}); got != Stop { // the radio is pulled out
		t.Fatal(got)
	}
	l.step(Ended{Cause{Text: "stopped"}})
	if l.Deadline() != Forever || l.Fact.Reason != "Wi-Fi: no radio" {
		t.Fatalf("%+v until %v", l.Fact, l.Deadline())
	}
	l.step(Below{There: true})
	if l.starts != 2 {
		t.Fatal("it is not tried")
	}
}

func TestAFactIsReadAsItWasWritten(t *testing.T) {
	dir := t.TempDir()
	want := Fact{Up: true, Local: given.Fact.Local, DNS: []netip.Addr{given.Fact.Remote}}
	if err := os.WriteFile(Path(dir, "wan"), want.Text(), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := Read(dir, "wan"); !got.Up || got.Local != want.Local || len(got.DNS) != 1 {
		t.Errorf("%+v", got)
	}
	for _, text := range []string{"", "{", strings.Repeat(" ", mostFact+1) + string(want.Text())} {
		os.WriteFile(Path(dir, "bad"), []byte(text), 0o644)
		if got := Read(dir, "bad"); got.Up || got.Reason != "" {
			t.Errorf("%.10q: %+v", text, got)
		}
	}
	if got := Read(dir, "none"); got.Up {
		t.Errorf("%+v", got)
	}
}
