package test

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// has asks by ARP, in a VLAN unless that is 0, who has an address, and tells whether there is an answer in the same VLAN.
func (n *neighbour) has(address string, vlan uint16) bool {
	n.t.Helper()
	who := netip.MustParseAddr(address).As4()
	own := []byte{192, 168, 200, 200}
	frame := append([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, n.mac...)
	if vlan != 0 {
		frame = binary.BigEndian.AppendUint16(append(frame, 0x81, 0), vlan)
	}
	frame = append(frame, 8, 6, 0, 1, 8, 0, 6, 4, 0, 1)
	frame = append(append(append(append(append(frame, n.mac...), own...), make([]byte, 6)...), who[:]...), make([]byte, 18)...)
	n.conn.WriteToUDP(frame, n.to)
	return n.receive(3*time.Second, func(kind uint16, b []byte) bool {
		if vlan != 0 {
			if kind != 0x8100 || len(b) < 4 || binary.BigEndian.Uint16(b)&0xfff != vlan {
				return false
			}
			kind, b = binary.BigEndian.Uint16(b[2:]), b[4:]
		}
		return kind == 0x0806 && len(b) >= 28 && b[7] == 2 && bytes.Equal(b[14:18], who[:])
	})
}

// answers waits for an answer: the machine may be slow.
func (n *neighbour) answers(address string, vlan uint16) {
	n.t.Helper()
	for range 20 {
		if n.has(address, vlan) {
			return
		}
	}
	n.t.Errorf("nobody has %s in VLAN %d", address, vlan)
}

// problems are those that bantam net tells, but for default metrics that would have been the same.
func problems(text string) (lines []string) {
	for line := range strings.Lines(text) {
		if strings.Contains(line, "problem: ") && !strings.Contains(line, "it has metric") {
			lines = append(lines, line)
		}
	}
	return lines
}

const everyLink = `
[net.wan]
match = { mac = "52:54:00:12:34:56" }
[net.port1]
match = { mac = "52:54:00:00:00:01" }
[net.port2]
match = { mac = "52:54:00:00:00:02" }
[net.port3]
match = { mac = "52:54:00:00:00:03" }
[net.port5]
match = { mac = "52:54:00:00:00:05" }
ipv4 = "off"
ipv6 = "off"
[net.lan]
bridge = { ports = ["port1", "port2"], vlans = [{ id = 1, untagged = ["port1", "port2", "lan"] }, { id = 10, tagged = ["port1"] }] }
addresses = ["192.168.77.1/24"]
[net.guest]
vlan = { parent = "lan", id = 10 }
addresses = ["192.168.10.1/24"]
[net.bond0]
bond = { ports = ["port3"], mode = "802.3ad", hash = "layer3+4" }
addresses = ["10.3.0.1/24"]
[net.red]
vrf = { table = 10, ports = ["port4"] }
[net.port4]
match = { mac = "52:54:00:00:00:04" }
addresses = ["10.4.0.1/24"]
routes = [{ to = "10.44.0.0/16", via = "10.4.0.2" }]
[net.stays]
dummy = true
addresses = ["192.0.2.1/32"]
[net.office]
tunnel = { kind = "gre", local = "192.168.77.1", remote = "192.168.77.2" }
addresses = ["10.5.0.1/30"]
[net.ipip1]
tunnel = { kind = "ipip", local = "192.168.77.1", remote = "192.168.77.3" }
addresses = ["10.6.0.1/30"]
[net.six]
tunnel = { kind = "sit", local = "192.168.77.1", remote = "192.168.77.4" }
addresses = ["fd06::1/64"]
[net.far]
vxlan = { id = 42, local = "192.168.77.1", remote = "192.168.77.5" }
ipv4 = "off"
ipv6 = "off"
[net.second]
macvlan = { parent = "port5" }
addresses = ["10.7.0.1/24"]
[net.outer]
veth = { peer = "inner" }
addresses = ["10.8.0.1/24"]
[net.inner]
addresses = ["10.9.0.1/24"]
`

// A router of Debian's kernel has links of every kind from its first boot; a switch changes them where it can, says what it interrupts, and a
// rollback has them as they were.
func TestAMachineMakesLinksOfEveryKind(t *testing.T) {
	first, card1 := cable(t)
	second, card2 := cable(t)
	second.mac[5] = 8
	toml := filepath.Join(t.TempDir(), "system.toml")
	if err := os.WriteFile(toml, []byte(everyLink), 0o644); err != nil {
		t.Fatal(err)
	}
	path := disk(t, filepath.Join(build(t, "pc", toml), "pc.img"))
	args := pc(t, bios, "-drive", virtio(path), "-nic", card1+",mac=52:54:00:00:00:01", "-nic", card2+",mac=52:54:00:00:00:02")
	for _, mac := range []string{"03", "04", "05"} {
		args = append(args, "-nic", "hubport,hubid=9,model=virtio-net-pci,mac=52:54:00:00:00:"+mac)
	}
	c := start(t, args)
	c.settled()
	c.must("bantam status", "generation  1, good")
	if out := c.must("bantam net", "online: yes", "was eth"); len(problems(out)) > 0 {
		t.Errorf("problems:\n%s", out)
	}
	// Cards are called by the order in which they are plugged in, at every boot.
	c.must("dmesg | grep -o 'port[1-5]: renamed from eth.'", "port1: renamed from eth1\nport2: renamed from eth2\nport3: renamed from eth3\nport4: renamed from eth4\nport5: renamed from eth5\n")
	first.answers("192.168.77.1", 0)
	first.answers("192.168.10.1", 10)
	second.answers("192.168.77.1", 0)
	if second.has("192.168.10.1", 10) {
		t.Error("VLAN 10 is on a port that was not told to carry it")
	}
	c.must("cat /sys/class/net/lan/bridge/vlan_filtering /sys/class/net/lan/bridge/default_pvid", "1", "0")
	c.must("cat /proc/net/vlan/config", "guest          | 10  | lan")
	c.must("cat /proc/net/bonding/bond0", "802.3ad", "layer3+4", "Slave Interface: port3")
	c.must("readlink /sys/class/net/port4/master", "red")
	c.must("ip route show table 10", "10.44.0.0/16 via 10.4.0.2 dev port4")
	for _, link := range []string{"stays", "office", "ipip1", "six", "far", "second", "outer", "inner"} {
		c.must("cat /sys/class/net/"+link+"/netdev_group /sys/class/net/"+link+"/flags", "67")
	}

	changed := strings.NewReplacer(`, { id = 10, tagged = ["port1"] }`, `, { id = 11, tagged = ["port2"] }`, `"lan", id = 10`, `"lan", id = 11`, `"layer3+4"`, `"layer2+3"`,
		"[net.stays]\ndummy = true\naddresses = [\"192.0.2.1/32\"]\n", "", `"192.168.77.2"`, `"192.168.77.9"`).Replace(everyLink)
	c.write("/root/changed.toml", changed)
	c.must("bantam plan /root/changed.toml", "! reload network", "guest is made anew", "stays, a dummy, is deleted", "office is made anew")
	c.must("bantam switch /root/changed.toml; echo code $?", "code 0")
	second.answers("192.168.10.1", 11)
	first.answers("192.168.77.1", 0)
	if first.has("192.168.10.1", 11) || first.has("192.168.10.1", 10) {
		t.Error("a VLAN is on a port that is not to carry it any more")
	}
	c.must("cat /proc/net/bonding/bond0", "layer2+3")
	c.must("ls /sys/class/net; echo end", "end")
	if out := c.run("ls /sys/class/net"); strings.Contains(out, "stays") {
		t.Errorf("left: %s", out)
	}
	if out := c.run("bantam net"); len(problems(out)) > 0 {
		t.Errorf("problems:\n%s", out)
	}
	c.must("bantam rollback; echo code $?", "code 0")
	first.answers("192.168.10.1", 10)
	c.must("cat /sys/class/net/stays/netdev_group", "67")
}
