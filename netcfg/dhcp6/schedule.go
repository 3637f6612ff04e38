package dhcp6

import (
	"net/netip"
	"time"
)

// RFC 8415, 7.6: the first retransmission time, the longest, how many messages and for how long; 0 is no bound.
type timing struct {
	first, longest time.Duration
	count          int
	whole          time.Duration
}

const maxRetry = time.Hour // SOL_MAX_RT and INF_MAX_RT, until a server says something else

func (c *Client) timing() timing {
	switch c.phase {
	case Soliciting:
		return timing{first: time.Second, longest: c.solMax}
	case Requesting:
		return timing{first: time.Second, longest: 30 * time.Second, count: 10}
	case Verifying:
		return timing{first: time.Second, longest: 4 * time.Second, whole: 10 * time.Second}
	case Informing:
		return timing{first: time.Second, longest: c.infMax}
	case Declining, Releasing:
		return timing{first: time.Second, count: 4}
	}
	return timing{first: 10 * time.Second, longest: 600 * time.Second} // Renewing, Rebinding
}

const (
	flapInterval  = time.Second // a flapping link makes us send no more often than this
	conflictPause = 10 * time.Second
	maxPause      = 30 * time.Minute
)

// enter changes the phase. Only here and in tick does the schedule move, so junk cannot move it.
func (c *Client) enter(p Phase, next time.Duration) {
	c.phase, c.next, c.attempts, c.rt = p, next, 0, 0
}

// begin starts a new exchange of messages.
func (c *Client) begin(p Phase, at time.Duration) {
	c.enter(p, at)
	c.xid, c.begun = uint32(c.random)&0xffffff, at
	if p != Requesting {
		c.offer = nil
	}
}

func (c *Client) linkUp() {
	if c.phase != Stopped {
		return // said twice
	}
	at := c.now
	if c.sentAny {
		at = max(at, c.lastSent+flapInterval)
	}
	c.trouble, c.doubt = "", c.lease != nil
	switch {
	case c.wants.binding() && c.lease.binds():
		c.begin(Verifying, at)
	default:
		c.start(at)
	}
}

// start asks for what is wanted, without regard to what there is.
func (c *Client) start(at time.Duration) {
	switch {
	case c.wants.binding():
		c.begin(Soliciting, at)
	case c.wants.Other:
		c.begin(Informing, at)
	default:
		c.enter(Idle, Forever)
	}
}

func (c *Client) configure(wants Wants) {
	before := c.wants
	c.wants = wants
	if before == wants {
		return
	}
	c.lease = c.lease.only(wants)
	switch {
	case c.phase == Stopped || wants.binding() && before.binding() && c.lease == nil && c.phase == Waiting:
	case !c.lease.binds() || !wants.binding():
		c.start(c.now)
	case wants.Address && !before.Address || wants.Prefix && !before.Prefix:
		c.begin(Renewing, c.now)
	}
}

// tick does what the phase does when its time has come.
func (c *Client) tick() {
	t := c.timing()
	switch c.phase {
	case Waiting:
		c.start(c.now)
	case Soliciting:
		if c.offer != nil {
			c.request(c.offer)
			return
		}
		c.transmit()
	case Requesting:
		if c.attempts == t.count {
			c.start(c.now)
			return
		}
		c.transmit()
	case Verifying:
		if c.attempts > 0 && c.now >= c.begun+t.whole {
			c.enter(Bound, c.lease.Renew) // nobody knows better (RFC 8415, 18.2.3)
			return
		}
		c.transmit()
		c.next = min(c.next, max(c.begun+t.whole, c.now))
	case Bound:
		if c.now < c.lease.Rebind {
			c.begin(Renewing, c.now)
		} else {
			c.begin(Rebinding, c.now)
		}
	case Renewing:
		if c.now >= c.lease.Rebind {
			c.begin(Rebinding, c.now)
			return
		}
		c.transmit()
		c.next = min(c.next, c.lease.Rebind)
	case Rebinding, Informing:
		c.transmit()
	case Informed:
		c.begin(Informing, c.now)
	case Declining:
		if c.attempts == t.count {
			c.afterConflict()
			return
		}
		c.transmit()
	case Releasing:
		if c.attempts == t.count {
			c.enter(Stopped, Forever)
			return
		}
		c.transmit()
	}
}

// transmit sends the message of the phase and plans the next transmission (RFC 8415, 15).
func (c *Client) transmit() {
	c.lastSent, c.sentAny = c.now, true
	c.out = append(c.out, Send{c.message()})
	t := c.timing()
	jitter := func(of time.Duration) time.Duration { // a tenth more or less
		return time.Duration((c.random>>24)%uint64(of/5)) - of/10
	}
	switch {
	case c.attempts > 0:
		c.rt = 2*c.rt + jitter(c.rt)
	case c.phase == Soliciting: // never less than the time in which offers are collected
		c.rt = t.first + max(jitter(t.first), 0) + 1
	default:
		c.rt = t.first + jitter(t.first)
	}
	if t.longest > 0 && c.rt > t.longest {
		c.rt = t.longest + jitter(t.longest)
	}
	c.attempts++
	c.next = c.now + c.rt
}

// request asks for an offer.
func (c *Client) request(offer *Lease) {
	c.begin(Requesting, c.now)
	c.offer = offer
	c.tick()
}

// bind takes a lease into use.
func (c *Client) bind(l *Lease) {
	if c.lease != nil {
		c.failures = 0 // it was renewed
	}
	c.lease, c.hints, c.offer, c.trouble, c.doubt = l, l.bindings(), nil, "", false
	if l.binds() {
		c.enter(Bound, l.Renew)
	} else {
		c.enter(Informed, l.Renew)
	}
}

// startOver begins anew after a pause that doubles each time.
func (c *Client) startOver(trouble string) {
	c.trouble = trouble
	c.pause(0)
}

func (c *Client) afterConflict() { c.pause(conflictPause) }

func (c *Client) pause(shortest time.Duration) {
	length := time.Second << min(c.failures, 11)
	c.failures++
	c.offer = nil
	c.enter(Waiting, c.now+min(max(length, shortest), maxPause))
}

// expire gives up what has ended. An exchange about a new lease goes on.
func (c *Client) expire() {
	if c.now < c.lease.ends() {
		return
	}
	if c.lease = c.lease.At(c.now); c.lease != nil {
		return
	}
	c.trouble = "the last lease ran out"
	switch c.phase {
	case Verifying, Bound, Renewing, Rebinding:
		c.start(c.now)
	}
}

// decline gives an address back that another machine has (RFC 8415, 18.2.8).
func (c *Client) decline(a netip.Addr) {
	own := netip.PrefixFrom(a, a.BitLen())
	if !c.lease.has(own) || c.phase == Stopped {
		return
	}
	c.declined, c.released = a, c.lease
	c.lease, c.hints = c.lease.without(own), nil
	c.trouble = a.String() + " is used by another machine"
	c.begin(Declining, c.now)
}

// release gives everything back.
func (c *Client) release() {
	c.gone, c.released, c.lease, c.hints = true, c.lease, nil, nil
	if c.phase == Stopped || !c.released.binds() {
		c.enter(Stopped, Forever)
		return
	}
	c.begin(Releasing, c.now)
}
