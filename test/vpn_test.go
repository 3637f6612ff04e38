package test

import (
	"fmt"
	"strings"
	"testing"
)

// What the other ends of the example's tunnels keep for themselves.
const (
	providerKey = "wE31DR6EsMFjdMVwiSqdRYpjLiFZxCYgKThcKOIR7H0="
	branchKey   = "mMu3LnUuRtyNVPkYSuzVHLfq8gzNwOd+jyd0pOOZS1w="
)

// vpnTOML is a provider whose DHCP server says that half of the world each is behind a machine that is none of ours
// (CVE-2024-3661), and beyond it whoever sells tunnels, and a branch of the house.
const vpnTOML = `
hostname = "world"
packages = ["dnsmasq-base", "wireguard-tools"]

[sysctl]
net.ipv4.ip_forward = 1

[net.eth0]
addresses = ["203.0.113.1/24", "203.0.113.5/24"]

[net.beyond]
dummy = true
addresses = ["198.51.100.53/32", "192.168.2.1/24"]

[net.seller]
addresses = ["10.64.0.1/24"]
[net.seller.wireguard]
listen_port = 51820
private_key = { secret = "seller" }

[net.branch]
addresses = ["10.255.0.2/30"]
[net.branch.wireguard]
listen_port = 51821
private_key = { secret = "branch" }

[file."/etc/dnsmasq.conf"]
text = """
port=53
no-resolv
no-hosts
bind-dynamic
address=/vpn.example.net/203.0.113.5
dhcp-range=203.0.113.100,203.0.113.100,1h
dhcp-option=3,203.0.113.1
dhcp-option=121,0.0.0.0/1,203.0.113.66,128.0.0.0/1,203.0.113.66,0.0.0.0/0,203.0.113.1
"""
restarts = ["dnsmasq"]

[service.dnsmasq]
command = ["dnsmasq", "-k", "-u", "root", "-C", "/etc/dnsmasq.conf", "-l", "/tmp/leases"]
needs = ["network"]

[service.page]
command = ["sh", "-c", "while true; do echo from the world | nc -l -p 80; done"]
`

// peersTOML is who the world's tunnels know.
func peersTOML(gateway, branch string) string {
	return fmt.Sprintf(`
[net.seller.wireguard.peer.gateway]
public_key = "%s"
allowed_ips = ["10.64.0.2/32"]
[net.branch.wireguard.peer.gateway]
public_key = "%s"
endpoint = "203.0.113.100:51821"
allowed_ips = ["10.255.0.1/32", "192.168.1.0/24"]
`, gateway, branch)
}

// publicKey is the one that a tunnel of this machine has, as bantam net shows it.
func (c *console) publicKey(link string) string {
	c.t.Helper()
	return strings.TrimSpace(c.must("bantam net | grep -A1 '^"+link+" ' | grep -o 'key [^ ]*' | cut -d' ' -f2", "="))
}

// The gateway of the examples: who is behind it leaves by the tunnel, whatever the provider's DHCP server says.
func TestAHouseLeavesByATunnel(t *testing.T) {
	outside, inside := freePort(t), freePort(t)
	world := onWires(t, "world", systemFile(t, "world", vpnTOML), wire("wan", fmt.Sprintf("listen=127.0.0.1:%d", outside), 1)...)
	gateway := onWires(t, "gateway", "../examples/vpn-gateway/system.toml",
		append(wire("wan", fmt.Sprintf("connect=127.0.0.1:%d", outside), 2), wire("lan", fmt.Sprintf("listen=127.0.0.1:%d", inside), 3)...)...)
	client := onWires(t, "laptop", systemFile(t, "laptop", "hostname = \"laptop\"\n"), wire("lan", fmt.Sprintf("connect=127.0.0.1:%d", inside), 4)...)
	world.settled()
	world.must("printf '"+providerKey+"' | bantam secret set seller; printf '"+branchKey+"' | bantam secret set branch; echo code $?", "code 0")
	change := func(text string) {
		world.write("/root/world.toml", text)
		world.must("bantam switch /root/world.toml; echo code $?", "code 0\n")
	}
	gateway.settled()
	first := gateway.publicKey("vpn")
	known := func(gatewayKey string) string { return vpnTOML + peersTOML(gatewayKey, gateway.publicKey("branch")) }
	change(known(first))
	world.must("bantam net", "zGYZuW5otWz0p0SxzpOpW/9mF0sYYmeZ50LpNhpGtHc=", "5FnTftyrSMF5jFrVa1/bpn1ihdVDaO9QCRMwuYdVggU=")

	// The server's routes are there and lead nowhere; the tunnel works, with what carries it going the usual way.
	gateway.waitFor("bantam net", "at 203.0.113.5:51820")
	gateway.must("ip route", "0.0.0.0/1 via 203.0.113.66", "128.0.0.0/1 via 203.0.113.66", "default via 203.0.113.1")
	gateway.must("bantam net", "rule", "all else goes by vpn", "mark 51820 table 254 priority 9000", "unreachable default", "table 51820")
	gateway.waitFor("bantam net", "connected, handshake")
	if out := gateway.run("bantam net"); len(problems(out)) > 0 {
		t.Errorf("problems:\n%s", out)
	}
	gateway.waitFor("nc 198.51.100.53 80 < /dev/null", "from the world")
	client.settled()
	client.waitFor("nc 198.51.100.53 80 < /dev/null", "from the world")
	world.must("ping -c 1 -W 20 "+client.addressOf("eth0"), "1 received") // from the other site, which began
	client.waitFor("nc 192.168.2.1 80 < /dev/null", "from the world")
	world.must("WG_COLOR_MODE=never wg show seller", "peer: "+first, "latest handshake:", "allowed ips: 10.64.0.2/32")
	world.must("ping -c 1 -W 3 203.0.113.100", "0 received") // an answer would go by the tunnel
	for _, words := range []string{"bantam net --json", "cat /run/bantam/net/status.json", "bantam log network", "dmesg"} {
		if out := world.run(words); strings.Contains(out, providerKey) || strings.Contains(out, branchKey) {
			t.Errorf("%s shows a private key", words)
		}
	}

	// Another key, by a switch.
	gateway.must("bantam plan", "nothing to do")
	gateway.must("printf '"+branchKey+"' | bantam secret set wireguard-vpn; bantam plan", "secret wireguard-vpn has changed")
	gateway.must("bantam switch; echo code $?", "code 0\n")
	gateway.waitFor("bantam net", "zGYZuW5otWz0p0SxzpOpW/9mF0sYYmeZ50LpNhpGtHc=")
	change(known("zGYZuW5otWz0p0SxzpOpW/9mF0sYYmeZ50LpNhpGtHc="))
	client.waitFor("nc 198.51.100.53 80 < /dev/null", "from the world")

	// Without the tunnel, and back. IPv6 leads nowhere then, which no switch takes for proven unless it is meant.
	gateway.must(`sed -e '/^.net.vpn/,/^keepalive/d' -e '/^.zone.vpn/,/^role/d' -e 's/"vpn", //' /run/bantam/system.toml > /tmp/plain.toml; printf '[proof]\nnetwork = "off"\n' >> /tmp/plain.toml; bantam switch /tmp/plain.toml; echo code $?`,
		"vpn, a wireguard, is deleted", "code 0\n")
	gateway.waitFor("bantam net | grep -q 51820 || ip link | grep -q vpn: || echo 'nothing' is left of it", "nothing is left of it")
	gateway.must("bantam rollback; echo code $?", "code 0\n")
	gateway.must("bantam net", "all else goes by vpn")
	client.waitFor("nc 198.51.100.53 80 < /dev/null", "from the world")

	// The other end moves, and its name with it.
	change(strings.ReplaceAll(known("zGYZuW5otWz0p0SxzpOpW/9mF0sYYmeZ50LpNhpGtHc="), "203.0.113.5", "203.0.113.6"))
	gateway.must("ping -c 1 -W 3 198.51.100.53", "0 received")
	for range 4 { // who is not heard of for 135 s is looked up again
		if strings.Contains(gateway.run("for i in $(seq 30); do bantam net | grep 'at 203.0.113.6' && break; sleep 2; done"), "at 203") {
			break
		}
	}
	client.waitFor("nc 198.51.100.53 80 < /dev/null", "from the world")
	for _, c := range []*console{client, gateway, world} {
		c.Send("poweroff\r")
		c.WaitEnd()
	}
}
