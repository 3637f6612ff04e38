package dhcp4

import (
	"hash/fnv"
	"net/netip"
	"time"
)

// A link-local address (RFC 3927) for want of a lease, where it is asked for: two machines on a cable that no server is on find each
// other by it. It is probed for, announced and defended by the code that does so for leases, but with the RFC's
// times, as no server has looked before. It goes with the first lease, and stays when the cable is pulled.
const (
	fallbackWait   = 10 * time.Second // without a lease; three requests without an answer
	fallbackClaim  = 2 * time.Second  // ANNOUNCE_WAIT, behind the last probe
	fallbackTries  = 10               // MAX_CONFLICTS; then it goes slowly
	fallbackSlowly = time.Minute      // RATE_LIMIT_INTERVAL
)

type fallback struct {
	wanted    bool
	address   netip.Addr    // probed for or in use; invalid for none
	used      bool          // the probes are over
	conflicts int           // other machines that had the address: so many have been tried
	at        time.Duration // when one is chosen; Forever: not now
}

// LinkLocal returns the link-local address in use; invalid for none.
func (c *Client) LinkLocal() netip.Addr {
	if c.fallback.used {
		return c.fallback.address
	}
	return netip.Addr{}
}

// choose is the address that a station tries after so many others. It tries the same ones each time, so that it keeps its own
// over a restart (2.1). The first and the last 256 of the network are reserved.
func choose(mac [6]byte, others int) netip.Addr {
	h := fnv.New32a()
	h.Write(append(mac[:], byte(others>>8), byte(others)))
	n := h.Sum32()
	n = (n ^ n>>16) % (254 << 8)
	return netip.AddrFrom4([4]byte{169, 254, byte(1 + n>>8), byte(n)})
}

// fallBack sees at the end of each step whether a link-local address is due, or not any more.
func (c *Client) fallBack() {
	f := &c.fallback
	switch {
	case !f.wanted || c.lease != nil:
		if f.address.IsValid() && c.lease == nil {
			c.hush()
		}
		f.address, f.used, f.at = netip.Addr{}, false, Forever
	case c.phase == Stopped:
		f.at = Forever
	case f.address.IsValid():
		if !f.used && c.probeAt == Forever { // the cable was pulled meanwhile, or a lease came to nothing
			c.lookAgain()
		}
	case f.at == Forever:
		f.at = c.now + fallbackWait
	case f.at <= c.now:
		f.address, f.at = choose(c.id.MAC, f.conflicts), Forever
		c.lookAgain()
	}
}

// lookAgain begins to probe for the link-local address, which may be in use meanwhile. Machines that start together do not
// probe together (PROBE_WAIT).
func (c *Client) lookAgain() {
	if c.lease == nil && c.fallback.address.IsValid() {
		c.probes, c.probeAt = 0, c.now+time.Duration(c.random>>32)%time.Second
	}
}

// fallbackPause is how long after a probe the next one comes, or after the last the address is ours.
func (c *Client) fallbackPause() time.Duration {
	if c.probes == probeCount {
		return fallbackClaim
	}
	return time.Second + time.Duration(c.random>>32)%time.Second
}

// yield leaves the link-local address to another machine, and tries the next one.
func (c *Client) yield() {
	f := &c.fallback
	f.address, f.used, f.at = netip.Addr{}, false, c.now
	if f.conflicts++; f.conflicts > fallbackTries {
		f.at += fallbackSlowly
	}
	c.hush()
}
