package test

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// providerTOML is a provider with rp-pppoe's access concentrator, who delegates a prefix over each session, and what is
// beyond, which the page is served from. Its pppd is at the other end of ours.
const providerTOML = `
hostname = "isp"
packages = ["pppoe", "ppp", "radvd", "wide-dhcpv6-server", "tcpdump"]
modules = ["ppp_async", "ppp_synctty"]

[sysctl]
net.ipv4.ip_forward = 1
net.ipv6.conf.all.forwarding = 1

[net.eth0]
ipv4 = "off"
ipv6 = "off"

[net.beyond]
dummy = true
addresses = ["203.0.113.1/24", "2001:db8:ff::1/64"]

[file."/etc/ppp/chap-secrets"]
mode = "0600"
text = '''
"me@isp" * "it's \"s3cr3t\" \\ #" *
"you@isp" * "other" *
'''

[file."/etc/ppp/options"]
text = ""

[file."/etc/ppp/pppoe-server-options"]
text = """
require-chap
lcp-echo-interval 5
lcp-echo-failure 3
ms-dns 203.0.113.53
mtu 1492
mru 1492
+ipv6
noccp
novj
"""

[file."/etc/ppp/ip-up"]
text = ""

[file."/etc/ppp/ipv6-up"]
mode = "0755"
text = """
#!/bin/sh
pkill radvd
pkill dhcp6s
ip -6 route replace 2001:db8:100::/56 dev $1
sed "s/LINK/$1/" /etc/radvd.in > /tmp/radvd.conf
sed "s/LINK/$1/" /etc/dhcp6s.in > /tmp/dhcp6s.conf
mkdir -p /var/lib/dhcpv6
/usr/sbin/radvd -C /tmp/radvd.conf -p /tmp/radvd.pid -m stderr
/usr/sbin/dhcp6s -c /tmp/dhcp6s.conf -P /tmp/dhcp6s.pid $1
"""

[file."/etc/radvd.in"]
text = """
interface LINK { AdvSendAdvert on; UnicastOnly off; MinRtrAdvInterval 3; MaxRtrAdvInterval 10; prefix 2001:db8:1::/64 { }; };
"""

[file."/etc/dhcp6s.in"]
text = """
host home { duid 00:03:00:01:52:54:00:00:00:02; prefix 2001:db8:100::/56 3600; };
interface LINK { };
"""

[service.concentrator]
command = ["sh", "-c", "pppoe-server -I eth0 -C isp -L 10.9.9.1 -R 10.9.9.100 -N 5 -O /etc/ppp/pppoe-server-options -X /run/concentrator.pid; while kill -0 $(cat /run/concentrator.pid); do sleep 1; done"]
needs = ["network"]
`

// The router of a house whose provider wants PPPoE: user and password, wrong and right; addresses and prefix.
func TestAHouseBehindASessionWithAProvider(t *testing.T) {
	outside, inside := freePort(t), freePort(t)
	house, err := os.ReadFile("../examples/router/system.toml")
	if err != nil {
		t.Fatal(err)
	}
	const password = `{ secret = "isp" }`
	home := strings.Replace(string(house), `match = { port = "eth0" }`, `pppoe = { port = "eth0", user = "me@isp", password = `+password+` }`, 1)
	const page = "[service.page]\ncommand = [\"sh\", \"-c\", \"while true; do (echo from the world; head -c 100000 /dev/zero) | nc -l -p 80; done\"]\n"
	provider := onWires(t, "isp", systemFile(t, "isp", providerTOML+page), wire("wan", fmt.Sprintf("listen=127.0.0.1:%d", outside), 1)...)
	router := onWires(t, "home", systemFile(t, "home", home),
		append(wire("wan", fmt.Sprintf("connect=127.0.0.1:%d", outside), 2), wire("lan", fmt.Sprintf("listen=127.0.0.1:%d", inside), 3)...)...)
	client := onWires(t, "laptop", systemFile(t, "laptop", "hostname = \"laptop\"\n"), wire("lan", fmt.Sprintf("connect=127.0.0.1:%d", inside), 4)...)

	// Without the secret nothing is tried; with a wrong one the provider's word is told.
	router.waitFor("bantam status", "waits for secret isp, which is not set")
	router.must("echo wrong > /tmp/secret; bantam secret set isp < /tmp/secret", "port wan")
	router.waitFor("bantam net", "the provider refuses user or password (CHAP)")
	router.write("/tmp/secret", `it's "s3cr3t" \ #`+"\n")
	router.must("bantam secret set isp < /tmp/secret; rm /tmp/secret", "port wan")
	router.must("bantam plan", "reload network", "secret isp has changed", "opened anew")
	router.must("bantam switch < /dev/null; echo code $?", "code 0\n")
	router.settled()
	router.waitFor("bantam net", "PPPoE 10.9.9.1")
	router.must("bantam net dns", "203.0.113.53")
	router.waitFor("bantam net", "prefix 2001:db8:100::/56")
	router.must("cat /proc/[0-9]*/cmdline | grep -c '[s]3cr3t'; dmesg | grep -c '[s]3cr3t'; bantam log pppoe-wan | grep -c '[s]3cr3t'; grep -rc '[s]3cr3t' /run/bantam | grep -v ':0$' | wc -l", "0\n0\n0\n0\n")

	client.settled()
	client.waitFor("bantam net", "2001:db8:100:")
	client.waitFor("nc 203.0.113.1 80 < /dev/null | wc -c", "100015")
	client.waitFor("nc 2001:db8:ff::1 80 < /dev/null | wc -c", "100015")
	for _, c := range []*console{client, router, provider} {
		c.Send("poweroff\r")
		c.WaitEnd()
	}
}
