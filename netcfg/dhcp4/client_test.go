package dhcp4

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

var (
	ourMAC    = [6]byte{2, 0, 0, 0, 0, 1}
	strange   = [6]byte{2, 0, 0, 0, 0, 9}
	serverIP  = netip.MustParseAddr("10.0.0.1")
	offeredIP = netip.MustParseAddr("10.0.0.5")
)

// bench drives one client by hand: a clock, a random source and what was sent last.
type bench struct {
	t      *testing.T
	c      *Client
	now    time.Duration
	random uint64
	sent   []Action
}

func newBench(t *testing.T) *bench {
	return &bench{t: t, c: New(Identity{MAC: ourMAC, Hostname: "box", Vendor: "bantam"}, nil, false), now: time.Hour}
}

func (b *bench) step(ev Event) {
	b.random = b.random*6364136223846793005 + 1442695040888963407
	b.sent = b.c.Step(b.now, b.random, ev)
}

// wake lets time pass until the client wants to be woken.
func (b *bench) wake() {
	b.t.Helper()
	if b.c.Deadline() == Forever {
		b.t.Fatalf("%v: nothing to wait for", b.c.Phase())
	}
	b.now = max(b.now, b.c.Deadline())
	b.step(nil)
}

// last is the last DHCP message sent, with its envelope.
func (b *bench) last() (*dhcpv4.DHCPv4, SendDHCP) {
	b.t.Helper()
	for i := len(b.sent) - 1; i >= 0; i-- {
		if s, ok := b.sent[i].(SendDHCP); ok {
			m, err := dhcpv4.FromBytes(s.Payload)
			if err != nil {
				b.t.Fatal(err)
			}
			return m, s
		}
	}
	b.t.Fatalf("%v: nothing sent", b.c.Phase())
	return nil, SendDHCP{}
}

func server(a netip.Addr) dhcpv4.Option { return dhcpv4.OptServerIdentifier(a.AsSlice()) }

// reply makes an answer to the client's present exchange.
func (b *bench) reply(kind dhcpv4.MessageType, change func(*dhcpv4.DHCPv4)) []byte {
	m := &dhcpv4.DHCPv4{OpCode: dhcpv4.OpcodeBootReply, HWType: 1, ClientHWAddr: ourMAC[:], YourIPAddr: offeredIP.AsSlice(), Options: dhcpv4.Options{}}
	binary.BigEndian.PutUint32(m.TransactionID[:], b.c.xid)
	m.UpdateOption(dhcpv4.OptMessageType(kind))
	m.UpdateOption(dhcpv4.OptServerIdentifier(serverIP.AsSlice()))
	if kind != dhcpv4.MessageTypeNak {
		m.UpdateOption(dhcpv4.OptSubnetMask([]byte{255, 255, 255, 0}))
		m.UpdateOption(dhcpv4.OptRouter(serverIP.AsSlice()))
		m.UpdateOption(dhcpv4.OptIPAddressLeaseTime(time.Hour))
	}
	if change != nil {
		change(m)
	}
	return m.ToBytes()
}

func (b *bench) answer(kind dhcpv4.MessageType, change func(*dhcpv4.DHCPv4)) {
	b.step(Datagram{b.reply(kind, change)})
}

func (b *bench) phase(want Phase) {
	b.t.Helper()
	if got := b.c.Phase(); got != want {
		b.t.Fatalf("phase: got %v, want %v (%s)", got, want, b.c.Reason())
	}
}

// bind takes the client through a whole exchange.
func (b *bench) bind() {
	b.t.Helper()
	b.step(CarrierUp{})
	b.phase(Selecting)
	b.answer(dhcpv4.MessageTypeOffer, nil)
	b.phase(Requesting)
	b.answer(dhcpv4.MessageTypeAck, nil)
	b.phase(Probing)
	for b.c.Phase() == Probing {
		b.wake()
	}
	b.phase(Bound)
}

func TestALeaseIsObtainedProbedAndAnnounced(t *testing.T) {
	b := newBench(t)
	b.step(CarrierUp{})
	m, env := b.last()
	if m.MessageType() != dhcpv4.MessageTypeDiscover || env.From != netip.IPv4Unspecified() || env.To != broadcast {
		t.Fatalf("first message: %v from %v to %v", m.MessageType(), env.From, env.To)
	}
	b.answer(dhcpv4.MessageTypeOffer, nil)
	m, _ = b.last()
	if got := netip.AddrFrom4([4]byte(m.Options.Get(dhcpv4.OptionRequestedIPAddress))); got != offeredIP {
		t.Errorf("option 50: got %v, want %v", got, offeredIP)
	}
	if !m.ServerIdentifier().Equal(serverIP.AsSlice()) || !m.ClientIPAddr.IsUnspecified() {
		t.Errorf("selecting: option 54 %v, ciaddr %v", m.ServerIdentifier(), m.ClientIPAddr)
	}
	asked := b.now
	b.now += 700 * time.Millisecond
	b.answer(dhcpv4.MessageTypeAck, nil)
	probes := 0
	for b.c.Phase() == Probing {
		if b.c.Lease() != nil {
			t.Fatal("in use before it was probed")
		}
		for _, a := range b.sent {
			if arp, ok := a.(SendARP); ok && arp.Sender.IsUnspecified() && arp.Target == offeredIP {
				probes++
			}
		}
		b.wake()
	}
	if probes != probeCount {
		t.Errorf("probes: got %d, want %d", probes, probeCount)
	}
	l := b.c.Lease()
	if l.Expires != asked+time.Hour || l.Renew != asked+30*time.Minute || l.Rebind != asked+time.Hour*7/8 {
		t.Errorf("times count from the request: got %v %v %v", l.Renew-asked, l.Rebind-asked, l.Expires-asked)
	}
	if a, ok := b.sent[0].(SendARP); !ok || a.Sender != offeredIP || a.Target != offeredIP {
		t.Errorf("not announced: %v", b.sent)
	}
}

func TestRetransmissionsDoubleTo64SecondsForEverAndJunkDoesNotMoveThem(t *testing.T) {
	b := newBench(t)
	b.step(CarrierUp{})
	for i := range 2000 {
		want, about := time.Second, time.Second/4
		if i > 0 {
			want, about = time.Duration(min(2<<min(i, 10), 64))*time.Second, time.Second
		}
		deadline := b.c.Deadline()
		if wait := deadline - b.now; wait < want-about || wait > want+about {
			t.Fatalf("wait %d: got %v, want %v +-%v", i, wait, want, about)
		}
		b.step(Datagram{[]byte("junk")})
		b.answer(dhcpv4.MessageTypeOffer, func(m *dhcpv4.DHCPv4) { m.TransactionID[0]++ })
		b.answer(dhcpv4.MessageTypeOffer, func(m *dhcpv4.DHCPv4) { m.ClientHWAddr = strange[:] })
		b.answer(dhcpv4.MessageTypeAck, nil)
		if b.c.Deadline() != deadline || len(b.sent) != 0 {
			t.Fatal("junk moved the schedule")
		}
		b.wake()
	}
}

func TestRenewalIsUnicastWithCiaddrAndNeitherOption50Nor54(t *testing.T) {
	b := newBench(t)
	b.bind()
	first, _ := b.last2(dhcpv4.MessageTypeRequest)
	b.wake() // second announcement
	b.wake()
	b.phase(Renewing)
	m, env := b.last()
	if env.From != offeredIP || env.To != serverIP || !m.ClientIPAddr.Equal(offeredIP.AsSlice()) {
		t.Errorf("renewing: from %v to %v ciaddr %v", env.From, env.To, m.ClientIPAddr)
	}
	if m.Options.Has(dhcpv4.OptionRequestedIPAddress) || m.Options.Has(dhcpv4.OptionServerIdentifier) {
		t.Error("renewing carries option 50 or 54")
	}
	for _, code := range []dhcpv4.OptionCode{dhcpv4.OptionParameterRequestList, dhcpv4.OptionClientIdentifier} {
		if got, want := string(m.Options.Get(code)), string(first.Options.Get(code)); got != want {
			t.Errorf("option %v differs from the one in selecting", code)
		}
	}
	for b.c.Phase() == Renewing {
		b.wake()
	}
	b.phase(Rebinding)
	if b.now != b.c.Lease().Rebind {
		t.Errorf("rebinding at %v, want T2", b.now)
	}
	if _, env := b.last(); env.To != broadcast || env.From != offeredIP {
		t.Errorf("rebinding: from %v to %v", env.From, env.To)
	}
	other := netip.MustParseAddr("10.0.0.2")
	b.answer(dhcpv4.MessageTypeAck, func(m *dhcpv4.DHCPv4) { m.UpdateOption(server(other)) })
	b.phase(Bound)
	if b.c.Lease().Server != other {
		t.Errorf("server: got %v, want the one that answered", b.c.Lease().Server)
	}
}

// last2 sends the request again as it was; the state is a copy.
func (b *bench) last2(dhcpv4.MessageType) (*dhcpv4.DHCPv4, SendDHCP) {
	c := *b.c
	c.now, c.out, c.wanted = b.now, nil, b.c.lease
	c.sendRequest()
	copied := &bench{t: b.t, c: &c, sent: c.out}
	return copied.last()
}

func TestTwentyYearsOfRenewals(t *testing.T) {
	b := newBench(t)
	b.bind()
	answer, renewals := b.reply(dhcpv4.MessageTypeAck, nil), 0
	for end := b.now + 20*365*24*time.Hour; b.now < end; {
		b.wake()
		if b.c.Phase() == Renewing {
			// Always the same answer: to make a third of a million is a third of this test's work.
			binary.BigEndian.PutUint32(answer[4:], b.c.xid)
			b.step(Datagram{bytes.Clone(answer)})
			renewals++
		}
		if b.c.Lease() == nil || b.c.Lease().Address.Addr() != offeredIP {
			t.Fatal("the address changed or went")
		}
	}
	if want := 20 * 365 * 24 * 2; renewals < want-2 || renewals > want+2 {
		t.Errorf("renewals: got %d, want about %d", renewals, want)
	}
}

func TestAnUnansweredLeaseEndsOnTimeAndTheAddressIsAskedForAgain(t *testing.T) {
	b := newBench(t)
	b.bind()
	end := b.c.Lease().Expires
	for b.c.Lease() != nil {
		b.wake()
	}
	if b.now != end {
		t.Errorf("gone at %v, want %v", b.now, end)
	}
	b.phase(Selecting)
	m, _ := b.last()
	if got := m.RequestedIPAddress(); !got.Equal(offeredIP.AsSlice()) {
		t.Errorf("option 50 of the new DISCOVER: got %v", got)
	}
}

func TestANakTakesTheAddressAtOnceAndStormsAreSlowedDown(t *testing.T) {
	b := newBench(t)
	b.step(CarrierUp{})
	var last time.Duration
	for i := range 20 {
		b.answer(dhcpv4.MessageTypeOffer, nil)
		if i > 1 { // others are given time to make an offer
			b.phase(Selecting)
			b.wake()
		}
		b.phase(Requesting)
		b.answer(dhcpv4.MessageTypeNak, nil)
		b.phase(Waiting)
		last = b.c.Deadline() - b.now
		if want := min(time.Second<<i, 30*time.Minute); last != want {
			t.Fatalf("pause %d: got %v, want %v", i, last, want)
		}
		b.wake()
		b.phase(Selecting)
	}
	b = newBench(t)
	b.bind()
	b.step(CarrierDown{})
	if b.c.Lease() == nil {
		t.Fatal("carrier loss took the lease")
	}
	b.now += time.Minute
	b.step(CarrierUp{})
	b.phase(Rebooting)
	b.answer(dhcpv4.MessageTypeNak, nil)
	if b.c.Lease() != nil || b.c.Known().IsValid() {
		t.Error("a NAK to INIT-REBOOT left the lease")
	}
}

func TestAForeignNakOrAckIsIgnoredWhileRenewing(t *testing.T) {
	b := newBench(t)
	b.bind()
	for b.c.Phase() != Renewing {
		b.wake()
	}
	foreign := func(m *dhcpv4.DHCPv4) { m.UpdateOption(server(netip.MustParseAddr("10.0.0.66"))) }
	for _, kind := range []dhcpv4.MessageType{dhcpv4.MessageTypeNak, dhcpv4.MessageTypeAck} {
		b.answer(kind, foreign)
		b.phase(Renewing)
	}
}

func TestCarrierBackAsksForTheSameAddressAndKeepsItWithoutAnswer(t *testing.T) {
	b := newBench(t)
	b.bind()
	expires := b.c.Lease().Expires
	b.now += time.Minute
	b.step(CarrierDown{})
	b.now += time.Minute
	b.step(CarrierUp{})
	b.phase(Rebooting)
	m, env := b.last()
	if !m.RequestedIPAddress().Equal(offeredIP.AsSlice()) || m.Options.Has(dhcpv4.OptionServerIdentifier) || !m.ClientIPAddr.IsUnspecified() || env.To != broadcast {
		t.Errorf("INIT-REBOOT: %v", m.Summary())
	}
	for b.c.Deadline() < expires {
		b.wake()
		b.phase(Rebooting) // no server is silent for ever: asking goes on
		if b.c.Lease() == nil {
			t.Fatal("lease dropped")
		}
		if b.c.Lease().Expires != expires {
			t.Fatal("the lease got longer without an answer")
		}
	}
	b.answer(dhcpv4.MessageTypeAck, nil)
	b.phase(Bound)
	if got := b.c.Lease().Expires - b.now; got < time.Hour-2*minRetry || got > time.Hour {
		t.Errorf("confirmed after nearly an hour it lasts %v, want nearly an hour", got)
	}
}

func TestALinkThatCarriesNothingAtFirstIsStillAskedOver(t *testing.T) {
	b := newBench(t)
	b.bind()
	b.now += time.Minute
	b.step(CarrierDown{})
	b.now += time.Minute
	b.step(CarrierUp{})
	// A switch with spanning tree forwards nothing for 30 seconds, a router that starts answers after a minute.
	for up := b.now; b.now < up+time.Minute; {
		b.wake()
	}
	b.phase(Rebooting)
	if b.c.Lease() == nil {
		t.Fatal("lease dropped while it is asked about")
	}
	b.answer(dhcpv4.MessageTypeNak, nil) // it is another network
	if b.c.Lease() != nil {
		t.Error("an address of another network is kept")
	}
}

func TestAFlappingCableSendsOnceASecond(t *testing.T) {
	b := newBench(t)
	b.bind()
	sent := 0
	for range 100 {
		b.now += 50 * time.Millisecond
		b.step(CarrierDown{})
		b.now += 50 * time.Millisecond
		b.step(CarrierUp{})
		if len(b.sent) > 0 {
			sent++
		}
	}
	if sent > 11 {
		t.Errorf("%d messages in ten seconds", sent)
	}
}

func TestAConflictIsDeclinedAndNotInAStorm(t *testing.T) {
	b := newBench(t)
	b.step(CarrierUp{})
	var waits time.Duration
	for range 12 {
		b.answer(dhcpv4.MessageTypeOffer, nil)
		b.answer(dhcpv4.MessageTypeAck, nil)
		b.phase(Probing)
		b.step(ARP{SenderMAC: ourMAC, Sender: offeredIP}) // our own
		b.phase(Probing)
		b.step(ARP{SenderMAC: strange, Sender: offeredIP})
		m, env := b.last()
		if m.MessageType() != dhcpv4.MessageTypeDecline || !m.RequestedIPAddress().Equal(offeredIP.AsSlice()) ||
			!m.ServerIdentifier().Equal(serverIP.AsSlice()) || env.To != broadcast {
			t.Fatalf("conflict: sent %v", m.Summary())
		}
		b.phase(Waiting)
		wait := b.c.Deadline() - b.now
		if wait < 10*time.Second || wait < waits {
			t.Fatalf("pause %v after %v", wait, waits)
		}
		waits = wait
		b.wake()
	}
	if waits < 10*time.Minute {
		t.Errorf("after 12 conflicts the pause is only %v", waits)
	}
}

func TestTheAddressIsDefendedOnceThenGivenUp(t *testing.T) {
	b := newBench(t)
	b.bind()
	b.now += time.Minute
	b.step(ARP{SenderMAC: strange, Sender: offeredIP})
	b.phase(Bound)
	if a, ok := b.sent[0].(SendARP); !ok || a.Sender != offeredIP {
		t.Errorf("not defended: %v", b.sent)
	}
	b.now += time.Second
	b.step(ARP{SenderMAC: strange, Sender: offeredIP})
	b.phase(Waiting)
	if b.c.Lease() != nil {
		t.Error("kept an address that somebody else insists on")
	}
}

func TestAnotherPortOfThisMachineIsNoConflictOnceTheAddressIsInUse(t *testing.T) {
	b := newBench(t)
	b.bind()
	b.wake() // the second announcement
	for range 5 {
		b.now += time.Second
		b.step(ARP{SenderMAC: strange, Sender: offeredIP, Own: true})
		b.phase(Bound)
		if len(b.sent) != 0 {
			t.Errorf("sent %v", b.sent)
		}
	}
	b = newBench(t)
	b.step(CarrierUp{})
	b.answer(dhcpv4.MessageTypeOffer, nil)
	b.answer(dhcpv4.MessageTypeAck, nil)
	b.phase(Probing)
	b.step(ARP{SenderMAC: strange, Sender: offeredIP, Own: true}) // it has the address already
	b.phase(Waiting)
}

func TestAServerCannotHaveALongLeaseRenewedEverySecond(t *testing.T) {
	b := newBench(t)
	early := func(m *dhcpv4.DHCPv4) {
		m.UpdateOption(dhcpv4.OptGeneric(dhcpv4.OptionRenewTimeValue, []byte{0, 0, 0, 1}))
	}
	b.step(CarrierUp{})
	b.answer(dhcpv4.MessageTypeOffer, early)
	b.answer(dhcpv4.MessageTypeAck, early)
	renewals := 0
	for end := b.now + 6*time.Hour; b.now < end; {
		b.wake()
		if b.c.Phase() == Renewing {
			b.answer(dhcpv4.MessageTypeAck, early)
			renewals++
		}
	}
	if renewals > 6*60 {
		t.Errorf("%d renewals of an hour's lease in six hours", renewals)
	}
}

func TestAServerThatOffersButDoesNotDeliverIsPassedOver(t *testing.T) {
	b := newBench(t)
	b.step(CarrierUp{})
	b.answer(dhcpv4.MessageTypeOffer, nil)
	for b.c.Phase() == Requesting {
		b.wake()
	}
	b.answer(dhcpv4.MessageTypeOffer, nil)
	b.phase(Selecting)
	b.answer(dhcpv4.MessageTypeOffer, func(m *dhcpv4.DHCPv4) { m.UpdateOption(server(netip.MustParseAddr("10.0.0.2"))) })
	b.phase(Requesting)
	if b.c.wanted.Server != netip.MustParseAddr("10.0.0.2") {
		t.Error("took the offer of the bad server")
	}
}

func TestAServerThatTwiceRefusesItsOwnOfferIsPassedOver(t *testing.T) {
	b := newBench(t)
	b.step(CarrierUp{})
	for range 2 {
		b.answer(dhcpv4.MessageTypeOffer, nil)
		b.phase(Requesting)
		b.answer(dhcpv4.MessageTypeNak, nil)
		b.wake()
	}
	b.answer(dhcpv4.MessageTypeOffer, nil)
	b.phase(Selecting)
	b.answer(dhcpv4.MessageTypeOffer, func(m *dhcpv4.DHCPv4) { m.UpdateOption(server(netip.MustParseAddr("10.0.0.2"))) })
	b.phase(Requesting)
	if b.c.wanted.Server != netip.MustParseAddr("10.0.0.2") {
		t.Error("took the offer of the bad server")
	}
}

func TestAStoredLeaseSurvivesARestart(t *testing.T) {
	b := newBench(t)
	b.bind()
	l, err := Restore(b.c.Lease().ACK, b.c.Lease().Start, ourMAC)
	if err != nil {
		t.Fatal(err)
	}
	if l.Address != b.c.Lease().Address || l.Expires != b.c.Lease().Expires {
		t.Errorf("restored %v, want %v", l, b.c.Lease())
	}
	if _, err := Restore(l.ACK, l.Start, strange); err == nil {
		t.Error("restored for another card")
	}
	b.c = New(Identity{MAC: ourMAC}, l, true)
	if b.c.Lease() == nil {
		t.Error("a lease known to be valid is not in use")
	}
	b.c = New(Identity{MAC: ourMAC}, l, false)
	b.step(CarrierUp{})
	b.phase(Rebooting)
	b.answer(dhcpv4.MessageTypeAck, nil)
	b.phase(Bound)
}
