package dhcp4

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

func TestOnlyServersThatAreNamedAreBelieved(t *testing.T) {
	b := newBench(t)
	b.step(Servers{[]netip.Addr{serverIP}})
	b.step(CarrierUp{})
	rogue := func(m *dhcpv4.DHCPv4) { m.UpdateOption(server(otherServer)) }
	b.answer(dhcpv4.MessageTypeOffer, rogue)
	b.phase(Selecting)
	if n := b.c.Counts(); n.Refused != 1 || !strings.Contains(b.c.Reason(), "192.168.7.1 is not in dhcp_servers") {
		t.Errorf("%+v, %q", n, b.c.Reason())
	}
	b.answer(dhcpv4.MessageTypeOffer, nil)
	b.answer(dhcpv4.MessageTypeAck, nil)
	for b.c.Phase() == Probing {
		b.wake()
	}
	for b.c.Phase() != Rebinding { // from then on any server may answer
		b.wake()
	}
	b.answer(dhcpv4.MessageTypeNak, rogue)
	b.answer(dhcpv4.MessageTypeAck, rogue)
	b.phase(Rebinding)
	if n := b.c.Counts(); n.Refused != 3 || b.c.Lease().Server != serverIP {
		t.Errorf("%+v, %+v", n, b.c.Lease())
	}
	b.answer(dhcpv4.MessageTypeAck, nil)
	b.phase(Bound)
}

func TestALeaseOfAServerThatIsNoLongerBelievedIsGivenUp(t *testing.T) {
	b := newBench(t)
	b.bind()
	b.step(Servers{[]netip.Addr{serverIP, otherServer}})
	b.phase(Bound)
	b.step(Servers{[]netip.Addr{otherServer}})
	b.phase(Selecting)
	if b.c.Lease() != nil || b.c.Known().IsValid() {
		t.Errorf("lease %+v", b.c.Lease())
	}
	if m, _ := b.last(); m.MessageType() != dhcpv4.MessageTypeDiscover || m.Options.Has(dhcpv4.OptionRequestedIPAddress) {
		t.Errorf("sent %v", m.Summary())
	}
	b.answer(dhcpv4.MessageTypeOffer, elsewhere)
	b.phase(Requesting)
	b.step(Servers{[]netip.Addr{serverIP}})
	b.phase(Selecting)
	b.step(CarrierDown{})
	b.step(Servers{})
	b.phase(Stopped)
}

func TestRenewAsksAtOnceAndKeepsTheLease(t *testing.T) {
	b := newBench(t)
	b.step(Renew{})
	b.phase(Stopped) // no carrier
	b.bind()
	b.now += time.Minute
	lease := b.c.Lease()
	b.step(Renew{})
	b.phase(Rebooting)
	if m, _ := b.last(); m.MessageType() != dhcpv4.MessageTypeRequest || b.c.Lease() != lease {
		t.Errorf("sent %v", m.Summary())
	}
	b.answer(dhcpv4.MessageTypeAck, nil)
	b.phase(Bound)
	if b.c.Lease().Expires <= lease.Expires {
		t.Error("not renewed")
	}
	b.now += time.Minute
	b.step(Renew{})
	b.answer(dhcpv4.MessageTypeNak, nil)
	b.phase(Waiting)
	b.now += time.Second
	b.step(Renew{})
	b.phase(Selecting)
	if m, _ := b.last(); m.MessageType() != dhcpv4.MessageTypeDiscover {
		t.Errorf("sent %v", m.Summary())
	}
}

func TestALeaseThatNobodyConfirmsIsDoubted(t *testing.T) {
	b := newBench(t)
	b.bind()
	b.replug()
	doubts := func(want bool) {
		t.Helper()
		if got := b.c.Doubt(); (got != "") != want || want && !strings.HasPrefix(got, "no server confirms the lease of 10.0.0.5") {
			t.Errorf("%v: %q", b.c.Phase(), got)
		}
	}
	doubts(false)
	b.untilDiscover(silentTries)
	doubts(true)
	b.answer(dhcpv4.MessageTypeOffer, func(m *dhcpv4.DHCPv4) { m.Options.Del(dhcpv4.OptionServerIdentifier) })
	if got := b.c.Doubt(); !strings.Contains(got, "offer refused: ") {
		t.Errorf("%q", got)
	}
	b.answer(dhcpv4.MessageTypeAck, nil)
	doubts(false)
}
