package dhcp4

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

// alone is a client in a network without a server, that wants a link-local address.
func alone(t *testing.T) *bench {
	b := newBench(t)
	b.step(Fallback{true})
	b.step(CarrierUp{})
	return b
}

// untilLinkLocal waits until the address is in use, and returns when probes for addresses were sent meanwhile.
func (b *bench) untilLinkLocal() (probed map[netip.Addr][]time.Duration) {
	b.t.Helper()
	probed = map[netip.Addr][]time.Duration{}
	for end := b.now + time.Hour; !b.c.LinkLocal().IsValid(); b.wake() {
		if b.now > end {
			b.t.Fatalf("no link-local address after an hour: %+v", b.c.fallback)
		}
		for _, a := range b.sent {
			if arp, ok := a.(SendARP); ok {
				if !arp.Sender.IsUnspecified() {
					b.t.Fatalf("%v is announced before it is ours", arp.Sender)
				}
				probed[arp.Target] = append(probed[arp.Target], b.now)
			}
		}
	}
	return probed
}

func (b *bench) claims(a netip.Addr) {
	b.step(ARP{Frame: strange, SenderMAC: strange, Sender: a, Target: a})
}

func TestWhereNobodyAnswersALinkLocalAddressIsTaken(t *testing.T) {
	b := alone(t)
	begun := b.now
	probed := b.untilLinkLocal()
	a := choose(ourMAC, 0)
	at := probed[a]
	if b.c.LinkLocal() != a || len(probed) != 1 || len(at) != 3 {
		t.Fatalf("it has %v, probed for %v", b.c.LinkLocal(), probed)
	}
	// RFC 3927, 9: up to a second before the first probe, one to two between them, two behind the last.
	if wait := at[0] - begun; wait < fallbackWait || wait > fallbackWait+time.Second {
		t.Errorf("the first probe comes after %v", wait)
	}
	for i, want := range []time.Duration{at[1] - at[0], at[2] - at[1]} {
		if want < time.Second || want > 2*time.Second {
			t.Errorf("%v between probe %d and the next", want, i+1)
		}
	}
	if taken := b.now; taken-at[2] != 2*time.Second {
		t.Errorf("taken %v after the last probe", taken-at[2])
	}
	// It is announced twice, two seconds apart, and servers are asked as before.
	var announced []time.Duration
	discovers := 0
	for end := b.now + 10*time.Minute; b.now < end; b.wake() {
		for _, s := range b.sent {
			switch s := s.(type) {
			case SendARP:
				if s != (SendARP{Sender: a, Target: a}) {
					t.Fatalf("sent %+v", s)
				}
				announced = append(announced, b.now)
			case SendDHCP:
				discovers++
			}
		}
	}
	if len(announced) != 2 || announced[1]-announced[0] != 2*time.Second {
		t.Errorf("announced at %v", announced)
	}
	if discovers < 8 || b.c.Lease() != nil {
		t.Errorf("%d times was a server asked for", discovers)
	}
}

func TestWithoutBeingAskedNoLinkLocalAddressIsTaken(t *testing.T) {
	b := newBench(t)
	b.step(CarrierUp{})
	for range 50 {
		b.wake()
		if p, a := b.arps(); p+a > 0 || b.c.LinkLocal().IsValid() {
			t.Fatal("there is one")
		}
	}
	b.step(Fallback{true})
	b.untilLinkLocal()
	b.step(Fallback{false})
	if _, watched := b.c.Watch(); watched || b.c.LinkLocal().IsValid() {
		t.Error("it stays when it is no longer asked for")
	}
}

func TestALeaseTakesThePlaceOfTheLinkLocalAddress(t *testing.T) {
	for _, name := range []string{"in use", "while it is probed for"} {
		b := alone(t)
		switch name {
		case "in use":
			b.untilLinkLocal()
		default:
			for p, _ := b.arps(); p == 0; p, _ = b.arps() {
				b.wake()
			}
		}
		had := b.c.LinkLocal()
		for b.c.Phase() == Selecting && b.c.attempts == 0 {
			b.wake()
		}
		b.answer(dhcpv4.MessageTypeOffer, nil)
		b.answer(dhcpv4.MessageTypeAck, nil)
		for b.phase(Probing); b.c.Phase() == Probing; b.wake() {
			if b.c.LinkLocal() != had {
				t.Fatalf("%s: it is gone before the lease is there", name)
			}
		}
		b.phase(Bound)
		if b.c.Lease() == nil || b.c.LinkLocal().IsValid() {
			t.Errorf("%s: lease %+v, link-local %v", name, b.c.Lease(), b.c.LinkLocal())
		}
		// Ten seconds after the lease has ended there is one again, and the same.
		for b.c.Lease() != nil {
			b.wake()
		}
		ended := b.now
		b.untilLinkLocal()
		if after := b.now - ended; after < fallbackWait || after > fallbackWait+8*time.Second || b.c.LinkLocal() != choose(ourMAC, 0) {
			t.Errorf("%s: %v is taken %v after the lease ended", name, b.c.LinkLocal(), after)
		}
	}
}

func TestWhoeverHasTheLinkLocalAddressKeepsIt(t *testing.T) {
	first, second := choose(ourMAC, 0), choose(ourMAC, 1)
	for claim, heard := range map[string]ARP{
		"it is used":           {Frame: strange, SenderMAC: strange, Sender: first, Target: serverIP},
		"it is probed for too": {Frame: strange, SenderMAC: strange, Sender: netip.IPv4Unspecified(), Target: first},
		"by our other port":    {Frame: strange, SenderMAC: strange, Sender: first, Target: serverIP, Own: true},
	} {
		for after := 1; after <= probeCount; after++ {
			b := alone(t)
			for probes := 0; probes < after; {
				b.wake()
				n, _ := b.arps()
				probes += n
			}
			b.step(heard)
			if probed := b.untilLinkLocal(); b.c.LinkLocal() != second || len(probed[second]) != probeCount || len(probed[first]) != 0 {
				t.Errorf("%s, after probe %d: it has %v, probed for %v", claim, after, b.c.LinkLocal(), probed)
			}
		}
	}
}

func TestALinkLocalAddressIsDefendedOnceThenGivenUp(t *testing.T) {
	b := alone(t)
	b.untilLinkLocal()
	first := b.c.LinkLocal()
	b.now += time.Minute
	b.step(nil)
	for range 3 { // once in a while it is defended, for ever
		b.claims(first)
		if _, announced := b.arps(); announced != 1 || b.c.LinkLocal() != first {
			t.Fatalf("not defended: sent %v, has %v", b.sent, b.c.LinkLocal())
		}
		b.now += defendInterval
		b.step(nil)
	}
	b.step(ARP{Frame: strange, SenderMAC: strange, Sender: first, Target: first, Own: true}) // the kernel asks by another port of ours
	b.claims(first)
	b.now += time.Second
	b.claims(first)
	if b.c.LinkLocal().IsValid() {
		t.Fatal("two claims within ten seconds, and it is still ours")
	}
	for _, a := range b.sent {
		if d, ok := a.(SendDHCP); ok {
			t.Errorf("sent to a server: %x", d.Payload)
		}
	}
	if b.untilLinkLocal(); b.c.LinkLocal() != choose(ourMAC, 1) {
		t.Errorf("then it has %v", b.c.LinkLocal())
	}
}

func TestANetworkWhoseAddressesAreAllTakenIsTriedSlowly(t *testing.T) {
	b := alone(t)
	begun, tried := b.now, 0
	for b.now < begun+time.Hour {
		if p, _ := b.arps(); p > 0 {
			tried++
			b.claims(b.c.own())
			continue
		}
		b.wake()
	}
	if least, most := fallbackTries, fallbackTries+62; tried < least || tried > most {
		t.Errorf("%d addresses tried in an hour, want %d to %d", tried, least, most)
	}
	if b.c.Phase() != Selecting {
		t.Errorf("%v: servers are no longer asked for", b.c.Phase())
	}
}

func TestALinkLocalAddressOutlivesThePulledCableAndIsLookedForAgain(t *testing.T) {
	b := alone(t)
	b.untilLinkLocal()
	first := b.c.LinkLocal()
	b.now += time.Minute
	b.step(CarrierDown{})
	b.now += time.Minute
	b.step(nil)
	if len(b.sent) != 0 || b.c.LinkLocal() != first {
		t.Fatalf("without a cable: sent %v, has %v", b.sent, b.c.LinkLocal())
	}
	b.step(CarrierUp{})
	probes, announced := b.arps()
	for probes < probeCount || announced == 0 {
		b.wake()
		p, a := b.arps()
		if probes += p; a > 0 && probes < probeCount || b.c.LinkLocal() != first {
			t.Fatalf("after %d probes: announced %d times, has %v", probes, a, b.c.LinkLocal())
		}
		announced += a
	}
	// In another network somebody else may have it, who is not to be disturbed.
	b.step(CarrierDown{})
	b.now += time.Minute
	b.step(CarrierUp{})
	b.claims(first)
	if _, a := b.arps(); a != 0 || b.c.LinkLocal().IsValid() {
		t.Errorf("it is defended in a network that is new: sent %v, has %v", b.sent, b.c.LinkLocal())
	}
}

// station is the n-th MAC address.
func station(n uint32) (mac [6]byte) {
	mac[0] = 2
	binary.BigEndian.PutUint32(mac[2:], n)
	return mac
}

// twins are two stations that try the same address first.
func twins(t *testing.T) (a, b [6]byte) {
	t.Helper()
	first := map[netip.Addr][6]byte{}
	for n := range uint32(10000) {
		mac := station(n)
		if other, taken := first[choose(mac, 0)]; taken {
			return other, mac
		}
		first[choose(mac, 0)] = mac
	}
	t.Fatal("no two of 10,000 stations choose the same address")
	return a, b
}

func TestStationsChooseAmongAllAddressesAndTheSameEachTime(t *testing.T) {
	seen := map[netip.Addr]bool{}
	low, high := netip.MustParseAddr("169.254.1.0"), netip.MustParseAddr("169.254.254.255")
	for n := range uint32(20000) {
		a := choose(station(n), 0)
		if a.Less(low) || high.Less(a) {
			t.Fatalf("station %d chooses %v", n, a)
		}
		seen[a] = true
	}
	if len(seen) < 16000 { // 17,200 if they were drawn at random
		t.Errorf("20,000 stations choose %d addresses", len(seen))
	}
	for others := range 1000 {
		if others > 0 && choose(ourMAC, others) == choose(ourMAC, others-1) {
			t.Errorf("%d others, and %v is tried again", others, choose(ourMAC, others))
		}
	}
}

func TestOfTwoThatChooseTheSameAddressOneGetsIt(t *testing.T) {
	one, other := twins(t)
	for seed := range uint64(50) {
		random := seed
		macs := [2][6]byte{one, other}
		var clients [2]*Client
		now := time.Hour
		var deliver func(from int, actions []Action)
		step := func(i int, ev Event) {
			random = random*6364136223846793005 + 1442695040888963407
			deliver(i, clients[i].Step(now, random, ev))
		}
		deliver = func(from int, actions []Action) {
			for _, a := range actions {
				if arp, ok := a.(SendARP); ok {
					step(1-from, ARP{Frame: macs[from], SenderMAC: macs[from], Sender: arp.Sender, Target: arp.Target})
				}
			}
		}
		for i, mac := range macs {
			clients[i] = New(Identity{MAC: mac}, nil, false)
		}
		for i := range clients {
			step(i, Fallback{true})
			step(i, CarrierUp{})
		}
		for end := now + time.Hour; now < end; {
			now = min(clients[0].Deadline(), clients[1].Deadline())
			for i, c := range clients {
				if c.Deadline() <= now {
					step(i, nil)
				}
			}
			a, b := clients[0].LinkLocal(), clients[1].LinkLocal()
			if a == b && a.IsValid() {
				t.Fatalf("seed %d: both have %v", seed, a)
			}
		}
		a, b := clients[0].LinkLocal(), clients[1].LinkLocal()
		if !a.IsValid() || !b.IsValid() {
			t.Errorf("seed %d: one has %v, the other %v", seed, a, b)
		}
	}
}
