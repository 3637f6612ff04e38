package dnssockets

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"bantam/netcfg/dnsforward"
)

// place is where a listener is.
type place struct {
	net    string // the device
	v4     bool
	stream bool
}

// listener is one socket that takes questions.
type listener struct {
	place
	index int // of the device
	udp   *net.UDPConn
	raw   syscall.RawConn
	tcp   *net.TCPListener
}

func (l *listener) close() {
	if l.udp != nil {
		l.udp.Close()
	}
	if l.tcp != nil {
		l.tcp.Close()
	}
}

// listen listens on the devices of nets, and nowhere else.
func (s *Server) listen(nets []dnsforward.Net, links map[string]int) error {
	s.listening.Lock()
	defer s.listening.Unlock()
	wanted := map[place]bool{}
	for _, n := range nets {
		for i := range 4 {
			wanted[place{n.Name, i&1 == 0, i&2 == 0}] = links[n.Name] > 0
		}
	}
	for at, l := range s.listeners {
		if !wanted[at] || links[at.net] != l.index {
			l.close()
			delete(s.listeners, at)
		}
	}
	var faults []error
	for at, want := range wanted {
		if !want || s.listeners[at] != nil {
			continue
		}
		l, err := open(at, s.options.Port)
		if errors.Is(err, unix.EAFNOSUPPORT) {
			continue // a kernel without IPv6
		}
		if err != nil {
			faults = append(faults, err)
			continue
		}
		l.index = links[at.net]
		s.listeners[at] = l
		if at.stream {
			go s.accept(l)
		} else {
			go s.receive(l)
		}
	}
	return errors.Join(faults...)
}

func open(at place, port uint16) (*listener, error) {
	config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) (err error) {
		control := c.Control(func(fd uintptr) {
			if err = unix.SetsockoptString(int(fd), unix.SOL_SOCKET, unix.SO_BINDTODEVICE, at.net); err != nil || at.stream {
				return
			}
			if at.v4 {
				err = unix.SetsockoptInt(int(fd), unix.SOL_IP, unix.IP_PKTINFO, 1)
			} else {
				err = unix.SetsockoptInt(int(fd), unix.SOL_IPV6, unix.IPV6_RECVPKTINFO, 1)
			}
		})
		return errors.Join(err, control)
	}}
	config.SetMultipathTCP(false)
	family, address := "6", netip.AddrPortFrom(netip.IPv6Unspecified(), port)
	if at.v4 {
		family, address = "4", netip.AddrPortFrom(netip.IPv4Unspecified(), port)
	}
	l := &listener{place: at}
	if at.stream {
		tcp, err := config.Listen(context.Background(), "tcp"+family, address.String())
		if err != nil {
			return nil, fmt.Errorf("listen on %s, TCP port %d: %w", at.net, port, err)
		}
		l.tcp = tcp.(*net.TCPListener)
		return l, nil
	}
	udp, err := config.ListenPacket(context.Background(), "udp"+family, address.String())
	if err != nil {
		return nil, fmt.Errorf("listen on %s, UDP port %d: %w", at.net, port, err)
	}
	l.udp = udp.(*net.UDPConn)
	if l.raw, err = l.udp.SyscallConn(); err != nil {
		l.close()
		return nil, err
	}
	return l, nil
}

// maxQuestion is the longest question that is read; with all that EDNS has a good one stays far below.
const maxQuestion = 4096

// receive takes datagrams until the listener is closed.
func (s *Server) receive(l *listener) {
	data, control := make([]byte, maxQuestion), make([]byte, 128)
	for {
		var n, controls int
		var from unix.Sockaddr
		var err error
		closed := l.raw.Read(func(fd uintptr) bool {
			n, controls, _, from, err = unix.Recvmsg(int(fd), data, control, 0)
			return err != unix.EAGAIN
		})
		if closed != nil {
			return
		}
		if err != nil || n == len(data) {
			continue // an earlier answer did not arrive, or it is no question
		}
		if c, ok := client(l, from, control[:controls]); ok {
			s.step(dnsforward.FromClient{Client: c, Data: data[:n]})
		}
	}
}

// client says where a datagram came from and went to.
func client(l *listener, from unix.Sockaddr, control []byte) (c dnsforward.Client, ok bool) {
	c.Net = l.net
	switch a := from.(type) {
	case *unix.SockaddrInet4:
		c.Addr = netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port))
	case *unix.SockaddrInet6:
		addr := netip.AddrFrom16(a.Addr)
		if a.ZoneId != 0 {
			addr = addr.WithZone(strconv.Itoa(int(a.ZoneId)))
		}
		c.Addr = netip.AddrPortFrom(addr, uint16(a.Port))
	}
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil || c.Addr.Port() == 0 { // of port 0 is nobody, who could be answered
		return c, false
	}
	for _, m := range messages {
		switch {
		case m.Header.Level == unix.SOL_IP && m.Header.Type == unix.IP_PKTINFO && len(m.Data) >= unix.SizeofInet4Pktinfo:
			c.Local = netip.AddrFrom4([4]byte(m.Data[4:8])) // ipi_spec_dst: our own address, also where a broadcast came
		case m.Header.Level == unix.SOL_IPV6 && m.Header.Type == unix.IPV6_PKTINFO && len(m.Data) >= unix.SizeofInet6Pktinfo:
			c.Local = netip.AddrFrom16([16]byte(m.Data))
		}
	}
	return c, c.Local.IsValid() && !c.Local.IsMulticast()
}

// send answers from the address that was asked.
func (l *listener) send(a dnsforward.Answer) {
	var to unix.Sockaddr
	var control []byte
	addr := a.To.Addr.Addr()
	if l.v4 {
		to = &unix.SockaddrInet4{Port: int(a.To.Addr.Port()), Addr: addr.As4()}
		control = unix.PktInfo4(&unix.Inet4Pktinfo{Spec_dst: a.To.Local.As4()})
	} else {
		zone, _ := strconv.ParseUint(addr.Zone(), 10, 32)
		to = &unix.SockaddrInet6{Port: int(a.To.Addr.Port()), Addr: addr.As16(), ZoneId: uint32(zone)}
		control = unix.PktInfo6(&unix.Inet6Pktinfo{Addr: a.To.Local.As16(), Ifindex: uint32(zone)})
	}
	l.raw.Write(func(fd uintptr) bool {
		unix.SendmsgN(int(fd), a.Data, control, to, unix.MSG_DONTWAIT) // where there is no room it is lost, as anywhere on the way
		return true
	})
}
