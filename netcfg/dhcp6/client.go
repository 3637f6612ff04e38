// Package dhcp6 is a DHCPv6 client without input and output (RFC 8415, RFC 9915): addresses, delegated prefixes and what
// else a server tells. Step takes the time, some randomness and an event, and returns what to send. Who calls it owns
// socket, clock and disk.
//
// The clock must count on through suspend and never jump (CLOCK_BOOTTIME). All messages go to ff02::1:2, as RFC 9915
// has it: no server's word sends one elsewhere. A prefix without an address is a success, and so is the other way round;
// what is missing is asked for with each renewal.
//
// Departures, all on purpose: no random delay before the first message, since the link-local address had one; an
// offer that has all that is asked for goes before one of a higher preference that has not; a T1 below a minute that is
// less than half of the lifetime is replaced by that half. A lease of before is verified by a Rebind where there is a
// prefix in it, else by a Confirm; nobody answering, it is used to its end. A lease is released only where it is told
// to: a machine that reboots wants it again. Not done: temporary addresses, authentication, Reconfigure, options of
// vendors, prefixes that the provider keeps for itself (RFC 6603).
package dhcp6

import (
	"net/netip"
	"time"
)

// Identity is what servers know the client by. It must not change while anything is leased.
type Identity struct {
	DUID []byte
	IAID uint32 // of both associations, the addresses' and the prefixes'
}

// Wants is what is asked for.
type Wants struct {
	Address bool
	Prefix  bool // to be delegated
	Other   bool // name servers and so on; they come with the others by themselves
}

func (w Wants) binding() bool { return w.Address || w.Prefix }

// count is how many sorts of binding are wanted.
func (w Wants) count() (n int) {
	for _, wanted := range []bool{w.Address, w.Prefix} {
		if wanted {
			n++
		}
	}
	return n
}

// Event is one of the event types below; a nil Event only lets time pass.
type Event any

type (
	// LinkUp says that messages can be sent: there is a carrier, and a link-local address.
	LinkUp struct{}
	// LinkDown says that they cannot any more. It removes nothing.
	LinkDown struct{}
	// Configure says what is asked for from now on. What is leased and no longer asked for is given up.
	Configure struct{ Wants Wants }
	// Renew asks anew, as if the cable had been pulled for a moment.
	Renew struct{}
	// Conflict says that another machine has an address of the lease.
	Conflict struct{ Address netip.Addr }
	// Release gives everything back. It is the last event but Datagram and nil.
	Release struct{}
	// Datagram is the payload of a UDP datagram that arrived at port 546.
	Datagram struct {
		From    netip.Addr
		Payload []byte
	}
)

// Send is a message to port 547 of all servers and relays, ff02::1:2.
type Send struct{ Payload []byte }

// Phase is what the client is about.
type Phase int

const (
	Stopped Phase = iota // no link
	Idle                 // nothing is asked for
	Waiting              // the pause after a refusal
	Soliciting
	Requesting
	Verifying // whether the lease of before still holds on this link
	Bound
	Renewing
	Rebinding
	Declining
	Releasing
	Informing // asking for what is no lease
	Informed
)

func (p Phase) String() string {
	return [...]string{"stopped", "idle", "waiting", "soliciting", "requesting", "verifying", "bound", "renewing", "rebinding",
		"declining", "releasing", "informing", "informed"}[p]
}

// Client is the state of one DHCPv6 client. Make it with New.
type Client struct {
	id    Identity
	wants Wants
	phase Phase
	next  time.Duration // when the phase has something to do

	lease *Lease         // in use
	hints []netip.Prefix // what it had once, and asks for first: addresses of /128, and prefixes
	offer *Lease         // Soliciting: the best so far; Requesting: the one that is asked for

	declined netip.Addr
	released *Lease

	xid      uint32
	begun    time.Duration // the present exchange
	attempts int           // messages sent in this exchange
	rt       time.Duration // RFC 8415's RT, the last one
	lastSent time.Duration
	sentAny  bool
	failures int // refusals and conflicts in a row

	solMax, infMax time.Duration // SOL_MAX_RT and INF_MAX_RT

	gone    bool // everything is given back, or will be
	doubt   bool // nobody has said that the lease holds on this link
	trouble string
	counts  Counts

	now    time.Duration
	random uint64
	out    []Send
}

// New returns a client that waits for Configure and LinkUp. A stored lease is in use from the start. Hints are what the
// client had once and knows nothing else of: addresses as /128, and prefixes.
func New(id Identity, stored *Lease, hints []netip.Prefix) *Client {
	c := &Client{id: id, lease: stored, next: Forever, solMax: maxRetry, infMax: maxRetry}
	for _, h := range hints {
		if len(c.hints) < maxBindings && usable(h) {
			c.hints = append(c.hints, h)
		}
	}
	return c
}

// Phase returns the state the client is in.
func (c *Client) Phase() Phase { return c.phase }

// Lease returns the lease in use or nil. It is never changed, only replaced.
func (c *Client) Lease() *Lease { return c.lease }

// Transaction returns the number of the present exchange, of 24 bits; answers with another one are ignored.
func (c *Client) Transaction() uint32 { return c.xid }

// Gone tells whether everything is given back after Release.
func (c *Client) Gone() bool { return c.gone && c.phase == Stopped }

// Deadline returns when Step wants to be called though nothing happens, Forever for never.
func (c *Client) Deadline() time.Duration { return min(c.next, c.lease.ends()) }

// Step tells the client what happened and returns what it wants to be sent.
// random must be fresh and hard to guess: the transaction number is taken from it.
func (c *Client) Step(now time.Duration, random uint64, ev Event) []Send {
	c.now, c.random, c.out = now, random, nil
	c.expire()
	if c.gone {
		if _, answer := ev.(Datagram); !answer {
			ev = nil
		}
	}
	switch ev := ev.(type) {
	case LinkUp:
		c.linkUp()
	case LinkDown:
		c.enter(Stopped, Forever)
		c.offer = nil
	case Configure:
		c.configure(ev.Wants)
	case Renew:
		if c.phase != Stopped {
			c.phase = Stopped
			c.linkUp()
		}
	case Conflict:
		c.decline(ev.Address)
	case Release:
		c.release()
	case Datagram:
		if !c.receive(ev) {
			c.counts.Ignored++
		}
	}
	for range 4 { // a late wake-up can make one thing due after the other
		c.expire()
		if now < c.next {
			break
		}
		c.tick()
	}
	return c.out
}
