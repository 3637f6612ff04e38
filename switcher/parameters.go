package switcher

import (
	"strconv"
	"strings"
)

// exclusive are pairs of parameters of which setting one makes the other zero.
var exclusive = map[string]string{
	"vm.dirty_background_bytes": "vm.dirty_background_ratio",
	"vm.dirty_bytes":            "vm.dirty_ratio",
	"vm.overcommit_kbytes":      "vm.overcommit_ratio",
}

// counterpart is the parameter that becomes zero when name is set, "" if there is none.
func counterpart(name string) string {
	for a, b := range exclusive {
		switch name {
		case a:
			return b
		case b:
			return a
		}
	}
	return ""
}

// redirects is set to the contrary of IPv4 forwarding whenever that changes.
const redirects = "net.ipv4.conf.all.accept_redirects"

// interfaceParameter takes e.g. net.ipv4.conf.all.rp_filter apart.
func interfaceParameter(name string) (family, link, parameter string, ok bool) {
	p := strings.Split(name, ".")
	if len(p) != 5 || p[0] != "net" || p[2] != "conf" {
		return "", "", "", false
	}
	return p[1], p[3], p[4], true
}

// parameterRank orders parameters so that what changes others is set before them.
func parameterRank(name string) int {
	_, link, parameter, ok := interfaceParameter(name)
	switch {
	case name == "net.ipv4.ip_forward" || ok && link == "all" && parameter == "forwarding":
		return 0
	case ok && link == "all":
		return 1
	case ok && link == "default":
		return 2
	}
	return 3
}

// changes tells whether setting one parameter may set another (devinet_sysctl_forward
// in the kernel's net/ipv4/devinet.c, addrconf_fixup_forwarding and others in
// net/ipv6/addrconf.c).
func changes(name, other string) bool {
	if name == "net.ipv4.ip_forward" {
		name = "net.ipv4.conf.all.forwarding"
	}
	if other == "net.ipv4.ip_forward" {
		other = "net.ipv4.conf.all.forwarding"
	}
	if other != "" && counterpart(name) == other {
		return true
	}
	family, link, parameter, ok := interfaceParameter(name)
	otherFamily, otherLink, otherParameter, otherOK := interfaceParameter(other)
	if !ok || !otherOK || family != otherFamily || name == other {
		return false
	}
	if family == "ipv4" && link == "all" && parameter == "forwarding" && other == redirects {
		return true
	}
	return parameter == otherParameter && otherLink != "all" && (link == "all" || link == "default" && otherLink != "default")
}

// sameParameter tells whether a parameter reads as what was written. The kernel
// separates numbers by tabs, writes them in decimal, and some parameters may be
// written in part; where it answers a number with a word, nothing can be told.
func sameParameter(written, read string) bool {
	w, r := strings.Fields(written), strings.Fields(read)
	if len(w) > len(r) || len(w) == 0 {
		return len(w) == len(r)
	}
	for i := range w {
		a, errA := strconv.ParseInt(w[i], 0, 64)
		b, errB := strconv.ParseInt(r[i], 0, 64)
		switch {
		case errA == nil && errB == nil:
			if a != b {
				return false
			}
		case errA == nil:
		case w[i] != r[i]:
			return false
		}
	}
	return true
}
