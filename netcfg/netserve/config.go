package netserve

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"bantam/netcfg/dnsforward"
	"bantam/regular"
	"bantam/system"
)

// Config is what this process has to know of a system.toml, which may hold what it must not: PID 1 writes it to a file.
type Config struct {
	Hostname string
	DNS      system.DNS
	Ports    []Port                 // that serve
	Hosts    map[string]system.Host `json:",omitempty"`
	Upstream []string               `json:",omitempty"` // name servers that the network announces
}

// Port is one that serves.
type Port struct {
	Name      string
	Addresses []string
	system.Serve
}

// port is the one of a name, nil for none.
func (c *Config) port(name string) *Port {
	for i := range c.Ports {
		if c.Ports[i].Name == name {
			return &c.Ports[i]
		}
	}
	return nil
}

// Serves says in words what a port is for its clients, e.g. "DHCP 100-249, router advertisements, DNS".
func (p *Port) Serves() string {
	var words []string
	if p.DHCP != "" {
		words = append(words, "DHCP "+p.DHCP)
	}
	if p.RA {
		words = append(words, "router advertisements")
	}
	if p.DNS {
		words = append(words, "DNS")
	}
	return strings.Join(words, ", ")
}

// maxConfig bounds the file.
const maxConfig = 2 * system.MaxSize

// ConfigOf is what the servers have to know of a system.
func ConfigOf(sys *system.System) Config {
	c := Config{Hostname: sys.Hostname, DNS: sys.DNS, Hosts: sys.Hosts}
	for _, name := range slices.Sorted(maps.Keys(sys.Net)) {
		n := sys.Net[name]
		if n.Serve.Any() {
			c.Ports = append(c.Ports, Port{name, n.Addresses, n.Serve})
		}
	}
	return c
}

// Text is the file's.
func (c *Config) Text() ([]byte, error) {
	text, err := json.Marshal(c)
	return append(text, '\n'), err
}

// ReadConfig reads the file.
func ReadConfig(path string) (c Config, err error) {
	text, err := regular.Read(path, unix.O_NOFOLLOW, maxConfig)
	if err != nil {
		return c, err
	}
	if err := json.Unmarshal(text, &c); err != nil {
		return c, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

// uses says for what sockets are needed, which only a fresh process can open.
type uses struct{ dhcp, ra, dns bool }

func (c *Config) uses() (u uses) {
	for i := range c.Ports {
		p := &c.Ports[i]
		u.dhcp, u.ra, u.dns = u.dhcp || p.DHCP != "", u.ra || p.RA, u.dns || p.DNS
	}
	u.dns = u.dns || c.DNS.NeedsForwarder()
	return u
}

// domain is the one that clients of a port are told; "" is none.
func (c *Config) domain(p *Port) string {
	if p.Domain == "" && p.DNS {
		return c.DNS.Domain // where the forwarder knows their names
	}
	if p.Domain == "" && len(c.DNS.Search) > 0 {
		return c.DNS.Search[0]
	}
	return p.Domain
}

// forwards says whether this machine is the name server of a port's clients.
func (p *Port) forwards() bool { return p.DNS && len(p.Servers) == 0 }

// nameServers are those that clients of a port are told beside this machine: those that are written for it; else, where it does not
// forward, those that the machine itself asks, as far as somebody else can ask them.
func (c *Config) nameServers(p *Port) (list []netip.Addr) {
	if len(p.Servers) > 0 || p.DNS {
		return addresses(p.Servers)
	}
	for _, s := range c.upstream(nil) {
		if a := s.Addr.Addr(); s.TLS == "" && s.Addr.Port() == dnsforward.Port && !a.IsLoopback() && !a.IsLinkLocalUnicast() {
			list = append(list, a)
		}
	}
	return list
}
