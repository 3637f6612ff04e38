package dhcp4

import (
	"fmt"
)

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
