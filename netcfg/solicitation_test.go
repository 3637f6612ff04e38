package netcfg

import (
	"net/netip"
	"slices"
	"testing"
	"time"
)

func TestThreeSolicitationsAreSentFourSecondsApart(t *testing.T) {
	s := newSolicitation(time.Hour, 700_000_000)
	var sent []time.Duration
	for now := s.next; now != forever; now = s.next {
		if send, done := s.step(now - 1); send || done {
			t.Fatalf("something was due before %v", now)
		}
		send, done := s.step(now)
		if send {
			sent = append(sent, now-time.Hour)
		}
		if done != (s.next == forever) || done == send {
			t.Fatalf("at %v: send %v, done %v, next %v", now, send, done, s.next)
		}
	}
	want := []time.Duration{700 * time.Millisecond, 4700 * time.Millisecond, 8700 * time.Millisecond}
	if !slices.Equal(sent, want) {
		t.Errorf("sent at %v, want %v", sent, want)
	}
}

func TestTheFirstSolicitationComesWithinASecond(t *testing.T) {
	for _, random := range []uint64{0, 1, 999_999_999, 1_000_000_000, 1<<64 - 1} {
		s := newSolicitation(time.Hour, random)
		if delay := s.next - time.Hour; delay < 0 || delay >= time.Second {
			t.Errorf("random %d: delay %v", random, delay)
		}
	}
}

func TestAnAdvertisementEndsSolicitationAtEveryPoint(t *testing.T) {
	for sent := range maxSolicitations + 1 {
		s := newSolicitation(0, 0)
		for range sent {
			s.step(s.next)
		}
		s.heard()
		if send, _ := s.step(forever - 1); send || s.next != forever {
			t.Errorf("after %d: still sending", sent)
		}
	}
}

func TestLostMessagesAskAgainButNeverMoreThanEveryFourSeconds(t *testing.T) {
	s := newSolicitation(0, 0)
	last, count := -solicitationInterval, 0
	for now := time.Duration(0); now < time.Minute; now += 10 * time.Millisecond {
		s.again(now, 0)
		send, _ := s.step(now)
		if !send {
			continue
		}
		if now-last < solicitationInterval {
			t.Fatalf("one at %v and one at %v", last, now)
		}
		last, count = now, count+1
		s.heard()
	}
	if count != 15 {
		t.Errorf("%d in a minute, want 15", count)
	}
}

func TestSolicitationWaitsForALinkLocalAddressThatIsOurs(t *testing.T) {
	local, global := netip.MustParsePrefix("fe80::1/64"), netip.MustParsePrefix("2001:db8::1/64")
	up := Link{Up: true, Carrier: true}
	for _, c := range []struct {
		name    string
		link    Link
		prefix  netip.Prefix
		address Address
		want    bool
	}{
		{"all is well", up, local, Address{}, true},
		{"set down", Link{Carrier: true}, local, Address{}, false},
		{"no carrier", Link{Up: true}, local, Address{}, false},
		{"only a global address", up, global, Address{}, false},
		{"still looking for duplicates", up, local, Address{Tentative: true}, false},
		{"somebody else has it", up, local, Address{Duplicate: true}, false},
	} {
		s := newState()
		s.Links["eth0"] = c.link
		s.Addresses[AddressKey{"eth0", c.prefix}] = c.address
		s.Addresses[AddressKey{"eth1", local}] = Address{}
		if got := s.canSolicit("eth0"); got != c.want {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}

func TestASolicitationCarriesOurLinkLayerAddress(t *testing.T) {
	want := []byte{133, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 0, 0, 0, 0, 9}
	if got := solicitationMessage([6]byte{2, 0, 0, 0, 0, 9}); !slices.Equal(got, want) {
		t.Errorf("got % x, want % x", got, want)
	}
}
