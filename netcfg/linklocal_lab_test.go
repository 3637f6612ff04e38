//go:build !mips && !mipsle

package netcfg

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bantam/boottime"
	"bantam/netcfg/dhcp4"
	"bantam/netcfg/frame"

	"golang.org/x/sys/unix"
)

// linkLocalOf is the link-local address that a station takes where nobody is.
func linkLocalOf(mac [6]byte) netip.Addr {
	c := dhcp4.New(dhcp4.Identity{MAC: mac}, nil, false)
	c.Step(0, 0, dhcp4.Fallback{Wanted: true})
	for c.Step(0, 0, dhcp4.CarrierUp{}); !c.LinkLocal().IsValid(); {
		c.Step(c.Deadline(), 0, nil)
	}
	return c.LinkLocal()
}

// sameLinkLocal are two stations that choose the same address.
func sameLinkLocal(t testing.TB) (one, other net.HardwareAddr) {
	t.Helper()
	first := map[netip.Addr][6]byte{}
	for n := range 10000 {
		mac := [6]byte{2, 0, 0, 0, byte(n >> 8), byte(n)}
		a := linkLocalOf(mac)
		if had, taken := first[a]; taken {
			return net.HardwareAddr(had[:]), net.HardwareAddr(mac[:])
		}
		first[a] = mac
	}
	t.Fatal("no two of 10,000")
	return one, other
}

// linkLocalIn waits until a command that shows addresses shows one, and gives it.
func (l *lab) linkLocalIn(show func() string) (a netip.Addr) {
	l.t.Helper()
	l.Eventually("a link-local address", func() error {
		out := show()
		_, rest, found := strings.Cut(out, "inet 169.254.")
		text, rest, _ := strings.Cut(rest, "/16 ")
		if !found || !strings.Contains(rest, "scope link") {
			return fmt.Errorf("%s", out)
		}
		var err error
		a, err = netip.ParseAddr("169.254." + text)
		return err
	})
	return a
}

func TestTwoHostsWithoutAServerFindEachOtherThoughTheyChooseTheSameAddress(t *testing.T) {
	l := newLab(t)
	p := l.peer()
	p.Cable("eth0", "srv")
	mine, theirs := sameLinkLocal(t)
	l.ip(fmt.Sprintf("link set eth0 address %v", mine))
	p.In(fmt.Sprintf("ip link set srv address %v up", theirs))
	first := linkLocalOf([6]byte(mine))
	l.netcfg("[net.eth0]\nlink_local = true\n")
	a := l.linkLocalIn(func() string { return l.ip("-4 addr show dev eth0") })
	if a != first {
		t.Errorf("alone it takes %v, want %v", a, first)
	}
	// The other comes when the address is in use.
	there := filepath.Join(l.dir, "there")
	if err := os.MkdirAll(there, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(there+"/system.toml", []byte("[net.srv]\nlink_local = true\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	p.Start("env", "BE_NETCFG=1", filepath.Join(l.dir, "netcfg"), "--config", there+"/system.toml", "--leases", there+"/leases", "--report", there+"/report")
	b := l.linkLocalIn(func() string { return p.In("ip -4 addr show dev srv") })
	if a == b {
		t.Fatalf("both have %v", a)
	}
	l.Shows("ip -4 addr show dev eth0", a.String())
	p.converse(a.String()).goesOn()
	if routes := l.ip("route"); strings.Contains(routes, "default") || !strings.Contains(routes, "169.254.0.0/16 dev eth0") {
		t.Errorf("routes:\n%s", routes)
	}
	s := l.status("its address", func(s Status) bool { return len(s.Ports) == 1 && len(s.Ports[0].Addresses) > 0 })
	if port := s.Ports[0]; s.Online || port.IPv4.Address || port.Addresses[0].Source != "link-local" || !strings.HasPrefix(port.Waiting, "DHCP: no answer") {
		t.Errorf("status: online %v, %+v", s.Online, port)
	}
	// Who insists on it gets it, and another one is taken.
	station := p.station(unix.ETH_P_ARP)
	defer unix.Close(station.fd)
	claim := frame.ARPRequest([6]byte{2, 0, 0, 0, 9, 9}, a, a)
	to := &unix.SockaddrLinklayer{Protocol: frame.BigEndian(unix.ETH_P_ARP), Ifindex: station.index, Halen: 6, Addr: everybody}
	begun := boottime.Now()
	l.Eventually("it gives way", func() error {
		if err := unix.Sendto(station.fd, claim, 0, to); err != nil {
			return err
		}
		if c := l.ip("-4 addr show dev eth0"); !strings.Contains(c, "169.254.") || strings.Contains(c, a.String()) {
			return fmt.Errorf("%v after it began: %s", (boottime.Now() - begun).Round(time.Second), c)
		}
		return nil
	})
	if c := l.linkLocalIn(func() string { return l.ip("-4 addr show dev eth0") }); c == a || c == b {
		t.Errorf("then it has %v", c)
	}
}

func TestALeaseThatComesLaterIsThereBeforeTheLinkLocalAddressGoes(t *testing.T) {
	l := newLab(t, "dnsmasq:dnsmasq-base")
	p := l.peer()
	p.cable("eth0", "10.1.0.1/24")
	p.In("ip route add 169.254.0.0/16 dev srv")
	l.netcfg("[net.eth0]\nlink_local = true\n")
	local := l.linkLocalIn(func() string { return l.ip("-4 addr show dev eth0") })
	l.Start("ip", "-o", "-4", "monitor", "address")
	p.dnsmasq(1)
	l.Eventually("a renewal", func() error { _, err := l.reports.Renew("eth0"); return err })
	l.status("online", online)
	l.Gone("ip addr show eth0", local.String())
	l.Shows("ip route", "default via 10.1.0.1")
	log := ""
	l.Eventually("the kernel's word", func() error {
		if log = l.Log.String(); !strings.Contains(log, "Deleted") {
			return fmt.Errorf("%s", log)
		}
		return nil
	})
	came, went := strings.Index(log, "inet 10.1.0."), strings.Index(log, "Deleted")
	if came < 0 || came > went || !strings.Contains(log[went:], "inet "+local.String()) {
		t.Errorf("the lease comes at %d, and at %d goes\n%s", came, went, log)
	}
}
