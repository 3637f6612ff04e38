package timesync

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// world is a machine whose clock is wrong and goes wrong, and servers that know better, or not. Its time passes
// without anybody waiting.
type world struct {
	t       *testing.T
	client  *Client
	random  *rand.Rand
	boot    time.Duration
	start   time.Time     // the true time at boottime 0
	error   time.Duration // of the clock: what it is behind
	leading time.Duration // of that, what the kernel is leading
	drift   float64       // parts per million that it is slow by
	servers map[string]server
	names   map[string][]netip.Addr
	asked   map[string]int
	lookups int
	sets    int
	ended   bool
}

// server answers a request that comes at a true time; nil: not at all.
type server func(cookie Timestamp, at time.Time) []byte

func good(cookie Timestamp, at time.Time) []byte { return answer(cookie, at) }

func off(by time.Duration) server {
	return func(cookie Timestamp, at time.Time) []byte { return answer(cookie, at.Add(by)) }
}

func silent(Timestamp, time.Time) []byte { return nil }

func refusing(code string) server {
	return func(cookie Timestamp, at time.Time) []byte {
		b := answer(cookie, at)
		b[1] = 0
		copy(b[12:], code)
		return b
	}
}

func newWorld(t *testing.T, names ...string) *world {
	w := &world{t: t, random: rand.New(rand.NewPCG(1, 2)), boot: 5 * time.Second, start: built.AddDate(1, 0, 0), error: 400 * 24 * time.Hour,
		servers: map[string]server{}, names: map[string][]netip.Addr{}, asked: map[string]int{}}
	w.restart(State{}, names...)
	return w
}

func (w *world) restart(state State, names ...string) {
	var servers []Server
	for _, name := range names {
		servers = append(servers, Server{name, name, 123})
	}
	w.client = NewClient(Config{Servers: servers, Built: built, Random: w.random.Uint64}, state)
	w.ended = false
}

func (w *world) now() Now { return Now{w.boot, w.start.Add(w.boot - w.error)} }

func (w *world) pass(d time.Duration) {
	if d <= 0 {
		return
	}
	w.boot += d
	w.error += time.Duration(w.drift * 1e-6 * float64(d))
	if w.client != nil {
		w.error -= time.Duration(w.client.State.Frequency * 1e-6 * float64(d))
	}
	led := min(w.leading.Abs(), time.Duration(slewRate*float64(d)))
	if w.leading < 0 {
		led = -led
	}
	w.leading -= led
	w.error -= led
}

func (w *world) step(event Event) {
	w.t.Helper()
	correct, actions := w.client.Step(w.now(), event)
	if correct != nil {
		if correct.Set {
			w.sets++
			w.error -= correct.Offset
			w.leading = 0
		} else {
			w.leading = correct.Offset
		}
	}
	var events []Event
	for _, action := range actions {
		switch a := action.(type) {
		case Resolve:
			w.lookups++
			r := Resolved{Host: a.Host, Addresses: w.names[a.Host]}
			if r.Addresses == nil {
				r.Err = errors.New("no such host")
			}
			events = append(events, r)
		case Send:
			w.asked[a.To.Addr().String()]++
			answers := w.servers[a.To.Addr().String()]
			if answers == nil {
				w.t.Fatalf("nobody is at %s", a.To)
			}
			if data := answers(Timestamp(binary.BigEndian.Uint64(a.Data[40:])), w.start.Add(w.boot+10*time.Millisecond)); data != nil {
				events = append(events, Received{a.To, data, w.boot, w.boot + 21*time.Millisecond})
			}
		case Ended:
			w.ended = a.Last
		}
	}
	for _, event := range events {
		if !w.ended {
			w.step(event)
		}
	}
}

// run lets time pass until the client's work is done.
func (w *world) run(limit time.Duration) bool {
	w.t.Helper()
	end := w.boot + limit
	for steps := 0; !w.ended && w.boot < end; steps++ {
		if steps > 100_000 {
			w.t.Fatalf("time stands still at %v: %+v", w.boot, w.client)
		}
		w.pass(max(w.client.Deadline()-w.boot, 0))
		w.step(nil)
		if w.client.Deadline() < w.boot && !w.ended {
			w.t.Fatalf("the deadline %v is past at %v", w.client.Deadline(), w.boot)
		}
	}
	return w.ended
}

// again is the next round, in another process.
func (w *world) again(names ...string) {
	w.t.Helper()
	state := w.client.State
	w.pass(state.Next - w.boot)
	w.restart(state, names...)
	w.client.Once = true
	if !w.run(time.Minute) {
		w.t.Fatal("a round has no end")
	}
}

func TestAtBootTheClockIsSet(t *testing.T) {
	w := newWorld(t, "192.0.2.1")
	w.servers["192.0.2.1"] = good
	if !w.run(time.Minute) || w.sets != 1 || w.error.Abs() > time.Millisecond {
		t.Errorf("set %d times, wrong by %v: %+v", w.sets, w.error, w.client.State)
	}
	if s := w.client.State.Sources[0]; s.State != SourceUsed || s.Stratum != 2 || s.Offset < 399*24*time.Hour {
		t.Errorf("%+v", s)
	}
	if w.boot > 6*time.Second {
		t.Errorf("it took until %v", w.boot)
	}
}

func TestALiarAmongThreeIsOutvoted(t *testing.T) {
	for liar := range 3 {
		addresses := []string{"192.0.2.1", "192.0.2.2", "192.0.2.3"}
		w := newWorld(t, addresses...)
		for i, a := range addresses {
			w.servers[a] = good
			if i == liar {
				w.servers[a] = off(3 * time.Hour)
			}
		}
		if !w.run(time.Minute) || w.error.Abs() > time.Millisecond {
			t.Errorf("liar %d: wrong by %v", liar, w.error)
		}
		w.again(addresses...)
		if s := w.client.State.Sources[liar]; s.State == SourceUsed || s.State == SourceAgrees {
			t.Errorf("liar %d %s", liar, s.State)
		}
		if w.sets != 1 || w.error.Abs() > time.Millisecond {
			t.Errorf("liar %d: set %d times, wrong by %v", liar, w.sets, w.error)
		}
	}
}

func TestWhereTwoDisagreeNothingIsDoneUntilAThirdComes(t *testing.T) {
	w := newWorld(t, "192.0.2.1", "192.0.2.2")
	w.servers["192.0.2.1"], w.servers["192.0.2.2"] = good, off(time.Hour)
	if w.run(10*time.Minute) || w.sets != 0 || !strings.Contains(w.client.State.Failure, "2 servers disagree") {
		t.Errorf("set %d times: %+v", w.sets, w.client.State)
	}
	w.servers["192.0.2.3"] = good
	w.restart(w.client.State, "192.0.2.1", "192.0.2.2", "192.0.2.3")
	if !w.run(time.Minute) || w.error.Abs() > time.Millisecond {
		t.Errorf("wrong by %v: %+v", w.error, w.client.State)
	}
}

func TestWithoutAnAnswerItAsksLessAndLess(t *testing.T) {
	w := newWorld(t, "192.0.2.1")
	w.servers["192.0.2.1"] = silent
	w.run(time.Hour)
	if n := w.asked["192.0.2.1"]; n < 15 || n > 60 {
		t.Errorf("%d requests in the first hour", n)
	}
	w.asked["192.0.2.1"] = 0
	w.run(24 * time.Hour)
	if n := w.asked["192.0.2.1"]; n < 200 || n > 330 {
		t.Errorf("%d requests a day later", n)
	}
	if w.client.State.Failure != "192.0.2.1: no answer" {
		t.Errorf("failure %q", w.client.State.Failure)
	}
	w.servers["192.0.2.1"] = good
	w.step(Hurry{})
	if !w.run(time.Second) {
		t.Error("the network came, and nobody was asked")
	}
}

func TestAHurryIsNoFlood(t *testing.T) {
	w := newWorld(t, "192.0.2.1")
	w.servers["192.0.2.1"] = silent
	for range 10_000 {
		w.step(Hurry{})
		w.pass(time.Millisecond)
	}
	if n := w.asked["192.0.2.1"]; n > 6 {
		t.Errorf("%d requests in ten seconds", n)
	}
}

func TestPoolsGiveSeveralServersAndOthersLater(t *testing.T) {
	w := newWorld(t, "pool.example.org")
	at := func(i byte) netip.Addr { return netip.AddrFrom4([4]byte{192, 0, 2, i}) }
	for i := byte(1); i < 9; i++ {
		w.servers[at(i).String()] = good
		w.names["pool.example.org"] = append(w.names["pool.example.org"], at(i))
	}
	if !w.run(time.Minute) || len(w.client.State.Sources) != mostOfOne {
		t.Fatalf("%+v", w.client.State)
	}
	w.again("pool.example.org")
	if w.lookups != 1 {
		t.Errorf("%d lookups though all answer", w.lookups)
	}
	for i := byte(1); i < 9; i++ {
		w.servers[at(i).String()] = silent
	}
	w.servers[at(9).String()] = good
	w.names["pool.example.org"] = []netip.Addr{at(9)}
	for range mostSilent + 1 {
		w.again("pool.example.org")
	}
	if s := w.client.State; len(s.Sources) != 1 || s.Sources[0].Address != "192.0.2.9:123" || s.Failure != "" {
		t.Errorf("%+v", s)
	}
	w.names = map[string][]netip.Addr{}
	w.restart(State{}, "pool.example.org")
	w.run(time.Minute)
	if want := "pool.example.org: no such host"; w.client.State.Failure != want {
		t.Errorf("got %q, want %q", w.client.State.Failure, want)
	}
}

func TestKissesAreObeyed(t *testing.T) {
	for _, code := range []string{"DENY", "RSTR"} {
		w := newWorld(t, "192.0.2.1", "192.0.2.2")
		w.servers["192.0.2.1"], w.servers["192.0.2.2"] = refusing(code), good
		w.run(time.Minute)
		for range 5 {
			w.again("192.0.2.1", "192.0.2.2")
		}
		if w.asked["192.0.2.1"] != 1 || w.client.State.Sources[0].Gone != code || w.asked["192.0.2.2"] != 6 {
			t.Errorf("%s: asked %v, %+v", code, w.asked, w.client.State.Sources)
		}
	}
	w := newWorld(t, "192.0.2.1")
	w.servers["192.0.2.1"] = refusing("RATE")
	var gaps []time.Duration
	last := time.Duration(0)
	for range 8 {
		before := w.asked["192.0.2.1"]
		for w.asked["192.0.2.1"] == before {
			w.pass(max(w.client.Deadline()-w.boot, time.Millisecond))
			w.step(nil)
		}
		gaps, last = append(gaps, w.boot-last), w.boot
	}
	for i := 2; i < len(gaps); i++ {
		if gaps[i] < 128*time.Second || gaps[i] < gaps[i-1]*15/10 {
			t.Fatalf("after RATE it is asked again after %v", gaps)
		}
	}
}

func TestAKissWithAnotherCookieIsNobodys(t *testing.T) {
	w := newWorld(t, "192.0.2.1")
	w.servers["192.0.2.1"] = func(cookie Timestamp, at time.Time) []byte { return refusing("DENY")(cookie+1, at) }
	w.run(time.Hour)
	if s := w.client.State.Sources[0]; s.Gone != "" || s.State != SourceSilent {
		t.Errorf("%+v", s)
	}
}

func TestAClockThatGoesWrongIsLedAndLearns(t *testing.T) {
	w := newWorld(t, "192.0.2.1")
	w.drift = 80 // 7 s a day
	w.servers["192.0.2.1"] = good
	w.run(time.Minute)
	began, asked := w.boot, 0
	worst := time.Duration(0)
	for w.boot < began+7*24*time.Hour {
		before := w.boot
		w.again("192.0.2.1")
		asked++
		if w.boot-before < pollLeast {
			t.Fatalf("asked again after %v", w.boot-before)
		}
		if w.boot > began+24*time.Hour {
			worst = max(worst, w.error.Abs())
		}
	}
	if w.sets != 1 || worst > 2*time.Millisecond {
		t.Errorf("set %d times; wrong by %v at most after the first day", w.sets, worst)
	}
	if f := w.client.State.Frequency; f < 79 || f > 81 {
		t.Errorf("learnt %v parts per million", f)
	}
	if asked > 400 {
		t.Errorf("asked %d times in a week", asked)
	}
}

func TestASpikeIsLookedAtAgain(t *testing.T) {
	w := newWorld(t, "192.0.2.1")
	w.servers["192.0.2.1"] = good
	w.run(time.Minute)
	w.again("192.0.2.1")
	w.servers["192.0.2.1"] = off(2 * time.Second)
	w.again("192.0.2.1")
	if w.leading.Abs() > time.Millisecond || !strings.Contains(w.client.State.Problem, "looked at again") {
		t.Errorf("one answer leads the clock by %v: %q", w.leading, w.client.State.Problem)
	}
	w.servers["192.0.2.1"] = good
	w.again("192.0.2.1")
	if w.leading.Abs() > time.Millisecond || w.client.State.Problem != "" {
		t.Errorf("leads by %v: %q", w.leading, w.client.State.Problem)
	}
	// What stays is true.
	w.servers["192.0.2.1"] = off(2 * time.Second)
	frequency := w.client.State.Frequency
	for range 90 { // at half a millisecond a second
		w.again("192.0.2.1")
	}
	if w.sets != 1 || (w.error+2*time.Second).Abs() > 100*time.Millisecond {
		t.Errorf("set %d times, still wrong by %v", w.sets, w.error+2*time.Second)
	}
	if f := w.client.State.Frequency; f-frequency > 40 || frequency-f > 40 {
		t.Errorf("what was led away has changed the frequency from %v to %v", frequency, f)
	}
}

func TestAClockThatIsFarOffLaterIsAPersonsToSet(t *testing.T) {
	w := newWorld(t, "192.0.2.1")
	w.servers["192.0.2.1"] = good
	w.run(time.Minute)
	w.servers["192.0.2.1"] = off(time.Hour)
	for range 5 {
		w.again("192.0.2.1")
	}
	if w.sets != 1 || w.leading.Abs() > time.Millisecond || !strings.Contains(w.client.State.Problem, "bantam time step") {
		t.Errorf("set %d times, led by %v: %q", w.sets, w.leading, w.client.State.Problem)
	}
	w.restart(w.client.State, "192.0.2.1")
	w.client.Set = true
	if !w.run(time.Minute) || w.sets != 2 || (w.error+time.Hour).Abs() > time.Millisecond {
		t.Errorf("set %d times, wrong by %v", w.sets, w.error+time.Hour)
	}
}

func TestASmallErrorAtBootIsLed(t *testing.T) {
	w := newWorld(t, "192.0.2.1")
	w.error = -80 * time.Millisecond // as after a short time off, with a clock chip
	w.servers["192.0.2.1"] = good
	if !w.run(time.Minute) || w.sets != 0 || !w.client.State.Synchronized {
		t.Errorf("set %d times: %+v", w.sets, w.client.State)
	}
	w.pass(5 * time.Minute)
	if w.error.Abs() > time.Millisecond {
		t.Errorf("still wrong by %v", w.error)
	}
}

func TestServersThatAreNoLongerNamedAreForgotten(t *testing.T) {
	w := newWorld(t, "192.0.2.1", "192.0.2.2")
	w.servers["192.0.2.1"], w.servers["192.0.2.2"] = good, good
	w.run(time.Minute)
	w.again("192.0.2.2")
	if s := w.client.State.Sources; len(s) != 1 || s[0].Server != "192.0.2.2" {
		t.Errorf("%+v", s)
	}
}

// Whatever comes in whatever order, the client neither panics nor asks without pause.
func FuzzTheClientKeepsItsManners(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9})
	f.Fuzz(func(t *testing.T, script []byte) {
		w := newWorld(t, "192.0.2.1", "pool.example.org")
		servers := []server{good, silent, off(time.Hour), off(-30 * 365 * 24 * time.Hour), refusing("RATE"), refusing("DENY"), refusing("\x00\xff!!"),
			func(Timestamp, time.Time) []byte { return script }}
		w.names["pool.example.org"] = []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")}
		began := w.boot
		for _, op := range script[:min(len(script), 200)] {
			w.servers["192.0.2.1"], w.servers["2001:db8::1"] = servers[op&7], servers[op>>3&7]
			switch op >> 6 {
			case 0:
				w.step(Hurry{})
			case 1:
				w.step(Received{netip.MustParseAddrPort("192.0.2.1:123"), script, 0, w.boot})
			case 2:
				w.step(Resolved{Host: "pool.example.org"})
			}
			if w.ended {
				w.again("192.0.2.1", "pool.example.org")
				continue
			}
			w.pass(max(w.client.Deadline()-w.boot, 0))
			w.step(nil)
		}
		most := 6 + int((w.boot-began)/hurryPause)
		for address, n := range w.asked {
			if n > most {
				t.Errorf("%s was asked %d times in %v", address, n, w.boot-began)
			}
		}
		if len(w.client.State.Sources) > mostSources {
			t.Errorf("%d sources", len(w.client.State.Sources))
		}
	})
}
