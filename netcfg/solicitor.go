package netcfg

import (
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"bantam/boottime"
	"bantam/netcfg/frame"
)

// solicitor joins the schedule of solicitations to a port. Its socket is there
// only while we ask: later advertisements must not wake us, the kernel reads them.
type solicitor struct {
	solicitation
	name  string
	index int
	mac   [6]byte
	fd    int // AF_INET6, ICMPv6, filtered for router advertisements; -1 while we do not ask
	logf  func(format string, args ...any)
}

const routerSolicit = 133

var allRouters = netip.MustParseAddr("ff02::2")

// newSolicitor listens at once: the first answer may be one to the kernel.
func newSolicitor(name string, link Link, logf func(string, ...any)) *solicitor {
	s := &solicitor{newSolicitation(boottime.Now(), randomNumber()), name, link.Index, link.MAC, -1, logf}
	s.open()
	return s
}

func (s *solicitor) open() {
	if s.fd >= 0 {
		return
	}
	var err error
	if s.fd, err = routerSocket(s.name); err != nil {
		s.logf("%s: router solicitation: %v", s.name, err)
	}
}

func (s *solicitor) close() {
	if s.fd >= 0 {
		unix.Close(s.fd)
		s.fd = -1
	}
}

func (s *solicitor) deadline() time.Duration { return s.next }

func (s *solicitor) descriptors() []int { return []int{s.fd} }

// tell adds nothing: what routers say the kernel reads, and passes on.
func (s *solicitor) tell(*Facts, time.Duration) {}

func (s *solicitor) renew() news {
	s.again(boottime.Now(), randomNumber())
	return nothing
}

// tick does what the schedule has for now. What fails is tried again by the schedule.
func (s *solicitor) tick(now time.Duration) news {
	send, done := s.step(now)
	if done {
		s.close()
	}
	if !send {
		return nothing
	}
	s.open()
	if s.fd < 0 {
		return nothing
	}
	to := &unix.SockaddrInet6{Addr: allRouters.As16(), ZoneId: uint32(s.index)}
	if err := unix.Sendto(s.fd, solicitationMessage(s.mac), 0, to); err != nil {
		s.logf("%s: router solicitation: %v", s.name, err)
	}
	return nothing
}

// receive ends the asking when a router has answered. That it is on this link
// is all we ask of the answer: what it says the kernel reads, with more care.
func (s *solicitor) receive(buffer []byte) news {
	for range 64 {
		if s.fd < 0 {
			break
		}
		_, from, err := unix.Recvfrom(s.fd, buffer, unix.MSG_DONTWAIT)
		if err != nil {
			break
		}
		if router, ok := from.(*unix.SockaddrInet6); ok && netip.AddrFrom16(router.Addr).IsLinkLocalUnicast() {
			s.heard()
			s.close()
		}
	}
	return nothing
}

// routerSocket sends ICMPv6 on one link and hears router advertisements there.
func routerSocket(link string) (int, error) {
	fd, err := frame.ICMPv6(routerAdvert)
	if err != nil {
		return -1, err
	}
	if err := unix.BindToDevice(fd, link); err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("SO_BINDTODEVICE: %w", err)
	}
	return fd, nil
}

// solicitationMessage is RFC 4861, 4.1, with our own link-layer address where there is one. The kernel adds the check sum.
func solicitationMessage(mac [6]byte) []byte {
	b := []byte{routerSolicit, 0, 0, 0, 0, 0, 0, 0}
	if mac == [6]byte{} { // a session with a provider has no such addresses
		return b
	}
	return append(append(b, 1, 1), mac[:]...)
}

// solicit lets the ports that take router advertisements ask for them.
func (d *daemon) solicit(ports []port, have State) {
	able := map[string]bool{}
	for _, p := range ports {
		if p.Net.LearnsIPv6() && have.canSolicit(p.Name) {
			able[p.Name] = true
		}
	}
	for name, s := range d.solicitors {
		if link := have.Links[name]; !able[name] || link.Index != s.index || link.MAC != s.mac {
			s.close()
			delete(d.solicitors, name)
		}
	}
	for name := range able {
		if d.solicitors[name] == nil {
			d.solicitors[name] = newSolicitor(name, have.Links[name], d.logf)
		}
	}
}
