//go:build !mips && !mipsle

package netserve

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"golang.org/x/sys/unix"

	"bantam/netcfg/frame"
	"bantam/netcfg/netlab"
)

// BenchmarkRequest is one request of a client that comes back and its acknowledgement, over a cable, by this server and by
// dnsmasq. Beyond 4,000 at once this one answers 2,000 a second: measure with -benchtime 3000x. Memory is what no file holds.
func BenchmarkRequest(b *testing.B) {
	for _, server := range []string{"bantam", "dnsmasq"} {
		b.Run(server, func(b *testing.B) {
			done := make(chan error)
			go func() {
				err := errors.New("it ended early")
				defer func() { done <- err }()
				err = benchRequest(b, server)
			}()
			if err := <-done; err != nil {
				b.Fatal(err)
			}
		})
	}
}

func shell(format string, args ...any) error {
	if out, err := exec.Command("sh", "-c", fmt.Sprintf(format, args...)).CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

func benchRequest(b *testing.B, server string) error {
	runtime.LockOSThread() // never unlocked: the namespace ends with the thread
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return err
	}
	if err := shell("ip link add lan type veth peer name far; ip link set lan up; ip link set far address 02:00:00:00:00:01 up; ip addr add 192.168.1.1/24 dev lan"); err != nil {
		return err
	}
	dir := b.TempDir()
	command := []string{"dnsmasq", "-d", "-C", "/dev/null", "-i", "lan", "--bind-interfaces", "--port=0", "--no-ping", "--dhcp-authoritative", "--user=root",
		"--dhcp-leasefile=" + dir + "/leases", "--dhcp-range=192.168.1.100,192.168.1.149,1h", "--quiet-dhcp"}
	if server == "bantam" {
		text := `{"Hostname":"r","Ports":[{"Name":"lan","Addresses":["192.168.1.1/24"],"DHCP":"100-149","Lease":"1h"}]}`
		if err := os.WriteFile(dir+"/serve.json", []byte(text), 0o644); err != nil {
			return err
		}
		command = []string{"env", "BE_NETSERVE=1", "/proc/self/exe", "--config", dir + "/serve.json", "--leases", dir + "/leases.json", "--remembered", dir + "/remembered.json"}
		command[2], _ = os.Executable()
	}
	cmd := exec.Command(command[0], command[1:]...)
	cmd.SysProcAttr = &unix.SysProcAttr{Pdeathsig: unix.SIGKILL}
	if err := cmd.Start(); err != nil {
		return err
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	out, err := exec.Command("ip", "-o", "link", "show", "far").Output()
	if err != nil {
		return err
	}
	index := 0
	if _, err := fmt.Sscanf(string(out), "%d:", &index); err != nil {
		return err
	}
	if err := unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: frame.BigEndian(unix.ETH_P_IP), Ifindex: index}); err != nil {
		return err
	}
	limit := unix.NsecToTimeval(int64(time.Second))
	unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &limit)
	buffer := make([]byte, 2048)
	ask := func(n int) bool {
		mac := [6]byte{2, 0, 0, 0, 1, byte(n % 50)}
		m, _ := dhcpv4.New(dhcpv4.WithHwAddr(mac[:]), dhcpv4.WithMessageType(dhcpv4.MessageTypeRequest), dhcpv4.WithBroadcast(true),
			dhcpv4.WithOption(dhcpv4.OptRequestedIPAddress([]byte{192, 168, 1, byte(100 + n%50)})))
		packet := frame.UDP(netip.MustParseAddrPort("0.0.0.0:68"), netip.MustParseAddrPort("255.255.255.255:67"), m.ToBytes())
		to := &unix.SockaddrLinklayer{Protocol: frame.BigEndian(unix.ETH_P_IP), Ifindex: index, Halen: 6, Addr: [8]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}}
		if unix.Sendto(fd, packet, 0, to) != nil {
			return false
		}
		for {
			size, _, err := unix.Recvfrom(fd, buffer, 0)
			if err != nil {
				return false
			}
			if size < frame.IPHeader+frame.UDPHeader {
				continue
			}
			answer, err := dhcpv4.FromBytes(buffer[frame.IPHeader+frame.UDPHeader : size])
			if err == nil && answer.TransactionID == m.TransactionID {
				return answer.MessageType() == dhcpv4.MessageTypeAck
			}
		}
	}
	for n := range 50 { // all get their address
		for try := 0; !ask(n); try++ {
			if try == 20 {
				return fmt.Errorf("client %d gets no address", n)
			}
		}
	}
	b.ResetTimer()
	for n := range b.N {
		if !ask(n) {
			return fmt.Errorf("request %d has no acknowledgement", n)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "acks/s")
	b.ReportMetric(netlab.Anonymous(b, cmd.Process.Pid), "kB")
	return nil
}
