package netserve

import (
	"encoding/json"
	"maps"
	"net"
	"net/netip"
	"os"
	"reflect"
	"slices"
	"time"

	"bantam/http1/https"
	"bantam/netcfg/dnsforward"
	"bantam/netcfg/dnssockets"
	"bantam/system"
)

// DNSPath is a socket: who connects is told how the DNS forwarder is, a dnsforward.Status in JSON.
const DNSPath = Dir + "/dns"

// dnsService runs the DNS forwarder. What strangers send is handled by goroutines of its own, which share nothing
// with the loop.
type dnsService struct {
	daemon *daemon
	server *dnssockets.Server
	told   dnsforward.Config
	links  map[string]int
	heard  bool // told was taken without a fault
}

func newDNSService(d *daemon) (*dnsService, error) {
	s := &dnsService{daemon: d, server: dnssockets.New(dnssockets.Options{TLS: &https.DNS{}, ClockIsRight: https.ClockConfirmed, Logf: d.logf})}
	path := d.options.dns
	if path == "" {
		return s, nil
	}
	os.Remove(path) // of the process before
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	os.Chmod(path, 0o666) // it tells nothing of who asked for what
	go s.tell(l)
	return s, nil
}

// tell says how things are to whoever connects.
func (s *dnsService) tell(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			time.Sleep(time.Second) // no descriptors are left; it passes
			continue
		}
		c.SetDeadline(time.Now().Add(time.Second))
		json.NewEncoder(c).Encode(s.server.Status())
		c.Close()
	}
}

func (s *dnsService) configure(now time.Duration, c *Config, links map[string]link) {
	var leases []Lease
	if s.daemon.dhcp != nil {
		leases = s.daemon.dhcp.leases()
	}
	config, indexes := c.forwards(links, leases, now)
	if s.heard && reflect.DeepEqual(config, s.told) && reflect.DeepEqual(indexes, s.links) {
		return
	}
	err := s.server.Configure(config, indexes)
	if err != nil {
		s.daemon.logf("DNS: %v", err)
		s.daemon.lookAt = min(s.daemon.lookAt, now+time.Second)
	} else if !s.heard {
		s.daemon.logf("DNS for this machine%s", andFor(config.Nets))
	}
	s.told, s.links, s.heard = config, indexes, err == nil
}

func andFor(nets []dnsforward.Net) (text string) {
	for _, n := range nets {
		if n.Name != loopback {
			text += " and " + n.Name
		}
	}
	return text
}

func (s *dnsService) descriptors() []int      { return nil }
func (s *dnsService) receive(time.Duration)   {}
func (s *dnsService) deadline() time.Duration { return forever }
func (s *dnsService) step(time.Duration)      {}
func (s *dnsService) stop(time.Duration)      { s.server.Close() }

// loopback is the port by which the machine asks itself; its index is 1 everywhere.
const loopback = "lo"

// forwards is what the forwarder has to know: whom it serves, whom it asks, and the names of this network. It is a function
// of its arguments and nothing else.
func (c *Config) forwards(links map[string]link, leases []Lease, now time.Duration) (config dnsforward.Config, indexes map[string]int) {
	own := dnsforward.Net{Name: loopback, Prefixes: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}}
	self := dnsforward.Host{Name: c.Hostname}
	indexes = map[string]int{loopback: 1}
	for _, p := range c.Ports {
		l, there := links[p.Name]
		if !p.DNS || !there || !l.up {
			continue
		}
		n := dnsforward.Net{Name: p.Name}
		for _, a := range l.addresses {
			addr := a.prefix.Addr()
			own.Prefixes = append(own.Prefixes, netip.PrefixFrom(addr, addr.BitLen()))
			if !addr.IsLinkLocalUnicast() {
				n.Prefixes = append(n.Prefixes, a.prefix.Masked())
				self.Addresses = append(self.Addresses, addr)
			}
		}
		config.Nets, indexes[p.Name] = append(config.Nets, n), l.index
	}
	config.Nets = append(config.Nets, own)
	config.Domain, config.Rebind = c.DNS.Domain, c.DNS.Rebind
	if len(self.Addresses) > 0 {
		config.Hosts = append(config.Hosts, self)
	}
	for _, name := range slices.Sorted(maps.Keys(c.Hosts)) {
		if a, err := netip.ParseAddr(c.Hosts[name].Address); err == nil {
			config.Hosts = append(config.Hosts, dnsforward.Host{Name: name, Addresses: []netip.Addr{a}})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.DNS.Names)) {
		config.Hosts = append(config.Hosts, dnsforward.Host{Name: name, Addresses: addresses(c.DNS.Names[name])})
	}
	for _, l := range leases {
		if l.Name != "" && l.Until > now {
			config.Hosts = append(config.Hosts, dnsforward.Host{Name: l.Name, Addresses: []netip.Addr{l.Address}, Leased: true})
		}
	}
	config.Servers = c.upstream(own.Prefixes)
	for _, name := range slices.Sorted(maps.Keys(c.DNS.Zones)) {
		config.Zones = append(config.Zones, dnsforward.Zone{Name: name, Servers: nameServers(c.DNS.Zones[name].Servers)})
	}
	return config, indexes
}

// upstream are the servers that are asked: those that are written, then those of the network; but where one is
// written that is asked over TLS, the network has no say in who else is. We ourselves are none.
func (c *Config) upstream(own []netip.Prefix) (list []dnsforward.Server) {
	texts, secret := c.DNS.Servers, false
	for _, s := range nameServers(texts) {
		secret = secret || s.TLS != ""
	}
	if !secret {
		texts = append(append([]string(nil), texts...), c.Upstream...)
	}
	have := map[dnsforward.Server]bool{}
	for _, s := range nameServers(texts) {
		mine := false
		for _, p := range own {
			mine = mine || s.Addr.Port() == dnsforward.Port && p.Contains(s.Addr.Addr().WithZone(""))
		}
		if !mine && !have[s] {
			have[s] = true
			list = append(list, s)
		}
	}
	return list
}

func nameServers(texts []string) (list []dnsforward.Server) {
	for _, text := range texts {
		if s, err := system.ParseNameServer(text); err == nil {
			list = append(list, dnsforward.Server{Addr: s.Address, TLS: s.TLS})
		}
	}
	return list
}
