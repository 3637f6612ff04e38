// Package dhcp4 is a DHCPv4 client without input and output (RFC 2131, 2132,
// 3396, 3442, 5227): Step takes the time, some randomness and an event, and
// returns what to send. Who calls it owns sockets, clock and disk.
//
// The clock must count on through suspend and never jump (CLOCK_BOOTTIME); a
// change of the time of day moves nothing here.
//
// Departures from the RFCs, all on purpose: no random delay of up to ten
// seconds before the first message; three ARP probes 50 ms apart instead of
// three in four to seven seconds, because a server has looked already and we
// keep watching afterwards; no RELEASE, as the address is wanted again after a
// reboot; a lease in use that no server confirms is kept, but after two requests
// another one is asked for beside it: most servers say nothing (RFC 2131, 4.3.2)
// to who comes from another network. Not done: the MTU option.
package dhcp4

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"
)

// Identity is what the client says of itself in every message.
type Identity struct {
	MAC      [6]byte
	Hostname string // e.g. "bantam"; "" sends none
	Vendor   string // option 60
}

// Event is one of the event types below; a nil Event only lets time pass.
type Event any

type (
	// CarrierUp says that the link came up; so does the start.
	CarrierUp struct{}
	// CarrierDown says that the cable was pulled. It removes nothing.
	CarrierDown struct{}
	// Servers says whom to believe, by option 54; nobody named: every server. A
	// lease of another one is given up.
	Servers struct{ Believed []netip.Addr }
	// Renew asks for the lease anew, as if the cable had been pulled for a moment.
	Renew struct{}
	// Datagram is the payload of a UDP datagram that arrived at port 68.
	Datagram struct{ Payload []byte }
	// ARP is any ARP packet seen on the link.
	ARP struct {
		Frame          [6]byte // the source of the Ethernet frame
		SenderMAC      [6]byte // what the packet itself says
		Sender, Target netip.Addr
		Own            bool // SenderMAC is another port of this machine
	}
)

// Action is one of the two types below.
type Action any

type (
	// SendDHCP sends Payload from From:68 to To:67; From may be 0.0.0.0, To 255.255.255.255.
	SendDHCP struct {
		From, To netip.Addr
		Payload  []byte
	}
	// SendARP broadcasts an ARP request: a probe when Sender is 0.0.0.0, else an announcement.
	SendARP struct{ Sender, Target netip.Addr }
)

// Phase is the state of RFC 2131's figure 5, with Stopped for no carrier and
// Waiting for the pause after a refusal.
type Phase int

const (
	Stopped Phase = iota
	Waiting
	Selecting
	Requesting
	Probing
	Rebooting
	Bound
	Renewing
	Rebinding
)

func (p Phase) String() string {
	return [...]string{"stopped", "waiting", "selecting", "requesting", "probing", "rebooting", "bound", "renewing", "rebinding"}[p]
}

const (
	requestTries   = 3 // then another server is asked for
	silentTries    = 2 // requests to keep a lease; with those that follow any server is asked for any
	minRetry       = time.Minute
	conflictPause  = 10 * time.Second
	maxPause       = 30 * time.Minute
	defendInterval = 10 * time.Second
	probeCount     = 3
	probeInterval  = 50 * time.Millisecond
	announceAgain  = 2 * time.Second
	flapInterval   = time.Second // a flapping link makes us send no more often than this
)

// Client is the state of one DHCPv4 client. Make it with New.
type Client struct {
	id    Identity
	phase Phase
	next  time.Duration // when the phase has something to do

	lease  *Lease     // in use
	known  *Lease     // what was last said of the one in use or asked for
	wanted *Lease     // Requesting: the offer; Probing: the acknowledged lease
	hint   netip.Addr // the address of before, asked for again

	believed []netip.Addr // servers; none: all

	xid      uint32
	begun    time.Duration // since when an address, or more time for it, is asked for
	secs     uint16        // the field of the last DISCOVER; the REQUEST after it has the same
	start    time.Duration // when the present request was sent: the lease counts from here
	attempts int           // messages sent in this phase
	lastSent time.Duration
	sentAny  bool

	failures int           // NAKs and conflicts in a row
	boundAt  time.Duration // when the lease came into use
	avoid    netip.Addr    // the server that offered and then did not deliver
	spare    *Lease        // its offer, taken when nobody else makes one

	announceAt time.Duration
	defendedAt time.Duration
	defended   bool

	trouble string // why the last answer was refused
	counts  Counts

	now    time.Duration
	random uint64
	out    []Action
}

// New returns a client that waits for CarrierUp. A stored lease is asked for
// again (INIT-REBOOT); with held it is in use meanwhile, because the time it
// has left is known.
func New(id Identity, stored *Lease, held bool) *Client {
	c := &Client{id: id, next: Forever, announceAt: Forever}
	if stored != nil {
		c.hint, c.known = stored.Address.Addr(), stored
		if held {
			c.lease = stored
		}
	}
	return c
}

// Remember makes the client ask for this address first: it had it once, and
// nothing else is known of its lease.
func (c *Client) Remember(a netip.Addr) {
	if !c.hint.IsValid() && a.Is4() && usableHost(a) {
		c.hint = a
	}
}

// Known returns the address that is asked for first when there is no lease; invalid for none.
func (c *Client) Known() netip.Addr { return c.hint }

// Phase returns the state the client is in.
func (c *Client) Phase() Phase { return c.phase }

// Lease returns the lease in use or nil. It is never changed, only replaced.
func (c *Client) Lease() *Lease { return c.lease }

// Watch returns the address whose ARP traffic the client wants to hear of.
func (c *Client) Watch() (netip.Addr, bool) {
	switch {
	case c.phase == Probing:
		return c.wanted.Address.Addr(), true
	case c.lease != nil:
		return c.lease.Address.Addr(), true
	}
	return netip.Addr{}, false
}

// Doubt says for people that no server confirms the lease in use; "" when one has.
func (c *Client) Doubt() string {
	switch {
	case c.lease == nil || c.phase == Stopped || c.phase == Bound || c.phase == Renewing || c.phase == Probing:
		return ""
	case c.phase == Rebooting && c.attempts <= silentTries:
		return ""
	}
	text := fmt.Sprintf("no server confirms the lease of %v", c.lease.Address.Addr())
	if c.trouble != "" {
		text += " (" + c.trouble + ")"
	}
	return text
}

// Counts is what arrived and was not used.
type Counts struct {
	Ignored int    // answers to no request of ours, ARP probes that are none
	Refused int    // answers to our requests that could not be used
	Refusal string // why, the last of them
}

// Counts returns what was not used since New.
func (c *Client) Counts() Counts { return c.counts }

// refuse notes an answer to our request that cannot be used.
func (c *Client) refuse(what string, why error) {
	c.trouble = what + " refused: " + why.Error()
	c.counts.Refused++
	c.counts.Refusal = c.trouble
}

// Transaction returns the number of the present exchange; answers with another one are ignored.
func (c *Client) Transaction() uint32 { return c.xid }

// Deadline returns when Step wants to be called though nothing happens, Forever for never.
func (c *Client) Deadline() time.Duration {
	d := min(c.next, c.announceAt)
	if c.lease != nil {
		d = min(d, c.lease.Expires)
	}
	return d
}

// Reason says for people what the client waits for; "" when it has its lease.
func (c *Client) Reason() string {
	if c.lease != nil {
		return ""
	}
	var text string
	switch c.phase {
	case Stopped:
		return "no carrier"
	case Waiting:
		text = "DHCP: pausing"
	case Selecting, Rebooting:
		text = "DHCP: no answer yet"
		if c.attempts > 1 {
			text = fmt.Sprintf("DHCP: no answer to %d requests", c.attempts)
		}
	case Requesting:
		text = fmt.Sprintf("DHCP: %v offered %v, not yet confirmed", c.wanted.Server, c.wanted.Address)
	case Probing:
		text = fmt.Sprintf("DHCP: looking whether somebody else uses %v", c.wanted.Address.Addr())
	}
	if c.trouble != "" {
		text += " (" + c.trouble + ")"
	}
	return text
}

// Step tells the client what happened and returns what it wants to be sent.
// random must be fresh and hard to guess: the transaction number is taken from it.
func (c *Client) Step(now time.Duration, random uint64, ev Event) []Action {
	c.now, c.random, c.out = now, random, nil
	if c.lease != nil && !c.lease.ValidAt(now) {
		c.expire()
	}
	switch ev := ev.(type) {
	case CarrierUp:
		c.carrierUp()
	case CarrierDown:
		c.enter(Stopped, Forever)
		c.announceAt, c.wanted = Forever, nil
	case Servers:
		c.believe(ev.Believed)
	case Renew:
		if c.phase != Stopped {
			c.phase = Stopped
			c.carrierUp()
		}
	case Datagram:
		if !c.receive(ev.Payload) {
			c.counts.Ignored++
		}
	case ARP:
		c.hear(ev)
	}
	if now >= c.announceAt {
		c.announceAt = Forever
		c.announce()
	}
	// A late wake-up can make one thing due after the other, e.g. a lease in use whose T1 is past.
	for range 4 {
		if c.lease != nil && !c.lease.ValidAt(now) {
			c.expire()
		}
		if now < c.next {
			break
		}
		c.tick()
	}
	return c.out
}

// enter changes the phase. Only here and in tick does the schedule move, so junk cannot move it.
func (c *Client) enter(p Phase, next time.Duration) {
	c.phase, c.next, c.attempts = p, next, 0
}

func (c *Client) carrierUp() {
	if c.phase != Stopped {
		return // said twice
	}
	at := c.now
	if c.sentAny {
		at = max(at, c.lastSent+flapInterval)
	}
	c.trouble, c.begun = "", at
	if c.hint.IsValid() {
		c.begin(Rebooting, at)
		return
	}
	c.begin(Selecting, at)
}

// begin starts a new exchange of messages.
func (c *Client) begin(p Phase, at time.Duration) {
	c.enter(p, at)
	c.xid, c.spare, c.wanted = uint32(c.random), nil, nil
}

// believe changes whom the client believes.
func (c *Client) believe(servers []netip.Addr) {
	c.believed = servers
	begin := c.wanted != nil && c.unbelieved(c.wanted.Server) != nil
	if c.spare != nil && c.unbelieved(c.spare.Server) != nil {
		c.spare = nil
	}
	if c.lease != nil {
		if why := c.unbelieved(c.lease.Server); why != nil {
			c.lease, c.hint, c.known, c.announceAt = nil, netip.Addr{}, nil, Forever
			c.trouble, begin = "lease given up: "+why.Error(), true
		}
	}
	if begin && c.phase != Stopped {
		c.begun = c.now
		c.begin(Selecting, c.now)
	}
}

// unbelieved says why a server is not believed; nil: it is.
func (c *Client) unbelieved(server netip.Addr) error {
	if len(c.believed) == 0 || slices.Contains(c.believed, server) {
		return nil
	}
	return fmt.Errorf("%v is not in dhcp_servers", server)
}

// tick does what the phase does when its time has come.
func (c *Client) tick() {
	switch c.phase {
	case Waiting:
		c.begun = c.now
		c.begin(Selecting, c.now)
		c.tick()
	case Selecting:
		if c.spare != nil {
			c.request(c.spare)
			return
		}
		c.sendDiscover()
		c.retry()
	case Requesting:
		if c.attempts == requestTries {
			c.avoid = c.wanted.Server
			c.begin(Selecting, c.now)
			c.tick()
			return
		}
		c.sendRequest()
		c.retry()
	case Probing:
		switch {
		case !c.wanted.ValidAt(c.now): // we were woken late
			c.begin(Selecting, c.now)
			c.tick()
			return
		case c.attempts == probeCount:
			c.bind(c.wanted)
			return
		}
		c.attempts++
		c.next = c.now + probeInterval
		c.out = append(c.out, SendARP{Sender: netip.IPv4Unspecified(), Target: c.wanted.Address.Addr()})
	case Rebooting:
		if c.lease == nil && c.attempts == 1 {
			c.begin(Selecting, c.now)
			c.tick()
			return
		}
		// Nobody answers: the lease is good and kept (RFC 2131, 3.2), but asking goes on. A switch with
		// spanning tree loses the first tries (30 s), a router that starts too hears none of them.
		if c.attempts == 0 || c.now-c.start > minRetry { // or the lease would count from long ago
			c.xid, c.start = uint32(c.random), c.now
		}
		c.sendReboot()
		if c.attempts >= silentTries {
			c.sendDiscover()
		}
		c.retry()
	case Bound, Renewing, Rebinding:
		c.renew()
	}
}

// retry plans the next transmission: 4, 8, 16, 32, 64, 64 ... seconds, each up to a second more or less.
// Who keeps a lease waits for two seconds twice before: it may be useless here.
func (c *Client) retry() {
	c.attempts++
	n := c.attempts
	if c.phase == Rebooting {
		n = max(n-silentTries, 0)
	}
	wait := 2 * time.Second << min(n, 5)
	c.next = c.now + wait + time.Duration(c.random>>32)%(2*time.Second) - time.Second
}

// renew sends the next request to keep the lease. Each has its own transaction
// number, so that the answer tells from which one the new lease counts.
func (c *Client) renew() {
	if c.phase == Bound {
		c.begun = c.now
	}
	until := c.lease.Rebind
	if c.now < until {
		c.phase = Renewing
	} else {
		if c.phase != Rebinding {
			c.enter(Rebinding, c.now)
		}
		until = c.lease.Expires
	}
	c.xid, c.start = uint32(c.random), c.now
	c.sendRenew()
	if c.phase == Rebinding && c.attempts >= silentTries {
		c.sendDiscover()
	}
	c.attempts++
	c.next = min(until, c.now+max((until-c.now)/2, minRetry))
}

// asksAny tells whether any server's offer of any address is welcome.
func (c *Client) asksAny() bool {
	return c.phase == Selecting || (c.phase == Rebooting || c.phase == Rebinding) && c.attempts > silentTries
}

// request asks for an offer. The lease counts from the first of these requests,
// which share a transaction number with the offer.
func (c *Client) request(offer *Lease) {
	c.enter(Requesting, c.now)
	c.wanted, c.known, c.spare, c.start = offer, offer, nil, c.now
	c.tick()
}

// bind takes a lease into use, in the place of the one before.
func (c *Client) bind(l *Lease) {
	before := c.lease
	c.known = l
	c.lease, c.hint, c.wanted, c.trouble, c.avoid = l, l.Address.Addr(), nil, "", netip.Addr{}
	c.enter(Bound, l.Renew)
	if before != nil && before.Address.Addr() == l.Address.Addr() {
		c.failures = 0 // it was renewed
		return
	}
	c.boundAt = c.now
	c.announceAt = c.now + announceAgain
	c.announce()
}

// expire gives the address up at the end of the lease. An exchange about a new one goes on.
func (c *Client) expire() {
	c.lease = nil
	c.announceAt = Forever
	c.trouble = "the last lease ran out"
	switch c.phase {
	case Rebooting, Bound, Renewing, Rebinding:
		c.begun = c.now
		c.begin(Selecting, c.now)
	}
}

// startOver gives up what was refused and begins anew after a pause that
// doubles each time. That may be another lease than the one in use, which stays.
func (c *Client) startOver(shortest time.Duration, trouble string) {
	pause := time.Second << min(c.failures, 11)
	if c.lease == nil || c.wanted == nil || c.wanted.Address.Addr() == c.lease.Address.Addr() {
		if c.lease != nil && c.now-c.boundAt > pause {
			c.failures, pause = 0, time.Second // it had worked for a while
		}
		c.lease, c.hint, c.announceAt = nil, netip.Addr{}, Forever
	}
	c.failures++
	c.wanted, c.trouble = nil, trouble
	c.enter(Waiting, c.now+min(max(pause, shortest), maxPause))
}

// hear looks for somebody else with our address (RFC 5227, 2.1.1 and 2.4).
func (c *Client) hear(a ARP) {
	address, ok := c.Watch()
	if !ok || a.SenderMAC == c.id.MAC || c.phase == Stopped {
		return
	}
	// With two ports on one segment the kernel asks through either for what the other's address needs.
	if a.Own && c.phase != Probing {
		return
	}
	// Two that probe for the same address at the same time conflict too. A station probes in its own name
	// (RFC 5227, 2.1.1): what says something else is no probe, but e.g. an old one that somebody repeats.
	if a.Sender != address {
		if c.phase != Probing || !a.Sender.IsUnspecified() || a.Target != address {
			return
		}
		if a.Frame != a.SenderMAC {
			c.counts.Ignored++
			return
		}
	}
	if c.phase != Probing && (!c.defended || c.now-c.defendedAt >= defendInterval) {
		c.defended, c.defendedAt = true, c.now
		c.announce()
		return
	}
	l := c.lease
	if c.phase == Probing {
		l = c.wanted
	} else {
		c.wanted = nil // whatever it is: what is in use has to go
	}
	c.xid, c.begun = uint32(c.random), c.now
	c.sendDecline(l)
	c.startOver(conflictPause, fmt.Sprintf("%v is used by %v", address, net.HardwareAddr(a.SenderMAC[:])))
}

func (c *Client) announce() {
	if c.phase != Stopped {
		address := c.lease.Address.Addr()
		c.out = append(c.out, SendARP{Sender: address, Target: address})
	}
}

// Forgotten tells whether a stored lease must not be asked for again: it was
// refused, or somebody else has the address.
func (c *Client) Forgotten() bool { return !c.hint.IsValid() }

// SetHostname changes the name that further messages carry.
func (c *Client) SetHostname(name string) { c.id.Hostname = name }
