package netcfg

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"time"

	"bantam/boottime"
	"bantam/netcfg/dhcp4"

	"golang.org/x/sys/unix"
)

// dhcpPort joins one DHCP client to its port.
type dhcpPort struct {
	name    string
	wire    *wire
	client  *dhcp4.Client
	carrier bool
	servers []string // whom system.toml lets it believe

	linkLocal bool             // system.toml wants such an address where no server answers
	saved     *dhcp4.Lease     // what the lease file holds
	leases    string           // directory
	own       map[[6]byte]bool // the stations of this machine
	logf      func(format string, args ...any)
}

// openDHCPPort makes the client of a port; had is the address that it had before a reboot, if any.
func openDHCPPort(name string, link Link, leases string, had netip.Addr, logf func(string, ...any)) (*dhcpPort, error) {
	w, err := openWire(name, link.Index, link.MAC)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	stored, valid := loadLease(leases, name, link.MAC, boottime.Now())
	id := dhcp4.Identity{MAC: link.MAC, Hostname: hostname(), Vendor: "bantam"}
	p := &dhcpPort{name: name, wire: w, client: dhcp4.New(id, stored, valid), saved: stored, leases: leases, logf: logf}
	if stored == nil && had.IsValid() {
		logf("%s: had %v before the reboot and asks for it again", name, had)
		p.client.Remember(had)
	}
	if err := w.listen(p.watched()); err != nil {
		w.close()
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return p, nil
}

func (p *dhcpPort) close() { p.wire.close() }

func (p *dhcpPort) deadline() time.Duration { return p.client.Deadline() }

func (p *dhcpPort) descriptors() []int { return []int{p.wire.ip, p.wire.arp} }

func (p *dhcpPort) tell(f *Facts, _ time.Duration) {
	f.Leases[p.name] = p.client.Lease()
	if a := p.client.LinkLocal(); a.IsValid() {
		f.LinkLocal[p.name] = a
	}
}

func (p *dhcpPort) tick(time.Duration) news { return p.watch(func() { p.step(nil) }) }

func (p *dhcpPort) renew() news { return p.watch(func() { p.step(dhcp4.Renew{}) }) }

func (p *dhcpPort) watch(work func()) news {
	before := p.client.LinkLocal()
	n := watch(p.client, work)
	if p.client.LinkLocal() != before {
		return learned
	}
	return n
}

// teller is what a DHCP client says of itself; L is its lease, C what it has counted.
type teller[L, C comparable] interface {
	Lease() L
	Reason() string
	Doubt() string
	Counts() C
}

// watch lets a client work and sees what that changed.
func watch[L, C comparable](c teller[L, C], work func()) news {
	told := func() string { return c.Reason() + c.Doubt() }
	lease, reason, counts := c.Lease(), told(), c.Counts()
	work()
	switch {
	case c.Lease() != lease:
		return learned
	case told() != reason:
		return shown
	case c.Counts() != counts:
		return counted
	}
	return nothing
}

// hostname is the machine's name, "" while it has none worth telling.
func hostname() string {
	name, err := os.Hostname()
	if err != nil || name == "localhost" || name == "(none)" {
		return ""
	}
	return name
}

// setCarrier tells the client when the carrier changed.
func (p *dhcpPort) setCarrier(carrier bool) {
	if carrier == p.carrier {
		return
	}
	p.carrier = carrier
	if carrier {
		p.step(dhcp4.CarrierUp{})
	} else {
		p.step(dhcp4.CarrierDown{})
	}
}

// believe tells the client which DHCP servers system.toml names; none: all.
func (p *dhcpPort) believe(servers []string) {
	if slices.Equal(servers, p.servers) {
		return
	}
	p.servers = servers
	var list []netip.Addr
	for _, text := range servers {
		if a, err := netip.ParseAddr(text); err == nil { // it was checked
			list = append(list, a)
		}
	}
	p.step(dhcp4.Servers{Believed: list})
}

// fallBack tells the client whether system.toml wants a link-local address where no server answers.
func (p *dhcpPort) fallBack(wanted bool) {
	if wanted != p.linkLocal {
		p.linkLocal = wanted
		p.step(dhcp4.Fallback{Wanted: wanted})
	}
}

// status is what the client and its sockets have to tell.
func (p *dhcpPort) status() *DHCPStatus {
	p.wire.count()
	c := p.client.Counts()
	s := &DHCPStatus{Doubt: p.client.Doubt(), Ignored: c.Ignored, Refused: c.Refused, Refusal: c.Refusal, Damaged: p.wire.damaged, Lost: p.wire.lost}
	if l := p.client.Lease(); l != nil {
		s.Unused = l.Dropped
	}
	return s
}

// receive hands everything that arrived to the client.
func (p *dhcpPort) receive(buffer []byte) news {
	return p.watch(func() { p.read(buffer) })
}

func (p *dhcpPort) read(buffer []byte) {
	for range 64 { // a flood must not keep us from the other sockets
		payload, more := p.wire.receiveDHCP(buffer)
		if !more {
			break
		}
		if payload != nil {
			p.step(dhcp4.Datagram{Payload: payload})
		}
	}
	for range 64 {
		packet, ok, more := p.wire.receiveARP(buffer)
		if !more {
			break
		}
		if ok {
			packet.Own = p.own[packet.SenderMAC]
			p.step(packet)
		}
	}
}

// step moves the client on, sends what it wants sent and keeps the lease file up to date.
func (p *dhcpPort) step(ev dhcp4.Event) {
	before, local := p.client.Lease(), p.client.LinkLocal()
	actions := p.client.Step(boottime.Now(), randomNumber(), ev)
	if err := errors.Join(p.wire.listen(p.watched()), p.wire.expect(p.client.Transaction())); err != nil {
		p.logf("%s: %v", p.name, err)
	}
	for _, a := range actions {
		if err := p.wire.do(a); err != nil {
			p.logf("%s: %v", p.name, err)
		}
	}
	p.logLinkLocal(local)
	lease := p.client.Lease()
	switch {
	case lease != nil && lease != p.saved:
		p.save(lease)
	case !p.client.Known().IsValid() && p.saved != nil:
		p.save(nil)
	}
	switch {
	case lease == before:
	case lease == nil:
		p.logf("%s: lease of %s is gone; %s", p.name, before.Address, p.client.Reason())
	case before == nil || before.Address != lease.Address:
		p.logf("%s: lease of %s from %s for %s", p.name, lease.Address, lease.Server, leaseTime(lease))
	}
}

// logLinkLocal says when the link-local address is another one.
func (p *dhcpPort) logLinkLocal(before netip.Addr) {
	switch now := p.client.LinkLocal(); {
	case now == before:
	case !now.IsValid():
		p.logf("%s: %v is given up", p.name, before)
	default:
		p.logf("%s: no lease; uses the link-local address %v", p.name, now)
	}
}

func leaseTime(l *dhcp4.Lease) string {
	if l.Expires == forever {
		return "ever"
	}
	return (l.Expires - l.Start).Round(time.Second).String()
}

func (p *dhcpPort) save(lease *dhcp4.Lease) {
	p.saved = lease
	if err := saveLease(p.leases, p.name, lease); err != nil {
		p.logf("%s: %v", p.name, err) // it only costs the address after a restart
	}
}

// randomNumber is for transaction numbers and delays. It does not wait until the
// kernel's random numbers are good, which takes a second and more where there is
// no hardware for them: who is on the link sees the numbers, and nobody else can answer.
func randomNumber() uint64 {
	var b [8]byte
	if _, err := unix.Getrandom(b[:], unix.GRND_INSECURE); err != nil { // before Linux 5.6
		_, _ = unix.Getrandom(b[:], unix.GRND_NONBLOCK)
	}
	return binary.NativeEndian.Uint64(b[:])
}

// watched is the address whose ARP traffic matters; invalid for none.
func (p *dhcpPort) watched() netip.Addr {
	address, _ := p.client.Watch()
	return address
}
