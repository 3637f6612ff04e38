package system

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"bantam/system/syntax"
)

// PPPoE is a session with a provider over an Ethernet port (RFC 2516). The link has the name of its table while the session stands.
type PPPoE struct {
	Port         string `toml:"port" doc:"the port that the provider, or his modem, is at, e.g. \"eth0\", or a VLAN of it"`
	User         string `toml:"user" doc:"name by which the provider knows you, e.g. \"me@provider\""`
	Password     Value  `toml:"password" doc:"its password, which only a secret can be: { secret = \"provider\" }"`
	Service      string `toml:"service" doc:"name of the service, where the provider has several, e.g. \"internet\""`
	Concentrator string `toml:"concentrator" doc:"name of the access concentrator, where several answer, e.g. \"BRAS-1\""`
}

// PPPoEOverhead is what PPPoE puts before each packet, in bytes.
const PPPoEOverhead = 8

// mostSession is the largest packet of a session, which RFC 4638 allows where the port carries PPPoEOverhead more; leastSession is the
// smallest MRU of PPP (RFC 1661, 5.1, and pppd).
const leastSession, mostSession = 128, 1500

// SessionMTU is the largest packet of a session.
func (n Net) SessionMTU() int { return cmp.Or(n.MTU, mostSession-PPPoEOverhead) }

// sessionTerms is what a session is opened with: when it changes, so does the session.
type sessionTerms struct {
	PPPoE
	mtu        int
	ipv4, ipv6 bool
}

func session(n Net) sessionTerms {
	return sessionTerms{*n.PPPoE, n.SessionMTU(), n.IPv4 != "off", n.IPv6 != "off"}
}

// Bounds of texts: pppd has room for so much of a name (MAXNAMELEN), and a tag of discovery has to find place beside others in a frame.
const mostUser, mostTag = 255, 255

// checkPPPoE checks a session's table.
func (l *linkCheck) checkPPPoE(name string, n *syntax.Node, path string, table *syntax.Node, net Net) {
	p := net.PPPoE
	port := table.Get("port")
	if port == nil {
		l.fail(table, `add e.g. port = "eth0"`, "%s: port is missing", path)
	} else if l.linkName(port, path+".port", p.Port, name) {
		master := Masters(l.system.Net)[p.Port]
		switch kind := l.system.Net[p.Port].Kind(); {
		case slices.Contains(pointToPoint, kind):
			l.fail(port, "", "%s.port: %s is a %s, which carries no Ethernet", path, p.Port, kind)
		case master != "" && l.system.Net[master].VRF == nil:
			l.fail(port, "write "+syntax.Quote(master)+", or take the port out of it", "%s.port: %s belongs to %s, which takes all that comes there", path, p.Port, master)
		default:
			l.only(port, path+".port", fmt.Sprintf("the session of %s at %s", syntax.Quote(p.User), p.Port), "")
		}
	}
	l.sessionText(table, "user", path, p.User, mostUser, true)
	l.sessionText(table, "service", path, p.Service, mostTag, false)
	l.sessionText(table, "concentrator", path, p.Concentrator, mostTag, false)
	switch password := table.Get("password"); {
	case password == nil:
		l.fail(table, `add password = { secret = "provider" }`, "%s: password is missing", path)
	case ok(password) && p.Password.Secret == "":
		l.fail(password, `write { secret = "provider" }`, "%s.password: a generation may be sent anywhere, so it holds no password", path)
	}
	l.sessionPort(n, syntax.Join("net", name), net)
}

// sessionText checks a name that is said to the provider.
func (l *linkCheck) sessionText(table *syntax.Node, key, path, text string, most int, needed bool) {
	n := table.Get(key)
	switch {
	case n == nil && needed:
		l.fail(table, "add it as the provider has given it", "%s: %s is missing", path, key)
	case !ok(n):
	case text == "":
		l.fail(n, "write it as the provider has given it, or remove the line", "%s.%s: it is empty", path, key)
	case len(text) > most:
		l.fail(n, "", "%s.%s: it has %d bytes, of which only %d can be sent", path, key, len(text), most)
	case strings.ContainsFunc(text, func(c rune) bool { return c < ' ' || c == 0x7f }):
		l.fail(n, "remove it", "%s.%s: it has a control character", path, key)
	}
}

// sessionPort checks what else the table of a session says: its addresses are the provider's.
func (l *linkCheck) sessionPort(n *syntax.Node, at string, net Net) {
	for _, key := range []string{"addresses", "gateway", "gateway6", "dhcp_servers", "link_local", "subnet6", "ula", "serve"} {
		if k := n.Get(key); ok(k) {
			l.failKey(k, "remove it, or write it in the table of a port behind this machine", "%s.%s: what a session has the provider gives", at, key)
		}
	}
	if m := n.Get("ipv4"); ok(m) && net.IPv4 != "off" {
		l.fail(m, "remove the line", "%s.ipv4: the provider gives the address", at)
	}
	if v4, v6 := n.Get("ipv4"), n.Get("ipv6"); ok(v4) && ok(v6) && net.IPv4 == "off" && net.IPv6 == "off" {
		l.fail(v6, "remove one of the lines", "%s.ipv6: with neither IPv4 nor IPv6 there is no session", at)
	}
	m := n.Get("mtu")
	if !ok(m) {
		return
	}
	if net.MTU < leastSession || net.MTU > mostSession {
		l.fail(m, "", "%s.mtu: %d is not between %d and %d, what PPPoE carries", at, net.MTU, leastSession, mostSession)
		return
	}
	port := net.PPPoE.Port
	if own := l.system.Net[port].MTU; own != 0 && own < net.MTU+PPPoEOverhead {
		l.fail(m, "leave the line there out, then that port carries what is needed", "%s.mtu: %s carries %d bytes, and PPPoE needs %d for that", at, syntax.Join("net", port), own, net.MTU+PPPoEOverhead)
	}
}
