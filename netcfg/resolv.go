package netcfg

import "strings"

const (
	resolvServers = 3   // what C libraries and Go read
	resolvSearch  = 6   // likewise
	resolvLine    = 256 // bytes of a search list that old C libraries read
)

// resolvConf is what programs of this machine are told: its own forwarder, if it has one.
func (s *Status) resolvConf() string {
	if s.Forwards {
		return resolvConf([]string{"127.0.0.1"}, s.Search)
	}
	return resolvConf(s.DNS, s.Search)
}

// resolvConf is the text of resolv.conf.
func resolvConf(servers, search []string) string {
	var b strings.Builder
	b.WriteString("# Written by bantam. Set dns in system.toml to add to it.\n")
	for _, s := range servers[:min(len(servers), resolvServers)] {
		b.WriteString("nameserver " + s + "\n")
	}
	line := ""
	for _, s := range search[:min(len(search), resolvSearch)] {
		if len(line)+1+len(s) <= resolvLine {
			line += " " + s
		}
	}
	if line != "" {
		b.WriteString("search" + line + "\n")
	}
	return b.String()
}
