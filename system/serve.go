package system

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// Serve is what a port does for the machines behind it. With nothing said the port serves nobody.
type Serve struct {
	DHCP    string            `toml:"dhcp" doc:"addresses to give away: host numbers in the port's first network, e.g. \"100-249\", or whole addresses"`
	Lease   Duration          `toml:"lease" doc:"for how long an address is given away, 2m to 720h" default:"12h"`
	RA      bool              `toml:"ra" doc:"true: advertise this router and the port's IPv6 networks" default:"false"`
	DNS     bool              `toml:"dns" doc:"true: answer DNS questions from this port" default:"false"`
	Gateway string            `toml:"gateway" doc:"the router that DHCP tells: an address, or \"none\"" default:"this machine"`
	Servers []string          `toml:"name_servers" doc:"name servers that are told, e.g. [\"192.168.1.5\"]" default:"this machine with dns = true, else those of [dns] and of the network"`
	NTP     []string          `toml:"ntp" doc:"time servers that DHCP tells, by IPv4 address, e.g. [\"192.168.1.1\"]"`
	Domain  string            `toml:"domain" doc:"domain that is told, e.g. \"lan.example\"" default:"dns.domain where it serves dns, else the first of dns.search"`
	Options map[string]string `toml:"options" doc:"further DHCP options by number, e.g. { 66 = \"boot.example\", 150 = \"hex:c0a80105\" }"`
}

// Any says whether the port serves anybody.
func (s *Serve) Any() bool { return s.DHCP != "" || s.RA || s.DNS }

// ServeService is the name of the service that does it. No other can have it.
const ServeService = "netserve"

// NoGateway is the Gateway that tells none.
const NoGateway = "none"

// Host is a machine that always gets the same address; its name in the map is the one that it has in DNS.
type Host struct {
	MAC     string `toml:"mac" doc:"its network card, e.g. \"52:54:00:12:34:56\""`
	Address string `toml:"address" doc:"the IPv4 address that it always gets, in the network of a port that serves DHCP"`
}

// Serves says whether some port serves anybody, or the machine itself.
func (s *System) Serves() bool {
	for _, n := range s.Net { // a copy that can be pointed to
		if n.Serve.Any() {
			return true
		}
	}
	return s.DNS.NeedsForwarder()
}

// ForwardsDNS says whether the machine has a DNS forwarder, which it then asks itself.
func (s *System) ForwardsDNS() bool {
	for _, n := range s.Net {
		if n.Serve.DNS {
			return true
		}
	}
	return s.DNS.NeedsForwarder()
}

// Pool is the addresses that a port gives away.
type Pool struct {
	Own         netip.Prefix // the port's address in the network, e.g. 192.168.1.1/24
	First, Last netip.Addr   // both are given away
}

// Size is how many addresses it has, the port's own included.
func (p Pool) Size() int { return int(number(p.Last)) - int(number(p.First)) + 1 }

// MaxPool bounds a pool: memory is set aside for each lease.
const MaxPool = 4096

var errPoolForm = errors.New("is no range of host numbers or addresses")

// Pool reads DHCP for a port with some addresses; it fails with what is wrong.
func (s *Serve) Pool(addresses []string) (p Pool, err error) {
	first, last, found := strings.Cut(s.DHCP, "-")
	if !found {
		last = first
	}
	first, last = strings.TrimSpace(first), strings.TrimSpace(last)
	var networks []netip.Prefix
	for _, text := range addresses {
		if a, err := netip.ParsePrefix(text); err == nil && a.Addr().Is4() && a.Bits() > 0 {
			networks = append(networks, a)
		}
	}
	if len(networks) == 0 {
		return p, errors.New("needs a fixed IPv4 address of this port, whose network it is for")
	}
	if strings.Contains(first, ".") {
		return wholePool(networks, first, last)
	}
	p.Own = networks[0]
	var ends [2]netip.Addr
	for i, text := range []string{first, last} {
		host, err := strconv.ParseUint(text, 10, 32)
		switch {
		case err != nil:
			return p, errPoolForm
		case host == 0 || host >= 1<<(32-p.Own.Bits())-1:
			return p, fmt.Errorf("has %s, which is not a host of %s", text, p.Own.Masked())
		}
		ends[i] = address(number(p.Own.Masked().Addr()) + uint32(host))
	}
	p.First, p.Last = ends[0], ends[1]
	return p, p.fault()
}

func wholePool(networks []netip.Prefix, first, last string) (p Pool, err error) {
	var errFirst, errLast error
	p.First, errFirst = netip.ParseAddr(first)
	p.Last, errLast = netip.ParseAddr(last)
	if errFirst != nil || errLast != nil || !p.First.Is4() || !p.Last.Is4() {
		return p, errPoolForm
	}
	for _, network := range networks {
		if network.Contains(p.First) {
			p.Own = network
		}
	}
	if !p.Own.IsValid() {
		return p, fmt.Errorf("has %s, which is in none of the port's networks", p.First)
	}
	for _, a := range []netip.Addr{p.First, p.Last} {
		if !IsHostOf(p.Own, a) {
			return p, fmt.Errorf("has %s, which is not a host of %s", a, p.Own.Masked())
		}
	}
	return p, p.fault()
}

func (p Pool) fault() error {
	switch {
	case p.Last.Less(p.First):
		return errors.New("ends before it begins")
	case p.Size() > MaxPool:
		return fmt.Errorf("has %d addresses, more than %d", p.Size(), MaxPool)
	case p.First == p.Last && p.First == p.Own.Addr():
		return errors.New("has no address but the port's own")
	}
	return nil
}

// IsHostOf says whether a can be one machine's address in an IPv4 network.
func IsHostOf(network netip.Prefix, a netip.Addr) bool {
	host := number(a) &^ (^uint32(0) << (32 - network.Bits()))
	return network.Contains(a) && host != 0 && host != 1<<(32-network.Bits())-1
}

func number(a netip.Addr) uint32 { b := a.As4(); return binary.BigEndian.Uint32(b[:]) }

func address(n uint32) netip.Addr {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], n)
	return netip.AddrFrom4(b)
}

// ParseMAC reads the address of an Ethernet card.
func ParseMAC(text string) (mac [6]byte, err error) {
	hw, err := net.ParseMAC(text)
	if err != nil || len(hw) != 6 {
		return mac, errors.New("is not the address of a network card")
	}
	if mac = [6]byte(hw); mac == [6]byte{} || mac[0]&1 != 0 {
		return mac, errors.New("is no one card's address")
	}
	return mac, nil
}

// maxOptions bounds the further options of a port, so that every answer fits into the smallest message.
const maxOptions = 128

// hexOption begins the value of an option that is no text.
const hexOption = "hex:"

// OptionValue is the bytes of a further option.
func OptionValue(text string) ([]byte, error) {
	digits, isHex := strings.CutPrefix(text, hexOption)
	if !isHex {
		return []byte(text), nil
	}
	b, err := hex.DecodeString(strings.NewReplacer(":", "", " ", "").Replace(digits))
	if err != nil {
		return nil, errors.New("has other digits than hexadecimal pairs")
	}
	return b, nil
}

// ownOption says whether the server itself says a DHCP option, and by which key, if there is one.
func ownOption(code uint64) (key string, own bool) {
	switch code {
	case 3:
		return "gateway", true
	case 6:
		return "name_servers", true
	case 15:
		return "domain", true
	case 42:
		return "ntp", true
	case 51:
		return "lease", true
	case 0, 1, 28, 50, 52, 53, 54, 55, 57, 58, 59, 61, 82, 255:
		return "", true
	}
	return "", false
}
