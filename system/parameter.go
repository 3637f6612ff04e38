package system

import (
	"slices"
	"strings"

	"bantam/system/syntax"
)

// ParameterPath is the file of a kernel parameter below /proc/sys, "" if name
// cannot be one: net.ipv4.conf.eth0/103.rp_filter is
// net/ipv4/conf/eth0.103/rp_filter. As for sysctl(8), whichever of . and /
// comes first separates the parts and the other one stands for . inside a part.
func ParameterPath(name string) string {
	parts := parameterParts(name)
	for i, p := range parts {
		if parameterFault(parts, i, p) {
			return ""
		}
	}
	return strings.Join(parts, "/")
}

// parameterName spells a parameter as sysctl(8) prints it: the dot of an interface is a slash.
func parameterName(parts []string) string {
	spelled := make([]string, len(parts))
	for i, p := range parts {
		spelled[i] = strings.ReplaceAll(p, ".", "/")
	}
	return strings.Join(spelled, ".")
}

// parameterParts takes a name apart that is given in nested keys or in one. Of an
// interface's parameters all between conf and the last part is the interface's
// name, so there no spelling of its dots is wrong.
func parameterParts(keys ...string) []string {
	var parts []string
	for _, key := range keys {
		if i := strings.IndexAny(key, "./"); i >= 0 && key[i] == '/' {
			parts = append(parts, strings.Split(key, "/")...)
			continue
		}
		for p := range strings.SplitSeq(key, ".") {
			parts = append(parts, strings.ReplaceAll(p, "/", "."))
		}
	}
	if last := len(parts) - 1; last > 4 && ofInterface(parts) {
		parts = []string{parts[0], parts[1], parts[2], strings.Join(parts[3:last], "."), parts[last]}
	}
	return parts
}

// ofInterface tells whether the parameter is one of those that every interface has, e.g. net.ipv4.conf.eth0.rp_filter.
func ofInterface(parts []string) bool {
	return len(parts) > 4 && parts[0] == "net" && slices.Contains([]string{"conf", "neigh"}, parts[2])
}

func parameterFault(parts []string, i int, p string) bool {
	if i == 3 && ofInterface(parts) {
		return interfaceFault(p) != ""
	}
	return p == "" || p == "." || p == ".." || !consists(p, "_-:.")
}

// checkSysctl checks one kernel parameter.
func (r *reader) checkSysctl(n *syntax.Node, keys, parts []string, value string) {
	raw := strings.Join(keys, ".")
	path := syntax.Join("sysctl", raw)
	valid := len(parts) > 1
	for i, p := range parts {
		valid = valid && !parameterFault(parts, i, p)
	}
	switch {
	case !valid:
		suggestion := "e.g. net.ipv4.ip_forward"
		if file, found := strings.CutPrefix(raw, "/proc/sys/"); found && ParameterPath(file) != "" {
			suggestion = "write " + syntax.Quote(file)
		}
		r.failKey(n, suggestion, "%s: %q is not the name of a kernel parameter", path, raw)
	case strings.ContainsAny(value, "\x00\n"):
		r.fail(n, "", "%s: the value must be one line of text", path)
	default:
		if why, instead := r.portParameter(parts); why != "" {
			r.failKey(n, instead, "%s: %s", path, why)
		}
	}
}

// netcfgOwns are the parameters of an interface that the network configurator
// keeps at what [net] says, each with what to write there instead. It would set
// them anew within moments.
var netcfgOwns = map[string]string{
	"ipv4 forwarding":                  "net.ipv4.ip_forward = 1",
	"ipv4 ignore_routes_with_linkdown": "",
	"ipv4 promote_secondaries":         "",
	"ipv6 accept_ra":                   "[net.PORT] ipv6 = \"auto\", \"static\" or \"off\"",
	"ipv6 accept_ra_defrtr":            "[net.PORT] ipv6 = \"auto\", \"static\" or \"off\"",
	"ipv6 accept_ra_pinfo":             "[net.PORT] ipv6 = \"auto\", \"static\" or \"off\"",
	"ipv6 autoconf":                    "[net.PORT] ipv6 = \"auto\", \"static\" or \"off\"",
	"ipv6 disable_ipv6":                "[net.PORT] ipv6 = \"off\"",
	"ipv6 forwarding":                  "net.ipv6.conf.all.forwarding = 1",
	"ipv6 ignore_routes_with_linkdown": "",
	"ipv6 ra_defrtr_metric":            "",
}

// portParameter says why a parameter cannot be set because it is the network
// configurator's, and what to write instead.
func (r *reader) portParameter(parts []string) (why, instead string) {
	if !ofInterface(parts) || parts[2] != "conf" {
		return "", ""
	}
	family, name, parameter := parts[1], parts[3], parts[4]
	write, owned := netcfgOwns[family+" "+parameter]
	switch {
	case !owned:
		return "", ""
	case name == "all" && (family == "ipv4" || parameter == "forwarding"):
		return "", "" // beside what a port has, not over it
	case name == "all":
		return "the network configurator decides this for each port", writeInstead(write, "NAME")
	case r.configured(name):
		return "the network configurator decides this for its port " + name, writeInstead(write, name)
	}
	return "", ""
}

func writeInstead(text, name string) string {
	if text == "" {
		return ""
	}
	if !syntax.BareKey(name) {
		name = syntax.Quote(name)
	}
	return "write " + strings.ReplaceAll(text, "PORT", name)
}

// configured tells whether an interface is one of the network configurator's.
// Where [net] names none it takes all Ethernet ports, which only the device
// knows; these are what they are called there.
func (r *reader) configured(name string) bool {
	if ports := r.root.Get("net").Keys(); len(ports) > 0 {
		return slices.Contains(ports, name)
	}
	return slices.ContainsFunc([]string{"eth", "en", "lan", "wan", "usb"}, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
}
