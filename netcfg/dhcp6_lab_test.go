//go:build !mips && !mipsle

package netcfg

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
)

// kea6 leases addresses of 2001:db8:1::/64 and prefixes of a pool for so many seconds; without a pool of either it has none.
func (p *peer) kea6(seconds int, addresses, prefixes, length string) (stop func()) {
	p.t.Helper()
	p.lab.ip("link set eth0 up") // Kea wants carrier
	p.LinkLocal("srv")
	dir, err := os.MkdirTemp(p.dir, "kea6")
	if err != nil {
		p.t.Fatal(err)
	}
	pools := ""
	if addresses != "" {
		pools += fmt.Sprintf(`, "pools": [{"pool": "%s"}]`, addresses)
	}
	if prefixes != "" {
		prefix, bits, _ := strings.Cut(prefixes, "/")
		pools += fmt.Sprintf(`, "pd-pools": [{"prefix": "%s", "prefix-len": %s, "delegated-len": %s}]`, prefix, bits, length)
	}
	text := fmt.Sprintf(`{"Dhcp6": {"interfaces-config": {"interfaces": ["srv"], "service-sockets-max-retries": 100, "service-sockets-retry-wait-time": 200},
		"valid-lifetime": %d, "preferred-lifetime": %d, "renew-timer": %d, "rebind-timer": %d, "lease-database": {"type": "memfile", "persist": false},
		"server-id": {"type": "LL", "htype": 1, "identifier": "020000000009", "persist": false},
		"option-data": [{"name": "dns-servers", "data": "2001:db8::53"}, {"name": "domain-search", "data": "six.example"}],
		"subnet6": [{"subnet": "2001:db8:1::/64", "interface": "srv", "rapid-commit": true%s}],
		"loggers": [{"name": "kea-dhcp6", "severity": "INFO", "output_options": [{"output": "stdout"}]}]}}`,
		seconds, seconds*9/10, seconds/2, seconds*3/4, pools)
	conf := filepath.Join(dir, "kea.json")
	if err := os.WriteFile(conf, []byte(text), 0o644); err != nil {
		p.t.Fatal(err)
	}
	cmd := p.Start("env", "KEA_PIDFILE_DIR="+dir, "KEA_LOCKFILE_DIR="+dir, "kea-dhcp6", "-c", conf)
	return func() { cmd.Process.Kill(); cmd.Wait() }
}

const keaAddresses = "2001:db8:1::100-2001:db8:1::1ff"

// house has the provider at eth0 and somebody of the house at eth1.
func house(t *testing.T) (*lab, *peer) {
	l := newLab(t, "kea-dhcp6:kea-dhcp6-server")
	p := l.peer()
	p.cable("eth0", "192.0.2.1/24")
	l.peer().cable("eth1", "198.51.100.2/24")
	return l, p
}

const houseConfig = "[net.eth0]\nipv4 = \"off\"\nipv6 = \"dhcp\"\nprefix = \"delegate\"\n[net.eth1]\nipv4 = \"off\"\nsubnet6 = 3\nula = true\n"

func hasPrefix(prefix string) func(Status) bool {
	return func(s Status) bool {
		return len(s.Ports) > 0 && slices.ContainsFunc(s.Ports[0].Prefixes, func(p AddressStatus) bool { return p.Prefix == prefix })
	}
}

// logs waits until some program has said something.
func (l *lab) logs(want string) {
	l.t.Helper()
	l.Eventually("the log", func() error {
		if !strings.Contains(l.Log.String(), want) {
			return fmt.Errorf("no %q", want)
		}
		return nil
	})
}

func TestKeaLeasesAnAddressAndDelegatesAPrefix(t *testing.T) {
	l, p := house(t)
	stop := p.kea6(3600, keaAddresses, "2001:db8:100::/56", "56")
	l.netcfg(houseConfig)
	s := l.status("the prefix", hasPrefix("2001:db8:100::/56"))
	if !slices.Contains(s.DNS, "2001:db8::53") || !slices.Contains(s.Search, "six.example") {
		t.Errorf("name servers %v, search %v", s.DNS, s.Search)
	}
	l.Shows("ip -6 addr show eth0", "inet6 2001:db8:1::1")
	l.Shows("ip -6 addr show eth1", "inet6 2001:db8:100:3::1/64")
	l.Shows("ip -6 addr show eth1", "inet6 fd")
	l.Shows("ip -6 route show type unreachable", "unreachable 2001:db8:100::/56")
	l.Shows("ip -6 addr show eth1", "valid_lft 35") // as long as the prefix is leased
	l.status("online", online)

	// The next process adopts it: nothing is taken away meanwhile, and the server is asked for the same.
	changes := filepath.Join(l.dir, "changes")
	l.Start("sh", "-c", "ip -6 -o monitor address route > "+changes)
	l.Eventually("changes are noted", func() error { _, err := os.Stat(changes); return err })
	for range 3 {
		l.restart(houseConfig)
		l.status("the prefix again", hasPrefix("2001:db8:100::/56"))
	}
	l.logs("DHCP6_PD_LEASE_RENEW")
	if text, err := os.ReadFile(changes); err != nil || strings.Contains(string(text), "Deleted") {
		t.Errorf("something was taken away: %v\n%s", err, text)
	}

	// A provider that knows nothing of it any more, and has other prefixes.
	stop()
	p.kea6(3600, keaAddresses, "2001:db8:200::/56", "56")
	l.Eventually("the server is asked", func() error { _, err := l.reports.Renew("eth0"); return err })
	l.status("another prefix", hasPrefix("2001:db8:200::/56"))
	l.Shows("ip -6 addr show eth1", "inet6 2001:db8:200:3::1/64")
	l.Gone("ip -6 addr show eth1", "inet6 2001:db8:100:3::1/64")
	l.Gone("ip -6 route show type unreachable", "2001:db8:100::/56")

	// No longer wanted, it is given back.
	l.reload("[net.eth0]\nipv4 = \"off\"\n[net.eth1]\nipv4 = \"off\"\nula = true\n")
	l.Gone("ip -6 addr show", "2001:db8:")
	l.logs("DHCP6_RELEASE_PD ")
	l.logs("DHCP6_RELEASE_NA ")
	l.Shows("ip -6 addr show eth1", "inet6 fd")
}

func TestAPrefixWithoutAnAddress(t *testing.T) {
	l, p := house(t)
	p.kea6(3600, "", "2001:db8:100::/56", "62")
	l.netcfg(houseConfig)
	l.status("online", online)
	l.Shows("ip -6 addr show eth1", "inet6 2001:db8:100:3::1/64")
}

func TestAPrefixThatIsTooSmallIsTold(t *testing.T) {
	l, p := house(t)
	p.kea6(3600, keaAddresses, "2001:db8:100::/56", "63")
	l.netcfg(houseConfig)
	l.status("the problem", func(s Status) bool {
		return slices.ContainsFunc(s.Problems, func(p string) bool { return strings.Contains(p, "subnet6 = 3") && strings.Contains(p, "0 to 1 only") })
	})
}

func TestLifetimesFollowEachRenewal(t *testing.T) {
	l, p := house(t)
	stop := p.kea6(8, keaAddresses, "2001:db8:100::/56", "56")
	l.netcfg(houseConfig)
	l.Eventually("three renewals", func() error {
		if n := strings.Count(l.Log.String(), "DHCP6_PD_LEASE_RENEW"); n < 3 {
			return fmt.Errorf("%d", n)
		}
		return nil
	})
	l.Shows("ip -6 addr show eth1", "inet6 2001:db8:100:3::1/64")
	stop()
	l.Gone("ip -6 addr show", "2001:db8:")
	l.Gone("ip -6 route show type unreachable", "2001:db8:")
}

// dnsmasq6 advertises, and answers DHCPv6, as a range says.
func (p *peer) dnsmasq6(what string) {
	p.In("ip addr add 2001:db8:5::1/64 dev srv nodad")
	p.Start("dnsmasq", "-d", "-C", "/dev/null", "-i", "srv", "--bind-interfaces", "--port=0", "--user=root", "--log-dhcp", "--enable-ra",
		"--dhcp-leasefile="+filepath.Join(p.dir, "leases6"), "--dhcp-range="+what, "--dhcp-option=option6:dns-server,[2001:db8:5::53]")
}

func TestRoutersSayWhetherDHCPv6IsAsked(t *testing.T) {
	for _, test := range []struct{ name, dhcpRange, address, because, asked string }{
		{"M: for an address", "2001:db8:5::100,2001:db8:5::1ff,64,1h", "inet6 2001:db8:5::1", "dhcp6 fe80:", "DHCPSOLICIT(srv)"},
		{"O: for the rest", "2001:db8:5::,ra-stateless,64,1h", "inet6 2001:db8:5:", "router advertisement", "DHCPINFORMATION-REQUEST(srv)"},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := newLab(t, "dnsmasq:dnsmasq-base")
			p := l.peer()
			p.cable("eth0", "192.0.2.1/24")
			p.dnsmasq6(test.dhcpRange)
			l.netcfg("[net.eth0]\nipv4 = \"off\"\n")
			l.Shows("ip -6 addr show eth0 scope global", test.address)
			s := l.status("online, with a name server", func(s Status) bool { return s.Online && slices.Contains(s.DNS, "2001:db8:5::53") })
			if !slices.ContainsFunc(s.Ports[0].Addresses, func(a AddressStatus) bool { return strings.HasPrefix(a.Source, test.because) }) {
				t.Errorf("%+v", s.Ports[0].Addresses)
			}
			l.logs(test.asked)
		})
	}
}

// Another machine has the first address that Kea gives away, and that of the network behind.
func TestAnIPv6AddressThatAnotherMachineHas(t *testing.T) {
	l := newLab(t, "kea-dhcp6:kea-dhcp6-server")
	p := l.peer()
	p.cable("eth0", "192.0.2.1/24")
	p.In("ip addr add 2001:db8:1::100/64 dev srv nodad")
	inside := l.peer()
	inside.cable("eth1", "198.51.100.2/24")
	inside.In("ip addr add 2001:db8:100:3::1/64 dev srv nodad")
	p.kea6(3600, keaAddresses, "2001:db8:100::/56", "56")
	l.netcfg(houseConfig)
	l.logs("DHCP6_DECLINE_LEASE")
	l.Shows("ip -6 addr show eth0 -tentative", "inet6 2001:db8:1::101/128")
	l.status("the one behind is not used", func(s Status) bool {
		return slices.ContainsFunc(s.Problems, func(p string) bool {
			return strings.Contains(p, "eth1: address 2001:db8:100:3::1/64 is used by another machine")
		})
	})
	inside.In("ip addr del 2001:db8:100:3::1/64 dev srv")
	l.Shows("ip -6 addr show eth1 -tentative", "inet6 2001:db8:100:3::1/64")
	l.status("all is well", func(s Status) bool { return s.Online && len(s.Problems) == 0 })
}

// rogue6 answers what comes to port 547 with each of the payloads that answer gives for a message.
func (p *peer) rogue6(answer func(message []byte) [][]byte) {
	p.t.Helper()
	var conn *net.UDPConn
	err := p.Do(func() (err error) {
		srv, err := net.InterfaceByName("srv")
		if err == nil {
			conn, err = net.ListenMulticastUDP("udp6", srv, &net.UDPAddr{IP: net.ParseIP("ff02::1:2"), Port: dhcp6ServerPort})
		}
		return err
	})
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { conn.Close() })
	go func() {
		buffer := make([]byte, 2048)
		for {
			n, from, err := conn.ReadFromUDP(buffer)
			if err != nil {
				return
			}
			for _, payload := range answer(buffer[:n]) {
				conn.WriteToUDP(payload, from)
			}
		}
	}()
}

func TestARogueDHCPv6Server(t *testing.T) {
	l := newLab(t)
	p := l.peer()
	p.cable("eth0", "192.0.2.1/24")
	l.ip("link set eth0 up")
	p.LinkLocal("srv")
	option := func(code byte, value ...byte) []byte {
		return append([]byte{0, code, byte(len(value) >> 8), byte(len(value))}, value...)
	}
	iaid := binary.BigEndian.AppendUint32(nil, associationID("eth0"))
	leased := func(preferred byte, count int) []byte {
		body := append(slices.Clone(iaid), make([]byte, 8)...)
		for i := range count {
			a := netip.MustParseAddr("2001:db8:6::1").As16()
			a[13], a[14] = byte(i>>8), byte(i)
			body = append(body, option(5, append(a[:], 0, 0, preferred, 0, 0, 0, 2, 0)...)...)
		}
		return option(3, body...)
	}
	var honest atomic.Bool
	p.rogue6(func(m []byte) [][]byte {
		client := m[4 : 8+int(binary.BigEndian.Uint16(m[6:]))] // it comes first
		reply := func(parts ...[]byte) []byte {
			return slices.Concat(append([][]byte{{7}, m[1:4], client, option(2, 0, 3, 0, 1, 2, 0, 0, 0, 0, 9), option(14)}, parts...)...)
		}
		if honest.Load() {
			return [][]byte{reply(leased(1, 1))}
		}
		other := reply(leased(1, 1))
		other[4+len(client)-1] ^= 1
		return [][]byte{
			{}, m, reply(), reply(leased(1, 1))[:60], other, reply(leased(3, 40)),
			reply(option(23, 1, 2, 3), option(24, append([]byte{24}, "a\nnameserver 192.0.2.66\x00"...)...), leased(3, 1)),
		}
	})
	l.netcfg("[net.eth0]\nipv4 = \"off\"\nipv6 = \"dhcp\"\n")
	s := l.status("answers are refused", func(s Status) bool {
		return len(s.Ports) > 0 && s.Ports[0].DHCP6 != nil && s.Ports[0].DHCP6.Refused >= 8
	})
	if s.Online || strings.Contains(l.ip("-6 addr show eth0"), "2001:db8:") || len(s.DNS)+len(s.Search) > 0 {
		t.Errorf("something of it is used: %+v", s)
	}
	honest.Store(true)
	l.status("online", online)
	l.Shows("ip -6 addr show eth0", "inet6 2001:db8:6::1/128")
}
