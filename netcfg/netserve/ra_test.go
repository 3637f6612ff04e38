//go:build !mips && !mipsle

package netserve

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

const lanAdvertises = `
[net.lan]
addresses = ["192.168.1.1/24", "fd00:1::1/64"]
serve = { ra = true, dns = false, domain = "lan.example", name_servers = ["fd00:1::53"] }
`

// rdisc6 asks for an advertisement and returns what it says.
func (c *client) rdisc6() string {
	out, _ := exec.Command("nsenter", "-t", fmt.Sprint(c.PID), "-n", "rdisc6", "-1", "-w", "6000", "eth0").CombinedOutput()
	return string(out)
}

// says waits until rdisc6 is told something.
func (c *client) hears(want string) string {
	c.t.Helper()
	var out string
	c.Eventually("rdisc6", func() error {
		if out = c.rdisc6(); !strings.Contains(strings.Join(strings.Fields(out), " "), want) {
			return fmt.Errorf("want %q in\n%s", want, out)
		}
		return nil
	})
	return out
}

func TestTheKernelMakesAnAddressOfWhatIsAdvertised(t *testing.T) {
	l := newLab(t, "rdisc6:ndisc6")
	l.Run("sysctl -qw net.ipv6.conf.all.forwarding=1; ip addr add fd00:1::1/64 dev lan nodad; ip link add uplink type veth peer name isp; ip link set uplink up; ip link set isp up; ip addr add fd00:99::1/64 dev uplink nodad; ip -6 route add default via fd00:99::2 dev uplink")
	l.configure(lanAdvertises)
	c := l.client("02:00:00:00:01:01")
	l.serve()
	c.Shows("ip -6 addr show dev eth0", "inet6 fd00:1::ff:fe00:101/64 scope global dynamic")
	c.Shows("ip -6 route show default", "default via fe80::")
	out := c.hears("Router lifetime : 1800")
	for _, want := range []string{"Prefix : fd00:1::/64", "On-link : Yes", "Autonomous address conf.: Yes", "Valid time : 5400", "Pref. time : 2700", "MTU : 1500", "Recursive DNS server : fd00:1::53",
		"DNS server lifetime : 1800", "DNS search list : lan.example", "Stateful address conf. : No", "Stateful other conf. : No", "Hop limit : 64"} {
		if !strings.Contains(strings.Join(strings.Fields(out), " "), want) {
			t.Errorf("want %q in\n%s", want, out)
		}
	}

	// No way out any more, and another network: the old one is deprecated at once.
	l.Run("ip -6 route del default; ip addr del fd00:1::1/64 dev lan; ip addr add fd00:2::1/64 dev lan nodad")
	c.Shows("ip -6 addr show dev eth0", "inet6 fd00:2::ff:fe00:101/64 scope global dynamic")
	c.Shows("ip -6 addr show dev eth0", "fd00:1::ff:fe00:101/64 scope global deprecated dynamic")
	c.Shows("ip -6 route show default; echo none", "none")
	c.hears("Router lifetime : 0")

	// Who comes after a crash knows which networks hosts have addresses of.
	l.crash()
	l.serve()
	c.hears("Pref. time : 0 ")
	if status := l.Run(fmt.Sprintf("cat /proc/%d/status", l.proc.Process.Pid)); !strings.Contains(status, "CapPrm:\t0000000000000000") {
		t.Errorf("it has kept rights:\n%s", status)
	}
}

func TestTheLastAdvertisementTakesTheWayOutBack(t *testing.T) {
	l := newLab(t, "rdisc6:ndisc6")
	l.Run("sysctl -qw net.ipv6.conf.all.forwarding=1; ip addr add fd00:1::1/64 dev lan nodad; ip link add uplink type veth peer name isp; ip link set uplink up; ip link set isp up; ip addr add fd00:99::1/64 dev uplink nodad; ip -6 route add default via fd00:99::2 dev uplink")
	l.configure(lanAdvertises)
	c := l.client("02:00:00:00:01:02")
	l.serve()
	c.Shows("ip -6 route show default", "default via fe80::")
	l.proc.Process.Signal(unix.SIGTERM)
	l.Eventually("no way out", func() error {
		if out := c.In("ip -6 route show default"); out != "" {
			return fmt.Errorf("got %s", out)
		}
		return nil
	})
}

// Sockets for it can be opened by a process alone that still has its rights.
func TestWhoServesAnotherSortOfThingIsAFreshProcess(t *testing.T) {
	l := newLab(t)
	l.configure(lanServes)
	l.serve()
	l.logs("DHCP from 192.168.1.1/24")
	l.configure(lanAdvertises)
	if err := l.proc.Wait(); err != nil {
		t.Errorf("it ends with %v", err)
	}
	l.logs("serves something else than before, and starts again")
}
