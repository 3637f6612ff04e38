package dhcp4serve

import (
	"slices"
	"strings"

	"bantam/netcfg/bootp"
)

// refusedNames mean something to others on a network (VU#598349), or to everybody.
var refusedNames = []string{"localhost", "wpad", "isatap", "router", "gateway"}

// cleanName is the first label of what a client calls itself, in small letters; "" where that is no name.
func cleanName(text string) string {
	label, _, _ := strings.Cut(strings.TrimRight(text, "\x00"), ".")
	if len(label) == 0 || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
		return ""
	}
	label = strings.ToLower(label)
	for i := range len(label) {
		if c := label[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return ""
		}
	}
	return label
}

// named is what a message calls its client, by option 12 or 81 (RFC 4702).
func named(m *bootp.Message) string {
	if raw := m.Options[bootp.HostName]; len(raw) > 0 {
		return cleanName(string(raw))
	}
	raw := m.Options[bootp.FQDN]
	if len(raw) < 4 {
		return ""
	}
	name := raw[3:]
	if raw[0]&4 != 0 { // in the form of DNS
		if int(name[0]) >= len(name) {
			return ""
		}
		name = name[1 : 1+name[0]]
	}
	return cleanName(string(name))
}

// nameFor is the name that a client gets: the one of a host; or its own, if nobody else has that.
func (s *Server) nameFor(client string, mac [6]byte, wanted string) string {
	if h := s.hostOf(mac); h != nil {
		return h.Name
	}
	taken := func(name string) bool { return strings.EqualFold(name, wanted) }
	switch {
	case wanted == "" || slices.Contains(refusedNames, wanted) || slices.ContainsFunc(s.config.Taken, taken):
		return ""
	case slices.ContainsFunc(s.config.Hosts, func(h Host) bool { return taken(h.Name) }):
		return ""
	}
	for _, b := range s.bindings {
		if b.Client != client && b.Name == wanted && b.Until > s.now {
			return ""
		}
	}
	return wanted
}
