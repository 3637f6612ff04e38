package dhcp4

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"
)

// believe changes whom the client believes.
func (c *Client) believe(servers []netip.Addr) {
	c.believed = servers
	begin := c.wanted != nil && c.unbelieved(c.wanted.Server) != nil
	if c.spare != nil && c.unbelieved(c.spare.Server) != nil {
		c.spare = nil
	}
	if c.lease != nil {
		if why := c.unbelieved(c.lease.Server); why != nil {
			c.lease, c.hint, c.known = nil, netip.Addr{}, nil
			c.hush()
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

// startOver gives up what was refused and begins anew after a pause that
// doubles each time. That may be another lease than the one in use, which stays.
func (c *Client) startOver(shortest time.Duration, trouble string) {
	pause := time.Second << min(c.failures, 11)
	if c.lease == nil || c.wanted == nil || c.wanted.Address.Addr() == c.lease.Address.Addr() {
		if c.lease != nil && c.now-c.boundAt > pause {
			c.failures, pause = 0, time.Second // it had worked for a while
		}
		c.lease, c.hint, c.known = nil, netip.Addr{}, nil
		c.hush()
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
	if a.Own && c.inUse() {
		return
	}
	// Two that probe for the same address at the same time conflict too. A station probes in its own name
	// (RFC 5227, 2.1.1): what says something else is no probe, but e.g. an old one that somebody repeats.
	if a.Sender != address {
		if !c.probing() || !a.Sender.IsUnspecified() || a.Target != address {
			return
		}
		if a.Frame != a.SenderMAC {
			c.counts.Ignored++
			return
		}
	}
	if !c.probing() && (!c.defended || c.now-c.defendedAt >= defendInterval) {
		c.defended, c.defendedAt = true, c.now
		c.announce()
		return
	}
	l := c.lease
	if c.phase != Probing && l == nil {
		c.yield()
		return
	}
	if c.phase == Probing {
		l = c.wanted
	} else {
		c.wanted = nil // whatever it is: what is in use has to go
	}
	c.xid, c.begun = uint32(c.random), c.now
	c.sendDecline(l)
	c.startOver(conflictPause, fmt.Sprintf("%v is used by %v", address, net.HardwareAddr(a.SenderMAC[:])))
}

// inUse tells whether the address of which ARP is heard is in use, or is looked for before it is.
func (c *Client) inUse() bool { return c.phase != Probing && (c.lease != nil || c.fallback.used) }

func (c *Client) announce() {
	if address := c.own(); c.phase != Stopped {
		c.out = append(c.out, SendARP{Sender: address, Target: address})
	}
}
