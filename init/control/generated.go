package control

import "strings"

// generated are the files that the machine makes anew at each boot and switch,
// and from what in system.toml.
var generated = map[string]string{
	"/etc/hostname":               "hostname",
	"/etc/hosts":                  "hostname",
	"/etc/passwd":                 "[user]",
	"/etc/group":                  "[user] and [group]",
	"/etc/shadow":                 "[user]",
	"/run/bantam/net/resolv.conf": "[dns]",
	"/run/bantam/system.toml":     "what runs",
}

// remark is what the editor says of a file whose changes do not last.
func remark(path string) string {
	switch from, made := generated[path]; {
	case path == "/etc/hosts":
		return "Made from hostname in system.toml at each boot and switch; no other names yet"
	case made:
		return "Made anew at each boot and switch from " + from + " in system.toml: use bantam edit"
	case strings.HasPrefix(path, "/etc/"):
		return "In memory: the next boot forgets it. /state keeps what is to last"
	}
	return ""
}
