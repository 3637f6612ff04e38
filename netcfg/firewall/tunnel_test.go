package firewall

import (
	"net/netip"
	"testing"

	"bantam/netcfg/nft"
)

// With a full tunnel the way back to everybody leads into it. What carries tunnels comes in all the same, and nothing else of
// strangers does.
func TestWhatCarriesTunnelsComesIn(t *testing.T) {
	table := Table(parse(t, "tunnel"), Facts{})
	r := router{world: "vpn", past: "eth0", addresses: map[string][]netip.Prefix{
		"eth0": {prefix("203.0.113.100/32")}, "eth1": {prefix("192.168.1.1/24")}, "vpn": {prefix("10.64.0.2/32")}, "site": {prefix("10.255.0.1/30")},
	}}
	packetOf := func(in, from, to string, port uint16, state nft.State) packet {
		return packet{in: in, from: addr(from), to: addr(to), protocol: nft.UDP, port: port, state: state}
	}
	for _, c := range []struct {
		sentence string
		packet   packet
		want     string
	}{
		{"an answer of the provider's end", packetOf("eth0", "192.0.2.1", "203.0.113.100", 51820, nft.Established), "machine"},
		{"somebody who has not been spoken to, at its port", packetOf("eth0", "198.51.100.9", "203.0.113.100", 51820, 0), "drop"},
		{"who comes to the other tunnel", packetOf("eth0", "198.51.100.9", "203.0.113.100", 51821, 0), "machine"},
		{"an answer to what was asked past the tunnel", packetOf("eth0", "203.0.113.1", "203.0.113.100", 40000, nft.Established), "machine"},
		{"at another port", packetOf("eth0", "198.51.100.9", "203.0.113.100", 53, 0), "drop"},
		{"who lies about his source, from outside", packetOf("eth0", "192.168.1.7", "203.0.113.100", 51821, 0), "drop"},
		{"the port of a tunnel in the house", packetOf("eth0", "198.51.100.9", "192.168.1.7", 51821, 0), "drop"},
		{"the house by the tunnel", packetOf("eth1", "192.168.1.7", "198.51.100.9", 443, 0), "out vpn"},
		{"the far end of the tunnel to the house", packetOf("vpn", "198.51.100.9", "192.168.1.7", 443, 0), "drop"},
		{"who lies about his source, by the tunnel", packetOf("vpn", "192.168.1.7", "10.64.0.2", 443, nft.Established), "drop"},
	} {
		if got := walk(t, table, r, c.packet).verdict; got != c.want {
			t.Errorf("%s: %s, want %s", c.sentence, got, c.want)
		}
	}
}
