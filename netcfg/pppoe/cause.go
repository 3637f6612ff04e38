package pppoe

import (
	"strings"

	"bantam/netcfg/session"
	"bantam/printable"
)

// Listener hears what pppd says of one session.
type Listener struct {
	cause session.Cause
	rank  int // of two causes the one that says more has the larger
}

// heard are pppd's words, and what they mean. What stands behind the words is the provider's own, or more of pppd's.
var heard = []struct {
	words, means string
	says         int // more than others
	refused      bool
	more         bool // what follows is worth telling
}{
	{words: "Timeout waiting for PADO packets", means: "no provider answers there (no PADO)", says: 3},
	{words: "Timeout waiting for PADS packets", means: "a provider answers there, and then opens no session (no PADS)", says: 3},
	{words: "PADS: Service-Name-Error:", means: "the provider does not have this service", says: 4, more: true},
	{words: "PADO: Service-Name-Error:", means: "the provider does not have this service", says: 4, more: true},
	{words: "PADS: System-Error:", means: "the provider cannot open a session", says: 4, more: true},
	{words: "PADO: System-Error:", means: "the provider cannot open a session", says: 4, more: true},
	{words: "PADS: Generic-Error:", means: "the provider cannot open a session", says: 4, more: true},
	{words: "PADO: Generic-Error:", means: "the provider cannot open a session", says: 4, more: true},
	{words: "PAP authentication failed", means: "the provider refuses user or password (PAP)", says: 6, refused: true, more: true},
	{words: "CHAP authentication failed", means: "the provider refuses user or password (CHAP)", says: 6, refused: true, more: true},
	{words: "No response to PAP authenticate-requests", means: "the provider does not answer to user and password (PAP)", says: 5},
	{words: "No response to", means: "the provider does not answer any more", says: 5},
	{words: "LCP terminated by peer", means: "the provider ended the session", says: 4, more: true},
	{words: "LCP: timeout sending Config-Requests", means: "the provider opens a session and then says nothing (LCP)", says: 3},
	{words: "Peer refused to agree to our IP address", means: "the provider refuses every IPv4 address", says: 3},
	{words: "Could not determine local IP address", means: "the provider gives no IPv4 address", says: 3},
	{words: "Serial line is looped back", means: "what is sent comes back: the line is a loop", says: 3},
	{words: "Couldn't rename interface", means: "the session's link did not get its name", says: 3, more: true},
	{words: "Couldn't load plugin", means: "pppd lacks its part for PPPoE", says: 3, more: true},
	{words: "unrecognized option", means: "pppd of this image does not know what it is told", says: 3, more: true},
	{words: "Modem hangup", means: "the provider closed the session", says: 2},
}

// exits are the statuses with which pppd ends, for what it did not say in words known here (pppd(8), EXIT STATUS).
var exits = [...]string{
	4:       "the kernel does not know PPP: module pppoe of the board's kernel is missing",
	5:       "it was ended",
	8:       "no session could be opened",
	10:      "the provider and this machine cannot agree (LCP)",
	15:      "the provider does not answer any more",
	16:      "the provider closed the session",
	17:      "what is sent comes back: the line is a loop",
	refused: "the provider refuses user or password",
}

const refused = 19

// mostMore bounds what a provider has told, in bytes.
const mostMore = 120

// Hear takes a line of pppd's: it may tell the cause of what comes, or more of it, or that there is IPv6. Of that pppd
// tells no program whose path can be chosen.
func (l *Listener) Hear(line string) session.Event {
	for _, h := range heard {
		_, after, found := strings.Cut(line, h.words)
		if !found || h.says <= l.rank {
			continue
		}
		l.cause, l.rank = session.Cause{Text: h.means, Refused: h.refused}, h.says
		if after = printable.Escape(strings.Trim(after, " :()\r\n")); h.more && after != "" {
			l.cause.Text += ": " + after[:min(len(after), mostMore)]
		}
		break
	}
	if strings.Contains(line, "remote LL address ") {
		return session.Told{}
	}
	return nil
}

// Ended is why the session is no more whose pppd ended with a status; below zero is a signal's number.
func (l *Listener) Ended(status int) session.Cause {
	c := l.cause
	c.Refused = c.Refused || status == refused
	switch {
	case c.Text != "":
	case status >= 0 && status < len(exits) && exits[status] != "":
		c.Text = exits[status]
	default:
		c.Text = session.EndOf("pppd", status)
	}
	return c
}
