package dhcp6

import (
	"bytes"
	"errors"
	"fmt"
	"time"
)

// receive handles one datagram and tells whether it answers a message of ours.
func (c *Client) receive(d Datagram) bool {
	m, err := parse(d.Payload, c.id.IAID)
	if m.xid != c.xid || c.attempts == 0 || m.kind != reply && m.kind != advertise {
		return false
	}
	switch {
	case err != nil:
	case m.client != nil && !bytes.Equal(m.client, c.id.DUID):
		return false
	case m.client == nil && c.phase != Informing:
		err = errors.New("it does not say for whom")
	case len(m.server) == 0 || len(m.server) > 130: // RFC 8415, 11.1
		err = errors.New("it does not say whose")
	}
	if err != nil {
		c.refuse("answer", err)
		return true
	}
	c.takeLimits(m)
	if m.kind == advertise {
		return c.phase == Soliciting && c.offered(m, d)
	}
	switch c.phase {
	case Soliciting:
		return m.rapid && c.replied(m, d)
	case Requesting:
		return bytes.Equal(m.server, c.offer.ServerID) && c.replied(m, d)
	case Renewing:
		return bytes.Equal(m.server, c.lease.ServerID) && c.replied(m, d)
	case Verifying, Rebinding:
		return c.replied(m, d)
	case Informing:
		return c.informed(m, d)
	case Declining:
		if bytes.Equal(m.server, c.released.ServerID) {
			c.afterConflict()
			return true
		}
	case Releasing:
		if bytes.Equal(m.server, c.released.ServerID) {
			c.enter(Stopped, Forever)
			return true
		}
	}
	return false
}

// takeLimits takes how seldom a server wants to be asked, within RFC 8415's bounds (21.24, 21.25).
func (c *Client) takeLimits(m message) {
	take := func(limit *time.Duration, seconds uint32) {
		if seconds >= 60 && seconds <= 86400 {
			*limit = time.Duration(seconds) * time.Second
		}
	}
	take(&c.solMax, m.solMax)
	take(&c.infMax, m.infMax)
}

func (c *Client) offered(m message, d Datagram) bool {
	offer, told := readLease(m, d.From, nil, c.wants, c.now)
	have := offer.satisfies(c.wants)
	if have == 0 || m.status != success {
		c.refuse("offer", errors.Join(refusal(m.status), told, errNothing))
		return true
	}
	if best := c.offer; best == nil || have > best.satisfies(c.wants) || have == best.satisfies(c.wants) && offer.preference > best.preference {
		c.offer = offer
	}
	// Within the first second others may offer more.
	if c.attempts > 1 || have == c.wants.count() && m.preference == 255 {
		c.request(c.offer)
	}
	return true
}

var errNothing = errors.New("nothing in it is of use")

func (c *Client) replied(m message, d Datagram) bool {
	if m.status != success {
		return c.refused(m)
	}
	if c.phase == Verifying && len(c.lease.Prefixes) == 0 { // by a Confirm, which is answered by no lease
		c.trouble, c.doubt = "", false
		c.enter(Bound, c.lease.Renew)
		return true
	}
	renews := c.phase == Verifying || c.phase == Renewing || c.phase == Rebinding
	var before *Lease
	if renews {
		before = c.lease
		for of, a := range m.associations {
			if a.status == noBinding && (of == prefixes && c.wants.Prefix || of == addresses && c.wants.Address) {
				c.refuse("renewal", refusal(a.status))
				again := *c.lease
				again.ServerID, again.Server = bytes.Clone(m.server), d.From
				c.request(&again) // RFC 8415, 18.2.10.1
				return true
			}
		}
	}
	l, told := readLease(m, d.From, before, c.wants, c.lastSent)
	mentioned := len(m.associations[addresses].bindings)+len(m.associations[prefixes].bindings) > 0
	switch {
	case renews && !mentioned:
		c.refuse("renewal", errors.Join(told, errNothing)) // asking goes on
		return true
	case renews && !l.binds():
		c.lease = nil
		c.startOver("the server has taken everything back")
		return true
	case l.satisfies(c.wants) == 0:
		c.refuse("lease", errors.Join(told, errNothing))
		if c.phase == Requesting {
			c.startOver(c.trouble)
		}
		return true
	}
	c.bind(l)
	return true
}

// refused is told what a whole message says no to.
func (c *Client) refused(m message) bool {
	c.refuse("request", refusal(m.status))
	switch {
	case m.status == notOnLink && c.phase == Verifying:
		c.lease, c.hints = nil, nil
		c.startOver(c.trouble)
	case c.phase == Requesting:
		if m.status == notOnLink {
			c.hints = nil
		}
		c.startOver(c.trouble)
	}
	return true
}

func (c *Client) informed(m message, d Datagram) bool {
	if m.status != success {
		c.refuse("answer", refusal(m.status))
		return true
	}
	l, _ := readLease(m, d.From, nil, Wants{}, c.lastSent)
	c.bind(l)
	return true
}

// Counts is what arrived and was not used.
type Counts struct {
	Ignored int    // answers to no message of ours
	Refused int    // answers to our messages that could not be used
	Refusal string // why, the last of them
}

// Counts returns what was not used since New.
func (c *Client) Counts() Counts { return c.counts }

func (c *Client) refuse(what string, why error) {
	c.trouble = what + " refused: " + why.Error()
	c.counts.Refused++
	c.counts.Refusal = c.trouble
}

// Doubt says for people that no server confirms the lease in use; "" when one has.
func (c *Client) Doubt() string {
	if !c.lease.binds() || !c.doubt && c.phase != Rebinding || c.attempts == 0 && c.phase == Verifying {
		return ""
	}
	return "no server confirms the lease" + c.parenthesis()
}

func (c *Client) parenthesis() string {
	if c.trouble == "" {
		return ""
	}
	return " (" + c.trouble + ")"
}

// Reason says for people what the client waits for; "" when it has what is wanted of it, or a part of that.
func (c *Client) Reason() string {
	if c.lease.binds() || c.phase == Informed || c.phase == Idle {
		return ""
	}
	text := "DHCPv6: no answer yet"
	switch {
	case c.phase == Stopped:
		return "no carrier or no link-local address"
	case c.phase == Waiting || c.phase == Declining:
		text = "DHCPv6: pausing"
	case c.phase == Requesting:
		text = fmt.Sprintf("DHCPv6: %v has offered something, not yet confirmed", c.offer.Server)
	case c.attempts > 1:
		text = fmt.Sprintf("DHCPv6: no answer to %d requests", c.attempts)
	}
	return text + c.parenthesis()
}
