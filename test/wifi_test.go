package test

import (
	"path/filepath"
	"strings"
	"testing"

	"bantam/test/vm"
)

// airTOML is a house with Wi-Fi for itself and for guests, and a station that joins it: the kernel's module has two radios
// that hear each other.
const airTOML = `
hostname = "air"
packages = ["iw", "iproute2", "wpasupplicant"]
modules = ["mac80211_hwsim"]

[net.lan]
bridge = { ports = ["wlan0"] }
addresses = ["192.168.1.1/24"]
zone = "lan"
serve = { dhcp = "100-110", gateway = "none" }

[net.wlan0]
wifi = { mode = "ap", ssid = "Zuhause \"é\" #1", passphrase = { secret = "house" }, country = "DE", channel = 6 }

[net.guest]
wifi = { radio = "wlan0", ssid = "guests", passphrase = { secret = "guests" }, isolate = true }
addresses = ["192.168.2.1/24"]
zone = "guest"
serve = { dhcp = "100-110" }

[net.wlan1]
wifi = { ssid = "Zuhause \"é\" #1", passphrase = { secret = "client" } }
ipv6 = "off"
optional = true
zone = "wan"

[zone.guest]
role = "internal"

[proof]
network = "off"
`

// A house has an access point with a network for guests, and what joins it has addresses by the air: all on one machine.
func TestAHouseHasWiFi(t *testing.T) {
	iso := filepath.Join(build(t, "pc", systemFile(t, "air", airTOML)), "pc.iso")
	c := &console{Machine: vm.Start(t, "qemu-system-x86_64", "-accel", "tcg", "-machine", "q35", "-m", "512", "-nic", "none", "-cdrom", iso), t: t, host: "air"}
	c.booted()
	c.settled()

	// Without its secrets a radio is silent, and what cannot be a passphrase is never tried.
	c.waitFor("bantam status", "waits for secret ")
	c.must("printf short > /tmp/s; bantam secret set client < /tmp/s; printf 'it\\047s \"s3cr3t\" # \\\\ ' > /tmp/s; bantam secret set house < /tmp/s", "port wlan0")
	c.must("printf welcome-here > /tmp/s; bantam secret set guests < /tmp/s", "port wlan0")
	c.must("bantam plan; echo code $?", "secret client, which net.wlan1.wifi.passphrase needs, is no passphrase: it has 5 bytes, and a passphrase has 8 to 63")
	c.waitFor("bantam net", "secret client is no passphrase")

	// The access point is in its bridge, and has a link for guests; the wrong passphrase is told, the right one let in.
	c.waitFor("cat /run/bantam/net/wifi/wlan0.json", `"up":true`)
	c.waitFor("bantam net", "in lan")
	c.must("iw dev", "ssid Zuhause", "ssid guests", "type AP")
	c.must("iw reg get", "country DE")
	c.must("printf another-word > /tmp/s; bantam secret set client < /tmp/s; bantam plan", "secret client has changed: the radios of its networks begin anew")
	c.must("bantam switch < /dev/null; echo code $?", "code 0\n")
	c.waitFor("bantam net", "the access point refuses the passphrase")
	c.must("printf 'it\\047s \"s3cr3t\" # \\\\ ' > /tmp/s; bantam secret set client < /tmp/s; rm /tmp/s; bantam switch < /dev/null; echo code $?", "code 0\n")
	c.waitFor("cat /run/bantam/net/wifi/wlan1.json", `"up":true`)
	c.waitFor("bantam net", "dhcp 192.168.1.1")
	c.must("iw dev wlan1 link", "Connected to 02:00:00:00:00:00")
	c.waitFor("bantam net leases", "02:00:00:00:01:00")
	before := c.must("pgrep hostapd")
	c.must("cat /proc/[0-9]*/cmdline | grep -c '[s]3cr3t'; dmesg | grep -c '[s]3cr3t'; bantam log wifi-wlan0 | grep -c '[s]3cr3t'; bantam log wifi-wlan1 | grep -c '[s]3cr3t'; grep -rc '[s]3cr3t' /run/bantam | grep -v ':0$' | wc -l", "0\n0\n0\n0\n0\n")
	c.must("grep -E '^(Uid|CapEff)' /proc/$(pgrep hostapd)/status", "65538", "0000000000003000")

	// Who joins the guests reaches this machine by the link of guests. It does so in a network namespace with the second
	// radio, which Bantam leaves to it, while the first goes on.
	guest := strings.Replace(airTOML, airTOML[strings.Index(airTOML, "[net.wlan1]"):strings.Index(airTOML, "[zone.guest]")], "", 1)
	c.write("/root/guest.toml", guest)
	c.must("bantam switch /root/guest.toml < /dev/null; echo code $?", "wlan1: its radio falls silent", "code 0\n")
	if after := c.must("pgrep hostapd"); after != before {
		t.Errorf("the other radio began anew: %q, then %q", before, after)
	}
	c.must("bantam net", "in lan")
	c.must("/usr/bin/ip netns add guest && iw phy $(cat /sys/class/net/wlan1/phy80211/name) set netns name guest; echo code $?", "code 0")
	c.write("/tmp/guest.conf", "network={\nssid=\"guests\"\npsk=\"welcome-here\"\n}")
	c.must("/usr/bin/ip netns exec guest wpa_supplicant -B -i wlan1 -D nl80211 -c /tmp/guest.conf; /usr/bin/ip -n guest addr add 192.168.2.50/24 dev wlan1; /usr/bin/ip -n guest link set wlan1 up; /usr/bin/ip -n guest route add default via 192.168.2.1; echo code $?", "code 0")
	c.waitFor("/usr/bin/ip netns exec guest iw dev wlan1 link", "SSID: guests")
	c.waitFor("/usr/bin/ip netns exec guest ping -c 1 -W 5 192.168.2.1", "1 received")

	// Another channel is taken up by that radio, and goes back with the rest where nobody confirms it.
	c.run("sed 's/channel = 6/channel = 11/' /root/guest.toml > /root/eleven.toml; bantam switch --confirm 15s /root/eleven.toml < /dev/null > /tmp/switched 2>&1 &")
	c.waitFor("cat /tmp/switched", "wlan0: its radio begins anew")
	c.waitFor("iw dev wlan0 info", "channel 11")
	c.waitFor("iw dev wlan0 info", "channel 6")
	c.waitFor("bantam net", "in lan")
	if out := c.run("bantam net"); len(problems(out)) > 0 {
		t.Errorf("problems:\n%s", out)
	}
	c.Send("poweroff\r")
	c.WaitEnd()
}
