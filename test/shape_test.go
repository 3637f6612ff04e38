package test

import (
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

const shapedTOML = `
packages = ["iproute2"]
modules = ["sch_tbf", "cls_u32", "act_gact"]

[net.wan]
match = { port = "eth0" }
shape = { down = "90 Mbit", up = "19 Mbit" }

[net.eth1]
ipv4 = "off"
ipv6 = "off"
optional = true
`

// sent is what has left a link by its queue so far, as tc tells.
func (c *console) sent(link string) int {
	c.t.Helper()
	text := c.run("tc -s qdisc show dev " + link + " root")
	m := regexp.MustCompile(`Sent (\d+) bytes`).FindStringSubmatch(text)
	if m == nil {
		c.t.Fatalf("no counter in\n%s", text)
	}
	n, _ := strconv.Atoi(m[1])
	return n
}

// A machine of Debian's kernel limits what leaves and what comes in by cake, as tc tells; another rate keeps the queues, what somebody spoils is
// put right, what others have is theirs, and a kernel without cake does it by htb and fq_codel.
func TestAMachineShapesItsLine(t *testing.T) {
	path := disk(t, filepath.Join(build(t, "pc", systemFile(t, "shape", shapedTOML)), "pc.img"))
	c := start(t, pc(t, bios, "-drive", virtio(path), "-nic", "hubport,hubid=9,model=virtio-net-pci,mac=52:54:00:00:00:01"))
	c.settled()
	c.must("bantam net", "online: yes", "in 90 Mbit by cake, out 19 Mbit by cake")
	c.must("tc -d qdisc show dev wan", "qdisc cake 42: root", "bandwidth 19Mbit", " nat ", "qdisc ingress ffff: parent ffff:fff1")
	c.must("tc -d qdisc show dev ifb-wan", "qdisc cake 42: root", "bandwidth 90Mbit", " nat ", " ingress ")
	c.must("tc -d filter show dev wan ingress", "protocol all pref 66 matchall", "mirred (Egress Redirect to device ifb-wan) stolen")
	c.must("ping -c 3 10.0.2.2 | tail -2", " 0% packet loss")
	in, out := c.sent("ifb-wan"), c.sent("wan")
	if in == 0 || out == 0 {
		t.Errorf("%d bytes came in, %d left", in, out)
	}

	// Queues stay, with what they have counted; so does what somebody else has where nothing is to be limited.
	c.must("tc qdisc add dev eth1 root tbf rate 1mbit burst 10k latency 50ms; tc filter add dev wan ingress pref 70 u32 match u32 0 0 action ok; echo code $?", "code 0")
	c.write("/root/slower.toml", strings.NewReplacer("90 M", "40 M", "19 M", "17.5 M").Replace(shapedTOML))
	if plan := c.must("bantam plan /root/slower.toml", "reload network", `net.wan.shape`); strings.Contains(plan, "!") {
		t.Errorf("another rate interrupts: %s", plan)
	}
	c.must("bantam switch /root/slower.toml < /dev/null; echo code $?", "code 0")
	c.waitFor("tc qdisc show dev ifb-wan", "bandwidth 40Mbit")
	c.waitFor("tc qdisc show dev wan", "bandwidth 17500Kbit")
	if newIn, newOut := c.sent("ifb-wan"), c.sent("wan"); newIn < in || newOut < out {
		t.Errorf("the queues are other ones: %d and %d bytes, before %d and %d", newIn, newOut, in, out)
	}

	c.must("tc qdisc del dev wan root; ip link del ifb-wan; echo code $?", "code 0")
	c.waitFor("tc qdisc show dev wan", "qdisc cake 42: root")
	c.waitFor("tc filter show dev wan ingress", "to device ifb-wan")
	c.must("ping -c 3 10.0.2.2 | tail -2", " 0% packet loss")
	if c.sent("ifb-wan") == 0 {
		t.Error("what comes in does not pass by the queue")
	}

	// Without cake.
	c.must("echo /none > /proc/sys/kernel/modprobe; tc qdisc del dev wan root; tc qdisc del dev ifb-wan root; rmmod sch_cake; echo code $?", "code ")
	for range 20 { // the configurator may have been quicker
		if !strings.Contains(c.run("lsmod | grep -c sch_cake"), "1") {
			break
		}
		c.run("tc qdisc del dev wan root; tc qdisc del dev ifb-wan root; rmmod sch_cake")
	}
	c.waitFor("bantam net", "in 40 Mbit by htb, out 17.5 Mbit by htb")
	c.must("tc -d qdisc show dev wan", "qdisc htb 42: root", "default 0x1", "qdisc fq_codel 43: parent 42:1")
	c.must("tc -d class show dev ifb-wan", "class htb 42:1 root leaf 43:", "rate 40Mbit ceil 40Mbit linklayer ethernet")
	c.must("ping -c 3 10.0.2.2 | tail -2", " 0% packet loss")
	in = c.sent("ifb-wan")
	c.must("bantam rollback; echo code $?", "code 0")
	c.waitFor("tc class show dev ifb-wan", "rate 90Mbit")
	if again := c.sent("ifb-wan"); in == 0 || again < in {
		t.Errorf("the queue is another one: %d bytes, before %d", again, in)
	}

	// Without limits nothing is left but what others have.
	c.write("/root/plain.toml", strings.Replace(shapedTOML, "shape = {", "#", 1))
	c.must("bantam switch /root/plain.toml < /dev/null; echo code $?", "code 0")
	c.waitFor("ip link show ifb-wan", "ifb-wan")
	left := c.must("tc qdisc; tc filter show dev wan ingress", "qdisc tbf", "pref 70 u32")
	for _, ours := range []string{"42:", "43:", "matchall"} {
		if strings.Contains(left, ours) {
			t.Errorf("left: %s", left)
		}
	}
	if problems := problems(c.run("bantam net")); len(problems) > 0 {
		t.Errorf("%q", problems)
	}
}
