package test

import (
	"fmt"
	"os"
	"regexp"
	"sort"
	"strings"
	"testing"
	"time"
)

// providerTOML is a provider with rp-pppoe's access concentrator, who delegates a prefix over each session, and what is
// beyond, which the page is served from. Its pppd is at the other end of ours.
const providerTOML = `
hostname = "isp"
packages = ["pppoe", "ppp", "radvd", "wide-dhcpv6-server", "tcpdump", "iproute2"]
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

[file."/etc/ppp/pap-secrets"]
mode = "0600"
text = '''
"me@isp" * "it's \"s3cr3t\" \\ #" *
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
ip -6 route replace 2001:db8:1::/64 dev $1
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
command = ["sh", "-c", "cp /etc/ppp/pppoe-server-options /tmp/options; pppoe-server -I eth0 -C isp -L 10.9.9.1 -R 10.9.9.100 -N 5 -O /tmp/options -X /run/concentrator.pid; while kill -0 $(cat /run/concentrator.pid); do sleep 1; done"]
needs = ["network"]
`

// pageService serves a page of the world to whoever asks.
const pageService = "[service.page]\ncommand = [\"sh\", \"-c\", \"while true; do (echo from the world; head -c 100000 /dev/zero) | nc -l -p 80; done\"]\n"

// fetches gets the world's page by IPv4 and by IPv6.
func (c *console) fetches() {
	c.t.Helper()
	for _, address := range []string{"203.0.113.1", "2001:db8:ff::1"} {
		c.waitFor("nc -w 20 "+address+" 80 < /dev/null | wc -c", "100015")
	}
}

// sessionTOML is the router of the examples with a provider who wants user and password; more stands in its [net.wan].
func sessionTOML(t *testing.T, more string) string {
	t.Helper()
	example, err := os.ReadFile("../examples/router/system.toml")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Replace(string(example), `match = { port = "eth0" }`, `pppoe = { port = "eth0", user = "me@isp", password = { secret = "isp" } }`+"\n"+more, 1)
}

// secretOfSession is what the provider knows, as a file that the router has.
const secretOfSession = `it's "s3cr3t" \ #` + "\n"

// The router of a house whose provider wants PPPoE: user and password, wrong and right; addresses and prefix; segments
// that fit the session.
func TestAHouseBehindASessionWithAProvider(t *testing.T) {
	outside, inside := freePort(t), freePort(t)
	provider := onWires(t, "isp", systemFile(t, "isp", providerTOML+pageService), wire("wan", fmt.Sprintf("listen=127.0.0.1:%d", outside), 1)...)
	router := onWires(t, "home", systemFile(t, "home", sessionTOML(t, "")),
		append(wire("wan", fmt.Sprintf("connect=127.0.0.1:%d", outside), 2), wire("lan", fmt.Sprintf("listen=127.0.0.1:%d", inside), 3)...)...)
	client := onWires(t, "laptop", systemFile(t, "laptop", "hostname = \"laptop\"\npackages = [\"tcpdump\"]\n"), wire("lan", fmt.Sprintf("connect=127.0.0.1:%d", inside), 4)...)

	// Without the secret nothing is tried; with a wrong one the provider's word is told.
	router.waitFor("bantam status", "waits for secret isp, which is not set")
	router.must("echo wrong > /tmp/secret; bantam secret set isp < /tmp/secret", "port wan")
	router.waitFor("bantam net", "the provider refuses user or password (CHAP)")
	router.write("/tmp/secret", secretOfSession)
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
	client.fetches()

	// Both ends offer segments for a path of 1500 bytes, and each is told of ones that the session carries.
	provider.must("/usr/bin/ip route change "+router.addressOf("wan")+" dev $(ls /sys/class/net | grep ppp) advmss 1460; echo code $?", "code 0")
	for _, c := range []*console{client, provider} {
		c.run("/usr/bin/tcpdump -Z root -l -n -i any 'tcp port 80' > /tmp/seen 2> /tmp/said &")
		c.waitFor("cat /tmp/said", "listening on")
	}
	client.fetches()
	for _, seen := range []struct {
		at         *console
		what, size string
	}{
		{client, "IP 192.168.1.* > 203.0.113.1.80: Flags .S.,", "1460"}, {provider, "IP .* > 203.0.113.1.80: Flags .S.,", "1452"},
		{client, "IP6 2001:db8:100:.* > 2001:db8:ff::1.80: Flags .S.,", "1440"}, {provider, "IP6 .* > 2001:db8:ff::1.80: Flags .S.,", "1432"},
		{provider, "IP 203.0.113.1.80 > .*: Flags .S..,", "1460"}, {client, "IP 203.0.113.1.80 > .*: Flags .S..,", "1452"},
	} {
		seen.at.waitFor("grep '"+seen.what+"' /tmp/seen", "mss "+seen.size+",")
	}
	for _, c := range []*console{client, router, provider} {
		c.Send("poweroff\r")
		c.WaitEnd()
	}
}

var lifetime = regexp.MustCompile(`(valid_lft|preferred_lft|expires|age) \S+|^\d+: `)

// routed is what the machine has of addresses and routes but for how long, one a line; of those that come with a session, and
// are others in each, only with all.
func (c *console) routed(all bool) string {
	c.t.Helper()
	var lines []string
	for line := range strings.Lines(c.run("ip -o addr; ip -4 route; ip -6 route")) {
		if all || !strings.Contains(line, "fe80:") && !strings.Contains(line, "2001:db8:1:") {
			lines = append(lines, strings.Join(strings.Fields(lifetime.ReplaceAllString(line, "")), " "))
		}
	}
	sort.Strings(lines)
	return strings.Join(lines, "\n")
}

// again waits until the machine has the addresses and routes of before.
func (c *console) again(before string, all bool) {
	c.t.Helper()
	var now string
	for range 60 {
		if now = c.routed(all); now == before {
			return
		}
		time.Sleep(time.Second)
	}
	c.t.Fatalf("before:\n%s\nnow:\n%s", before, now)
}

// until waits in the machine, as long as a session may take to end, until command succeeds.
func (c *console) until(command string) {
	c.t.Helper()
	c.must("for i in $(seq 100); do if "+command+"; then echo it is \"so\"; break; fi; sleep 1; done", "it is so")
}

// A session is interrupted by a cable, by the end of the processes that keep it, and by the provider: what is configured stays, and is
// the same afterwards. Its limits are those of its link, also of the one that comes after it.
func TestAHouseBehindASessionThatBreaks(t *testing.T) {
	outside := freePort(t)
	providers := strings.NewReplacer("-N 5", "-N 1", "require-chap", "require-pap", "lcp-echo-interval 5", "lcp-echo-interval 20", "lcp-echo-failure 3", "lcp-echo-failure 6").Replace(providerTOML)
	provider := onWires(t, "isp", systemFile(t, "isp", providers+pageService), wire("wan", fmt.Sprintf("listen=127.0.0.1:%d", outside), 1)...)
	router := onWires(t, "home", systemFile(t, "home", "packages = [\"iproute2\"]\n"+sessionTOML(t, "shape = { down = \"90 Mbit\", up = \"19 Mbit\" }")),
		append(wire("wan", fmt.Sprintf("connect=127.0.0.1:%d", outside), 2), wire("lan", fmt.Sprintf("listen=127.0.0.1:%d", freePort(t)), 3)...)...)

	// With PAP.
	router.must("echo wrong > /tmp/secret; bantam secret set isp < /tmp/secret", "port wan")
	router.waitFor("bantam net", "the provider refuses user or password (PAP)")
	if out := router.run("bantam net"); !strings.Contains(out, " ppp ") && strings.Contains(out, "dhcp6") {
		t.Errorf("of a link that is not there is said what DHCPv6 waits for:\n%s", out)
	}
	router.write("/tmp/secret", secretOfSession)
	router.must("bantam secret set isp < /tmp/secret; bantam switch < /dev/null; echo code $?", "code 0\n")
	router.settled()
	router.waitFor("bantam net", "PPPoE 10.9.9.1")
	router.waitFor("bantam net", "prefix 2001:db8:100::/56")
	router.waitFor("ip -6 route", "2001:db8:1::/64")
	router.must("bantam log pppoe-wan", "PAP authentication succeeded")

	// Limits, on a link that is no Ethernet.
	limited := func() {
		t.Helper()
		router.waitFor("bantam net", "in 90 Mbit by cake, out 19 Mbit by cake")
		router.must("tc -d qdisc show dev wan", "qdisc cake 42: root", "bandwidth 19Mbit", " nat ", "qdisc ingress ffff: parent ffff:fff1")
		router.must("tc -d qdisc show dev ifb-wan", "qdisc cake 42: root", "bandwidth 90Mbit", " nat ", " ingress ")
		router.must("tc -d filter show dev wan ingress", "protocol all pref 66 matchall", "mirred (Egress Redirect to device ifb-wan) stolen")
		in, out := router.sent("ifb-wan"), router.sent("wan")
		router.fetches()
		if newIn, newOut := router.sent("ifb-wan"), router.sent("wan"); newIn < in+200000 || newOut <= out {
			t.Errorf("the queues carried %d bytes in and %d out, of 200000 and what asked for them", newIn-in, newOut-out)
		}
	}
	limited()
	pppd := func() string { t.Helper(); return strings.TrimSpace(router.run("pgrep -x pppd")) }

	// A connection that lasts as long as the session.
	provider.run("nc -l -p 81 < /dev/null > /tmp/heard &") // in the background nobody reads from the terminal
	router.run("(echo before; while [ ! -e /tmp/go ]; do sleep 1; done; echo after) | nc 203.0.113.1 81 &")
	provider.waitFor("cat /tmp/heard", "before")
	all, lasting, one := router.routed(true), router.routed(false), pppd()

	// The cable is out for a moment.
	router.Cable("wan", false)
	router.waitFor("cat /sys/class/net/eth0/carrier", "0")
	t.Logf("without a cable:\n%s", router.run("bantam net; bantam status"))
	router.again(all, true)
	router.Cable("wan", true)
	router.waitFor("cat /sys/class/net/eth0/carrier", "1")
	router.waitFor("ping -c 1 -W 5 10.9.9.1", "1 received")
	router.again(all, true)

	// The network configurator dies.
	netcfg := strings.Fields(router.run("pgrep -f bantam-netcfg"))[0]
	router.must("kill -9 "+netcfg+"; ip -4 route", "default", "dev wan")
	router.until("pgrep -f bantam-netcfg | grep -qvx " + netcfg)
	router.waitFor("bantam net", "online: yes")
	router.again(all, true)
	if now := pppd(); now != one {
		t.Errorf("pppd %q, before %q", now, one)
	}
	router.run("touch /tmp/go")
	provider.waitFor("cat /tmp/heard", "after")
	limited()

	// The process that keeps the session dies: what it has started does, too.
	router.must("kill -9 $(grep PPid /proc/"+one+"/status | cut -f 2); echo code $?", "code 0")
	router.until("! kill -0 " + one + " 2> /dev/null")
	provider.until("pkill -x pppd; ! pgrep -x pppd > /dev/null") // it would find out by itself, two minutes later
	router.until("pgrep -x pppd > /dev/null && bantam net | grep -q 'PPPoE 10.9.9.1'")
	router.again(lasting, false)
	if now := pppd(); now == one || strings.Contains(now, "\n") {
		t.Errorf("pppd %q, before %q", now, one)
	}
	limited()

	// The cable is out until the session is over. The house keeps what it has; the provider takes CHAP meanwhile.
	house := router.must("ip -o addr show dev lan", "192.168.1.1/24", "2001:db8:100::1/64")
	router.Cable("wan", false)
	router.until("bantam net | grep -q 'no carrier at eth0'")
	t.Logf("without a session:\n%s", router.run("bantam net; bantam status"))
	for line := range strings.Lines(house) {
		if address := strings.Fields(line)[3]; !strings.Contains(router.run("ip -o addr show dev lan"), address) {
			t.Errorf("%s is lost", address)
		}
	}
	provider.must("sed -i s/pap/chap/ /tmp/options; cat /tmp/options", "require-chap")
	provider.until("pkill -x pppd; ! pgrep -x pppd > /dev/null")
	router.Cable("wan", true)
	router.until("bantam net | grep -q 'PPPoE 10.9.9.1'")
	router.must("bantam log pppoe-wan", "CHAP authentication succeeded")
	router.again(lasting, false)
	if now := pppd(); strings.Contains(now, "\n") || now == "" {
		t.Errorf("pppd %q", now)
	}
	limited()
	if out := router.run("bantam net"); len(problems(out)) > 0 {
		t.Errorf("problems:\n%s", out)
	}
	for _, c := range []*console{router, provider} {
		c.Send("poweroff\r")
		c.WaitEnd()
	}
}
