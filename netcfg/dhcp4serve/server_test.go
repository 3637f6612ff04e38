package dhcp4serve

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

var (
	own      = netip.MustParsePrefix("192.168.1.1/24")
	nobody   = netip.Addr{}
	discover = dhcpv4.MessageTypeDiscover
	request_ = dhcpv4.MessageTypeRequest
)

func ip(text string) netip.Addr { return netip.MustParseAddr(text) }

func pool(first, last string) Config {
	return Config{Own: own, First: ip(first), Last: ip(last), Lease: time.Hour, Router: own.Addr(), DNS: []netip.Addr{own.Addr()}, Domain: "lan.example", Taken: []string{"router-1"}}
}

// world is a server and the time.
type world struct {
	t   *testing.T
	s   *Server
	now time.Duration
	// squatters answer ARP.
	squatters map[netip.Addr][6]byte
	notes     []string
}

func newWorld(t *testing.T, c Config) *world {
	return &world{t: t, s: New(0, c, nil), squatters: map[netip.Addr][6]byte{}}
}

func card(n int) [6]byte { return [6]byte{2, 0, byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)} }

// message is one of a client.
func message(kind dhcpv4.MessageType, mac [6]byte, more ...dhcpv4.Modifier) []byte {
	m, err := dhcpv4.New(append([]dhcpv4.Modifier{dhcpv4.WithHwAddr(mac[:]), dhcpv4.WithMessageType(kind)}, more...)...)
	if err != nil {
		panic(err)
	}
	return m.ToBytes()
}

func wants(a netip.Addr) dhcpv4.Modifier {
	return dhcpv4.WithOption(dhcpv4.OptRequestedIPAddress(a.AsSlice()))
}
func of(server netip.Addr) dhcpv4.Modifier {
	return dhcpv4.WithOption(dhcpv4.OptServerIdentifier(server.AsSlice()))
}
func has(a netip.Addr) dhcpv4.Modifier { return dhcpv4.WithClientIP(a.AsSlice()) }
func called(name string) dhcpv4.Modifier {
	return dhcpv4.WithOption(dhcpv4.OptHostName(name))
}
func identified(id string) dhcpv4.Modifier {
	return dhcpv4.WithOption(dhcpv4.OptClientIdentifier([]byte(id)))
}

// take lets the actions happen, and returns what was sent.
func (w *world) take(actions []Action) (sent []Send) {
	for _, action := range actions {
		switch a := action.(type) {
		case Send:
			sent = append(sent, a)
		case Probe:
			if mac, there := w.squatters[a.Address]; there {
				sent = append(sent, w.take(w.s.Step(w.now, ARP{MAC: mac, Address: a.Address}))...)
			}
		case Note:
			w.notes = append(w.notes, a.Text)
		}
	}
	return sent
}

// ask sends a message and returns the answer to it, if there is one within a few seconds.
func (w *world) ask(payload []byte) (*dhcpv4.DHCPv4, Send) {
	w.t.Helper()
	sent := w.take(w.s.Step(w.now, Datagram{payload}))
	for end := w.now + 3*time.Second; len(sent) == 0 && w.s.Deadline() < end; {
		w.now = w.s.Deadline()
		sent = w.take(w.s.Step(w.now, nil))
	}
	if len(sent) == 0 {
		return nil, Send{}
	}
	if len(sent) > 1 {
		w.t.Errorf("%d answers to one message", len(sent))
	}
	m, err := dhcpv4.FromBytes(sent[0].Payload)
	if err != nil {
		w.t.Fatal(err)
	}
	return m, sent[0]
}

// join is what a client does that has no address: it returns the one that it gets, nobody for none.
func (w *world) join(mac [6]byte, more ...dhcpv4.Modifier) netip.Addr {
	w.t.Helper()
	offer, _ := w.ask(message(discover, mac, more...))
	if offer == nil {
		return nobody
	}
	a := addressOf(offer.YourIPAddr.To4())
	ack, _ := w.ask(message(request_, mac, append(more, wants(a), of(own.Addr()))...))
	if ack == nil || ack.MessageType() != dhcpv4.MessageTypeAck || addressOf(ack.YourIPAddr.To4()) != a {
		w.t.Fatalf("offered %v, then %v", a, ack)
	}
	return a
}

// outcome is "ACK 192.168.1.100", "NAK", "OFFER ..." or "silence".
func outcome(m *dhcpv4.DHCPv4) string {
	switch {
	case m == nil:
		return "silence"
	case m.MessageType() == dhcpv4.MessageTypeNak:
		return "NAK"
	}
	return fmt.Sprintf("%v %v", m.MessageType(), m.YourIPAddr)
}

// RFC 2131, 4.3.2 and its table: what a server answers to requests in each state of the client.
func TestRequestsAreAnsweredByTheStateOfTheClient(t *testing.T) {
	const known, other, stranger = 1, 2, 3
	for _, tt := range []struct {
		name    string
		mac     int
		message []dhcpv4.Modifier
		want    string
	}{
		{"INIT-REBOOT with its own address", known, []dhcpv4.Modifier{wants(ip("192.168.1.100"))}, "ACK 192.168.1.100"},
		{"INIT-REBOOT with another's address", known, []dhcpv4.Modifier{wants(ip("192.168.1.101"))}, "NAK"},
		{"INIT-REBOOT with an address that it has not", known, []dhcpv4.Modifier{wants(ip("192.168.1.110"))}, "NAK"},
		{"INIT-REBOOT from another network", known, []dhcpv4.Modifier{wants(ip("10.0.0.5"))}, "NAK"},
		{"INIT-REBOOT of a stranger from another network", stranger, []dhcpv4.Modifier{wants(ip("10.0.0.5"))}, "NAK"},
		{"INIT-REBOOT of a stranger with a free address of the pool", stranger, []dhcpv4.Modifier{wants(ip("192.168.1.110"))}, "ACK 192.168.1.110"},
		{"INIT-REBOOT of a stranger with somebody's address", stranger, []dhcpv4.Modifier{wants(ip("192.168.1.101"))}, "NAK"},
		{"INIT-REBOOT of a stranger with an address that is not in the pool", stranger, []dhcpv4.Modifier{wants(ip("192.168.1.9"))}, "silence"},
		{"INIT-REBOOT with the server's address", stranger, []dhcpv4.Modifier{wants(own.Addr())}, "NAK"},
		{"INIT-REBOOT with a host's address", stranger, []dhcpv4.Modifier{wants(ip("192.168.1.20"))}, "NAK"},
		{"RENEWING", known, []dhcpv4.Modifier{has(ip("192.168.1.100"))}, "ACK 192.168.1.100"},
		{"RENEWING an address of which nothing is known any more", stranger, []dhcpv4.Modifier{has(ip("192.168.1.111"))}, "ACK 192.168.1.111"},
		{"RENEWING somebody's address", stranger, []dhcpv4.Modifier{has(ip("192.168.1.100"))}, "NAK"},
		{"REBINDING in another network", known, []dhcpv4.Modifier{has(ip("172.16.0.9"))}, "NAK"},
		{"SELECTING another server", other, []dhcpv4.Modifier{wants(ip("192.168.1.7")), of(ip("192.168.1.2"))}, "silence"},
		{"SELECTING what was not offered and is somebody's", stranger, []dhcpv4.Modifier{wants(ip("192.168.1.100")), of(own.Addr())}, "NAK"},
		{"SELECTING what is not given away", stranger, []dhcpv4.Modifier{wants(ip("192.168.1.9")), of(own.Addr())}, "NAK"},
		{"a request for nothing", known, nil, "silence"},
		{"a request with both addresses", known, []dhcpv4.Modifier{has(ip("192.168.1.100")), wants(ip("192.168.1.100"))}, "silence"},
		{"of a relay", known, []dhcpv4.Modifier{wants(ip("192.168.1.100")), dhcpv4.WithGatewayIP(ip("192.168.1.3").AsSlice())}, "silence"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := pool("192.168.1.100", "192.168.1.199")
			c.Hosts = []Host{{"printer", card(77), ip("192.168.1.20")}}
			w := newWorld(t, c)
			for mac, a := range map[int]string{known: "192.168.1.100", other: "192.168.1.101"} {
				w.s.enter(Binding{Address: ip(a), Client: clientOf(nil, card(mac)), MAC: card(mac), Until: time.Hour})
			}
			m, send := w.ask(message(request_, card(tt.mac), tt.message...))
			if got := outcome(m); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
			if m != nil && m.MessageType() == dhcpv4.MessageTypeNak && send.To != broadcast {
				t.Errorf("a NAK to %v", send.To)
			}
			if m != nil && !m.ServerIdentifier().Equal(own.Addr().AsSlice()) {
				t.Errorf("of server %v", m.ServerIdentifier())
			}
		})
	}
}

func TestAnAnswerHasWhatWasAskedFor(t *testing.T) {
	c := pool("192.168.1.100", "192.168.1.199")
	c.NTP, c.Options = []netip.Addr{ip("192.168.1.5")}, map[uint8][]byte{66: []byte("boot"), 150: {1, 2, 3, 4}}
	w := newWorld(t, c)
	offer, send := w.ask(message(discover, card(1), identified("\x00me"), dhcpv4.WithRequestedOptions(dhcpv4.OptionRouter, dhcpv4.OptionNTPServers, dhcpv4.GenericOptionCode(66)),
		dhcpv4.WithOption(dhcpv4.OptGeneric(dhcpv4.OptionRelayAgentInformation, []byte{1, 1, 9}))))
	for code, want := range map[uint8][]byte{
		61: []byte("\x00me"), 82: {1, 1, 9}, 3: {192, 168, 1, 1}, 42: {192, 168, 1, 5}, 66: []byte("boot"), 51: {0, 0, 0x0e, 0x10}, 58: {0, 0, 7, 8}, 59: {0, 0, 0x0c, 0x4e}, 6: nil, 150: nil, 15: nil,
	} {
		if got := offer.Options.Get(dhcpv4.GenericOptionCode(code)); !slices.Equal(got, want) {
			t.Errorf("option %d: got %v, want %v", code, got, want)
		}
	}
	if send.To != addressOf(offer.YourIPAddr.To4()) || send.MAC != card(1) {
		t.Errorf("sent to %v at %x", send.To, send.MAC)
	}
	offer, send = w.ask(message(discover, card(1), identified("\x00me"), dhcpv4.WithBroadcast(true)))
	if send.To != broadcast || offer.Options.Get(dhcpv4.GenericOptionCode(6)) == nil {
		t.Errorf("who asks for a broadcast is answered to %v, with %v", send.To, offer)
	}
	_, send = w.ask(message(request_, card(1), identified("\x00me"), has(addressOf(offer.YourIPAddr.To4()))))
	if send.MAC != [6]byte{} || send.To != addressOf(offer.YourIPAddr.To4()) {
		t.Errorf("a renewal is answered to %v at %x", send.To, send.MAC)
	}
	informed, send := w.ask(message(dhcpv4.MessageTypeInform, card(9), has(ip("192.168.1.8"))))
	if informed == nil || informed.MessageType() != dhcpv4.MessageTypeAck || !informed.YourIPAddr.IsUnspecified() || informed.Options.Get(dhcpv4.OptionIPAddressLeaseTime) != nil || send.To != ip("192.168.1.8") {
		t.Errorf("INFORM: %v to %v", informed, send.To)
	}
}

func TestALeaseIsAsLongAsTheClientWantsWithinBounds(t *testing.T) {
	for want, asked := range map[time.Duration]time.Duration{time.Hour: 24 * time.Hour, 2 * time.Minute: time.Second, 10 * time.Minute: 10 * time.Minute} {
		w := newWorld(t, pool("192.168.1.100", "192.168.1.199"))
		m, _ := w.ask(message(discover, card(1), dhcpv4.WithOption(dhcpv4.OptIPAddressLeaseTime(asked))))
		if got := m.IPAddressLeaseTime(0); got != want {
			t.Errorf("asked for %v: got %v, want %v", asked, got, want)
		}
	}
}

func TestAClientGetsTheSameAddressForYears(t *testing.T) {
	w := newWorld(t, pool("192.168.1.100", "192.168.1.149"))
	var mine [40]netip.Addr
	for year := range 3 {
		for i := range mine { // each comes for a day, and leaves
			a := w.join(card(i))
			if year > 0 && a != mine[i] {
				t.Fatalf("year %d: client %d has %v, before it had %v", year, i, a, mine[i])
			}
			mine[i] = a
			for range 24 {
				w.now += 30 * time.Minute
				if m, _ := w.ask(message(request_, card(i), has(a))); outcome(m) != "ACK "+a.String() {
					t.Fatalf("renewal: %s", outcome(m))
				}
			}
		}
		w.now += 300 * 24 * time.Hour
	}
	// Without any record it is the same one too, unless somebody else's falls on it.
	again, same := newWorld(t, pool("192.168.1.100", "192.168.1.149")), 0
	for i := range mine {
		if again.join(card(i)) == mine[i] {
			same++
		}
	}
	if same < len(mine)*3/4 {
		t.Errorf("of %d clients %d have the same address again", len(mine), same)
	}
}

func TestAnAddressThatSomebodyUsesIsNotOffered(t *testing.T) {
	w := newWorld(t, pool("192.168.1.100", "192.168.1.103"))
	first := w.s.choose(clientOf(nil, card(1)), card(1), nobody)
	w.squatters[first] = card(99)
	a := w.join(card(1))
	if a == first || a == nobody || w.s.Counts().Conflicts != 1 {
		t.Errorf("got %v though %v is somebody's; %+v", a, first, w.s.Counts())
	}
	delete(w.squatters, first)
	for i := range 3 {
		if got := w.join(card(10 + i)); got == first {
			t.Errorf("%v is given away %v later", first, w.now)
		}
	}
	w.now += barredFor
	if got := w.join(card(20)); got != first {
		t.Errorf("after ten minutes: got %v, want %v", got, first)
	}
}

func TestTheClientItselfIsNoConflict(t *testing.T) {
	w := newWorld(t, pool("192.168.1.100", "192.168.1.103"))
	first := w.s.choose(clientOf(nil, card(1)), card(1), nobody)
	w.squatters[first] = card(1)
	if a := w.join(card(1)); a != first {
		t.Errorf("got %v, want %v", a, first)
	}
}

func TestWhereAllAddressesAreUsedNobodyGetsOne(t *testing.T) {
	w := newWorld(t, pool("192.168.1.100", "192.168.1.120"))
	for n := 100; n <= 120; n++ {
		w.squatters[ip(fmt.Sprintf("192.168.1.%d", n))] = card(1000 + n)
	}
	if a := w.join(card(1)); a != nobody {
		t.Errorf("got %v", a)
	}
}

func TestADeclinedAddressComesBackAfterTenMinutes(t *testing.T) {
	w := newWorld(t, pool("192.168.1.100", "192.168.1.101"))
	a, b := w.join(card(1)), w.join(card(2))
	w.ask(message(dhcpv4.MessageTypeDecline, card(3), wants(a), of(own.Addr()))) // not its own
	if w.s.Counts().Declined != 0 {
		t.Error("a stranger declines")
	}
	w.ask(message(dhcpv4.MessageTypeDecline, card(1), wants(a), of(own.Addr())))
	if got := w.join(card(3)); got != nobody {
		t.Errorf("got %v: %v is declined, %v is somebody's", got, a, b)
	}
	w.now += barredFor
	if got := w.join(card(3)); got != a {
		t.Errorf("got %v, want %v", got, a)
	}
}

func TestAReleasedAddressIsKeptUntilItIsNeeded(t *testing.T) {
	w := newWorld(t, pool("192.168.1.100", "192.168.1.101"))
	a := w.join(card(1))
	w.ask(message(dhcpv4.MessageTypeRelease, card(2), has(a), of(own.Addr())))
	if !w.lives(a) {
		t.Fatal("a stranger releases")
	}
	w.ask(message(dhcpv4.MessageTypeRelease, card(1), has(a), of(own.Addr())))
	if w.lives(a) {
		t.Error("it has not ended")
	}
	b := w.join(card(2))
	if b == a {
		t.Errorf("%v is another's, and there was a new one", b)
	}
	if c := w.join(card(3)); c != a {
		t.Errorf("got %v, want %v, which nobody needs", c, a)
	}
}

func (w *world) lives(a netip.Addr) bool {
	b := w.s.at(a)
	return b != nil && b.Until > w.now
}

func TestHostsGetTheirAddress(t *testing.T) {
	c := pool("192.168.1.100", "192.168.1.101")
	c.Hosts = []Host{{"printer", card(7), ip("192.168.1.9")}, {"inside", card(8), ip("192.168.1.100")}, {"elsewhere", card(9), ip("10.0.0.1")}}
	w := newWorld(t, c)
	if a := w.join(card(7), called("other"), identified("\x00some")); a != ip("192.168.1.9") {
		t.Errorf("got %v", a)
	}
	if name := w.s.at(ip("192.168.1.9")).Name; name != "printer" {
		t.Errorf("it is called %q", name)
	}
	if a := w.join(card(1)); a != ip("192.168.1.101") {
		t.Errorf("a stranger has %v", a)
	}
	if a := w.join(card(2)); a != nobody {
		t.Errorf("the address of a host is given to a stranger: %v", a)
	}
	if a := w.join(card(7), identified("\x00boot loader")); a != ip("192.168.1.9") {
		t.Errorf("with another identifier: %v", a)
	}
	// It becomes a host while it has another address.
	c.Hosts = append(c.Hosts, Host{"late", card(1), ip("192.168.1.50")})
	w.s.Configure(c)
	if m, _ := w.ask(message(request_, card(1), has(ip("192.168.1.101")))); outcome(m) != "NAK" {
		t.Errorf("a renewal of the old address: %s", outcome(m))
	}
	if a := w.join(card(1)); a != ip("192.168.1.50") {
		t.Errorf("got %v", a)
	}
}

func TestTwoNamesAreNotTheSame(t *testing.T) {
	c := pool("192.168.1.100", "192.168.1.199")
	c.Hosts = []Host{{"printer", card(77), ip("192.168.1.9")}}
	w := newWorld(t, c)
	for i, tt := range []struct{ said, want string }{
		{"Laptop", "laptop"}, {"laptop", ""}, {"PRINTER", ""}, {"Router-1", ""}, {"wpad", ""}, {"phone.evil.example", "phone"}, {"a b", ""},
		{"x\ny", ""}, {"-dash", ""}, {"\xff\xfe", ""}, {"tail\x00\x00", "tail"}, {"localhost", ""}, {"192", "192"},
	} {
		a := w.join(card(i), called(tt.said))
		if got := w.s.at(a).Name; got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.said, got, tt.want)
		}
	}
	w.now += 2 * time.Hour // all have ended: a name is free again
	if a := w.join(card(50), called("laptop")); w.s.at(a).Name != "laptop" {
		t.Error("a name is never free again")
	}
}

func TestAFloodOfStrangersTakesNothingFromTheKnown(t *testing.T) {
	w := newWorld(t, pool("192.168.1.100", "192.168.1.199"))
	var mine [50]netip.Addr
	for i := range mine {
		mine[i] = w.join(card(i))
	}
	w.now += 24 * time.Hour // they are away, their leases have ended
	for i := range 60000 {
		w.now += 50 * time.Microsecond // 20,000 a second
		w.take(w.s.Step(w.now, Datagram{message(discover, card(1000000+i))}))
		if len(w.s.offers) > mostOffers || len(w.s.bindings) > 100 || len(w.s.barred) > mostBarred {
			t.Fatalf("%d offers, %d bindings, %d barred", len(w.s.offers), len(w.s.bindings), len(w.s.barred))
		}
		if back := i / 6000; i%6000 == 5999 {
			if m, _ := w.ask(message(request_, card(back), wants(mine[back]))); outcome(m) != "ACK "+mine[back].String() {
				t.Errorf("client %d comes back in the flood: %s", back, outcome(m))
			}
		}
	}
	if w.s.Counts().Overload == 0 {
		t.Error("everything was answered")
	}
	for i := range mine {
		if m, _ := w.ask(message(request_, card(i), wants(mine[i]))); outcome(m) != "ACK "+mine[i].String() {
			t.Errorf("client %d comes back: %s", i, outcome(m))
		}
	}
}

func TestARestartKnowsAllAgain(t *testing.T) {
	w := newWorld(t, pool("192.168.1.100", "192.168.1.103"))
	a, b := w.join(card(1), called("one")), w.join(card(2))
	w.s = New(w.now, pool("192.168.1.100", "192.168.1.103"), w.s.Bindings())
	if got := w.s.at(a); got == nil || got.Name != "one" || got.Until <= w.now {
		t.Errorf("got %+v", got)
	}
	if m, _ := w.ask(message(request_, card(2), has(b))); outcome(m) != "ACK "+b.String() {
		t.Errorf("got %s", outcome(m))
	}
	// After a reboot nobody knows when a lease ends: a whole one from now.
	kept := w.s.Bindings()
	for i := range kept {
		kept[i].Until = Forever
	}
	s := New(5*time.Second, pool("192.168.1.100", "192.168.1.103"), append(kept, Binding{Address: ip("10.0.0.1"), Client: "mac:x"}, Binding{Address: a, Client: "twice"}, Binding{Address: ip("192.168.1.103")}))
	if got := s.Bindings(); len(got) != 2 || got[0].Until != 5*time.Second+time.Hour {
		t.Errorf("got %+v", got)
	}
}

func TestAnotherRangeMovesClientsWithTheirNextRequest(t *testing.T) {
	w := newWorld(t, pool("192.168.1.100", "192.168.1.103"))
	a := w.join(card(1))
	w.s.Configure(pool("192.168.1.200", "192.168.1.203"))
	if m, _ := w.ask(message(request_, card(1), has(a))); outcome(m) != "NAK" {
		t.Errorf("got %s", outcome(m))
	}
	if b := w.join(card(1)); b.Less(ip("192.168.1.200")) {
		t.Errorf("got %v", b)
	}
}

func TestTheServersOwnAddressIsNotGivenAway(t *testing.T) {
	w := newWorld(t, pool("192.168.1.1", "192.168.1.2"))
	if a := w.join(card(1)); a != ip("192.168.1.2") {
		t.Errorf("got %v", a)
	}
	if a := w.join(card(2)); a != nobody {
		t.Errorf("got %v", a)
	}
}

// Whatever arrives, there is no panic, nothing outside of the network is given away, and memory stays bounded.
func FuzzServer(f *testing.F) {
	f.Add(message(discover, card(1)), message(request_, card(1), wants(ip("192.168.1.100"))))
	f.Add(message(request_, card(1), has(ip("192.168.1.100"))), message(dhcpv4.MessageTypeDecline, card(1), wants(ip("192.168.1.100"))))
	f.Add(message(discover, card(2), called("x"), identified("abc")), []byte{1, 1, 6})
	f.Fuzz(func(t *testing.T, first, second []byte) {
		w := newWorld(t, pool("192.168.1.100", "192.168.1.103"))
		for _, payload := range [][]byte{first, second, first} {
			for _, a := range w.s.Step(w.now, Datagram{payload}) {
				if send, ok := a.(Send); ok {
					if m, err := dhcpv4.FromBytes(send.Payload); err != nil || len(send.Payload) > 1400 {
						t.Fatalf("%d bytes: %v", len(send.Payload), err)
					} else if y := addressOf(m.YourIPAddr.To4()); y.IsValid() && (y.Less(ip("192.168.1.100")) || ip("192.168.1.103").Less(y)) {
						t.Fatalf("gave %v away", y)
					}
				}
			}
			w.now += time.Second
			w.s.Step(w.now, nil)
		}
		if len(w.s.bindings) > 4 || len(w.s.offers) > 4 {
			t.Fatalf("%d bindings, %d offers", len(w.s.bindings), len(w.s.offers))
		}
	})
}
