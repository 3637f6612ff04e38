package dhcp4

import (
	"net/netip"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

// trusted is a client whose address of before a server has just confirmed.
func trusted(t *testing.T) *bench {
	b := newBench(t)
	b.c.Remember(offeredIP)
	b.step(CarrierUp{})
	b.phase(Rebooting)
	b.answer(dhcpv4.MessageTypeAck, nil)
	b.phase(Bound)
	return b
}

// arps counts the probes and announcements among what was sent last.
func (b *bench) arps() (probes, announcements int) {
	for _, a := range b.sent {
		switch arp, ok := a.(SendARP); {
		case ok && arp.Sender.IsUnspecified():
			probes++
		case ok:
			announcements++
		}
	}
	return probes, announcements
}

func TestAnAddressOfBeforeThatTheServerConfirmsIsUsedWhileItIsProbed(t *testing.T) {
	b := trusted(t)
	if b.c.Lease() == nil {
		t.Fatal("not in use")
	}
	from, probes, announcements := b.now, 0, 0
	for announcements == 0 {
		p, a := b.arps()
		probes, announcements = probes+p, announcements+a
		if a == 0 {
			b.wake()
		}
	}
	if probes != probeCount || b.now-from != probeCount*probeInterval {
		t.Errorf("announced after %d probes and %v", probes, b.now-from)
	}
	b.wake()
	if p, a := b.arps(); p != 0 || a != 1 || b.now-from != probeCount*probeInterval+announceAgain {
		t.Errorf("%v after the start: %d probes, %d announcements; want the second announcement", b.now-from, p, a)
	}
}

func TestWhoeverHasTheAddressOfBeforeMeanwhileKeepsIt(t *testing.T) {
	for name, heard := range map[string]ARP{
		"it uses it":            {Frame: strange, SenderMAC: strange, Sender: offeredIP},
		"it probes for it, too": {Frame: strange, SenderMAC: strange, Sender: netip.IPv4Unspecified(), Target: offeredIP},
	} {
		for waits := range probeCount {
			b := trusted(t)
			for range waits {
				b.wake()
			}
			b.step(heard)
			if m, _ := b.last(); m.MessageType() != dhcpv4.MessageTypeDecline {
				t.Errorf("%s: sent %v", name, m.MessageType())
			}
			b.phase(Waiting)
			if b.c.Lease() != nil || b.c.Known().IsValid() {
				t.Errorf("%s after %d probes: it is still in use", name, waits+1)
			}
			b.wake()
			b.phase(Selecting)
			if p, a := b.arps(); p+a != 0 {
				t.Errorf("%s: probed or announced though it is given up", name)
			}
		}
	}
}

func TestAnAddressThatIsOurOwnOnAnotherPortIsNoConflictWhileItIsProbedInUse(t *testing.T) {
	b := trusted(t)
	b.step(ARP{Frame: strange, SenderMAC: strange, Sender: offeredIP, Own: true})
	b.phase(Bound)
}

func TestAnotherAddressThanThatOfBeforeIsProbedFirst(t *testing.T) {
	b := newBench(t)
	b.c.Remember(netip.MustParseAddr("192.168.7.99"))
	b.step(CarrierUp{})
	b.phase(Rebooting)
	b.answer(dhcpv4.MessageTypeAck, nil)
	b.phase(Probing)
	if b.c.Lease() != nil {
		t.Error("in use before it was probed")
	}
}

func TestProbesOfATrustedAddressEndWithItsLink(t *testing.T) {
	b := trusted(t)
	b.step(CarrierDown{})
	b.now += time.Minute
	b.step(nil)
	if len(b.sent) != 0 {
		t.Errorf("sent %v without a link", b.sent)
	}
	b.step(CarrierUp{})
	b.answer(dhcpv4.MessageTypeAck, nil)
	b.phase(Bound)
}
