package admission

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"
)

func address(n int) netip.Addr { return netip.AddrFrom4([4]byte{192, 0, byte(n >> 8), byte(n)}) }

func TestOnePlaceCannotFillTheDoor(t *testing.T) {
	var g Gate
	taken := 0
	for id := range uint64(1000) {
		evict, ok := g.Arrive(0, id+1, address(1))
		if evict != 0 {
			t.Fatalf("%d has to leave", evict)
		}
		if ok {
			taken++
		}
	}
	if taken != StrangersFrom {
		t.Errorf("%d are taken", taken)
	}
	if _, ok := g.Arrive(0, 2000, address(2)); !ok {
		t.Error("somebody else is not")
	}
}

func TestWhenTheDoorIsFullTheOldestOfTheBusiestPlaceLeaves(t *testing.T) {
	var g Gate
	id := uint64(0)
	arrive := func(from int) (uint64, bool) { id++; return g.Arrive(0, id, address(from)) }
	for _, from := range []int{1, 2, 2, 3, 3, 3, 4, 4, 5, 3} {
		if evict, ok := arrive(from); evict != 0 || !ok {
			t.Fatalf("connection %d: %d, %v", id, evict, ok)
		}
	}
	for i, want := range []uint64{4, 5, 2, 6} { // of 3 twice, then of 2 and 3 the one that came first
		if evict, ok := arrive(10 + i); evict != want || !ok {
			t.Errorf("newcomer %d: got %d, %v, want %d", i, evict, ok, want)
		}
	}
	if len(g.strangers) != Strangers {
		t.Errorf("%d strangers", len(g.strangers))
	}
}

func TestAPlaceThatFailsWaitsLongerAndLonger(t *testing.T) {
	var g Gate
	now := time.Hour
	id := uint64(0)
	try := func() bool {
		id++
		_, ok := g.Arrive(now, id, address(1))
		if ok {
			g.Gone(now, id)
		}
		return ok
	}
	for i := range freeFailures + 1 {
		if !try() {
			t.Fatalf("try %d is refused", i)
		}
	}
	for _, wait := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second, 32 * time.Second, time.Minute, time.Minute} {
		now += wait - 1
		if try() {
			t.Errorf("taken within %v", wait)
		}
		now++
		if !try() {
			t.Errorf("refused after %v", wait)
		}
	}
	id++
	if _, ok := g.Arrive(now, id, address(2)); !ok {
		t.Error("others have to wait too")
	}
	now += time.Minute
	id++
	if _, ok := g.Arrive(now, id, address(1)); !ok {
		t.Fatal("refused")
	}
	g.Known(id) // forgives
	g.Gone(now, id)
	for range freeFailures + 1 {
		if !try() {
			t.Error("refused after somebody was known")
		}
	}
	now += forgetAfter + 1
	for range freeFailures + 1 {
		if !try() {
			t.Error("refused after ten minutes")
		}
	}
}

func TestWhoIsKnownLeavesTheDoor(t *testing.T) {
	var g Gate
	for id := range uint64(Known) {
		if _, ok := g.Arrive(0, id+1, address(1)); !ok {
			t.Fatalf("%d is refused", id)
		}
		g.Known(id + 1)
	}
	if _, ok := g.Arrive(0, 100, address(2)); ok {
		t.Error("one more is taken")
	}
	g.Gone(0, 1)
	if _, ok := g.Arrive(0, 101, address(2)); !ok {
		t.Error("refused though one has left")
	}
	if g.Known(55) {
		t.Error("known without having come")
	}
	if !g.Known(101) || len(g.known) != Known {
		t.Errorf("%d are known", len(g.known))
	}
	if g.strangers = append(g.strangers, stranger{id: 102}); g.Known(102) || len(g.strangers) != 1 {
		t.Error("one more became known")
	}
}

func TestACrowdFromEverywhereComesAtAPace(t *testing.T) {
	var g Gate
	taken := 0
	for i := range 1000 {
		if _, ok := g.Arrive(time.Duration(i)*time.Millisecond, uint64(i+1), address(i)); ok {
			taken++
		}
	}
	if want := burst + 3; taken != want { // one more each quarter of that second
		t.Errorf("%d are taken, want %d", taken, want)
	}
}

func TestPlaces(t *testing.T) {
	for _, tt := range []struct{ a, want string }{
		{"192.0.2.1", "192.0.2.1/32"},
		{"::ffff:192.0.2.1", "192.0.2.1/32"},
		{"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"},
		{"fe80::1%eth0", "fe80::/64"},
	} {
		if got := placeOf(netip.MustParseAddr(tt.a)).String(); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.a, got, tt.want)
		}
	}
}

// Whatever comes, what is remembered is bounded and nobody is taken twice.
func TestAnyCrowd(t *testing.T) {
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 1))
		var g Gate
		in := map[uint64]bool{}
		now := time.Duration(0)
		for id := range uint64(3000) {
			now += time.Duration(random.IntN(300)) * time.Millisecond
			evict, ok := g.Arrive(now, id+1, address(random.IntN(600)))
			if evict != 0 && !in[evict] {
				t.Fatalf("%d, who is not here, has to leave", evict)
			}
			delete(in, evict)
			if ok {
				in[id+1] = true
			}
			for other := range in {
				switch random.IntN(20) {
				case 0:
					g.Known(other)
				case 1:
					g.Gone(now, other)
					delete(in, other)
				}
			}
			if len(g.strangers) > Strangers || len(g.known) > Known || len(g.places) > mostPlaces || len(in) != len(g.strangers)+len(g.known) {
				t.Fatal(fmt.Sprint(len(g.strangers), len(g.known), len(g.places), len(in)))
			}
		}
	}
}
