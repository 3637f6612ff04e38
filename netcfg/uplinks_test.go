//go:build !mips && !mipsle

package netcfg

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"bantam/netcfg/frame"
)

func TestAnUplinkWithoutCableLeavesTheTrafficToTheOther(t *testing.T) {
	l := newLab(t)
	var config strings.Builder
	var peers []*peer
	for i, port := range []string{"eth0", "eth1"} {
		p := l.peer()
		p.cable(port, fmt.Sprintf("10.%d.0.1/24", i+1))
		p.In(fmt.Sprintf("ip addr add 2001:db8:%d::1/64 dev srv nodad", i+1))
		peers = append(peers, p)
		fmt.Fprintf(&config, "[net.%s]\nipv6 = \"static\"\naddresses = [\"10.%d.0.2/24\", \"2001:db8:%d::2/64\"]\ngateway = \"10.%d.0.1\"\ngateway6 = \"2001:db8:%d::1\"\n",
			port, i+1, i+1, i+1, i+1)
	}
	l.netcfg(config.String())
	l.status("online", online)
	l.Shows("ip route get 192.0.2.1", "dev eth0")
	l.Shows("ip -6 route get 2001:db8:9::1", "dev eth0")
	peers[0].In("ip link set srv down")
	l.Shows("ip route get 192.0.2.1", "dev eth1")
	l.Shows("ip -6 route get 2001:db8:9::1", "dev eth1")
	l.Shows("ip route", "default via 10.1.0.1 dev eth0") // nothing is removed
	peers[0].In("ip link set srv up")
	l.Shows("ip route get 192.0.2.1", "dev eth0")
	l.Shows("ip -6 route get 2001:db8:9::1", "dev eth0")
}

func TestTwoPortsOnOneSegmentAreNoConflict(t *testing.T) {
	l := newLab(t, "dnsmasq:dnsmasq-base")
	l.Run("echo 0 | tee /proc/sys/net/ipv4/conf/all/rp_filter /proc/sys/net/ipv4/conf/default/rp_filter")
	p := l.peer()
	p.In("ip link add srv type bridge; ip link set srv up; ip addr add 10.1.0.1/24 dev srv")
	for _, port := range []string{"eth0", "eth1"} {
		l.ip(fmt.Sprintf("link add %s type veth peer name %sp netns %d", port, port, p.PID))
		p.In(fmt.Sprintf("ip link set %sp master srv up", port))
	}
	p.dnsmasq(1)
	l.netcfg("[net.eth0]\n[net.eth1]\n")
	s := l.status("online", online)
	second := netip.MustParsePrefix(s.Ports[1].Addresses[0].Prefix).Addr()
	// For its answers from eth1's address the kernel asks through eth0, whose route to the subnet comes first.
	for host := 2; host < 7; host++ {
		p.In(fmt.Sprintf("ip addr add 10.1.0.%d/24 dev srv", host))
		p.knock("srv", netip.AddrFrom4([4]byte{10, 1, 0, byte(host)}), second)
	}
	time.Sleep(200 * time.Millisecond)
	if out := l.Log.String(); strings.Contains(out, "DHCPDECLINE") || strings.Contains(out, "is used by") {
		t.Error("a port took the other for a stranger with its address")
	}
	l.Shows("ip addr show eth1", second.String())
}

// knock asks a machine for a TCP connection from an address of the peer, for three seconds at most.
func (p *peer) knock(device string, from, to netip.Addr) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		d := net.Dialer{
			Timeout:   3 * time.Second,
			LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, 0)),
			Control: func(_, _ string, c syscall.RawConn) error {
				return c.Control(func(fd uintptr) { unix.BindToDevice(int(fd), device) })
			},
		}
		if conn, err := p.dial(d, netip.AddrPortFrom(to, 9).String()); err == nil {
			conn.Close()
		}
	}()
	<-done
}

func TestAnotherVLANIsAnotherNetwork(t *testing.T) {
	l := newLab(t, "dnsmasq:dnsmasq-base")
	p := l.peer()
	p.cable("eth0", "10.1.0.1/24")
	p.dnsmasq(1)
	l.netcfg("[net.eth0]\n")
	s := l.status("online", online)
	own := netip.MustParsePrefix(s.Ports[0].Addresses[0].Prefix)
	eth0, err := net.InterfaceByName("eth0")
	if err != nil {
		t.Fatal(err)
	}
	witness, err := packetSocket(eth0.Index, unix.ETH_P_ARP, arpFilter(own.Addr()))
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(witness)
	// Somebody on VLAN 5, which the cable carries too, has our address there and asks for others.
	srv := p.station(unix.ETH_P_ARP)
	defer unix.Close(srv.fd)
	tagged := append([]byte{0, 5, 8, 6}, frame.ARPRequest([6]byte{2, 0, 0, 0, 0, 9}, own.Addr(), netip.MustParseAddr("10.1.0.200"))...)
	for range 4 {
		if err := unix.Sendto(srv.fd, tagged, 0, &unix.SockaddrLinklayer{
			Protocol: frame.BigEndian(unix.ETH_P_8021Q), Ifindex: srv.index, Halen: 6, Addr: everybody,
		}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(100 * time.Millisecond)
	}
	heard, buffer := 0, make([]byte, 64)
	l.Eventually("ARP requests of the VLAN", func() error {
		for ; ; heard++ {
			if _, _, err := unix.Recvfrom(witness, buffer, unix.MSG_DONTWAIT); err != nil && heard < 3 {
				return fmt.Errorf("%d arrived: %w", heard, err)
			} else if err != nil {
				return nil
			}
		}
	})
	if out := l.Log.String(); strings.Contains(out, "DHCPDECLINE") || strings.Contains(out, "is used by") {
		t.Error("the address was given up for somebody on another network")
	}
	l.Shows("ip addr show eth0", own.String())
}

func TestAnAddressWithAnotherEndIsRemovedFromTheKernel(t *testing.T) {
	l := newLab(t)
	l.peer().cable("eth0", "10.1.0.1/24")
	l.netcfg("[net.eth0]\naddresses = [\"10.1.0.2/24\"]\n")
	l.status("online", online)
	l.ip("addr add 10.5.0.1 peer 10.5.0.2/32 dev eth0")
	l.Gone("ip addr show eth0", "10.5.0.1")
	l.ip("addr add 2001:db8:5::1 peer 2001:db8:5::2/128 dev eth0")
	l.Gone("ip addr show eth0", "2001:db8:5::1")
	l.Shows("ip addr show eth0", "inet 10.1.0.2/24")
}

func TestRoutesToTheSubnetsAreRepairedAndGoWithTheirAddresses(t *testing.T) {
	l := newLab(t)
	l.peer().cable("eth0", "10.1.0.1/24")
	const config = "[net.eth0]\nipv6 = \"static\"\n"
	l.netcfg(config + "addresses = [\"10.1.0.2/24\", \"10.1.0.3/24\", \"2001:db8::2/64\"]\ngateway = \"10.1.0.1\"\ngateway6 = \"2001:db8::1\"\n")
	l.status("online", online)
	for range 2 {
		l.ip("route flush dev eth0")
		l.ip("-6 route flush dev eth0")
		l.Shows("ip route", "10.1.0.0/24 dev eth0 proto kernel scope link src 10.1.0.2 metric 100")
		l.Shows("ip route", "default via 10.1.0.1 dev eth0 proto 66 metric 100")
		l.Shows("ip -6 route", "2001:db8::/64 dev eth0 proto kernel metric 100")
		l.Shows("ip -6 route", "default via 2001:db8::1 dev eth0 proto 66 metric 100")
	}
	l.reload(config + "addresses = [\"10.2.0.2/24\", \"2001:db8:2::2/64\"]\n")
	l.Gone("ip route", "10.1.0.")
	l.Gone("ip -6 route", "2001:db8::")
	l.Shows("ip route", "10.2.0.0/24 dev eth0 proto kernel scope link src 10.2.0.2 metric 100")
	if s := l.status("online", online); len(s.Problems) > 0 {
		t.Errorf("problems: %q", s.Problems)
	}
}

func TestAnAddressIsTakenOnceTheOtherMachineIsGone(t *testing.T) {
	l := newLab(t)
	p := l.peer()
	p.cable("eth0", "2001:db8::5/64")
	l.netcfg("[net.eth0]\nipv4 = \"off\"\nipv6 = \"static\"\naddresses = [\"2001:db8::5/64\"]\n")
	l.status("the conflict is told", func(s Status) bool {
		return len(s.Ports) > 0 && s.Ports[0].Waiting == "address 2001:db8::5/64 is used by another machine"
	})
	p.In("ip addr del 2001:db8::5/64 dev srv")
	l.status("online", online)
}

func TestARPIsHeardOnceTheSocketCanBeOpened(t *testing.T) {
	l := newLab(t)
	l.peer().cable("eth0", "10.1.0.1/24")
	eth0, err := net.InterfaceByName("eth0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{index: 1 << 20, ip: -1, arp: -1, raw: -1}
	defer func() { w.close() }()
	address := netip.MustParseAddr("10.1.0.5")
	if err := w.listen(address); err == nil {
		t.Fatal("opened on a link that is not there")
	}
	w.index = eth0.Index
	if err := w.listen(address); err != nil || w.arp < 0 {
		t.Errorf("descriptor %d, %v", w.arp, err)
	}
}

func TestABridgesPortIsLeftToIt(t *testing.T) {
	l := newLab(t)
	l.peer().cable("eth0", "10.1.0.1/24")
	l.peer().cable("eth1", "10.2.0.1/24")
	l.ip("link add br0 type bridge")
	l.ip("link set eth1 master br0")
	l.ip("addr add 10.2.0.9/24 dev eth1")
	l.netcfg("")
	l.status("a port", func(s Status) bool { return len(s.Ports) == 1 && s.Ports[0].Name == "eth0" && s.Ports[0].Carrier })
	l.Shows("ip addr show eth1", "10.2.0.9/24")
	if out := l.ip("-o link show eth1"); strings.Contains(out, ",UP") {
		t.Errorf("set up: %s", out)
	}
}
