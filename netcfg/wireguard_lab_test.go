//go:build !mips && !mipsle

package netcfg

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// The kernels that tests run on seldom have WireGuard: what is before it is tried here, and the tunnel itself between machines.
func TestSecretsAndNamesReachTheConfigurator(t *testing.T) {
	l := newLab(t, "dnsmasq:dnsmasq-base")
	p := l.peer()
	p.cable("eth0", "10.1.0.1/24")
	p.Start("dnsmasq", "-d", "-C", "/dev/null", "-i", "srv", "--bind-interfaces", "--no-resolv", "--no-hosts", "--user=root", "--log-queries",
		"--address=/vpn.example.net/203.0.113.5")
	asked := make(chan string, 100)
	l.secret = func(name string) (value []byte, set, known bool) {
		asked <- name
		return []byte(ownKey), name != "phone", true
	}
	l.netcfg("[dns]\nservers = [\"10.1.0.1\"]\n[net.eth0]\nipv6 = \"off\"\naddresses = [\"10.1.0.2/24\"]\n" + twoPeers)
	s := l.status("its secrets are known", func(s Status) bool {
		return slices.Contains(s.Problems, "wg0: peer phone: secret phone is not set: bantam secret set phone")
	})
	for range 2 {
		if name := <-asked; name != "wireguard-wg0" && name != "phone" {
			t.Errorf("asked for %s", name)
		}
	}
	i := slices.IndexFunc(s.Ports, func(p PortStatus) bool { return p.Name == "wg0" })
	if i < 0 || len(s.Needs) > 0 {
		t.Fatalf("got %+v", s)
	}
	l.Eventually("questions", func() error {
		for _, question := range []string{"query[A] vpn.example.net from 10.1.0.2", "query[AAAA] vpn.example.net from 10.1.0.2"} {
			if !strings.Contains(l.Log.String(), question) {
				return errors.New(question)
			}
		}
		return nil
	})
}

// What leads past a full tunnel is the kernel's to decide, by rules and routes that every kernel has: with a server that
// says that all addresses are behind another machine, and no tunnel yet.
func TestNothingGoesPastAFullTunnelThatIsNotThere(t *testing.T) {
	l := newLab(t, "dnsmasq:dnsmasq-base")
	p := l.peer()
	p.cable("eth0", "10.1.0.1/24")
	p.dnsmasq(1, "--dhcp-option=121,0.0.0.0/1,10.1.0.66,128.0.0.0/1,10.1.0.66,0.0.0.0/0,10.1.0.1")
	l.secret = func(string) (value []byte, set, known bool) { return []byte(ownKey), true, true }
	l.netcfg("[net.eth0]\nipv6 = \"off\"\n[net.lan]\nbridge = { ports = [] }\naddresses = [\"192.168.1.1/24\"]\n" +
		"[net.wg0]\naddresses = [\"10.64.0.2/32\"]\n[net.wg0.wireguard.peer.provider]\npublic_key = \"" + officeKey +
		"\"\nendpoint = \"203.0.113.5:51820\"\nallowed_ips = [\"0.0.0.0/0\", \"::/0\"]\n")
	l.Shows("ip route", "0.0.0.0/1 via 10.1.0.66 dev eth0")
	l.Shows("ip route", "128.0.0.0/1 via 10.1.0.66 dev eth0")
	for _, rule := range []string{"9000:	from all fwmark 0xca6c lookup main", "9001:	from all to 192.168.1.0/24 lookup main", "9001:	from all to 10.1.0.0/24 lookup main", "9002:	from all lookup 51820"} {
		l.Shows("ip rule", rule)
	}
	l.Shows("ip -6 rule", "9002:	from all lookup 51820")
	l.Shows("ip route show table 51820", "unreachable default")
	l.Shows("ip route get 203.0.113.5 mark 51820", "via 10.1.0.66 dev eth0")
	l.Shows("ip route get 192.168.1.7", "dev lan")
	l.Shows("ip route get 10.1.0.7", "dev eth0")
	for _, to := range []string{"8.8.8.8", "203.0.113.5", "10.64.0.1", "2001:db8::1"} { // EHOSTUNREACH
		l.Shows("ip route get "+to+" 2>&1 || true", "No route to host")
	}
	l.reload("[net.eth0]\nipv6 = \"off\"\n")
	l.Gone("ip rule", "51820")
	l.Gone("ip route show table all", "table 51820")
	l.Shows("ip route get 8.8.8.8", "via 10.1.0.66 dev eth0")
}
