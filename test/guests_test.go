package test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"bantam/test/vm"
)

// The router of the examples as the access point of the examples wants it: guests are VLAN 20 of what its ports carry. It has
// something of its own at a port, which is the house's to use.
const (
	routerPorts = `bridge = { ports = ["eth1", "eth2", "eth3"] }`

	guestsTOML = `
[net.guest]
vlan = { parent = "lan", id = 20 }
addresses = ["192.168.20.1/24"]
subnet6 = 1
zone = "guest"
serve = { dhcp = "100-249", ra = true, dns = true }

[zone.guest]
to = ["wan"]

[service.panel]
command = ["sh", "-c", "while true; do echo the panel | nc -l -p 8080; done"]
`
)

// adaptTOML is a file of the examples with other texts in it, each of which has to be there once.
func adaptTOML(t *testing.T, example string, changes ...string) string {
	t.Helper()
	text, err := os.ReadFile("../examples/" + example + "/system.toml")
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(changes); i += 2 {
		if strings.Count(string(text), changes[i]) != 1 {
			t.Fatalf("example %s does not have %q once", example, changes[i])
		}
		text = []byte(strings.Replace(string(text), changes[i], changes[i+1], 1))
	}
	return string(text)
}

var (
	openPort = regexp.MustCompile(`(\d+)/open/(tcp|udp)/`)
	ignored  = regexp.MustCompile(`Ignored State: (\S+ \(\d+\))`)
)

// scan has nmap look at ports, and returns those that are open and what is said of all others.
func (c *console) scan(words string) (open, others string) {
	c.t.Helper()
	c.run("rm -f /tmp/scan; (" + words + " -oG /tmp/ports > /tmp/words 2>&1; echo code $? > /tmp/scan) &")
	for range 20 { // a machine of software emulation on a busy host takes its time
		if strings.Contains(c.run("for i in $(seq 60); do grep code /tmp/scan 2> /dev/null && break; sleep 2; done"), "code") {
			break
		}
	}
	c.must("cat /tmp/words /tmp/scan", "code 0")
	text := c.must("cat /tmp/ports", "Status: Up")
	for _, m := range openPort.FindAllStringSubmatch(text, -1) {
		open += m[2] + "/" + m[1] + " "
	}
	if m := ignored.FindStringSubmatch(text); m != nil { // of few ports each is named
		others = m[1]
	}
	return strings.TrimSpace(open), others
}

// scanned is a scan that finds these ports and no others; others is "" where they may be this or that.
func (c *console) scanned(words, open, others string) {
	c.t.Helper()
	if gotOpen, gotOthers := c.scan(words); gotOpen != open || others != "" && gotOthers != others {
		c.t.Errorf("%s: open %q, others %q; want %q and %q", words, gotOpen, gotOthers, open, others)
	}
}

// The router and the access point of the examples, a provider, and a station that joins by the air: first as a guest, who reaches the world and
// neither the house nor the router, then as one of the house. From outside nmap finds nothing open.
func TestAHouseWithGuests(t *testing.T) {
	outside, inside := freePort(t), freePort(t)
	const page = "[service.page]\ncommand = [\"sh\", \"-c\", \"while true; do echo from %s | nc -l -p 80; done\"]\n"
	world := onWires(t, "world", systemFile(t, "world", strings.Replace(worldTOML, `["isc-dhcp-server"]`, `["isc-dhcp-server", "nmap"]`, 1)+fmt.Sprintf(page, "the world")),
		wire("wan", fmt.Sprintf("listen=127.0.0.1:%d", outside), 1)...)
	home := adaptTOML(t, "router", routerPorts, routerPorts[:len(routerPorts)-2]+`, vlans = [
    { id = 1, untagged = ["eth1", "eth2", "eth3", "lan"] },
    { id = 20, tagged = ["eth1"], untagged = [] },
] }`) + guestsTOML
	router := onWires(t, "home", systemFile(t, "home", home),
		append(wire("wan", fmt.Sprintf("connect=127.0.0.1:%d", outside), 2), wire("lan", fmt.Sprintf("listen=127.0.0.1:%d", inside), 3)...)...)
	accessPoint := adaptTOML(t, "access-point", `modules = ["ath9k"] `, `modules = ["mac80211_hwsim"]`+"\n"+`packages = ["iw", "iproute2", "wpasupplicant", "busybox-static", "nmap"] `) + fmt.Sprintf(page, "the house")
	iso := filepath.Join(build(t, "pc", systemFile(t, "ap", accessPoint)), "pc.iso")
	ap := &console{Machine: vm.Start(t, append([]string{"qemu-system-x86_64", "-accel", "tcg", "-machine", "q35", "-m", "512", "-nic", "none", "-cdrom", iso},
		wire("lan", fmt.Sprintf("connect=127.0.0.1:%d", inside), 4)...)...), t: t, host: "ap"}
	ap.booted()
	router.settled()
	router.waitFor("bantam net", "prefix 2001:db8:100::/56")

	// The access point has an address of the house's router, and is silent without its secrets.
	ap.waitFor("bantam net", "dhcp 192.168.1.1")
	ap.waitFor("bantam status", "waits for secret ")
	t.Logf("without secrets:\n%s", ap.run("bantam net; bantam status"))
	ap.must("printf 'of-the-house' > /tmp/s; bantam secret set house < /tmp/s; printf 'welcome-here' > /tmp/s; bantam secret set guests < /tmp/s; rm /tmp/s", "port wlan0")
	ap.settled()
	ap.waitFor("cat /run/bantam/net/wifi/wlan0.json", `"up":true`)
	ap.must("iw dev", "ssid house", "ssid guests", "channel 36")
	ap.waitFor("bridge vlan show dev guest", "20 PVID Egress Untagged")
	ap.waitFor("ip -6 addr show dev lan", "inet6 2001:db8:100:")
	house := ap.addressOf("lan")
	house6 := regexp.MustCompile(`inet6 (2001:db8:100:[0-9a-f:]+)/`).FindStringSubmatch(ap.run("ip -6 addr show dev lan"))[1]
	for _, address := range []string{house, house6} {
		router.waitFor("nc -w 5 "+address+" 80 < /dev/null", "from the house")
	}

	// The kernel's second radio is a station, in a network namespace of its own.
	ap.must("/usr/bin/ip netns add sta && iw phy $(cat /sys/class/net/wlan1/phy80211/name) set netns name sta; echo code $?", "code 0")
	ap.write("/tmp/leased", "#!/bin/sh\n[ $1 = bound ] && /usr/bin/ip addr add $ip/$mask dev $interface && /usr/bin/ip route add default via $router && echo $ip > /tmp/address")
	join := func(ssid, passphrase, network string) {
		t.Helper()
		ap.write("/tmp/wpa.conf", "network={\nssid=\""+ssid+"\"\npsk=\""+passphrase+"\"\n}")
		ap.must("chmod +x /tmp/leased; rm -f /tmp/address; sta='/usr/bin/ip netns exec sta'; $sta /usr/bin/ip link set lo up; $sta wpa_supplicant -B -P /tmp/wpa.pid -i wlan1 -D nl80211 -c /tmp/wpa.conf; echo code $?", "code 0")
		ap.waitFor("$sta iw dev wlan1 link", "SSID: "+ssid)
		ap.must("$sta busybox udhcpc -i wlan1 -n -q -t 20 -s /tmp/leased; cat /tmp/address", network)
	}
	join("guests", "welcome-here", "192.168.20.")
	router.must("bantam net leases", "192.168.20.")
	t.Logf("the router:\n%s", router.run("bantam net; bantam status; bantam net leases; bantam net firewall"))
	ap.waitFor("$sta nc -w 5 203.0.113.1 80 < /dev/null", "from the world")
	ap.waitFor("$sta nc -w 5 2001:db8:ff::1 80 < /dev/null", "from the world")
	ap.must("$sta nslookup home 192.168.20.1; echo code $?", "code 0\n")
	for _, closed := range []string{house + " 80", house6 + " 80", "192.168.20.1 8080", "192.168.1.1 8080", "2001:db8:100:1::1 8080", "2001:db8:100::1 8080"} {
		ap.must("$sta nc -w 5 "+closed+" < /dev/null; echo code $?", "code 1\n")
	}
	ap.must("$sta ping -c 1 -W 5 "+house, "0 received")
	// A library of nmap's is an alternative of Debian's, which a script of its package would make the choice of.
	const nmap = "env LD_LIBRARY_PATH=/usr/lib/x86_64-linux-gnu/blas nmap -n -Pn --min-rate 6000 --max-retries 1 "
	ap.scanned("$sta "+nmap+"-sS -p- 192.168.20.1", "tcp/53", "filtered (65534)")
	ap.scanned("$sta "+nmap+"-sU -p 53,123,161,1900,5353 192.168.20.1", "udp/53", "") // how often a refusal is told is limited
	ap.scanned("$sta "+nmap+"-sS -p- "+house, "", "filtered (65535)")

	// The same station, one of the house.
	ap.must("wpa=$(cat /tmp/wpa.pid); kill $wpa; while kill -0 $wpa 2> /dev/null; do sleep 1; done; $sta /usr/bin/ip addr flush dev wlan1; $sta /usr/bin/ip link set wlan1 down; echo code $?", "code 0")
	join("house", "of-the-house", "192.168.1.")
	ap.waitFor("$sta nc -w 5 "+house+" 80 < /dev/null", "from the house")
	ap.waitFor("$sta nc -w 5 192.168.1.1 8080 < /dev/null", "the panel")
	ap.waitFor("$sta nc -w 5 203.0.113.1 80 < /dev/null", "from the world")

	// From outside.
	wan := router.addressOf("wan")
	world.must("ip route add 192.168.0.0/16 via "+wan+"; echo code $?", "code 0")
	world.must("ping -c 1 -W 20 "+wan, "1 received")
	world.scanned(nmap+"-sS -p- "+wan, "", "filtered (65535)")
	world.scanned(nmap+"-sU -p- "+wan, "", "open|filtered (65535)")
	world.scanned(nmap+"-sS -6 -p 1-10000 2001:db8:100::1", "", "filtered (10000)")
	world.scanned(nmap+"-sS -p 1-10000 "+house, "", "filtered (10000)")
	world.scanned(nmap+"-sS -6 -p 1-10000 "+house6, "", "filtered (10000)")

	// What somebody opens, nmap sees, and nothing else.
	router.must("(cat /run/bantam/system.toml; printf '[zone.wan]\\nopen = [\"tcp/8080\"]\\n[forward]\\n\"tcp/4444\" = { to = \""+house+"\", port = 80 }\\n') > /tmp/open.toml; bantam switch /tmp/open.toml < /dev/null; echo code $?", "code 0\n")
	world.scanned(nmap+"-sS -p- "+wan, "tcp/4444 tcp/8080", "filtered (65533)")
	world.scanned(nmap+"-sS -6 -p 1-10000 2001:db8:100::1", "tcp/8080", "filtered (9999)")
	t.Logf("the access point:\n%s", ap.run("bantam net; bantam status"))
	for _, c := range []*console{ap, router, world} {
		c.Send("poweroff\r")
		c.WaitEnd()
	}
}
