package netserve

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"bantam/boottime"
	"bantam/netcfg/dhcp4serve"
	"bantam/netcfg/frame"
	"bantam/system"
)

const (
	serverPort = 67
	clientPort = 68
	maxPacket  = 2048
)

// dhcpService runs a DHCP server for each port that serves.
type dhcpService struct {
	daemon  *daemon
	udp     int // port 67
	packets int // see packetSocket
	hears   bool
	indexes []int
	ports   []*dhcpPort
	buffer  []byte
}

// dhcpPort joins a server to a port.
type dhcpPort struct {
	name   string
	server *dhcp4serve.Server
	link   link
	own    netip.Addr
	active bool // the port is there, and has the address that it serves from
	said   bool // that it serves
}

func newDHCPService(d *daemon) (s *dhcpService, err error) {
	s = &dhcpService{daemon: d, buffer: make([]byte, maxPacket)}
	if s.udp, err = dhcpSocket(); err != nil {
		return nil, err
	}
	if s.packets, err = packetSocket(); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *dhcpService) configure(now time.Duration, c *Config, links map[string]link) {
	var indexes []int
	for i := range c.Ports {
		n := &c.Ports[i]
		name := n.Name
		if n.DHCP == "" {
			continue
		}
		pool, err := n.Pool(n.Addresses)
		if err != nil {
			s.daemon.logf("%s: serve.dhcp %v", name, err) // it was checked
			continue
		}
		config := s.config(c, n, pool)
		i := slices.IndexFunc(s.ports, func(p *dhcpPort) bool { return p.name == name })
		if i < 0 {
			i = len(s.ports)
			s.ports = append(s.ports, &dhcpPort{name: name, server: dhcp4serve.New(now, config, s.daemon.keeper.bindings(name))})
		}
		p := s.ports[i]
		p.server.Configure(config)
		p.link, p.own = links[name], pool.Own.Addr()
		p.active = p.link.up && p.link.has(p.own)
		if p.active {
			indexes = append(indexes, p.link.index)
		}
		if p.active && !p.said {
			s.daemon.logf("%s: DHCP from %v: %v to %v", name, pool.Own, pool.First, pool.Last)
			p.said = true
		}
	}
	var serving []*dhcpPort
	for _, p := range s.ports {
		if n := c.port(p.name); n != nil && n.DHCP != "" {
			serving = append(serving, p)
		}
	}
	s.ports = serving
	slices.Sort(indexes)
	if !slices.Equal(indexes, s.indexes) {
		if err := frame.Attach(s.udp, onLinks(indexes)); err != nil {
			s.daemon.logf("DHCP: %v", err)
			return
		}
		s.indexes = indexes
	}
}

// config is what one port's server gives.
func (s *dhcpService) config(c *Config, n *Port, pool system.Pool) dhcp4serve.Config {
	config := dhcp4serve.Config{
		Own: pool.Own, First: pool.First, Last: pool.Last, Lease: time.Duration(n.Lease), Router: pool.Own.Addr(),
		NTP: addresses(n.NTP), Domain: c.domain(n), Options: map[uint8][]byte{}, Taken: []string{c.Hostname},
	}
	if n.Gateway != "" {
		config.Router, _ = netip.ParseAddr(n.Gateway) // invalid where it is "none"
	}
	config.DNS = c.nameServers(n)
	if n.forwards() {
		config.DNS = []netip.Addr{pool.Own.Addr()}
	}
	for code, text := range n.Options {
		number, _ := strconv.ParseUint(code, 10, 8)
		config.Options[uint8(number)], _ = system.OptionValue(text)
	}
	for name, h := range c.Hosts {
		mac, err := system.ParseMAC(h.MAC)
		address, err2 := netip.ParseAddr(h.Address)
		if err == nil && err2 == nil {
			config.Hosts = append(config.Hosts, dhcp4serve.Host{Name: name, MAC: mac, Address: address})
		}
	}
	return config
}

func addresses(texts []string) (list []netip.Addr) {
	for _, text := range texts {
		if a, err := netip.ParseAddr(text); err == nil {
			list = append(list, a)
		}
	}
	return list
}

// at is the port of a link that serves now, nil for none.
func (s *dhcpService) at(index int) *dhcpPort {
	for _, p := range s.ports {
		if p.active && p.link.index == index {
			return p
		}
	}
	return nil
}

func (s *dhcpService) descriptors() []int { return []int{s.udp, s.packets} }

func (s *dhcpService) deadline() time.Duration {
	next := forever
	for _, p := range s.ports {
		next = min(next, p.server.Deadline())
	}
	return next
}

func (s *dhcpService) step(now time.Duration) {
	for _, p := range s.ports {
		if p.server.Deadline() <= now {
			s.act(p, p.server.Step(now, nil))
		}
	}
	s.listen()
}

// receive hands requests and answers of ARP to the servers of their ports. A flood must not keep us from other sockets.
func (s *dhcpService) receive(now time.Duration) {
	for range 64 {
		var control [128]byte
		n, nc, _, _, err := unix.Recvmsg(s.udp, s.buffer, control[:], unix.MSG_DONTWAIT)
		if err != nil {
			break
		}
		if p := s.at(arrivedAt(control[:nc])); p != nil {
			s.act(p, p.server.Step(boottime.Now(), dhcp4serve.Datagram{Payload: s.buffer[:n]}))
		}
	}
	for range 64 {
		n, from, err := unix.Recvfrom(s.packets, s.buffer, unix.MSG_DONTWAIT)
		if err != nil {
			break
		}
		at, ok := from.(*unix.SockaddrLinklayer)
		packet, read := frame.ReadARP(s.buffer[:n])
		if !ok || !read {
			continue
		}
		if p := s.at(at.Ifindex); p != nil && packet.MAC != p.link.mac {
			s.act(p, p.server.Step(now, dhcp4serve.ARP{MAC: packet.MAC, Address: packet.Sender}))
		}
	}
	s.listen()
}

// arrivedAt is the link that a packet came by; 0 where it is not said.
func arrivedAt(control []byte) int {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return 0
	}
	for _, m := range messages {
		if m.Header.Level == unix.IPPROTO_IP && m.Header.Type == unix.IP_PKTINFO && len(m.Data) >= unix.SizeofInet4Pktinfo {
			return int(int32(binary.NativeEndian.Uint32(m.Data)))
		}
	}
	return 0
}

// listen hears ARP only while somebody is looked for.
func (s *dhcpService) listen() {
	wanted := false
	for _, p := range s.ports {
		wanted = wanted || p.server.Probing()
	}
	if wanted == s.hears {
		return
	}
	if err := frame.Attach(s.packets, arpAnswers(wanted)); err == nil {
		s.hears = wanted
	}
}

// act does what a server wants done. What is lost the client asks for again.
func (s *dhcpService) act(p *dhcpPort, actions []dhcp4serve.Action) {
	for _, action := range actions {
		var err error
		switch a := action.(type) {
		case dhcp4serve.Note:
			s.daemon.logf("%s: %s", p.name, a.Text)
		case dhcp4serve.Probe:
			s.listen() // before somebody can answer
			err = s.frame(p, unix.ETH_P_ARP, everybody, frame.ARPRequest(p.link.mac, p.own, a.Address))
		case dhcp4serve.Send:
			if a.MAC == [6]byte{} {
				info := unix.PktInfo4(&unix.Inet4Pktinfo{Ifindex: int32(p.link.index), Spec_dst: p.own.As4()})
				err = unix.Sendmsg(s.udp, a.Payload, info, &unix.SockaddrInet4{Port: clientPort, Addr: a.To.As4()}, 0)
			} else {
				err = s.frame(p, unix.ETH_P_IP, a.MAC, frame.UDP(netip.AddrPortFrom(p.own, serverPort), netip.AddrPortFrom(a.To, clientPort), a.Payload))
			}
		}
		if err != nil && err != unix.EAGAIN && err != unix.ENOBUFS && err != unix.ENETDOWN {
			s.daemon.logf("%s: send: %v", p.name, err)
		}
	}
}

var everybody = [6]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}

func (s *dhcpService) frame(p *dhcpPort, protocol uint16, mac [6]byte, packet []byte) error {
	to := &unix.SockaddrLinklayer{Protocol: frame.BigEndian(protocol), Ifindex: p.link.index, Halen: 6}
	copy(to.Addr[:], mac[:])
	return unix.Sendto(s.packets, packet, 0, to)
}

func (s *dhcpService) stop(time.Duration) {}
