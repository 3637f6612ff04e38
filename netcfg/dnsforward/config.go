package dnsforward

import (
	"maps"
	"net/netip"
	"slices"
)

// Config is what is served, and where it is asked for.
type Config struct {
	Nets    []Net
	Servers []Server // for all that no zone has, in the order in which they are asked
	Zones   []Zone
	Domain  string   // of the hosts, e.g. "lan"; "" for none
	Rebind  []string // domains whose names may have private addresses, though they come from outside
	Hosts   []Host
}

// Net is a network whose machines are served.
type Net struct {
	Name     string         // e.g. "lan"
	Prefixes []netip.Prefix // that are on this link
}

// Zone is a domain that has servers of its own.
type Zone struct {
	Name    string // e.g. "corp.example" or "10.in-addr.arpa"
	Servers []Server
}

// Host is a machine of this network: one that has a lease, or one that was named.
type Host struct {
	Name      string // one label, or several for a whole name, e.g. "nas" or "www.corp.example"
	Addresses []netip.Addr
	Leased    bool // the name is what the machine says of itself: it takes no name that somebody has
}

// Server is a name server.
type Server struct {
	Addr netip.AddrPort
	TLS  string // the name that its certificate must have; "": UDP and TCP, in the clear
}

// Ports of name servers.
const (
	Port    = 53
	PortTLS = 853
)

// String is the server as system.toml names it.
func (s Server) String() string {
	port, before, after := uint16(Port), "", ""
	if s.TLS != "" {
		port, before, after = PortTLS, "tls://", "#"+s.TLS
	}
	if s.Addr.Port() == port {
		return before + s.Addr.Addr().String() + after
	}
	return before + s.Addr.String() + after
}

// configure takes a new configuration. Who asked before is still answered.
func (f *Forwarder) configure(c Config) {
	f.nets, f.own = map[string][]netip.Prefix{}, nil
	for _, n := range c.Nets {
		f.nets[n.Name] = n.Prefixes
		f.own = append(f.own, n.Prefixes...)
	}
	if !slices.Equal(f.config.Servers, c.Servers) || !slices.EqualFunc(f.config.Zones, c.Zones, equalZone) || !slices.Equal(f.config.Rebind, c.Rebind) {
		f.cache = newCache(cacheEntries, cacheBytes) // what others said
	}
	f.config = c
	f.local = newLocal(c)
	used := map[Server]bool{}
	for _, list := range append([]Zone{{Servers: c.Servers}}, c.Zones...) {
		for _, s := range list.Servers {
			used[s] = true
			if f.servers[s] == nil {
				f.servers[s] = &serverState{}
			}
		}
	}
	maps.DeleteFunc(f.servers, func(s Server, _ *serverState) bool { return !used[s] })
}

func equalZone(a, b Zone) bool { return a.Name == b.Name && slices.Equal(a.Servers, b.Servers) }
