package system

import (
	"crypto/sha256"
	"encoding/base64"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"bantam/system/syntax"
)

// SSH is who may log in over the network, and how.
type SSH struct {
	Port      int      `toml:"port" doc:"TCP port to listen at, 1 to 65535" default:"22"`
	Addresses []string `toml:"addresses" doc:"addresses of this machine to listen at, e.g. [\"192.168.1.1\", \"fd00::1\"]" default:"all"`
	Users     []string `toml:"users" doc:"of the users with authorized_keys those who may log in, e.g. [\"anna\"]" default:"all of them"`
	Forward   bool     `toml:"forward" doc:"true: who has logged in may reach what the machine reaches (ssh -L)" default:"false"`
}

// mostLoginKeys bounds what the process of a connection is told at its start.
const mostLoginKeys = 500

// defaultPort is that of SSH.
const defaultPort = 22

// LogIns are the users who may log in over the network, sorted. With none, nothing listens.
func (s *System) LogIns() []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(s.Users)), func(name string) bool {
		return len(s.Users[name].AuthorizedKeys) == 0 || len(s.SSH.Users) > 0 && !slices.Contains(s.SSH.Users, name)
	})
}

// ListensAt are SSH.Addresses, nil for all.
func (s SSH) ListensAt() (list []netip.Addr) {
	for _, text := range s.Addresses {
		if a, err := netip.ParseAddr(text); err == nil {
			list = append(list, a)
		}
	}
	return list
}

// KeyFingerprint is that of a line of User.AuthorizedKeys, as ssh-keygen -l prints it: "SHA256:...".
func KeyFingerprint(line string) string {
	words := strings.Fields(line)
	if len(words) < 2 {
		return "" // Parse takes no such line
	}
	blob, err := base64.StdEncoding.DecodeString(words[1])
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(blob)
	return "SHA256:" + base64.RawStdEncoding.EncodeToString(sum[:])
}

func (r *reader) checkSSH() {
	table, c := r.root.Get("ssh"), r.system.SSH
	if port := table.Get("port"); ok(port) && (c.Port < 1 || c.Port > 65535 || port.Num < 1) {
		r.fail(port, "write e.g. port = 22", "ssh.port: %d is not between 1 and 65535", port.Num)
	}
	list := table.Get("addresses")
	if ok(list) && len(list.Items) == 0 {
		r.fail(list, "remove the line if it is to listen at all", "ssh.addresses: it names no address")
	}
	for i, text := range c.Addresses {
		n := list.Item(i)
		if !ok(n) {
			continue
		}
		const all = "remove the line to listen at all addresses, those of one link among them"
		if a, err := netip.ParseAddr(text); err == nil && a.IsLinkLocalUnicast() {
			r.fail(n, all, "ssh.addresses: %s is the same on every link", a)
			continue
		}
		_, good := r.address(n, "ssh.addresses", text)
		switch {
		case !good:
		case slices.Index(c.Addresses, text) < i:
			r.fail(n, "remove it", "ssh.addresses: %q is there twice", text)
		}
	}
	keys := 0
	for _, name := range r.system.LogIns() {
		keys += len(r.system.Users[name].AuthorizedKeys)
		if n := r.root.Get("user", name, "authorized_keys"); keys > mostLoginKeys && ok(n) {
			r.fail(n, "", "%s.authorized_keys: with these, more than the %d keys of all users together that there may be", syntax.Join("user", name), mostLoginKeys)
			break
		}
	}
	list = table.Get("users")
	if ok(list) && len(list.Items) == 0 {
		r.fail(list, "remove the line if all who have keys may", "ssh.users: it names nobody")
	}
	for i, name := range c.Users {
		n := list.Item(i)
		if !ok(n) {
			continue
		}
		switch u, known := r.system.Users[name]; {
		case !known && slices.Contains(AlwaysUsers, name):
			r.fail(n, "give "+name+" authorized_keys first", "ssh.users: %s has no keys", name)
		case !known:
			suggestion := "describe that user first, with a uid and authorized_keys"
			if near := r.near(name, sortedKeys(r.system.Users)); near != "" {
				suggestion = "did you mean " + syntax.Quote(near) + "?"
			}
			r.fail(n, suggestion, "ssh.users: there is no user %q", name)
		case len(u.AuthorizedKeys) == 0:
			r.fail(n, "give "+name+" authorized_keys first", "ssh.users: %s has no keys", name)
		case slices.Index(c.Users, name) < i:
			r.fail(n, "remove it", "ssh.users: %q is there twice", name)
		}
	}
}
