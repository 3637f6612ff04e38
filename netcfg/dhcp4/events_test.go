package dhcp4

import (
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

// event is one of the things that can happen, by number.
func (b *bench) event(n byte) {
	answers := []dhcpv4.MessageType{dhcpv4.MessageTypeOffer, dhcpv4.MessageTypeAck, dhcpv4.MessageTypeNak}
	changes := []func(*dhcpv4.DHCPv4){nil, elsewhere,
		func(m *dhcpv4.DHCPv4) { m.UpdateOption(server(otherServer)) },
		func(m *dhcpv4.DHCPv4) { m.UpdateOption(dhcpv4.OptIPAddressLeaseTime(2 * time.Second)) },
		func(m *dhcpv4.DHCPv4) { m.Options.Del(dhcpv4.OptionSubnetMask) },
	}
	addresses := []netip.Addr{offeredIP, otherAddress.Addr(), netip.IPv4Unspecified(), b.c.fallback.address}
	arg := int(n / 8)
	switch n % 8 {
	case 0:
		b.step(CarrierUp{})
	case 1:
		b.step(CarrierDown{})
	case 2, 3:
		b.answer(answers[arg%3], changes[arg/3%5])
	case 4:
		b.step(ARP{Frame: strange, SenderMAC: strange, Sender: addresses[arg%4], Target: addresses[arg/4%4]})
	case 5:
		switch arg % 6 {
		case 0:
			b.step(Renew{})
		case 1:
			b.step(Servers{})
		case 2:
			b.step(Servers{[]netip.Addr{serverIP}})
		case 3:
			b.step(Servers{[]netip.Addr{otherServer}})
		case 4, 5:
			b.step(Fallback{arg%6 == 4})
		}
	case 6:
		b.now += time.Second << (arg % 16)
		b.step(nil)
	case 7:
		if d := b.c.Deadline(); d != Forever {
			b.now = max(b.now, d)
			b.step(nil)
		}
	}
}

// whole looks for what must hold whatever has happened.
func (b *bench) whole() {
	b.t.Helper()
	c := b.c
	_, _ = c.Reason(), c.Doubt()
	if d := c.Deadline(); d <= b.now {
		b.t.Fatalf("%v: wants to be woken at once, again and again", c.Phase())
	}
	if c.Phase() != Stopped && c.Deadline() == Forever && (c.Phase() != Bound || c.Lease() == nil || c.Lease().Expires != Forever) {
		b.t.Fatalf("%v: waits for nothing, for ever", c.Phase())
	}
	if l := c.Lease(); l != nil && (!l.ValidAt(b.now) || c.unbelieved(l.Server) != nil || c.hint != l.Address.Addr()) {
		b.t.Fatalf("%v: lease %+v, asks for %v", c.Phase(), l, c.hint)
	}
	if c.Lease() == nil && (c.Phase() == Bound || c.Phase() == Renewing || c.Phase() == Rebinding) || (c.Phase() == Requesting || c.Phase() == Probing) && c.wanted == nil {
		b.t.Fatalf("%v without a lease", c.Phase())
	}
	if c.LinkLocal().IsValid() && (c.Lease() != nil || !c.fallback.wanted) || c.probeAt != Forever && !c.own().IsValid() {
		b.t.Fatalf("%v: link-local %v, lease %+v", c.Phase(), c.LinkLocal(), c.Lease())
	}
	if len(b.sent) > 8 {
		b.t.Fatalf("%v: %d packets at once", c.Phase(), len(b.sent))
	}
	for _, a := range b.sent {
		ours := c.LinkLocal()
		if l := c.Lease(); l != nil {
			ours = l.Address.Addr()
		}
		if arp, ok := a.(SendARP); ok && !arp.Sender.IsUnspecified() && arp.Sender != ours {
			b.t.Fatalf("%v: announced %v, which is not ours", c.Phase(), arp.Sender)
		}
	}
}

// FuzzEvents lets anything happen in any order.
func FuzzEvents(f *testing.F) {
	f.Add([]byte{0, 2, 10, 7, 7, 7, 7, 1, 0, 7, 7, 26, 34, 7, 7, 7})
	f.Add([]byte{0, 2, 10, 7, 7, 7, 5, 7, 7, 26, 21, 29, 7, 7})
	f.Fuzz(func(t *testing.T, events []byte) {
		b := newBench(t)
		for _, n := range events[:min(len(events), 500)] {
			b.event(n)
			b.whole()
		}
	})
}

func TestAnythingMayHappenInAnyOrder(t *testing.T) {
	random := rand.New(rand.NewPCG(4, 8))
	for range 300 {
		b := newBench(t)
		for range 200 {
			b.event(byte(random.Uint32()))
			b.whole()
		}
	}
}
