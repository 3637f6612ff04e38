package dhcp4

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

var (
	otherServer  = netip.MustParseAddr("192.168.7.1")
	otherAddress = netip.MustParsePrefix("192.168.7.5/24")
)

// elsewhere turns an answer into one of another network's server.
func elsewhere(m *dhcpv4.DHCPv4) {
	m.YourIPAddr = otherAddress.Addr().AsSlice()
	m.UpdateOption(server(otherServer))
	m.UpdateOption(dhcpv4.OptRouter(otherServer.AsSlice()))
}

// kinds are the DHCP messages that were sent last.
func (b *bench) kinds() (list []dhcpv4.MessageType) {
	for _, a := range b.sent {
		if s, ok := a.(SendDHCP); ok {
			m, err := dhcpv4.FromBytes(s.Payload)
			if err != nil {
				b.t.Fatal(err)
			}
			list = append(list, m.MessageType())
		}
	}
	return list
}

// untilDiscover wakes the client until it asks any server, at most so often.
func (b *bench) untilDiscover(times int) {
	b.t.Helper()
	for range times + 1 {
		if slices.Contains(b.kinds(), dhcpv4.MessageTypeDiscover) {
			return
		}
		b.wake()
		if b.c.Lease() == nil {
			b.t.Fatal("the lease is gone")
		}
	}
	b.t.Fatalf("%v: no DISCOVER", b.c.Phase())
}

// taken goes on from an offer, with the old lease in use until the new one is.
func (b *bench) taken(change func(*dhcpv4.DHCPv4)) {
	b.t.Helper()
	b.answer(dhcpv4.MessageTypeOffer, change)
	b.phase(Requesting)
	b.answer(dhcpv4.MessageTypeAck, change)
	for b.c.Phase() == Probing {
		if l := b.c.Lease(); l == nil || l.Address.Addr() != offeredIP {
			b.t.Fatalf("while the new address is probed: %+v", l)
		}
		b.wake()
	}
	b.phase(Bound)
}

// replug is a cable pulled and put in again.
func (b *bench) replug() {
	b.now += time.Minute
	b.step(CarrierDown{})
	b.now += time.Minute
	b.step(CarrierUp{})
	b.phase(Rebooting)
}

func TestInANetworkWhoseServerIsSilentAnotherLeaseIsAskedFor(t *testing.T) {
	b := newBench(t)
	b.bind()
	b.replug()
	up := b.now
	b.untilDiscover(silentTries)
	if b.now > up+6*time.Second {
		t.Errorf("it took %v", b.now-up)
	}
	if got := b.kinds(); !slices.Equal(got, []dhcpv4.MessageType{dhcpv4.MessageTypeRequest, dhcpv4.MessageTypeDiscover}) {
		t.Errorf("sent %v: a server that knows the lease must be able to say so", got)
	}
	b.taken(elsewhere)
	if l := b.c.Lease(); l.Address != otherAddress || l.Routes[0].Via != otherServer {
		t.Errorf("lease %+v", l)
	}
	if a, ok := b.sent[0].(SendARP); !ok || a.Sender != otherAddress.Addr() {
		t.Errorf("the new address is not announced: %v", b.sent)
	}
}

func TestTheSameServersOfferOfTheSameAddressRenewsTheLease(t *testing.T) {
	b := newBench(t)
	b.bind()
	b.replug()
	b.untilDiscover(silentTries)
	before := b.c.Lease()
	b.answer(dhcpv4.MessageTypeOffer, nil)
	b.answer(dhcpv4.MessageTypeAck, nil)
	b.phase(Bound)
	if l := b.c.Lease(); l.Address != before.Address || l.Expires <= before.Expires {
		t.Errorf("lease %+v", l)
	}
}

func TestAnAcknowledgementIsHeardBesideOffers(t *testing.T) {
	b := newBench(t)
	b.bind()
	b.replug()
	b.untilDiscover(silentTries)
	b.answer(dhcpv4.MessageTypeAck, nil)
	b.phase(Bound)
	b.answer(dhcpv4.MessageTypeOffer, elsewhere)
	b.phase(Bound)
	if b.c.Lease().Address.Addr() != offeredIP {
		t.Error("an offer took a confirmed lease away")
	}
}

func TestBehindASwitchALeaseThatNobodyRenewsIsReplacedToo(t *testing.T) {
	b := newBench(t)
	b.bind()
	for b.c.Phase() != Rebinding { // the carrier is the switch's: only the answers fail
		b.wake()
	}
	b.answer(dhcpv4.MessageTypeOffer, elsewhere)
	b.phase(Rebinding) // nobody asked
	b.untilDiscover(silentTries)
	b.taken(elsewhere)
	if l := b.c.Lease(); l.Address != otherAddress {
		t.Errorf("lease %+v", l)
	}
}

func TestWhatFailsWithAnotherLeaseCostsNotTheOneInUse(t *testing.T) {
	for name, fail := range map[string]func(b *bench){
		"the offer is not confirmed": func(b *bench) {
			for b.c.Phase() == Requesting {
				b.wake()
			}
		},
		"the offer is refused": func(b *bench) { b.answer(dhcpv4.MessageTypeNak, elsewhere) },
		"the address is taken": func(b *bench) {
			b.answer(dhcpv4.MessageTypeAck, elsewhere)
			b.step(ARP{SenderMAC: strange, Sender: otherAddress.Addr()})
			if got := b.kinds(); !slices.Equal(got, []dhcpv4.MessageType{dhcpv4.MessageTypeDecline}) {
				b.t.Errorf("sent %v", got)
			}
		},
	} {
		b := newBench(t)
		b.bind()
		b.replug()
		b.untilDiscover(silentTries)
		lease := b.c.Lease()
		b.answer(dhcpv4.MessageTypeOffer, elsewhere)
		b.phase(Requesting)
		fail(b)
		if b.c.Lease() != lease || !b.c.Known().IsValid() {
			t.Errorf("%s: lease %+v", name, b.c.Lease())
		}
		for b.c.Phase() != Selecting {
			b.wake()
		}
		b.answer(dhcpv4.MessageTypeOffer, nil) // the old server is back
		b.answer(dhcpv4.MessageTypeAck, nil)
		b.phase(Bound)
		if b.c.Lease().Expires <= lease.Expires {
			t.Errorf("%s: not renewed", name)
		}
	}
}

func TestTheLeaseMayEndWhileAnotherIsAskedFor(t *testing.T) {
	b := newBench(t)
	b.bind()
	b.replug()
	b.untilDiscover(silentTries)
	b.answer(dhcpv4.MessageTypeOffer, elsewhere)
	b.phase(Requesting)
	b.now = b.c.Lease().Expires
	b.answer(dhcpv4.MessageTypeAck, func(m *dhcpv4.DHCPv4) {
		elsewhere(m)
		m.UpdateOption(dhcpv4.OptIPAddressLeaseTime(24 * time.Hour))
	})
	b.phase(Probing)
	for b.c.Phase() == Probing {
		b.wake()
	}
	if l := b.c.Lease(); l == nil || l.Address != otherAddress {
		t.Errorf("lease %+v", l)
	}
}

func TestSomebodyElseWithTheOldAddressEndsItAlsoWhileAnotherIsAskedFor(t *testing.T) {
	b := newBench(t)
	b.bind()
	b.replug()
	b.untilDiscover(silentTries)
	b.answer(dhcpv4.MessageTypeOffer, elsewhere)
	b.phase(Requesting)
	for range 2 { // defended once
		b.step(ARP{SenderMAC: strange, Sender: offeredIP})
	}
	b.phase(Waiting)
	if b.c.Lease() != nil {
		t.Error("kept an address that somebody else insists on")
	}
}

func TestARenewalThatBringsAnotherAddressIsTaken(t *testing.T) {
	for _, phase := range []Phase{Renewing, Rebinding} {
		b := newBench(t)
		b.bind()
		for b.c.Phase() != phase {
			b.wake()
		}
		other := netip.MustParseAddr("10.0.0.77")
		b.answer(dhcpv4.MessageTypeAck, func(m *dhcpv4.DHCPv4) { m.YourIPAddr = other.AsSlice() })
		b.phase(Probing)
		if l := b.c.Lease(); l == nil || l.Address.Addr() != offeredIP {
			t.Errorf("while the new address is probed: %+v", l)
		}
		for b.c.Phase() == Probing {
			b.wake()
		}
		b.phase(Bound)
		if b.c.Lease().Address.Addr() != other {
			t.Errorf("lease %+v", b.c.Lease())
		}
	}
}

func TestSecsCountFromTheBeginningOfWhatIsAskedFor(t *testing.T) {
	b := newBench(t)
	secs := func(want time.Duration) {
		t.Helper()
		if m, _ := b.last(); time.Duration(m.NumSeconds)*time.Second != want.Truncate(time.Second) {
			t.Errorf("%v %v: secs %d, want %v", b.c.Phase(), m.MessageType(), m.NumSeconds, want)
		}
	}
	b.step(CarrierUp{})
	secs(0)
	begun := b.now
	for range 3 {
		b.wake()
		secs(b.now - begun)
	}
	discovered := b.now - begun
	b.now += 3 * time.Second
	b.answer(dhcpv4.MessageTypeOffer, nil)
	for b.c.Phase() == Requesting {
		secs(discovered) // of the DISCOVER (RFC 2131, 3.1)
		b.wake()
	}
	b.phase(Selecting)
	secs(b.now - begun) // no new beginning
	b.now += 10 * time.Second
	b.answer(dhcpv4.MessageTypeOffer, func(m *dhcpv4.DHCPv4) { m.UpdateOption(server(otherServer)) })
	b.answer(dhcpv4.MessageTypeAck, func(m *dhcpv4.DHCPv4) { m.UpdateOption(server(otherServer)) })
	for b.c.Phase() != Renewing {
		b.wake()
	}
	secs(0)
	begun = b.now
	for b.c.Lease() != nil {
		b.wake()
		if len(b.kinds()) > 0 && b.c.Lease() != nil {
			secs(b.now - begun)
		}
	}
	secs(0)
}
