//go:build !mips && !mipsle

package netcfg

import (
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"golang.org/x/sys/unix"

	"bantam/netcfg/frame"
)

// station sends and hears raw frames on the interface "srv" of a peer.
type station struct {
	t     testing.TB
	fd    int
	index int
	at    time.Time // when the packet that listen hands over came, by the kernel: its reader may run late
}

func (p *peer) station(protocol uint16) *station {
	p.t.Helper()
	s := &station{t: p.t}
	err := p.Do(func() error {
		srv, err := net.InterfaceByName("srv")
		if err != nil {
			return err
		}
		s.index = srv.Index
		if s.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0); err != nil {
			return err
		}
		tick := unix.Timeval{Usec: 100_000} // so that a reader sees the end of the test
		if err := unix.SetsockoptTimeval(s.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tick); err != nil {
			return err
		}
		return unix.Bind(s.fd, &unix.SockaddrLinklayer{Protocol: frame.BigEndian(protocol), Ifindex: srv.Index})
	})
	if err != nil {
		p.t.Fatal(err)
	}
	return s
}

// listen hands every packet that arrives to hear, one after the other, until the test ends.
func (s *station) listen(hear func(packet []byte)) {
	done, ended := make(chan struct{}), make(chan struct{})
	s.t.Cleanup(func() { close(done); <-ended; unix.Close(s.fd) })
	go func() {
		defer close(ended)
		buffer := make([]byte, 1<<16)
		for {
			select {
			case <-done:
				return
			default:
			}
			n, from, err := unix.Recvfrom(s.fd, buffer, 0)
			if err != nil || from.(*unix.SockaddrLinklayer).Pkttype == unix.PACKET_OUTGOING {
				continue
			}
			var at unix.Timespec
			const siocgstampns = 0x8907 // linux/sockios.h
			if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(s.fd), siocgstampns, uintptr(unsafe.Pointer(&at))); errno != 0 {
				s.t.Errorf("ioctl(SIOCGSTAMPNS): %v", errno)
			}
			s.at = time.Unix(at.Unix())
			hear(buffer[:n])
		}
	}()
}

func (s *station) broadcast(packet []byte) error {
	return unix.Sendto(s.fd, packet, 0, &unix.SockaddrLinklayer{
		Protocol: frame.BigEndian(unix.ETH_P_IP), Ifindex: s.index, Halen: 6, Addr: everybody,
	})
}

// rogue is a DHCP server that follows a script and keeps what it was asked.
type rogue struct {
	*station
	mu    sync.Mutex
	heard []*dhcpv4.DHCPv4
	sent  int
}

func (p *peer) rogue(script func(*rogue, *dhcpv4.DHCPv4)) *rogue {
	p.t.Helper()
	r := &rogue{station: p.station(unix.ETH_P_IP)}
	r.listen(func(packet []byte) {
		if len(packet) < ipHeader+udpHeader || packet[9] != unix.IPPROTO_UDP {
			return
		}
		m, err := dhcpv4.FromBytes(packet[ipHeader+udpHeader:])
		if err != nil || m.OpCode != dhcpv4.OpcodeBootRequest {
			return
		}
		r.mu.Lock()
		r.heard = append(r.heard, m)
		r.mu.Unlock()
		script(r, m)
	})
	return r
}

// asked lists the messages of one kind that the client sent so far.
func (r *rogue) asked(kind dhcpv4.MessageType) (list []*dhcpv4.DHCPv4) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, m := range r.heard {
		if m.MessageType() == kind {
			list = append(list, m)
		}
	}
	return list
}

// raw sends an IP packet as it is.
func (r *rogue) raw(packet []byte) {
	if err := r.broadcast(packet); err != nil {
		r.t.Errorf("send %d bytes: %v", len(packet), err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sent++
}

func (r *rogue) send(m *dhcpv4.DHCPv4) { r.raw(fromServer(m.ToBytes())) }

// fromServer wraps a payload as servers do. With the ports swapped the check sum stays right.
func fromServer(payload []byte) []byte {
	b := datagram(netip.MustParseAddr("10.1.0.6"), limitedBroadcast, payload)
	udp := b[ipHeader:]
	udp[0], udp[1], udp[2], udp[3] = udp[2], udp[3], udp[0], udp[1]
	return b
}

// change alters an answer.
type change func(*dhcpv4.DHCPv4)

func option(code uint8, value ...byte) change {
	return func(m *dhcpv4.DHCPv4) { m.UpdateOption(dhcpv4.OptGeneric(dhcpv4.GenericOptionCode(code), value)) }
}

// answerTo makes an answer of the rogue, whose address is 10.1.0.6, that a
// client would take unless a change spoils it.
func answerTo(m *dhcpv4.DHCPv4, kind dhcpv4.MessageType, address byte, changes ...change) *dhcpv4.DHCPv4 {
	a := &dhcpv4.DHCPv4{
		OpCode: dhcpv4.OpcodeBootReply, HWType: m.HWType, ClientHWAddr: m.ClientHWAddr, TransactionID: m.TransactionID,
		YourIPAddr: net.IP{10, 1, 0, address}, Options: dhcpv4.Options{},
	}
	a.UpdateOption(dhcpv4.OptMessageType(kind))
	for _, c := range append([]change{
		option(54, 10, 1, 0, 6), option(1, 255, 255, 255, 0), option(3, 10, 1, 0, 6), option(51, 0, 0, 14, 16), option(6, 6, 6, 6, 6),
	}, changes...) {
		c(a)
	}
	return a
}
