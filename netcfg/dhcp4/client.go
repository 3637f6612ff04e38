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
// keep watching afterwards; an address that we had before and that a server says is
// ours still is used while it is probed; no RELEASE, as the address is wanted again after a
// reboot; a lease in use that no server confirms is kept, but after two requests
// another one is asked for beside it: most servers say nothing (RFC 2131, 4.3.2)
// to who comes from another network. Not done: the MTU option.
package dhcp4

import (
	"net/netip"
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
	// Fallback says whether the client takes a link-local address while it has no lease; see fallback.go.
	Fallback struct{ Wanted bool }
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

	fallback fallback

	// Of the lease in use, or of the fallback where there is none.
	announceAt time.Duration
	probeAt    time.Duration // when it is probed for once more; see trust
	probes     int           // that were sent of these
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
	c := &Client{id: id, next: Forever, announceAt: Forever, probeAt: Forever, fallback: fallback{at: Forever}}
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
	}
	return c.own(), c.own().IsValid()
}

// own is the address in use, or the link-local one that is about to be.
func (c *Client) own() netip.Addr {
	if c.lease != nil {
		return c.lease.Address.Addr()
	}
	return c.fallback.address
}

// Transaction returns the number of the present exchange; answers with another one are ignored.
func (c *Client) Transaction() uint32 { return c.xid }

// Deadline returns when Step wants to be called though nothing happens, Forever for never.
func (c *Client) Deadline() time.Duration {
	d := min(c.next, c.announceAt, c.probeAt, c.fallback.at)
	if c.lease != nil {
		d = min(d, c.lease.Expires)
	}
	return d
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
		c.wanted = nil
		c.hush()
	case Servers:
		c.believe(ev.Believed)
	case Fallback:
		c.fallback.wanted = ev.Wanted
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
	if now >= c.probeAt {
		c.probeInUse()
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
	c.fallBack()
	return c.out
}

// SetHostname changes the name that further messages carry.
func (c *Client) SetHostname(name string) { c.id.Hostname = name }
