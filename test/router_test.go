package test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"bantam/test/vm"
)

// wire is a network port of a machine at one end of a wire between two, with the last byte of its MAC address.
func wire(name, end string, mac byte) []string {
	return []string{"-netdev", "socket,id=" + name + "," + end, "-device", fmt.Sprintf("virtio-net-pci,netdev=%s,mac=52:54:00:00:00:%02x", name, mac)}
}

// worldTOML is the provider: an address and a prefix for who asks, and what is beyond, which the page is served from.
const worldTOML = `
hostname = "world"
packages = ["isc-dhcp-server"]

[sysctl]
net.ipv6.conf.all.forwarding = 1

[net.eth0]
addresses = ["203.0.113.1/24", "2001:db8:1::1/64"]
routes = [{ to = "2001:db8:100::/56", via = "fe80::5054:ff:fe00:2" }]
serve = { dhcp = "100-110", ra = true }

[net.beyond]
dummy = true
addresses = ["2001:db8:ff::1/64"]
routes = [{ to = "::/0" }]

[file."/etc/dhcpd6.conf"]
text = """
default-lease-time 3600;
subnet6 2001:db8:1::/64 {
  prefix6 2001:db8:100:: 2001:db8:100:: /56;
}
"""

[service.delegation]
command = ["sh", "-c", "touch /tmp/leases6; exec dhcpd -6 -f -cf /etc/dhcpd6.conf -lf /tmp/leases6 -pf /tmp/dhcpd6.pid eth0"]
needs = ["network"]

`

// systemFile is a file with a system.toml.
func systemFile(t *testing.T, name, text string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), name+".toml")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// onWires is a machine with the system of a file, started from a CD, that has these network ports and no other.
func onWires(t *testing.T, host, file string, wires ...string) *console {
	t.Helper()
	iso := filepath.Join(build(t, "pc", file), "pc.iso")
	args := append([]string{"qemu-system-x86_64", "-accel", "tcg", "-machine", "q35", "-m", "384", "-nic", "none", "-cdrom", iso}, wires...)
	c := &console{Machine: vm.Start(t, args...), t: t, host: host}
	c.booted()
	return c
}

// The router of the examples between a provider, who gives it an address and a prefix, and somebody of the house. All three
// are machines of ours; the server that delegates is ISC's.
func TestAHouseBehindARouter(t *testing.T) {
	outside, inside := freePort(t), freePort(t)
	const page = "[service.page]\ncommand = [\"sh\", \"-c\", \"while true; do echo from the world | nc -l -p 80; done\"]\n"
	provider := onWires(t, "world", systemFile(t, "world", worldTOML+page),
		wire("wan", fmt.Sprintf("listen=127.0.0.1:%d", outside), 1)...)
	router := onWires(t, "home", "../examples/router/system.toml",
		append(wire("wan", fmt.Sprintf("connect=127.0.0.1:%d", outside), 2), wire("lan", fmt.Sprintf("listen=127.0.0.1:%d", inside), 3)...)...)
	client := onWires(t, "laptop", systemFile(t, "laptop", "hostname = \"laptop\"\n"+page), wire("lan", fmt.Sprintf("connect=127.0.0.1:%d", inside), 4)...)

	router.settled()
	router.must("bantam net", "was eth0", "dhcp 203.0.113.1", "eth1", "in lan", "192.168.1.1/24")
	wan := router.addressOf("wan")
	client.settled()
	client.must("bantam net", "eth0", "192.168.1.", "via 192.168.1.1")
	router.waitFor("bantam net", "prefix 2001:db8:100::/56") // the network is online without it
	client.waitFor("bantam net", "2001:db8:100:")
	client.waitFor("ip -6 addr show dev eth0", "inet6 fd")
	client.waitFor("nc 2001:db8:ff::1 80 < /dev/null", "from the world")
	client.must("nslookup home", "192.168.1.1")
	client.waitFor("nc 203.0.113.1 80 < /dev/null", "from the world")
	router.must("bantam net leases", "laptop")

	// From outside nothing of the house answers, nor of the router but ping.
	provider.must("ping -c 1 -W 20 "+wan, "1 received")
	address := client.addressOf("eth0")
	provider.must("ip route add 192.168.1.0/24 via "+wan+"; echo code $?", "code 0")
	for _, closed := range []string{wan + " 53", wan + " 22", address + " 80"} {
		provider.must("nc -w 3 "+closed+" < /dev/null; echo code $?", "code 1")
	}
	provider.must("ping -c 1 -W 3 "+address, "0 received")
	provider.must("nc -w 3 2001:db8:100::5054:ff:fe00:4 80 < /dev/null; echo code $?", "code 1")
	router.must("bantam net firewall", "wan", "lan")

	// A switch that opens a port of the house to the world.
	router.must("(cat /run/bantam/system.toml; printf '[forward]\\n\"tcp/8080\" = { to = \""+address+"\", port = 80 }\\n') > /tmp/open.toml; bantam switch /tmp/open.toml; echo code $?", "code 0\n")
	provider.waitFor("nc "+wan+" 8080 < /dev/null", "from the world")
	for _, c := range []*console{client, router, provider} {
		c.Send("poweroff\r")
		c.WaitEnd()
	}
}

// addressOf is the IPv4 address of a port.
func (c *console) addressOf(port string) string {
	c.t.Helper()
	found := regexp.MustCompile(`inet ([0-9.]+)/`).FindStringSubmatch(c.run("ip -4 addr show dev " + port))
	if found == nil {
		c.t.Fatalf("%s has no address", port)
	}
	return found[1]
}
