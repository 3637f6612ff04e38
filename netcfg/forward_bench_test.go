//go:build !mips && !mipsle

package netcfg

import (
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// forwardedByHand is what the table of the firewall is for a router of a house, written by hand: nothing comes in or through that nobody asked
// for, the inner network goes out under the outer address, and connections over a narrow line are told its size.
func forwardedByHand(early string) string {
	return `table inet hand {
	chain early {
		type filter hook prerouting priority raw; policy accept;
		` + early + `
	}
	chain input {
		type filter hook input priority filter; policy drop;
		ct state established,related accept
		ct state invalid drop
		iifname { "lo", "lan" } accept
	}
	chain forward {
		type filter hook forward priority filter; policy drop;
		oifname "wan" tcp flags syn tcp option maxseg size set rt mtu
		ct state established,related accept
		ct state invalid drop
		iifname "lan" oifname "wan" accept
	}
	chain out {
		type nat hook postrouting priority srcnat; policy accept;
		oifname "wan" masquerade
	}
}
`
}

const forwardedTogether = 500 // packets of a round, so few that some rounds are not interrupted

// BenchmarkForward is how long the kernel takes for a packet that goes through a router, from the sender's call into the
// receiver's socket, in namespaces of this host: set up by netcfg, and by ip and nft. A round of -benchtime is 500 packets of 64
// bytes of one connection; of the rounds the one tells that a tenth of them are faster than.
func BenchmarkForward(b *testing.B) {
	run := func(b *testing.B, set func(l *lab)) {
		l := newLab(b, "nft:nftables", "sysctl:procps")
		l.needNftables()
		inner, outer := l.peer(), l.peer()
		inner.Cable("lan", "eth0")
		outer.Cable("wan", "eth0")
		inner.In("ip addr add 192.168.1.50/24 dev eth0; ip link set eth0 up; ip route add default via 192.168.1.1")
		outer.In("ip addr add 198.51.100.1/24 dev eth0; ip link set eth0 up; ip route add 192.168.1.0/24 via 198.51.100.2")
		set(l)
		open := func(p *peer, address string) int {
			a := net.ParseIP(address).To4()
			fd := -1
			err := p.Do(func() (err error) {
				if fd, err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0); err != nil {
					return err
				}
				unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 16<<20)
				return unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte(a), Port: 9000})
			})
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() { unix.Close(fd) })
			return fd
		}
		from, to := open(inner, "192.168.1.50"), open(outer, "198.51.100.1")
		packet, buffer := make([]byte, 64), make([]byte, 128)
		send := func(fd int, address [4]byte) {
			if err := unix.Sendto(fd, packet, 0, &unix.SockaddrInet4{Addr: address, Port: 9000}); err != nil {
				b.Fatal(err)
			}
		}
		received := func(fd int) (n int, who unix.Sockaddr) {
			for {
				_, sender, err := unix.Recvfrom(fd, buffer, 0)
				if err != nil {
					return n, who
				}
				n, who = n+1, sender
			}
		}
		// It does what it shall: a stranger does not come in, who goes out has the outer address, and the answer finds back.
		send(to, [4]byte{192, 168, 1, 50})
		l.Eventually("a packet goes through", func() error {
			send(from, [4]byte{198, 51, 100, 1})
			if n, who := received(to); n > 0 {
				if sender := who.(*unix.SockaddrInet4).Addr; sender != [4]byte{198, 51, 100, 2} {
					b.Fatalf("it comes from %v", sender)
				}
				return nil
			}
			return unix.EAGAIN
		})
		if n, _ := received(from); n > 0 {
			b.Fatal("a stranger's packet came in")
		}
		send(to, [4]byte{198, 51, 100, 2})
		l.Eventually("the answer", func() error {
			if n, _ := received(from); n == 0 {
				return unix.EAGAIN
			}
			return nil
		})
		var each []float64
		for b.Loop() {
			begun := time.Now()
			for range forwardedTogether {
				send(from, [4]byte{198, 51, 100, 1})
			}
			took := time.Since(begun)
			n := 0
			l.Eventually("the packets", func() error {
				more, _ := received(to)
				if n += more; n < forwardedTogether {
					return unix.EAGAIN
				}
				return nil
			})
			each = append(each, float64(took.Nanoseconds())/forwardedTogether)
		}
		slices.Sort(each)
		b.ReportMetric(each[len(each)/10], "ns/packet")
		b.ReportMetric(1e9/each[len(each)/10], "packets/s")
		b.ReportMetric(0, "ns/op")
	}
	b.Run("netcfg", func(b *testing.B) {
		run(b, func(l *lab) {
			l.netcfg("[net.lan]\nipv6 = \"off\"\naddresses = [\"192.168.1.1/24\"]\nzone = \"lan\"\n" +
				"[net.wan]\nipv6 = \"off\"\naddresses = [\"198.51.100.2/24\"]\ngateway = \"198.51.100.1\"\nzone = \"wan\"\n")
			l.status("up", online)
		})
	})
	byHand := func(early string) func(b *testing.B) {
		return func(b *testing.B) {
			run(b, func(l *lab) {
				file := filepath.Join(l.dir, "nft")
				if err := os.WriteFile(file, []byte(forwardedByHand(early)), 0o644); err != nil {
					b.Fatal(err)
				}
				l.Run("sysctl -q -w net.ipv4.ip_forward=1; ip addr add 192.168.1.1/24 dev lan; ip addr add 198.51.100.2/24 dev wan; ip link set lan up; ip link set wan up;" +
					"ip route add default via 198.51.100.1; nft -f " + file)
			})
		}
	}
	b.Run("ip_and_nft", byHand(`iifname { "lan", "wan" } fib saddr . iif oif 0 drop; iifname "wan" ip saddr { 0.0.0.0/8, 127.0.0.0/8, 224.0.0.0/3 } drop`))
	b.Run("ip_and_nft,_sources_not_looked_at", byHand(""))
}
