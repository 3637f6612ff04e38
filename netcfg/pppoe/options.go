package pppoe

import (
	"fmt"
	"strconv"
	"strings"
)

// Config is what a session is opened with, but for the password.
type Config struct {
	Link         string // the name that the session's link gets, e.g. wan
	Port         string // the Ethernet port that the provider is at, e.g. eth0
	User         string
	Service      string // "" for any
	Concentrator string // "" for any
	MTU          int    // largest packet of the session, e.g. 1492
	IPv4, IPv6   bool   // what is to be negotiated
}

// always is what every session is opened with:
//
// The provider proves nothing (noauth), as everywhere. Without noipdefault pppd would ask for an address that the host's
// name has. What is compressed needs modules, and no provider does it (noccp, novj). LCP asks every 15 seconds whether
// the other end is still there; with four questions without an answer the session is over. When it is tried again is not
// pppd's to say (nopersist, maxfail).
const always = `plugin pppoe.so
noauth
noipdefault
nodefaultroute
noccp
novj
lcp-echo-interval 15
lcp-echo-failure 4
nopersist
maxfail 1
nodetach
logfd 2
`

// optionLines is what pppd reads, as it is being written.
type optionLines []byte

// add adds a line: an option, and its argument if there is one.
//
//go:noinline
func (o *optionLines) add(option, argument string) {
	*o = append(append(*o, option...), argument...)
	*o = append(*o, '\n')
}

// Options is the text of the file that pppd reads. told is the program that pppd starts once there is IPv4, with channel
// as its last argument.
func (c Config) Options(password, told, channel string) string {
	o := optionLines(always)
	o.add("nic-", quote(c.Port))
	if c.Service != "" {
		o.add("pppoe-service ", quote(c.Service))
	}
	if c.Concentrator != "" {
		o.add("pppoe-ac ", quote(c.Concentrator))
	}
	o.add("ifname ", quote(c.Link))
	o.add("user ", quote(c.User))
	o.add("password ", quote(password))
	mtu := strconv.Itoa(c.MTU)
	o.add("mtu ", mtu)
	o.add("mru ", mtu)
	if c.IPv4 {
		o.add("usepeerdns", "") // asks for name servers, which it tells told
		o.add("ip-up-script ", quote(told))
		o.add("ipparam ", quote(channel))
	} else {
		o.add("noip", "")
	}
	if c.IPv6 {
		o.add("+ipv6", "")
	} else {
		o.add("noipv6", "")
	}
	return string(o)
}

// quote makes one word of any text, as pppd reads words: between quotes, and what is no letter or digit as an octal
// number, of which it takes three digits.
func quote(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range []byte(text) {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-_./@:", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		fmt.Fprintf(&b, "\\%03o", c)
	}
	b.WriteByte('"')
	return b.String()
}
