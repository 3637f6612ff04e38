//go:build !mips && !mipsle

package netcfg

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// lan makes the peer a network of its own: a switch.
func (p *peer) lan(n int) {
	p.t.Helper()
	p.In(fmt.Sprintf("ip link add srv type bridge; ip link add up type dummy; ip link set up master srv up; ip link set srv up; ip addr add 10.%d.0.1/24 dev srv", n))
}

// Servers say nothing to clients that they do not know where nobody has told them that they are authoritative.

func TestACableMovedToANetworkWithASilentServerGetsANewLease(t *testing.T) {
	testMove(t, "dnsmasq:dnsmasq-base", func(p *peer, n int) {
		p.Start("dnsmasq", "-d", "-C", "/dev/null", "-i", "srv", "--bind-interfaces", "--port=0", "--no-ping", "--user=root", "--log-dhcp",
			"--dhcp-leasefile="+filepath.Join(p.dir, fmt.Sprintf("leases%d", n)), fmt.Sprintf("--dhcp-range=10.%d.0.50,10.%d.0.99,12h", n, n))
	})
}

func TestACableMovedToANetworkOfASilentKeaGetsANewLease(t *testing.T) {
	testMove(t, "kea-dhcp4:kea-dhcp4-server", func(p *peer, n int) { p.kea(n, 43200) })
}

func testMove(t *testing.T, server string, serve func(p *peer, n int)) {
	l := newLab(t, server)
	old, other := l.peer(), l.peer()
	for i, p := range []*peer{old, other} {
		p.lan(i + 1)
		serve(p, i+1)
	}
	l.ip(fmt.Sprintf("link add eth0 type veth peer name cable netns %d", old.PID))
	old.In("ip link set cable master srv up")
	l.netcfg("[net.eth0]\n")
	l.status("the first lease", online)
	l.Shows("ip addr show eth0", "inet 10.1.0.")
	move := func(from, to *peer, n int) {
		t.Helper()
		from.In(fmt.Sprintf("ip link set cable netns %d", to.PID))
		l.status("the cable is out", func(s Status) bool { return s.Ports[0].Waiting == "no carrier" })
		to.In("ip link set cable master srv up")
		plugged := time.Now()
		l.Shows("ip route", fmt.Sprintf("default via 10.%d.0.1 dev eth0 proto 66 src 10.%d.0.", n, n))
		t.Logf("a new lease after %v", time.Since(plugged).Round(100*time.Millisecond))
		l.Gone("ip addr show eth0", fmt.Sprintf("inet 10.%d.0.", 3-n))
		l.Gone("ip route", fmt.Sprintf("10.%d.0.", 3-n))
	}
	move(old, other, 2)
	if log := l.Log.String(); strings.Contains(log, "DHCPNAK") || strings.Contains(log, "DHCP4_PACKET_NAK") {
		t.Error("the server was not silent: the test shows nothing")
	}
	move(other, old, 1) // whose server knows the machine, and refuses the other's address
	stored, err := os.ReadFile(filepath.Join(l.dir, "net/leases/eth0.json"))
	if err != nil || len(stored) == 0 {
		t.Errorf("the lease file: %v", err)
	}
}
