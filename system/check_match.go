package system

import (
	"fmt"
	"strings"

	"bantam/system/syntax"
)

func (l *linkCheck) checkMatch(name string, n *syntax.Node, net Net, at string) {
	m := n.Get("match")
	if net.Match == nil || !ok(m) {
		return
	}
	if kind := net.Kind(); kind == "wifi" && !net.IsPort() {
		return // said
	} else if !net.IsPort() {
		l.failKey(m, "", "%s.match: a %s is made, so there is no port to give the name to", at, kind)
		return
	}
	match := *net.Match
	if match == (Match{}) {
		l.fail(m, `write e.g. { port = "eth0" } or { mac = "52:54:00:12:34:56" }`, "%s.match: it says nothing of the port", at)
		return
	}
	if p := m.Get("port"); ok(p) && interfaceFault(match.Port) != "" {
		l.fail(p, "write the name that ip link shows, e.g. \"eth0\"", "%s.match.port: %q %s", at, match.Port, interfaceFault(match.Port))
	}
	if mac := m.Get("mac"); ok(mac) {
		if _, err := ParseMAC(match.MAC); err != nil {
			l.fail(mac, "write six pairs of hexadecimal digits, e.g. \"52:54:00:12:34:56\"", "%s.match.mac: %q is not a hardware address", at, match.MAC)
		}
	}
	match.MAC = strings.ToLower(match.MAC)
	l.only(m, at+".match", fmt.Sprintf("the port with %v", describeMatch(match)), "")
}

// describeMatch is what a port is known by, in words.
func describeMatch(m Match) string {
	var words []string
	for _, w := range [][2]string{{"name", m.Port}, {"MAC address", m.MAC}, {"path", m.Path}, {"driver", m.Driver}} {
		if w[1] != "" {
			words = append(words, w[0]+" "+w[1])
		}
	}
	return strings.Join(words, ", ")
}

func (m Match) String() string { return describeMatch(m) }
