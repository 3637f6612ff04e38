package system

import (
	"errors"
	"net/netip"
	"strings"
)

// DNS says whom names are asked of, and which are known here. All but Servers and Search is for the forwarder.
type DNS struct {
	Servers []string            `toml:"servers" doc:"name servers, asked before those that the network announces, e.g. [\"9.9.9.9\", \"tls://9.9.9.9#dns.quad9.net\"]"`
	Search  []string            `toml:"search" doc:"domains that are tried behind a name without a dot, e.g. [\"lan.example\"]"`
	Domain  string              `toml:"domain" doc:"domain of this network's machines, e.g. \"home.arpa\"" default:"lan"`
	Names   map[string][]string `toml:"names" doc:"addresses of machines by name, beside [host.NAME] and leases, e.g. { nas = [\"192.168.1.5\"] }"`
	Rebind  []string            `toml:"rebind" doc:"domains whose names may have private addresses, though servers outside say so, e.g. [\"plex.direct\"]"`
	Zones   map[string]DNSZone  `toml:"zone" doc:"domains that have name servers of their own, e.g. [dns.zone.\"corp.example\"]"`
}

// DNSZone is a domain that is asked of other servers.
type DNSZone struct {
	Servers []string `toml:"servers" doc:"its name servers, as in [dns], e.g. [\"10.1.0.53\"]"`
}

// DefaultDomain is DNS.Domain where nothing is written.
const DefaultDomain = "lan"

// NeedsForwarder says whether the machine cannot do by resolv.conf alone what is written.
func (d DNS) NeedsForwarder() bool {
	for _, text := range d.Servers {
		if _, err := netip.ParseAddr(text); err != nil {
			return true
		}
	}
	return len(d.Zones)+len(d.Names)+len(d.Rebind) > 0
}

// NameServer is one that was named.
type NameServer struct {
	Address netip.AddrPort
	TLS     string // the name that its certificate must have; "": in the clear
}

// Ports of name servers.
const (
	dnsPort = 53
	tlsPort = 853
)

// ParseNameServer reads an address, with a port if it is another one than usual, or tls://ADDRESS#NAME, e.g. "9.9.9.9",
// "[2620:fe::fe]:5353" or "tls://9.9.9.9#dns.quad9.net".
func ParseNameServer(text string) (s NameServer, err error) {
	port := uint16(dnsPort)
	address, overTLS := strings.CutPrefix(text, "tls://")
	if overTLS {
		port = tlsPort
		var named bool
		if address, s.TLS, named = strings.Cut(address, "#"); !named {
			return s, errors.New("does not say whose certificate is to be believed")
		}
		if why := domainFault(s.TLS); why != "" {
			return s, errors.New("has a name for its certificate that " + why)
		}
	}
	if s.Address, err = netip.ParseAddrPort(address); err != nil {
		addr, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(address, "["), "]"))
		if err != nil {
			return s, errors.New("is not the address of a name server")
		}
		s.Address = netip.AddrPortFrom(addr, port)
	}
	switch a := s.Address.Addr(); {
	case s.Address.Port() == 0:
		return s, errors.New("has a port that is none")
	case a.Is4In6():
		return s, errors.New("is an IPv4 address in IPv6 form")
	case a.IsUnspecified() || a.IsMulticast():
		return s, errors.New("is not the address of one machine")
	}
	return s, nil
}
