package system

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"bantam/system/syntax"
)

// check looks at what the types cannot say. It runs on the filled System with
// its defaults; the tree gives the places and what was left out.
func (r *reader) check() {
	s := &r.system
	if n := r.root.Get("hostname"); ok(n) {
		if why := hostnameFault(s.Hostname); why != "" {
			r.fail(n, "use letters, digits and hyphens, e.g. \"router-1\"", "hostname: %q %s", s.Hostname, why)
		}
	}
	r.checkVersion()
	r.checkTrust()
	modules := r.root.Get("modules")
	for i, name := range s.Modules {
		if n := modules.Item(i); ok(n) && !moduleName(name) {
			suggestion := "write the name that lsmod shows, e.g. \"wireguard\""
			base := name[strings.LastIndexByte(name, '/')+1:]
			if stem, _, cut := strings.Cut(base, ".ko"); cut && moduleName(stem) {
				suggestion = "write " + syntax.Quote(stem)
			}
			r.fail(n, suggestion, "modules: %q is not the name of a kernel module", name)
		}
	}
	r.checkDNS()
	r.checkTime()
	r.checkLinks()
	r.checkPorts()
	r.checkFirewall()
	r.checkGroups()
	r.checkUsers()
	r.checkConsoles()
	r.checkSSH()
	users := append(sortedKeys(s.Users), "nobody", "root")
	r.checkServices(users)
	r.checkFiles(users)
	r.checkState()
	r.checkPackages()
	r.checkPrograms()
	for name := range s.Checks {
		n, at := r.root.Get("check", name), syntax.Join("check", name)
		r.checkName(n, "check", name)
		r.checkCommand(n, at, s.Checks[name].Command)
		r.checkUserOf(n.Get("user"), at+".user", s.Checks[name].User, users)
		r.checkDuration(n.Get("timeout"), at+".timeout", s.Checks[name].Timeout, time.Hour)
	}
	r.checkNetworkProof()
	proof := r.root.Get("proof")
	r.checkDuration(proof.Get("timeout"), "proof.timeout", s.Proof.Timeout, time.Hour)
	r.checkDuration(proof.Get("settle"), "proof.settle", s.Proof.Settle, time.Hour)
	if n := proof.Get("settle"); ok(n) && !reported(proof.Get("timeout")) && s.Proof.Settle >= s.Proof.Timeout {
		r.fail(n, "", "proof.settle: %v leaves no time within proof.timeout, %v", s.Proof.Settle, s.Proof.Timeout)
	}
}

// ok reports whether n is there and has not been reported.
func ok(n *syntax.Node) bool { return n != nil && !n.Bad }

// reported reports whether n is there and is known to be wrong.
func reported(n *syntax.Node) bool { return n != nil && n.Bad }

func (r *reader) checkDuration(n *syntax.Node, path string, d Duration, most time.Duration) {
	if ok(n) && time.Duration(d) > most {
		r.fail(n, "", "%s: %v is more than %v", path, d, Duration(most))
	}
}

// consists reports whether s has only ASCII letters, digits and the extra characters.
func consists(s, extra string) bool {
	for i := range len(s) {
		if c := s[i]; !syntax.IsBare(c) && strings.IndexByte(extra, c) < 0 || (c == '_' || c == '-') && strings.IndexByte(extra, c) < 0 {
			return false
		}
	}
	return true
}

func moduleName(s string) bool { return s != "" && len(s) < 56 && consists(s, "_-") && s[0] != '-' }

// hostnameFault says what is wrong with a host name, "" if nothing is
// (RFC 1123 section 2.1; Linux takes at most 64 bytes).
func hostnameFault(name string) string {
	if name == "" {
		return "is empty"
	}
	if len(name) > 64 {
		return "has " + strconv.Itoa(len(name)) + " bytes, more than the 64 that Linux takes"
	}
	return domainFault(name)
}

func domainFault(name string) string {
	if len(name) > 253 {
		return "is longer than the 253 bytes of a domain name"
	}
	for _, label := range strings.Split(name, ".") {
		switch {
		case label == "":
			return "has an empty part"
		case len(label) > 63:
			return "has a part of more than 63 bytes"
		case label[0] == '-' || label[len(label)-1] == '-':
			return "has a part that starts or ends with a hyphen"
		case !consists(label, "-"):
			return "has characters that a host name cannot have"
		}
	}
	return ""
}

// sortedKeys gives every run the same order.
func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
