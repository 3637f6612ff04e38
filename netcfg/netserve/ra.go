package netserve

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"bantam/boottime"
	"bantam/entropy"
	"bantam/netcfg/frame"
	"bantam/netcfg/raserve"
)

const solicitation = 133 // type of ICMPv6

var (
	allRouters = netip.MustParseAddr("ff02::2")
	allNodes   = netip.MustParseAddr("ff02::1")
)

// settle is how long a port without a network of its own is waited for after a start: one that is delegated may come late,
// and until then it is not known whether those of before are old.
const settle = 30 * time.Second

// raService advertises at each port that serves.
type raService struct {
	daemon  *daemon
	fd      int
	ports   []*raPort
	indexes []int
	buffer  []byte
	begun   time.Duration
}

type raPort struct {
	name   string
	router *raserve.Router
	link   link
	joined int // the link whose solicitations are heard
	active bool
}

func newRAService(d *daemon) (s *raService, err error) {
	s = &raService{daemon: d, buffer: make([]byte, maxPacket), begun: boottime.Now()}
	s.fd, err = routerSocket()
	return s, err
}

func (s *raService) configure(now time.Duration, c *Config, links map[string]link) {
	var indexes []int
	for i := range c.Ports {
		n := &c.Ports[i]
		name := n.Name
		if !n.RA {
			continue
		}
		i := slices.IndexFunc(s.ports, func(p *raPort) bool { return p.name == name })
		if i < 0 {
			i = len(s.ports)
			s.ports = append(s.ports, &raPort{name: name, router: raserve.New(now, s.daemon.keeper.promises(name))})
		}
		p := s.ports[i]
		p.link = links[name]
		config := s.config(c, n, p.link)
		waits := len(config.Prefixes) == 0 && len(p.router.Promises(now)) > 0 && now < s.begun+settle
		p.active = p.link.up && p.link.linkLocal().IsValid() && !waits
		if waits {
			s.daemon.lookAt = min(s.daemon.lookAt, s.begun+settle)
		}
		if !p.active {
			p.router.Step(now, 0, raserve.Stop{}) // nobody would hear it
			continue
		}
		s.join(p)
		indexes = append(indexes, p.link.index)
		s.send(p, p.router.Step(now, randomNumber(), raserve.Configure{Config: config}))
	}
	var serving []*raPort
	for _, p := range s.ports {
		if n := c.port(p.name); n != nil && n.RA {
			serving = append(serving, p)
		} else {
			p.end(s, now)
		}
	}
	s.ports = serving
	slices.Sort(indexes)
	if !slices.Equal(indexes, s.indexes) {
		if err := frame.Attach(s.fd, onLinks(indexes)); err != nil {
			s.daemon.logf("router advertisements: %v", err)
			return
		}
		s.indexes = indexes
	}
}

// config is what one port advertises.
func (s *raService) config(c *Config, n *Port, l link) raserve.Config {
	config := raserve.Config{MAC: l.mac, MTU: l.mtu, Router: s.daemon.kernel.leads(l.name), Prefixes: networks(l)}
	if n.forwards() {
		config.DNS = []netip.Addr{l.linkLocal()}
	}
	for _, a := range c.nameServers(n) {
		if a.Is6() && !a.IsLinkLocalUnicast() {
			config.DNS = append(config.DNS, a)
		}
	}
	if domain := c.domain(n); domain != "" {
		config.Search = []string{domain}
	}
	return config
}

// networks are the IPv6 networks of a link, each as long as the address lasts by which it is known.
func networks(l link) (list []raserve.Prefix) {
	for _, a := range l.addresses {
		own := a.prefix.Addr()
		if !own.Is6() || own.IsLinkLocalUnicast() || own.IsLoopback() || a.prefix.Bits() == 0 || a.prefix.Bits() > 126 {
			continue
		}
		p := raserve.Prefix{Prefix: a.prefix.Masked(), Preferred: a.preferred, Valid: a.valid}
		i := slices.IndexFunc(list, func(have raserve.Prefix) bool { return have.Prefix == p.Prefix })
		if i < 0 {
			list = append(list, p)
			continue
		}
		list[i].Preferred, list[i].Valid = max(list[i].Preferred, p.Preferred), max(list[i].Valid, p.Valid)
	}
	return list
}

// join makes a link's solicitations be heard.
func (s *raService) join(p *raPort) {
	if p.joined == p.link.index {
		return
	}
	group := &unix.IPv6Mreq{Multiaddr: allRouters.As16(), Interface: uint32(p.link.index)}
	if err := unix.SetsockoptIPv6Mreq(s.fd, unix.IPPROTO_IPV6, unix.IPV6_JOIN_GROUP, group); err != nil && err != unix.EADDRINUSE {
		s.daemon.logf("%s: join %v: %v", p.link.name, allRouters, err)
		return
	}
	p.joined = p.link.index
}

func (s *raService) descriptors() []int { return []int{s.fd} }

func (s *raService) deadline() time.Duration {
	next := forever
	for _, p := range s.ports {
		if p.active {
			next = min(next, p.router.Deadline())
		}
	}
	return next
}

func (s *raService) step(now time.Duration) {
	for _, p := range s.ports {
		if p.active && p.router.Deadline() <= now {
			s.send(p, p.router.Step(now, randomNumber(), nil))
		}
	}
}

func (s *raService) receive(now time.Duration) {
	for range 64 {
		var control [256]byte
		n, nc, _, from, err := unix.Recvmsg(s.fd, s.buffer, control[:], unix.MSG_DONTWAIT)
		if err != nil {
			return
		}
		index, hops := heard6(control[:nc])
		sender, ok := from.(*unix.SockaddrInet6)
		for _, p := range s.ports {
			if ok && p.active && p.link.index == index {
				s.send(p, p.router.Step(now, randomNumber(), raserve.Solicit{From: netip.AddrFrom16(sender.Addr), HopLimit: hops, Payload: s.buffer[:n]}))
			}
		}
	}
}

// heard6 says by which link a packet came, and with which hop limit.
func heard6(control []byte) (index, hops int) {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return 0, 0
	}
	for _, m := range messages {
		switch {
		case m.Header.Level != unix.IPPROTO_IPV6:
		case m.Header.Type == unix.IPV6_PKTINFO && len(m.Data) >= unix.SizeofInet6Pktinfo:
			index = int(binary.NativeEndian.Uint32(m.Data[16:]))
		case m.Header.Type == unix.IPV6_HOPLIMIT && len(m.Data) >= 4:
			hops = int(binary.NativeEndian.Uint32(m.Data))
		}
	}
	return index, hops
}

func (s *raService) send(p *raPort, messages []raserve.Send) {
	for _, m := range messages {
		info := unix.PktInfo6(&unix.Inet6Pktinfo{Ifindex: uint32(p.link.index), Addr: p.link.linkLocal().As16()})
		to := &unix.SockaddrInet6{Addr: allNodes.As16(), ZoneId: uint32(p.link.index)}
		if err := unix.Sendmsg(s.fd, m.Payload, info, to, 0); err != nil {
			s.daemon.logf("%s: router advertisement: %v", p.link.name, err)
		}
	}
}

// stop tells everybody that this is no router any more.
func (s *raService) stop(now time.Duration) {
	for _, p := range s.ports {
		p.end(s, now)
	}
}

func (p *raPort) end(s *raService, now time.Duration) {
	messages := p.router.Step(now, 0, raserve.Stop{})
	if p.active {
		s.send(p, messages)
	}
	p.active = false
}

func randomNumber() uint64 {
	var b [8]byte
	entropy.Fill(b[:])
	return binary.NativeEndian.Uint64(b[:])
}
