package dhcp4

import (
	"net/netip"
	"time"
)

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
	c.lookAgain()
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
		c.probe(c.wanted.Address.Addr())
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

// retry plans the next transmission: after one second, for a link that has just come up may lose the first one, then as RFC 2131
// (4.1) has it after 4, 8, 16, 32, 64, 64 ... seconds, each up to a second (the first a quarter) more or less. Who keeps a lease
// waits for two seconds before: it may be useless here.
func (c *Client) retry() {
	c.attempts++
	n := c.attempts - 1
	if c.phase == Rebooting {
		n = max(c.attempts-silentTries, 0)
	}
	wait, about := 2*time.Second<<min(n, 5), time.Second
	if c.attempts == 1 {
		wait, about = time.Second, time.Second/4
	}
	c.next = c.now + wait + time.Duration(c.random>>32)%(2*about) - about
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

// bind takes a lease into use, in the place of the one before, and announces a new address.
func (c *Client) bind(l *Lease) {
	if c.take(l) {
		c.announceAt = c.now + announceAgain
		c.announce()
	}
}

// take takes a lease into use and tells whether its address is another one than before.
func (c *Client) take(l *Lease) bool {
	before := c.lease
	c.known = l
	c.lease, c.hint, c.wanted, c.trouble, c.avoid = l, l.Address.Addr(), nil, "", netip.Addr{}
	c.enter(Bound, l.Renew)
	if before != nil && before.Address.Addr() == l.Address.Addr() {
		c.failures = 0 // it was renewed
		return false
	}
	c.boundAt = c.now
	c.hush()
	return true
}

// trust takes a lease into use that is probed only then. The address was ours when we last ran, and the server
// of this network, asked for nothing but that, says that it is ours still: so whoever else has it
// took it without asking while we were away. Until the probes are over we announce nothing and defend nothing.
func (c *Client) trust(l *Lease) {
	c.take(l)
	c.probes = 0
	c.probeInUse()
}

// probeInUse sends the next probe for the lease in use, or the fallback, or announces it after the last.
func (c *Client) probeInUse() {
	if c.probes == probeCount {
		c.probeAt, c.announceAt = Forever, c.now+announceAgain
		c.fallback.used = c.lease == nil
		c.announce()
		return
	}
	c.probes++
	c.probeAt = c.now + probeInterval
	if c.lease == nil {
		c.probeAt = c.now + c.fallbackPause()
	}
	c.probe(c.own())
}

func (c *Client) probe(a netip.Addr) {
	c.out = append(c.out, SendARP{Sender: netip.IPv4Unspecified(), Target: a})
}

// probing tells whether an address is being probed for, and has to be given up to whoever answers.
func (c *Client) probing() bool { return c.phase == Probing || c.probeAt != Forever }

// hush ends what is to be said of a lease in use.
func (c *Client) hush() { c.announceAt, c.probeAt = Forever, Forever }

// expire gives the address up at the end of the lease. An exchange about a new one goes on.
func (c *Client) expire() {
	c.lease = nil
	c.hush()
	c.trouble = "the last lease ran out"
	switch c.phase {
	case Rebooting, Bound, Renewing, Rebinding:
		c.begun = c.now
		c.begin(Selecting, c.now)
	}
}
