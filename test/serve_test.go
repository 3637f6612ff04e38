package test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"bantam/netcfg/frame"
)

// neighbour is a computer at the other end of a machine's second network cable, which carries frames in datagrams.
type neighbour struct {
	t    *testing.T
	conn *net.UDPConn
	to   *net.UDPAddr
	mac  net.HardwareAddr

	advertised bool // there was an advertisement of fd00:77::/64
}

// cable makes a neighbour, and the network card that it is connected to.
func cable(t *testing.T) (n *neighbour, card string) {
	t.Helper()
	listen := func() *net.UDPConn {
		conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		return conn
	}
	n = &neighbour{t: t, conn: listen(), mac: net.HardwareAddr{2, 0, 0, 0, 0, 7}}
	t.Cleanup(func() { n.conn.Close() })
	free := listen()
	n.to = free.LocalAddr().(*net.UDPAddr)
	free.Close()
	return n, fmt.Sprintf("socket,udp=%v,localaddr=%v,model=virtio-net-pci", n.conn.LocalAddr(), n.to)
}

// receive returns what read makes of the next frame that it can read.
func (n *neighbour) receive(within time.Duration, read func(kind uint16, packet []byte) bool) bool {
	n.t.Helper()
	n.conn.SetReadDeadline(time.Now().Add(within))
	buffer := make([]byte, 4096)
	for {
		size, err := n.conn.Read(buffer)
		if err != nil {
			return false
		}
		if b := buffer[14:max(size, 14)]; binary.BigEndian.Uint16(buffer[12:]) == 0x86dd && len(b) > 40 && b[6] == 58 && b[40] == 134 {
			n.advertised = n.advertised || bytes.Contains(b, []byte{0xfd, 0, 0, 0x77})
		}
		if size > 14 && read(binary.BigEndian.Uint16(buffer[12:]), buffer[14:size]) {
			return true
		}
	}
}

// ask sends a DHCP message until there is an answer.
func (n *neighbour) ask(kind dhcpv4.MessageType, more ...dhcpv4.Modifier) *dhcpv4.DHCPv4 {
	n.t.Helper()
	m, err := dhcpv4.New(append([]dhcpv4.Modifier{dhcpv4.WithHwAddr(n.mac), dhcpv4.WithMessageType(kind), dhcpv4.WithOption(dhcpv4.OptHostName("neighbour"))}, more...)...)
	if err != nil {
		n.t.Fatal(err)
	}
	packet := frame.UDP(netip.MustParseAddrPort("0.0.0.0:68"), netip.MustParseAddrPort("255.255.255.255:67"), m.ToBytes())
	header := append(append(append([]byte{}, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), n.mac...), 8, 0)
	var answer *dhcpv4.DHCPv4
	for range 60 {
		n.conn.WriteToUDP(append(header, packet...), n.to)
		if n.receive(3*time.Second, func(kind uint16, b []byte) bool {
			if kind != 0x0800 || len(b) < frame.IPHeader+frame.UDPHeader || b[9] != 17 {
				return false
			}
			answer, err = dhcpv4.FromBytes(b[frame.IPHeader+frame.UDPHeader:])
			return err == nil && answer.TransactionID == m.TransactionID
		}) {
			return answer
		}
	}
	n.t.Fatalf("no answer to %v", kind)
	return nil
}

// A machine gives a neighbour an address, knows it again after the server died and after a reboot, and stops when it is told to.
func TestAMachineServesItsNeighbours(t *testing.T) {
	const server = "ps | awk '/[b]antam-netserve/ {print $1}'"
	n, card := cable(t)
	toml := filepath.Join(t.TempDir(), "system.toml")
	text := "[net.eth0]\n[net.eth1]\naddresses = [\"192.168.77.1/24\", \"fd00:77::1/64\"]\nserve = { dhcp = \"50-60\", ra = true }\n"
	if err := os.WriteFile(toml, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	path := disk(t, filepath.Join(build(t, "pc", toml), "pc.img"))
	args := func() []string { return pc(t, bios, "-drive", virtio(path), "-nic", card) }
	c := start(t, args())
	c.settled()

	offer := n.ask(dhcpv4.MessageTypeDiscover)
	requested := dhcpv4.WithOption(dhcpv4.OptRequestedIPAddress(offer.YourIPAddr))
	ack := n.ask(dhcpv4.MessageTypeRequest, requested, dhcpv4.WithOption(dhcpv4.OptServerIdentifier(offer.ServerIdentifier())))
	address := ack.YourIPAddr.String()
	if ack.MessageType() != dhcpv4.MessageTypeAck || !strings.HasPrefix(address, "192.168.77.") {
		t.Fatalf("got %v", ack.Summary())
	}
	c.waitFor("bantam net leases", address+"  eth1  02:00:00:00:00:07")
	c.must("bantam net leases", "neighbour")
	c.must("bantam status", "netserve")
	c.must("grep -E '^(Uid|CapPrm|Seccomp):' /proc/$("+server+")/status", "65537", "CapPrm:\t0000000000000000", "Seccomp:\t2")
	if !n.advertised && !n.receive(5*time.Minute, func(uint16, []byte) bool { return n.advertised }) {
		t.Error("its IPv6 network is not advertised")
	}

	c.must("kill -9 $("+server+"); echo killed", "killed")
	if again := n.ask(dhcpv4.MessageTypeRequest, requested); again.MessageType() != dhcpv4.MessageTypeAck {
		t.Errorf("after the server was killed: %v", again.Summary())
	}
	c.must("bantam log netserve", "DHCP from 192.168.77.1/24")
	c.Send("poweroff\r")
	c.WaitEnd()

	c = start(t, args())
	c.settled()
	c.waitFor("bantam net leases", address+"  eth1")
	if again := n.ask(dhcpv4.MessageTypeRequest, requested); again.MessageType() != dhcpv4.MessageTypeAck {
		t.Errorf("after a reboot: %v", again.Summary())
	}

	// With the DNS forwarder, the machine asks itself, and knows the neighbour by name.
	c.write("/root/dns.toml", strings.Replace(text, "ra = true", "ra = true, dns = true", 1)+"[dns]\nnames = { nas = [\"192.168.77.5\"] }\n")
	c.must("bantam switch /root/dns.toml; echo code $?", "code 0")
	c.waitFor("cat /etc/resolv.conf", "nameserver 127.0.0.1")
	c.waitFor("nslookup neighbour.lan", address)
	c.must("nslookup nas.lan 192.168.77.1", "192.168.77.5")
	c.must("nslookup "+address, "neighbour.lan")
	c.must("bantam net dns", "10.0.2.3", "eth1 lo")
	c.must("bantam net", "this machine's own")
	c.must("grep -E '^(CapPrm|Seccomp):' /proc/$("+server+")/status", "CapPrm:\t0000000000000400", "Seccomp:\t2")

	c.write("/root/quiet.toml", "[net.eth0]\n[net.eth1]\naddresses = [\"192.168.77.1/24\"]\n")
	c.must("bantam switch /root/quiet.toml; echo code $?", "code 0")
	c.waitFor("x=$("+server+"); echo \"pid<$x>\"", "pid<>")
}
