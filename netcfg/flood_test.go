//go:build !mips && !mipsle

package netcfg

import (
	"encoding/binary"
	"fmt"
	"net"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// advertisement has n prefixes from the first on, 2001:db8:N::/64 each, for which
// no address is made (RFC 4861, 4.2 and 4.6.2); lifetime is the router's in seconds.
func advertisement(lifetime uint16, first, n int) []byte {
	b := make([]byte, 16)
	b[0], b[4] = routerAdvert, 64
	binary.BigEndian.PutUint16(b[6:], lifetime)
	for i := first; i < first+n; i++ {
		option := make([]byte, 32)
		option[0], option[1], option[2], option[3] = 3, 4, 64, 0x80 // on the link
		binary.BigEndian.PutUint32(option[4:], 3600)
		binary.BigEndian.PutUint32(option[8:], 3600)
		copy(option[16:], []byte{0x20, 1, 0xd, 0xb8, byte(i >> 8), byte(i)})
		b = append(b, option...)
	}
	return b
}

// advertise sends advertisements from the interface "srv" of a peer.
func (p *peer) advertise(messages ...[]byte) {
	p.t.Helper()
	err := p.Do(func() error {
		srv, err := net.InterfaceByName("srv")
		if err != nil {
			return err
		}
		fd, err := routerSocket("srv")
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		if err := unix.SetNonblock(fd, false); err != nil {
			return err
		}
		to := &unix.SockaddrInet6{Addr: [16]byte{0xff, 2, 15: 1}, ZoneId: uint32(srv.Index)}
		for _, m := range messages {
			if err := unix.Sendto(fd, m, 0, to); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		p.t.Fatalf("advertise: %v", err)
	}
}

func TestANeighbourCannotFillTheTableWithAdvertisements(t *testing.T) {
	l := newLab(t)
	p := l.peer()
	p.cable("eth0", "10.1.0.1/24")
	const config = "[net.eth0]\naddresses = [\"10.1.0.2/24\"]\n"
	l.netcfg(config)
	l.status("online", online)
	p.LinkLocal("srv")
	// The kernel of a young link may not take the first.
	l.Eventually("the honest prefix", func() error {
		p.advertise(advertisement(1800, 0xffff, 1))
		if out := l.ip("-6 route show dev eth0"); !strings.Contains(out, "2001:db8:ffff::/64") || !strings.Contains(out, "default via") {
			return fmt.Errorf("routes:\n%s", out)
		}
		return nil
	})
	honest := func(s Status) bool { return len(s.Ports) > 0 && len(s.Ports[0].Routes) > 0 }
	l.status("a router is seen", honest)
	var flood [][]byte
	for i := range 50 {
		flood = append(flood, advertisement(0xffff, 40*i, 40))
	}
	p.advertise(flood...)
	l.status("it is told", func(s Status) bool { return len(s.Problems) == 1 && s.Problems[0] == tooMany("eth0") })
	l.Eventually("few routes", func() error {
		if n := strings.Count(l.ip("-6 route show dev eth0"), "2001:db8:"); n > maxAdvertised {
			return fmt.Errorf("%d are left", n)
		}
		return nil
	})
	l.Shows("ip -6 route show dev eth0", "2001:db8:ffff::/64")
	l.Shows("ip -6 route show dev eth0", "default via")
	// Changes are carried out all the same.
	l.reload(config + "gateway = \"10.1.0.1\"\n")
	l.Shows("ip route", "default via 10.1.0.1 dev eth0 proto 66 metric 100")
	if n := strings.Count(l.Log.String(), "router advertisements made"); n != 1 {
		t.Errorf("%d lines of log", n)
	}
}
