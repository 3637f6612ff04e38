package dhcp4serve

import (
	"net/netip"
	"testing"
	"time"

	"bantam/netcfg/dhcp4"
)

// Our own client and our own server, for two years, with cables that are pulled and a server that forgets everything.
func TestOurOwnClientKeepsItsAddressForYears(t *testing.T) {
	c := pool("192.168.1.100", "192.168.1.109")
	w := newWorld(t, c)
	client := dhcp4.New(dhcp4.Identity{MAC: card(1), Hostname: "bantam"}, nil, false)
	random := uint64(88172645463325252)
	var exchange func(ev dhcp4.Event)
	answer := func(sent []Send) {
		for _, s := range sent {
			exchange(dhcp4.Datagram{Payload: s.Payload})
		}
	}
	exchange = func(ev dhcp4.Event) {
		random ^= random << 13
		random ^= random >> 7
		random ^= random << 17
		for _, action := range client.Step(w.now, random, ev) {
			if send, ok := action.(dhcp4.SendDHCP); ok {
				answer(w.take(w.s.Step(w.now, Datagram{send.Payload})))
			}
		}
	}
	exchange(dhcp4.CarrierUp{})
	var mine netip.Addr
	bound, forgets, pulled := time.Duration(0), 40*24*time.Hour, 11*24*time.Hour
	for w.now < 2*365*24*time.Hour {
		next := min(client.Deadline(), w.s.Deadline(), forgets, pulled)
		w.now = max(next, w.now)
		answer(w.take(w.s.Step(w.now, nil)))
		switch {
		case w.now >= forgets: // a power cut and a state volume that is gone
			w.s = New(w.now, c, nil)
			forgets += 40 * 24 * time.Hour
		case w.now >= pulled:
			exchange(dhcp4.CarrierDown{})
			exchange(dhcp4.CarrierUp{})
			pulled += 11 * 24 * time.Hour
		default:
			exchange(nil)
		}
		lease := client.Lease()
		switch {
		case lease == nil && w.now > time.Minute:
			t.Fatalf("at %v: no lease: %s", w.now, client.Reason())
		case lease == nil:
		case !mine.IsValid():
			mine, bound = lease.Address.Addr(), w.now
		case lease.Address.Addr() != mine:
			t.Fatalf("at %v: %v, before it was %v", w.now, lease.Address, mine)
		}
	}
	if !mine.IsValid() || bound > 5*time.Second {
		t.Errorf("the first address, %v, came after %v", mine, bound)
	}
	if refused := client.Counts().Refused; refused != 0 {
		t.Errorf("%d answers were refused: %s", refused, client.Counts().Refusal)
	}
	if w.s.Counts().Refused != 0 {
		t.Errorf("%+v", w.s.Counts())
	}
}
