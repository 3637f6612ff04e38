package pppoe

import (
	"fmt"
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

// LCP asks so often whether the other end is still there, and so often without an answer is the session over: a minute.
const echoSeconds, echoFailures = 15, 4

// Options is the text of the file that pppd reads. told is the program that pppd starts once there is IPv4, with channel
// as its last argument.
func (c Config) Options(password, told, channel string) string {
	var b strings.Builder
	line := func(words ...string) { b.WriteString(strings.Join(words, " ") + "\n") }
	line("plugin pppoe.so")
	line("nic-" + quote(c.Port))
	if c.Service != "" {
		line("pppoe-service", quote(c.Service))
	}
	if c.Concentrator != "" {
		line("pppoe-ac", quote(c.Concentrator))
	}
	line("ifname", quote(c.Link))
	line("user", quote(c.User))
	line("password", quote(password))
	line("noauth") // the provider proves nothing, as everywhere
	line(fmt.Sprintf("mtu %d", c.MTU))
	line(fmt.Sprintf("mru %d", c.MTU))
	line("noipdefault") // else pppd would ask for an address that the host's name has
	line("nodefaultroute")
	if c.IPv4 {
		line("usepeerdns") // asks for name servers, which it tells told
		line("ip-up-script", quote(told))
		line("ipparam", quote(channel))
	} else {
		line("noip")
	}
	if c.IPv6 {
		line("+ipv6")
	} else {
		line("noipv6")
	}
	line("noccp") // what is compressed needs modules, and no provider does it
	line("novj")
	line(fmt.Sprintf("lcp-echo-interval %d", echoSeconds))
	line(fmt.Sprintf("lcp-echo-failure %d", echoFailures))
	line("nopersist") // when it is tried again is not pppd's to say
	line("maxfail 1")
	line("nodetach")
	line("logfd 2")
	return b.String()
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
