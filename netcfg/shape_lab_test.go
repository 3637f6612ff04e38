//go:build !mips && !mipsle

package netcfg

import (
	"os/exec"
	"strings"
	"testing"
)

// The kernel of this host has cake and all that leads to it, or it lacks something, which is told; in either case what others have is
// left to them, what is not complete is not left, and the port works.
func TestLimitsAreSetOrTheKernelLacksThem(t *testing.T) {
	l := newLab(t, "tc:iproute2")
	p := l.peer()
	p.cable("eth0", "10.1.0.1/24")
	l.peer().cable("eth1", "10.2.0.1/24")
	l.Run("tc qdisc add dev eth1 root handle 7: tbf rate 1mbit burst 10k latency 50ms; tc qdisc add dev eth0 root handle 8: tbf rate 1mbit burst 10k latency 50ms")
	l.Run("tc qdisc add dev eth0 ingress; tc filter add dev eth0 ingress pref 7 u32 match u32 0 0 action mirred egress mirror dev lo")
	can := exec.Command("sh", "-c", "ip link add try type dummy && tc qdisc add dev try clsact && tc filter add dev try ingress matchall action ok && tc qdisc add dev try root cake; code=$?; ip link del try; exit $code").Run() == nil
	const plain = "[net.eth0]\naddresses = [\"10.1.0.2/24\"]\n"
	l.netcfg(plain + "shape = { down = \"90 Mbit\", up = \"19 Mbit\" }\n")
	s := l.status("limits, or what is lacked", func(s Status) bool {
		text := strings.Join(s.Problems, "\n")
		return len(s.Ports) == 1 && s.Ports[0].Up && (s.Ports[0].Shape != "" || strings.Contains(text, "shape eth0 19 Mbit: the kernel has neither cake nor htb with fq_codel") && strings.Contains(text, "redirect eth0 ifb-eth0: "))
	})
	if can {
		if s.Ports[0].Shape != "in 90 Mbit by cake, out 19 Mbit by cake" {
			t.Errorf("limits %q", s.Ports[0].Shape)
		}
		l.Shows("tc qdisc show dev eth0", "qdisc cake 42: root")
		l.Shows("tc filter show dev eth0 ingress", "pref 66 matchall")
	}
	p.converse("10.1.0.2").goesOn()
	l.reload(plain)
	l.Gone("ip link", "ifb-eth0")
	l.Gone("tc qdisc", " 42:")
	l.Gone("tc filter show dev eth0 ingress", "matchall")
	l.status("no problem", func(s Status) bool { return len(s.Problems) == 0 })
	l.Shows("tc qdisc show dev eth1", "qdisc tbf 7: root")
	l.Shows("tc filter show dev eth0 ingress", "pref 7 u32")
	p.converse("10.1.0.2").goesOn()
}
