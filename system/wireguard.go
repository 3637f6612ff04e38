package system

import (
	"encoding/base64"
	"errors"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// WireGuard is a tunnel to peers who know each other by their keys.
type WireGuard struct {
	PrivateKey Value           `toml:"private_key" doc:"the secret that is its private key; one that nobody has set is made on the device" default:"the secret wireguard-NAME"`
	ListenPort int             `toml:"listen_port" doc:"UDP port at which peers find it, 1 to 65535, open in every zone, e.g. 51820" default:"any that is free"`
	Routes     string          `toml:"routes" values:"auto,off" doc:"\"auto\" (what is in allowed_ips goes by the tunnel) or \"off\" (only what other routes say)" default:"auto"`
	Peers      map[string]Peer `toml:"peer" doc:"the other ends, by names of your own, e.g. [net.wg0.wireguard.peer.office]"`
}

// Peer is one other end of a WireGuard tunnel; its name in the map is for people.
type Peer struct {
	PublicKey    string   `toml:"public_key" doc:"its public key, 44 characters, which bantam net shows there"`
	PresharedKey Value    `toml:"preshared_key" doc:"a secret that both ends have beside their keys, as wg genpsk makes it"`
	Endpoint     string   `toml:"endpoint" doc:"where it is found: name or address, and UDP port, e.g. \"vpn.example.org:51820\"; without it, it comes to us"`
	AllowedIPs   []string `toml:"allowed_ips" doc:"the addresses behind it, e.g. [\"10.8.0.2/32\", \"192.168.2.0/24\"]; [\"0.0.0.0/0\", \"::/0\"] is everything"`
	Keepalive    Duration `toml:"keepalive" doc:"how often it hears of us though there is nothing to say, so that a NAT on the way knows us, e.g. \"25s\"" default:"never"`
}

// What a full tunnel needs of its own; the numbers are those that wg-quick(8) uses.
const (
	WireGuardMark  = 51820 // of the packets that carry the tunnel
	WireGuardTable = 51820 // the routing table of what goes by it
)

// WireGuardKeySize is how many bytes keys have.
const WireGuardKeySize = 32

// ParseWireGuardKey reads a key as wg(8) prints it; a line end behind it does not count.
func ParseWireGuardKey(text string) (key [WireGuardKeySize]byte, err error) {
	b, err := base64.StdEncoding.Strict().DecodeString(strings.TrimRight(text, "\r\n"))
	if err != nil || len(b) != len(key) {
		return key, errors.New("is no WireGuard key, which is 44 characters of base64, the last of them =")
	}
	return [WireGuardKeySize]byte(b), nil
}

// ParseEndpoint splits where a peer is found into an address, or else a name, and a port.
func ParseEndpoint(text string) (address netip.Addr, name string, port uint16, err error) {
	if ap, err := netip.ParseAddrPort(text); err == nil && ap.Port() != 0 && ap.Addr().Zone() == "" {
		if a := ap.Addr().Unmap(); !a.IsUnspecified() && !a.IsMulticast() {
			return a, "", ap.Port(), nil
		}
		return address, "", 0, errors.New("is not the address of one machine")
	}
	i := strings.LastIndexByte(text, ':')
	if i < 0 {
		return address, "", 0, errors.New("has no port")
	}
	name = text[:i]
	number, err := strconv.ParseUint(text[i+1:], 10, 16)
	switch {
	case err != nil || number == 0:
		return address, "", 0, errors.New("has a port that is none")
	case strings.Contains(name, ":"):
		return address, "", 0, errors.New("is no address and port; IPv6 is written [2001:db8::1]:51820")
	}
	if _, _, err := TimeServer(name); err != nil { // the same is asked of a name there
		return address, "", 0, err
	}
	if a, err := netip.ParseAddr(name); err == nil { // e.g. 0.0.0.0
		return address, "", 0, errors.New(a.String() + " is not the address of one machine")
	}
	return address, strings.ToLower(strings.TrimSuffix(name, ".")), uint16(number), nil
}

// KeySecret is the secret that is the private key of the link of that name.
func (w *WireGuard) KeySecret(link string) string {
	if w.PrivateKey.Secret != "" {
		return w.PrivateKey.Secret
	}
	return "wireguard-" + link
}

// Full says for which families everything goes by the tunnel that no other part of the file says the way of.
func (w *WireGuard) Full() (v4, v6 bool) {
	if w == nil || w.Routes == "off" {
		return false, false
	}
	for _, p := range w.Peers {
		for _, text := range p.AllowedIPs {
			if prefix, err := netip.ParsePrefix(text); err == nil && prefix.Bits() == 0 {
				v4, v6 = v4 || prefix.Addr().Is4(), v6 || prefix.Addr().Is6()
			}
		}
	}
	return v4, v6
}

// IsFull is whether Full says so of any family.
func (w *WireGuard) IsFull() bool {
	v4, v6 := w.Full()
	return v4 || v6
}

// WireGuardPorts are the UDP ports at which peers find tunnels, by link.
func (s *System) WireGuardPorts() (links []string, ports []int) {
	for _, name := range sortedKeys(s.Net) {
		if w := s.Net[name].WireGuard; w != nil && w.ListenPort != 0 {
			links, ports = append(links, name), append(ports, w.ListenPort)
		}
	}
	return links, ports
}

// KeepaliveSeconds is Keepalive as the kernel counts it.
func (p Peer) KeepaliveSeconds() int { return int(time.Duration(p.Keepalive) / time.Second) }

// secretsOf adds the secrets of a link's tunnel.
func (w *WireGuard) secretsOf(link string, uses []SecretUse) []SecretUse {
	at := "net." + link + ".wireguard"
	uses = append(uses, SecretUse{Secret: w.KeySecret(link), Path: at + ".private_key", Net: link, Made: true})
	for _, name := range sortedKeys(w.Peers) {
		if secret := w.Peers[name].PresharedKey.Secret; secret != "" {
			uses = append(uses, SecretUse{Secret: secret, Path: at + ".peer." + name + ".preshared_key", Net: link})
		}
	}
	return uses
}
