package dhcp6

import (
	"bytes"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv6"
	"github.com/insomniacslk/dhcp/iana"
	"github.com/insomniacslk/dhcp/rfc1035label"
)

var (
	ourID      = Identity{DUID: []byte{0, 3, 0, 1, 2, 0, 0, 0, 0, 1}, IAID: 0x01020304}
	serverDUID = &dhcpv6.DUIDLL{HWType: iana.HWTypeEthernet, LinkLayerAddr: net.HardwareAddr{2, 0, 0, 0, 0, 9}}
	otherDUID  = &dhcpv6.DUIDLL{HWType: iana.HWTypeEthernet, LinkLayerAddr: net.HardwareAddr{2, 0, 0, 0, 0, 8}}
	serverIP   = netip.MustParseAddr("fe80::9")

	address   = netip.MustParsePrefix("2001:db8::5/128")
	delegated = netip.MustParsePrefix("2001:db8:100::/56")
	another   = netip.MustParsePrefix("2001:db8:200::/56")
	both      = Wants{Address: true, Prefix: true}
)

// bench drives one client by hand: a clock, a random source and what was sent last.
type bench struct {
	t      *testing.T
	c      *Client
	now    time.Duration
	random uint64
	sent   []Send
}

func newBench(t *testing.T, wants Wants) *bench {
	b := &bench{t: t, c: New(ourID, nil, nil), now: time.Hour}
	b.step(Configure{wants})
	return b
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

// last is the only message that was sent, as the library's codec reads it.
func (b *bench) last(want dhcpv6.MessageType) *dhcpv6.Message {
	b.t.Helper()
	if len(b.sent) != 1 {
		b.t.Fatalf("%v: %d messages sent, want one (%s)", b.c.Phase(), len(b.sent), b.c.Reason())
	}
	m, err := dhcpv6.MessageFromBytes(b.sent[0].Payload)
	if err != nil {
		b.t.Fatal(err)
	}
	if m.MessageType != want {
		b.t.Fatalf("sent %v, want %v (%s)", m.MessageType, want, b.c.Reason())
	}
	if id := m.Options.ClientID(); id == nil || !bytes.Equal(id.ToBytes(), ourID.DUID) {
		b.t.Errorf("%v: client id %v", m.MessageType, id)
	}
	return m
}

// leased are the options of what a server leases: lifetimes are those of all bindings.
func leased(preferred, valid, t1, t2 time.Duration, list ...netip.Prefix) (options []dhcpv6.Option) {
	na := &dhcpv6.OptIANA{IaId: [4]byte{1, 2, 3, 4}, T1: t1, T2: t2}
	pd := &dhcpv6.OptIAPD{IaId: [4]byte{1, 2, 3, 4}, T1: t1, T2: t2}
	for _, p := range list {
		if p.IsSingleIP() {
			na.Options.Add(&dhcpv6.OptIAAddress{IPv6Addr: p.Addr().AsSlice(), PreferredLifetime: preferred, ValidLifetime: valid})
			continue
		}
		pd.Options.Add(&dhcpv6.OptIAPrefix{PreferredLifetime: preferred, ValidLifetime: valid,
			Prefix: &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), 128)}})
	}
	if len(na.Options.Options) > 0 {
		options = append(options, na)
	}
	if len(pd.Options.Options) > 0 {
		options = append(options, pd)
	}
	return options
}

func usual(list ...netip.Prefix) []dhcpv6.Option {
	return append(leased(time.Hour, 2*time.Hour, 20*time.Minute, 40*time.Minute, list...),
		dhcpv6.OptDNS(net.ParseIP("2001:db8::53")))
}

// answer lets a server answer the present exchange.
func (b *bench) answer(kind dhcpv6.MessageType, options ...dhcpv6.Option) {
	b.t.Helper()
	b.step(Datagram{serverIP, b.message(kind, serverDUID, options...)})
}

func (b *bench) message(kind dhcpv6.MessageType, server dhcpv6.DUID, options ...dhcpv6.Option) []byte {
	m := &dhcpv6.Message{MessageType: kind, TransactionID: dhcpv6.TransactionID{byte(b.c.xid >> 16), byte(b.c.xid >> 8), byte(b.c.xid)}}
	id, err := dhcpv6.DUIDFromBytes(ourID.DUID)
	if err != nil {
		b.t.Fatal(err)
	}
	m.AddOption(dhcpv6.OptClientID(id))
	m.AddOption(dhcpv6.OptServerID(server))
	for _, o := range options {
		m.AddOption(o)
	}
	return m.ToBytes()
}

func (b *bench) phase(want Phase) {
	b.t.Helper()
	if got := b.c.Phase(); got != want {
		b.t.Fatalf("phase: got %v, want %v (%s)", got, want, b.c.Reason())
	}
}

func (b *bench) has(want ...netip.Prefix) {
	b.t.Helper()
	if got := b.c.Lease().bindings(); !slices.Equal(got, want) {
		b.t.Fatalf("leased: got %v, want %v (%s)", got, want, b.c.Reason())
	}
}

// bind takes the client through an exchange of two messages.
func (b *bench) bind(options ...dhcpv6.Option) {
	b.t.Helper()
	b.step(LinkUp{})
	b.last(dhcpv6.MessageTypeSolicit)
	b.answer(dhcpv6.MessageTypeReply, append(options, &dhcpv6.OptionGeneric{OptionCode: dhcpv6.OptionRapidCommit})...)
	b.phase(Bound)
}

func TestALeaseByTwoMessages(t *testing.T) {
	b := newBench(t, both)
	b.step(LinkUp{})
	m := b.last(dhcpv6.MessageTypeSolicit)
	if m.GetOneOption(dhcpv6.OptionRapidCommit) == nil || m.Options.OneIANA() == nil || m.Options.OneIAPD() == nil || !m.IsOptionRequested(dhcpv6.OptionDNSRecursiveNameServer) {
		t.Errorf("solicit: %s", m.Summary())
	}
	if id := m.Options.OneIAPD().IaId; id != [4]byte{1, 2, 3, 4} {
		t.Errorf("IAID %x", id)
	}
	b.answer(dhcpv6.MessageTypeReply, append(usual(address, delegated), &dhcpv6.OptionGeneric{OptionCode: dhcpv6.OptionRapidCommit})...)
	b.phase(Bound)
	b.has(address, delegated)
	l := b.c.Lease()
	if l.Server != serverIP || len(l.DNS) != 1 || l.Renew != b.now+20*time.Minute || l.Rebind != b.now+40*time.Minute ||
		l.Prefixes[0].Preferred != b.now+time.Hour || l.Prefixes[0].Valid != b.now+2*time.Hour {
		t.Errorf("lease %+v", l)
	}
	if b.c.Reason()+b.c.Doubt() != "" {
		t.Errorf("reason %q, doubt %q", b.c.Reason(), b.c.Doubt())
	}
}

func TestAReplyWithoutRapidCommitAnswersNoSolicit(t *testing.T) {
	b := newBench(t, both)
	b.step(LinkUp{})
	b.answer(dhcpv6.MessageTypeReply, usual(address)...)
	b.phase(Soliciting)
}

func TestALeaseByFourMessages(t *testing.T) {
	b := newBench(t, both)
	b.step(LinkUp{})
	b.answer(dhcpv6.MessageTypeAdvertise, usual(address, delegated)...)
	b.phase(Soliciting) // others may offer more
	b.wake()
	b.phase(Requesting)
	m := b.last(dhcpv6.MessageTypeRequest)
	if !m.Options.ServerID().Equal(serverDUID) || m.Options.OneIAPD().Options.Prefixes()[0].Prefix.String() != delegated.String() ||
		!m.Options.OneIANA().Options.OneAddress().IPv6Addr.Equal(address.Addr().AsSlice()) {
		t.Errorf("request: %s", m.Summary())
	}
	b.answer(dhcpv6.MessageTypeReply, usual(address, delegated)...)
	b.phase(Bound)
	b.has(address, delegated)
}

func TestWhoseOfferIsTaken(t *testing.T) {
	preference := func(n byte) dhcpv6.Option {
		return &dhcpv6.OptionGeneric{OptionCode: dhcpv6.OptionPreference, OptionData: []byte{n}}
	}
	for _, test := range []struct {
		name          string
		first, second []dhcpv6.Option
		want          dhcpv6.DUID
		at            bool // at once
	}{
		{"the first of two alike", usual(address, delegated), usual(address, another), serverDUID, false},
		{"that of more preference", usual(address, delegated), append(usual(address, another), preference(7)), otherDUID, false},
		{"that which has all", append(usual(address), preference(9)), usual(address, another), otherDUID, false},
		{"one of 255 at once", append(usual(address, delegated), preference(255)), nil, serverDUID, true},
		{"one of 255 that lacks something not at once", append(usual(address), preference(255)), usual(address, another), otherDUID, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t, both)
			b.step(LinkUp{})
			b.answer(dhcpv6.MessageTypeAdvertise, test.first...)
			if !test.at {
				b.step(Datagram{serverIP, b.message(dhcpv6.MessageTypeAdvertise, otherDUID, test.second...)})
				b.phase(Soliciting)
				b.wake()
			}
			if m := b.last(dhcpv6.MessageTypeRequest); !m.Options.ServerID().Equal(test.want) {
				t.Errorf("asked %v", m.Options.ServerID())
			}
		})
	}
}

func TestAPrefixWithoutAnAddressIsASuccess(t *testing.T) {
	b := newBench(t, both)
	refused := &dhcpv6.OptIANA{IaId: [4]byte{1, 2, 3, 4}}
	refused.Options.Add(&dhcpv6.OptStatusCode{StatusCode: iana.StatusNoAddrsAvail})
	b.bind(append(usual(delegated), refused)...)
	b.has(delegated)
	b.wake()
	if m := b.last(dhcpv6.MessageTypeRenew); m.Options.OneIANA() == nil {
		t.Error("what is missing is not asked for with the renewal")
	}
	b.answer(dhcpv6.MessageTypeReply, usual(address, delegated)...)
	b.has(address, delegated)
}

func TestNothingOfUseIsNoSuccess(t *testing.T) {
	b := newBench(t, Wants{Prefix: true})
	b.step(LinkUp{})
	none := &dhcpv6.OptIAPD{IaId: [4]byte{1, 2, 3, 4}}
	none.Options.Add(&dhcpv6.OptStatusCode{StatusCode: iana.StatusNoPrefixAvail})
	b.answer(dhcpv6.MessageTypeAdvertise, none)
	b.phase(Soliciting)
	if r := b.c.Reason(); !strings.Contains(r, "no prefixes available") {
		t.Errorf("reason %q", r)
	}
	b.wake()
	b.last(dhcpv6.MessageTypeSolicit)
}

// Times between messages, RFC 8415, 7.6 and 15: each is twice the one before with a tenth of that more or less, to a bound.
func TestRetransmissions(t *testing.T) {
	solicit := func(b *bench) { b.step(LinkUp{}) }
	for _, test := range []struct {
		name    string
		wants   Wants
		begin   func(*bench)
		message dhcpv6.MessageType
		first   time.Duration
		longest time.Duration // 0: none
		count   int           // that are looked at
	}{
		{"solicit", both, solicit, dhcpv6.MessageTypeSolicit, time.Second, time.Hour, 16},
		{"information-request", Wants{Other: true}, solicit, dhcpv6.MessageTypeInformationRequest, time.Second, time.Hour, 16},
		{"request", both, func(b *bench) {
			solicit(b)
			b.answer(dhcpv6.MessageTypeAdvertise, usual(address, delegated)...)
			b.wake()
		}, dhcpv6.MessageTypeRequest, time.Second, 30 * time.Second, 9},
		{"renew", both, func(b *bench) {
			b.bind(leased(8*time.Hour, 10*time.Hour, time.Hour, 4*time.Hour, address, delegated)...)
			b.wake()
		}, dhcpv6.MessageTypeRenew, 10 * time.Second, 600 * time.Second, 9},
		{"rebind", both, func(b *bench) {
			b.bind(leased(8*time.Hour, 10*time.Hour, time.Hour, 2*time.Hour, address, delegated)...)
			for b.c.Phase() != Rebinding {
				b.wake()
			}
		}, dhcpv6.MessageTypeRebind, 10 * time.Second, 600 * time.Second, 9},
		{"confirm", Wants{Address: true}, func(b *bench) {
			b.bind(usual(address)...)
			b.now += 10 * time.Second
			b.step(LinkDown{})
			b.step(LinkUp{})
		}, dhcpv6.MessageTypeConfirm, time.Second, 4 * time.Second, 3},
		{"rebind in the place of confirm", both, func(b *bench) {
			b.bind(usual(address, delegated)...)
			b.now += 10 * time.Second
			b.step(LinkDown{})
			b.step(LinkUp{})
		}, dhcpv6.MessageTypeRebind, time.Second, 4 * time.Second, 3},
		{"release", both, func(b *bench) { b.bind(usual(address, delegated)...); b.step(Release{}) }, dhcpv6.MessageTypeRelease, time.Second, 0, 3},
		{"decline", both, func(b *bench) { b.bind(usual(address, delegated)...); b.step(Conflict{address.Addr()}) }, dhcpv6.MessageTypeDecline, time.Second, 0, 3},
	} {
		t.Run(test.name, func(t *testing.T) {
			for seed := range uint64(20) {
				b := newBench(t, test.wants)
				b.random = seed << 32
				test.begin(b)
				first := b.last(test.message)
				rt := time.Duration(0)
				for i := range test.count {
					before, nominal, by := b.now, 2*rt, rt/10
					if i == 0 {
						nominal, by = test.first, test.first/10
					}
					if test.longest > 0 && nominal+by > test.longest && b.c.rt >= test.longest-test.longest/10 {
						nominal, by = test.longest, test.longest/10
					}
					b.wake()
					if rt = b.now - before; (rt - nominal).Abs() > by+1 {
						t.Fatalf("seed %d, time %d: %v, want %v and %v more or less", seed, i, rt, nominal, by)
					}
					m := b.last(test.message)
					if m.TransactionID != first.TransactionID {
						t.Errorf("another transaction: %v", m.TransactionID)
					}
					if m.GetOneOption(dhcpv6.OptionElapsedTime) == nil {
						t.Error("no elapsed time")
					}
				}
			}
		})
	}
}

func TestWhereARetransmissionEnds(t *testing.T) {
	t.Run("ten requests, and any server is asked", func(t *testing.T) {
		b := newBench(t, both)
		b.step(LinkUp{})
		b.answer(dhcpv6.MessageTypeAdvertise, usual(address, delegated)...)
		b.wake()
		for range 9 {
			b.wake()
			b.last(dhcpv6.MessageTypeRequest)
		}
		b.wake()
		b.last(dhcpv6.MessageTypeSolicit)
	})
	t.Run("a lease that nobody verifies is used", func(t *testing.T) {
		b := newBench(t, both)
		b.bind(usual(address, delegated)...)
		b.step(LinkDown{})
		b.has(address, delegated)
		b.step(LinkUp{})
		begun := b.now
		for b.c.Phase() == Verifying {
			b.wake()
		}
		b.phase(Bound)
		if d := b.now - begun; d < 10*time.Second || d > 12*time.Second {
			t.Errorf("after %v", d)
		}
		b.has(address, delegated)
		if b.c.Doubt() == "" {
			t.Error("nothing says so")
		}
	})
	t.Run("renew becomes rebind, and the end is the end", func(t *testing.T) {
		b := newBench(t, both)
		b.bind(usual(address, delegated)...)
		start := b.now
		seen := map[Phase]time.Duration{}
		for b.c.Lease() != nil {
			b.wake()
			if _, again := seen[b.c.Phase()]; !again {
				seen[b.c.Phase()] = b.now - start
			}
		}
		if seen[Renewing] != 20*time.Minute || seen[Rebinding] != 40*time.Minute || seen[Soliciting] != 2*time.Hour {
			t.Errorf("%v", seen)
		}
		b.last(dhcpv6.MessageTypeSolicit)
	})
	t.Run("four releases", func(t *testing.T) {
		b := newBench(t, both)
		b.bind(usual(address, delegated)...)
		b.step(Release{})
		if b.c.Lease() != nil {
			t.Error("it is still in use")
		}
		for range 3 {
			b.wake()
		}
		b.wake()
		if len(b.sent) != 0 || !b.c.Gone() || b.c.Deadline() != Forever {
			t.Errorf("%d messages, gone %v", len(b.sent), b.c.Gone())
		}
	})
	t.Run("a release that is answered", func(t *testing.T) {
		b := newBench(t, both)
		b.bind(usual(address, delegated)...)
		b.step(Release{})
		m := b.last(dhcpv6.MessageTypeRelease)
		if m.Options.OneIAPD() == nil || m.Options.OneIANA() == nil || !m.Options.ServerID().Equal(serverDUID) {
			t.Errorf("release: %s", m.Summary())
		}
		b.answer(dhcpv6.MessageTypeReply)
		if !b.c.Gone() {
			t.Error("not gone")
		}
	})
}

func TestRenewals(t *testing.T) {
	status := func(code iana.StatusCode) *dhcpv6.OptIAPD {
		pd := &dhcpv6.OptIAPD{IaId: [4]byte{1, 2, 3, 4}}
		pd.Options.Add(&dhcpv6.OptStatusCode{StatusCode: code})
		return pd
	}
	join := func(lists ...[]dhcpv6.Option) []dhcpv6.Option { // of one association of each kind
		return slices.Concat(lists...)
	}
	taken := func(old, new netip.Prefix) []dhcpv6.Option {
		options := leased(time.Hour, 2*time.Hour, 20*time.Minute, 40*time.Minute, new)
		pd := options[0].(*dhcpv6.OptIAPD)
		pd.Options.Add(&dhcpv6.OptIAPrefix{Prefix: &net.IPNet{IP: old.Addr().AsSlice(), Mask: net.CIDRMask(old.Bits(), 128)}})
		return options
	}
	for _, test := range []struct {
		name   string
		answer []dhcpv6.Option
		phase  Phase
		want   []netip.Prefix
	}{
		{"the same again", usual(address, delegated), Bound, []netip.Prefix{address, delegated}},
		{"what is not mentioned stays to its end", usual(delegated), Bound, []netip.Prefix{address, delegated}},
		{"another prefix beside the one before", usual(another), Bound, []netip.Prefix{address, another, delegated}},
		{"another prefix in the place of the one before", taken(delegated, another), Bound, []netip.Prefix{address, another}},
		{"everything is taken back", leased(0, 0, 0, 0, address, delegated), Waiting, nil},
		{"nothing at all: asking goes on", nil, Renewing, []netip.Prefix{address, delegated}},
		{"the server knows nothing of it, and is asked for it", join(usual(address), []dhcpv6.Option{status(iana.StatusNoBinding)}), Requesting, []netip.Prefix{address, delegated}},
		{"no prefixes: what there is stays to its end", join(usual(address), []dhcpv6.Option{status(iana.StatusNoPrefixAvail)}), Bound, []netip.Prefix{address, delegated}},
		{"failure: asking goes on", []dhcpv6.Option{&dhcpv6.OptStatusCode{StatusCode: iana.StatusUnspecFail}}, Renewing, []netip.Prefix{address, delegated}},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t, both)
			b.bind(usual(address, delegated)...)
			b.wake()
			b.last(dhcpv6.MessageTypeRenew)
			b.answer(dhcpv6.MessageTypeReply, test.answer...)
			b.phase(test.phase)
			b.has(test.want...)
		})
	}
}

func TestARenewalOfWhatTheServerDoesNotKnow(t *testing.T) {
	b := newBench(t, Wants{Prefix: true})
	b.bind(usual(delegated)...)
	b.wake()
	none := &dhcpv6.OptIAPD{IaId: [4]byte{1, 2, 3, 4}}
	none.Options.Add(&dhcpv6.OptStatusCode{StatusCode: iana.StatusNoBinding})
	b.answer(dhcpv6.MessageTypeReply, none)
	b.last(dhcpv6.MessageTypeRequest)
	b.answer(dhcpv6.MessageTypeReply, usual(another)...)
	b.phase(Bound)
	b.has(another)
}

func TestAnotherServerAnswersARebindAndIsAskedFromThen(t *testing.T) {
	b := newBench(t, Wants{Prefix: true})
	b.bind(usual(delegated)...)
	for b.c.Phase() != Rebinding {
		b.wake()
	}
	b.step(Datagram{serverIP, b.message(dhcpv6.MessageTypeReply, otherDUID, usual(delegated)...)})
	b.phase(Bound)
	b.wake()
	if m := b.last(dhcpv6.MessageTypeRenew); !m.Options.ServerID().Equal(otherDUID) {
		t.Errorf("asked %v", m.Options.ServerID())
	}
}

func TestAConfirm(t *testing.T) {
	for _, test := range []struct {
		name  string
		code  iana.StatusCode
		phase Phase
		want  []netip.Prefix
	}{
		{"the address holds here", iana.StatusSuccess, Bound, []netip.Prefix{address}},
		{"it does not", iana.StatusNotOnLink, Waiting, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t, Wants{Address: true})
			b.bind(usual(address)...)
			b.now += time.Minute
			b.step(LinkDown{})
			b.step(LinkUp{})
			m := b.last(dhcpv6.MessageTypeConfirm)
			if m.Options.ServerID() != nil || m.Options.OneIANA().Options.OneAddress() == nil {
				t.Errorf("confirm: %s", m.Summary())
			}
			b.answer(dhcpv6.MessageTypeReply, &dhcpv6.OptStatusCode{StatusCode: test.code})
			b.phase(test.phase)
			b.has(test.want...)
		})
	}
}

func TestAnAddressThatAnotherMachineHasIsDeclined(t *testing.T) {
	b := newBench(t, both)
	b.bind(usual(address, delegated)...)
	b.step(Conflict{address.Addr()})
	m := b.last(dhcpv6.MessageTypeDecline)
	if m.Options.OneIAPD() != nil || !m.Options.OneIANA().Options.OneAddress().IPv6Addr.Equal(address.Addr().AsSlice()) {
		t.Errorf("decline: %s", m.Summary())
	}
	b.has(delegated)
	b.answer(dhcpv6.MessageTypeReply)
	before := b.now
	b.wake()
	if m := b.last(dhcpv6.MessageTypeSolicit); b.now-before < conflictPause || m.Options.OneIANA().Options.OneAddress() != nil {
		t.Errorf("after %v: %s", b.now-before, m.Summary())
	}
	b.has(delegated) // meanwhile
}

func TestWhatIsNoLease(t *testing.T) {
	b := newBench(t, Wants{Other: true})
	b.step(LinkUp{})
	m := b.last(dhcpv6.MessageTypeInformationRequest)
	if m.Options.OneIANA() != nil || !m.IsOptionRequested(dhcpv6.OptionInformationRefreshTime) {
		t.Errorf("%s", m.Summary())
	}
	b.answer(dhcpv6.MessageTypeReply, dhcpv6.OptDNS(net.ParseIP("2001:db8::53")), dhcpv6.OptInformationRefreshTime(time.Second))
	b.phase(Informed)
	if l := b.c.Lease(); len(l.DNS) != 1 || l.Renew != b.now+10*time.Minute {
		t.Errorf("%+v", l)
	}
	b.wake()
	b.last(dhcpv6.MessageTypeInformationRequest)
	if len(b.c.Lease().DNS) != 1 {
		t.Error("it is forgotten while it is asked for anew")
	}
}

func TestWhatIsAskedForChanges(t *testing.T) {
	b := newBench(t, Wants{Other: true})
	b.step(LinkUp{})
	b.step(Configure{Wants{Address: true, Other: true}})
	m := b.last(dhcpv6.MessageTypeSolicit)
	if m.Options.OneIAPD() != nil {
		t.Error("a prefix is asked for")
	}
	b.answer(dhcpv6.MessageTypeReply, append(usual(address), &dhcpv6.OptionGeneric{OptionCode: dhcpv6.OptionRapidCommit})...)
	b.has(address)
	b.step(Configure{both})
	if m := b.last(dhcpv6.MessageTypeRenew); m.Options.OneIAPD() == nil {
		t.Error("the prefix is not asked for")
	}
	b.answer(dhcpv6.MessageTypeReply, usual(address, delegated)...)
	b.step(Configure{Wants{Prefix: true}})
	b.phase(Bound)
	b.has(delegated)
	b.step(Configure{Wants{}})
	b.phase(Idle)
	b.has()
	if b.c.Deadline() != Forever {
		t.Error("something is waited for")
	}
}

func TestALeaseIsAdoptedByTheNextProcess(t *testing.T) {
	b := newBench(t, both)
	b.bind(append(usual(address, delegated), dhcpv6.OptDomainSearchList(&rfc1035label.Labels{Labels: []string{"lan.example"}}))...)
	before := b.c.Lease()
	stored, err := Restore(before.Encode(ourID), before.Start, before.Server, ourID)
	if err != nil {
		t.Fatal(err)
	}
	b.c = New(ourID, stored, nil)
	b.has(address, delegated)
	l := b.c.Lease()
	if l.Renew != before.Renew || l.Rebind != before.Rebind || l.ends() != before.ends() || !slices.Equal(l.DNS, before.DNS) || !slices.Equal(l.Search, []string{"lan.example"}) || !bytes.Equal(l.ServerID, before.ServerID) {
		t.Errorf("got %+v, want %+v", l, before)
	}
	b.step(Configure{both})
	b.step(LinkUp{})
	b.last(dhcpv6.MessageTypeRebind)
	b.answer(dhcpv6.MessageTypeReply, usual(address, delegated)...)
	b.phase(Bound)
	if _, err := Restore(before.Encode(ourID), before.Start, before.Server, Identity{DUID: []byte{0, 3, 0, 1, 9}, IAID: ourID.IAID}); err == nil {
		t.Error("a lease of another machine is taken")
	}
}

func TestWhatItHadBeforeARebootIsAskedForFirst(t *testing.T) {
	b := newBench(t, both)
	b.c = New(ourID, nil, []netip.Prefix{address, delegated, netip.MustParsePrefix("fe80::/64")})
	b.step(Configure{both})
	b.step(LinkUp{})
	m := b.last(dhcpv6.MessageTypeSolicit)
	if len(m.Options.OneIAPD().Options.Prefixes()) != 1 || m.Options.OneIANA().Options.OneAddress() == nil {
		t.Errorf("%s", m.Summary())
	}
}

func TestOnlyTheServerThatIsAskedAnswersForALease(t *testing.T) {
	b := newBench(t, Wants{Prefix: true})
	b.step(LinkUp{})
	b.answer(dhcpv6.MessageTypeAdvertise, usual(delegated)...)
	b.wake()
	b.phase(Requesting)
	b.step(Datagram{serverIP, b.message(dhcpv6.MessageTypeReply, otherDUID, usual(another)...)})
	b.phase(Requesting)
	b.answer(dhcpv6.MessageTypeReply, usual(delegated)...)
	b.wake()
	b.phase(Renewing)
	b.step(Datagram{serverIP, b.message(dhcpv6.MessageTypeReply, otherDUID, usual(another)...)})
	b.phase(Renewing)
	b.has(delegated)
}

func TestARequestThatIsNotForThisLinkIsMadeAnewWithoutWhatItNamed(t *testing.T) {
	b := newBench(t, both)
	b.c = New(ourID, nil, []netip.Prefix{address, delegated})
	b.step(Configure{both})
	b.step(LinkUp{})
	b.answer(dhcpv6.MessageTypeAdvertise, usual(address, delegated)...)
	b.wake()
	b.answer(dhcpv6.MessageTypeReply, &dhcpv6.OptStatusCode{StatusCode: iana.StatusNotOnLink})
	b.phase(Waiting)
	b.wake()
	if m := b.last(dhcpv6.MessageTypeSolicit); m.Options.OneIANA().Options.OneAddress() != nil {
		t.Errorf("%s", m.Summary())
	}
}

func TestALinkThatFlapsIsNoStorm(t *testing.T) {
	b := newBench(t, both)
	sent := 0
	for range 100 {
		b.step(LinkUp{})
		sent += len(b.sent)
		b.now += 10 * time.Millisecond
		b.step(LinkDown{})
	}
	if sent > 2 {
		t.Errorf("%d messages in a second", sent)
	}
}

func TestALeaseThatWasRenewedForgetsRefusals(t *testing.T) {
	b := newBench(t, Wants{Prefix: true})
	b.step(LinkUp{})
	refuse := func() (pause time.Duration) {
		b.answer(dhcpv6.MessageTypeAdvertise, append(usual(delegated), &dhcpv6.OptionGeneric{OptionCode: dhcpv6.OptionPreference, OptionData: []byte{255}})...)
		b.answer(dhcpv6.MessageTypeReply)
		b.phase(Waiting)
		pause = b.c.Deadline() - b.now
		b.wake()
		return pause
	}
	for range 5 {
		refuse()
	}
	b.answer(dhcpv6.MessageTypeReply, append(usual(delegated), &dhcpv6.OptionGeneric{OptionCode: dhcpv6.OptionRapidCommit})...)
	b.wake()
	b.answer(dhcpv6.MessageTypeReply, usual(delegated)...)
	b.wake()
	b.answer(dhcpv6.MessageTypeReply, leased(0, 0, 0, 0, delegated)...)
	if pause := b.c.Deadline() - b.now; pause != time.Second {
		t.Errorf("a pause of %v", pause)
	}
}
