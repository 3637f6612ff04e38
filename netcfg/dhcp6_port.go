package netcfg

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"maps"
	"net/netip"
	"slices"
	"time"

	"bantam/boottime"
	"bantam/netcfg/dhcp6"
	"bantam/netcfg/frame"
	"bantam/order"
	"bantam/system"

	"golang.org/x/sys/unix"
)

const (
	dhcp6ServerPort = 547
	dhcp6ClientPort = 546
)

var allDHCPServers = netip.MustParseAddr("ff02::1:2") // and relays

// dhcp6Port joins one DHCPv6 client to its port. Its socket is a raw one for UDP: it needs no right to port 546, and the
// kernel puts fragments together, checks and makes the check sums. The price is that of DHCPv4's, see wire.
type dhcp6Port struct {
	name    string
	index   int
	mac     [6]byte
	id      dhcp6.Identity
	fd      int
	client  *dhcp6.Client
	up      bool
	leaving bool
	saved   *dhcp6.Lease // what the lease file holds
	leases  string       // directory
	logf    func(format string, args ...any)

	managed, other bool   // what routers have said since the link came up: one that changes its mind takes nothing away
	transaction    uint32 // whose answers are heard
}

// associationID is a port's IAID: it stays whatever card has the port's name.
func associationID(port string) uint32 {
	h := fnv.New32a()
	h.Write([]byte(port))
	return h.Sum32()
}

// hardwareDUID is a DUID-LL (RFC 8415, 11.4).
func hardwareDUID(mac [6]byte) []byte { return append([]byte{0, 3, 0, 1}, mac[:]...) }

func openDHCP6Port(name string, link Link, leases string, duid []byte, had []netip.Prefix, logf func(string, ...any)) (*dhcp6Port, error) {
	p := &dhcp6Port{name: name, index: link.Index, mac: link.MAC, id: dhcp6.Identity{DUID: duid, IAID: associationID(name)}, leases: leases, logf: logf}
	var err error
	if p.fd, err = dhcp6Socket(name); err != nil {
		return nil, fmt.Errorf("%s: DHCPv6: %w", name, err)
	}
	p.saved = loadLease6(leases, name, p.id, boottime.Now())
	if p.saved == nil && len(had) > 0 {
		logf("%s: had %v by DHCPv6 before the reboot and asks for it again", name, had)
	}
	p.client = dhcp6.New(p.id, p.saved, had)
	return p, nil
}

// dhcp6Socket sends UDP on one link and hears nothing yet.
func dhcp6Socket(link string) (int, error) {
	fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.IPPROTO_UDP)
	if err != nil {
		return -1, fmt.Errorf("socket(AF_INET6, SOCK_RAW): %w", err)
	}
	if err = frame.Attach(fd, dhcp6Filter(0)); err == nil {
		err = unix.BindToDevice(fd, link)
	}
	if err == nil {
		err = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_CHECKSUM, 6) // where UDP has it
	}
	if err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("setsockopt: %w", err)
	}
	return fd, nil
}

func (p *dhcp6Port) close() {
	if p.fd >= 0 {
		unix.Close(p.fd)
	}
}

func (p *dhcp6Port) deadline() time.Duration { return p.client.Deadline() }

func (p *dhcp6Port) descriptors() []int { return []int{p.fd} }

func (p *dhcp6Port) tell(f *Facts, _ time.Duration) { f.Leases6[p.name] = p.client.Lease() }

func (p *dhcp6Port) tick(time.Duration) news { return p.watch(nil) }

func (p *dhcp6Port) renew() news { return p.watch(dhcp6.Renew{}) }

// watch lets the client see an event, and sees what that changed.
func (p *dhcp6Port) watch(ev dhcp6.Event) news {
	if n := watch(p.client, func() { p.step(ev) }); !p.client.Gone() {
		return n
	}
	return learned
}

// receive hands everything that arrived to the client.
func (p *dhcp6Port) receive(buffer []byte) (most news) {
	for range 64 { // a flood must not keep us from the other sockets
		n, from, err := unix.Recvfrom(p.fd, buffer, unix.MSG_DONTWAIT)
		if err != nil {
			break
		}
		server, ok := from.(*unix.SockaddrInet6)
		if !ok || n < udpHeader || int(binary.BigEndian.Uint16(buffer[4:])) != n {
			continue
		}
		most = max(most, p.watch(dhcp6.Datagram{From: netip.AddrFrom16(server.Addr), Payload: buffer[udpHeader:n]}))
	}
	return most
}

// status is what the client has to tell beside its lease.
func (p *dhcp6Port) status() *DHCPStatus {
	c := p.client.Counts()
	s := &DHCPStatus{Doubt: p.client.Doubt(), Ignored: c.Ignored, Refused: c.Refused, Refusal: c.Refusal}
	switch l := p.client.Lease(); {
	case l != nil:
		s.Unused = l.Dropped
	case p.leaving:
		s.Doubt = "DHCPv6: everything is given back"
	case p.index != 0: // else the session has no link, of which the port tells
		s.Doubt = p.client.Reason()
	}
	return s
}

// prefixes are those that are delegated; wall turns a time on CLOCK_BOOTTIME into one of the day.
func (p *dhcp6Port) prefixes(wall func(time.Duration) time.Time) (list []AddressStatus) {
	l := p.client.Lease()
	if l == nil {
		return nil
	}
	for _, b := range l.Prefixes {
		s := AddressStatus{Prefix: b.Prefix.String(), Source: "dhcp6 " + l.Server.String(), Deprecated: b.Preferred <= boottime.Now()}
		if b.Valid != forever {
			s.Until = wall(b.Valid)
		}
		list = append(list, s)
	}
	return list
}

// step moves the client on, sends what it wants sent and keeps the lease file up to date.
func (p *dhcp6Port) step(ev dhcp6.Event) {
	before := p.client.Lease()
	for _, send := range p.client.Step(boottime.Now(), randomNumber(), ev) {
		if err := p.send(send.Payload); err != nil {
			p.logf("%s: DHCPv6: %v", p.name, err)
		}
	}
	lease := p.client.Lease()
	if lease == before {
		return
	}
	if lease != p.saved {
		p.saved = lease
		if err := saveLease6(p.leases, p.name, lease, p.id); err != nil {
			p.logf("%s: %v", p.name, err) // it only costs the lease after a restart
		}
	}
	switch had, has := leasedBy(before), leasedBy(lease); {
	case slices.Equal(had, has):
	case len(has) == 0:
		p.logf("%s: DHCPv6: %v is gone; %s", p.name, had, p.client.Reason())
	default:
		p.logf("%s: DHCPv6: %v from %v", p.name, has, lease.Server)
	}
}

// leasedBy lists addresses, as /128, and prefixes.
func leasedBy(l *dhcp6.Lease) (list []netip.Prefix) {
	if l == nil {
		return nil
	}
	for _, b := range slices.Concat(l.Addresses, l.Prefixes) {
		list = append(list, b.Prefix)
	}
	return list
}

// send sends a message to all servers. What is lost is sent again by the client's schedule.
func (p *dhcp6Port) send(payload []byte) error {
	if t := p.client.Transaction(); t != p.transaction {
		if err := frame.Attach(p.fd, dhcp6Filter(t)); err != nil {
			return err
		}
		p.transaction = t
	}
	b := make([]byte, udpHeader, udpHeader+len(payload))
	binary.BigEndian.PutUint16(b, dhcp6ClientPort)
	binary.BigEndian.PutUint16(b[2:], dhcp6ServerPort)
	binary.BigEndian.PutUint16(b[4:], uint16(udpHeader+len(payload)))
	to := &unix.SockaddrInet6{Addr: allDHCPServers.As16(), ZoneId: uint32(p.index)}
	if err := unix.Sendto(p.fd, append(b, payload...), 0, to); err != nil {
		return fmt.Errorf("send: %w", err)
	}
	return nil
}

// wants is what the port asks for.
func (p *dhcp6Port) wants(n system.Net) dhcp6.Wants {
	always := n.IPv6 == "dhcp"
	auto := n.IPv6 == "auto"
	return dhcp6.Wants{
		Address: always || auto && p.managed,
		Prefix:  n.Prefix == delegate,
		Other:   always || auto && (p.managed || p.other),
	}
}

const delegate = "delegate" // system.Net's Prefix

// follow tells the client what its link and its system.toml say.
func (p *dhcp6Port) follow(n system.Net, link Link, up bool) {
	if up && !p.up {
		p.managed, p.other = false, false
	}
	p.managed, p.other = p.managed || link.Managed, p.other || link.OtherConfig
	p.step(dhcp6.Configure{Wants: p.wants(n)})
	switch {
	case up && !p.up:
		p.step(dhcp6.LinkUp{})
	case !up && p.up:
		p.step(dhcp6.LinkDown{})
	}
	p.up = up
}

// move goes on at another link, or at none for now: that of a session with a provider comes and goes with it. What is
// leased is so until it ends, or the provider says otherwise.
func (p *dhcp6Port) move(link Link) (err error) {
	fd := -1
	if link.Index != 0 {
		if fd, err = dhcp6Socket(p.name); err != nil {
			return fmt.Errorf("%s: DHCPv6: %w", p.name, err)
		}
	}
	p.close()
	p.fd, p.index, p.mac, p.transaction = fd, link.Index, link.MAC, 0
	if p.up {
		p.step(dhcp6.LinkDown{})
	}
	p.up = false
	return nil
}

// followDHCP6 opens and closes DHCPv6 clients as ports, and what is desired of them, come and go.
func (d *daemon) followDHCP6(ports []port, have State) {
	wanted, named := map[string]system.Net{}, false
	for _, p := range ports {
		named = named || p.Net.ULA
		link, has := have.Links[p.Name], d.dhcp6[p.Name] != nil
		if able := p.Present && link.Ethernet || p.Net.PPPoE != nil && (p.Present || has); able && p.asksDHCP6(link, has) {
			wanted[p.Name], named = p.Net, true
		}
	}
	if d.had.DUID == "" && named {
		d.had.DUID = chooseDUID(have.Links)
	}
	for name, c := range d.dhcp6 {
		link := have.Links[name]
		n, stays := wanted[name]
		if n.PPPoE != nil && !c.leaving && link.Index != c.index {
			if err := c.move(link); err != nil {
				d.logf("%v", err)
				d.stuck = err
				continue
			}
		}
		switch {
		case stays && c.leaving, link.Index != c.index, link.MAC != c.mac, c.client.Gone():
			c.close()
			delete(d.dhcp6, name)
		case !stays && !c.leaving || stays && c.client.Lease() != nil && c.wants(n) == (dhcp6.Wants{}):
			c.leaving = true
			c.step(dhcp6.Release{})
		}
	}
	for name, n := range wanted {
		link := have.Links[name]
		if d.dhcp6[name] == nil {
			c, err := openDHCP6Port(name, link, d.options.leases, d.had.duid(link.MAC), d.had.of(name, link.MAC).Leased6, d.logf)
			if err != nil {
				d.logf("%v", err)
				d.stuck = err
				continue
			}
			d.dhcp6[name] = c
		}
		if c := d.dhcp6[name]; !c.leaving {
			c.follow(n, link, have.canSolicit(name))
			c.compare(have)
		}
	}
}

// asksDHCP6 tells whether a port has a DHCPv6 client. One that router advertisements have made it have, has it on.
func (p port) asksDHCP6(link Link, has bool) bool {
	return !p.Bare && (p.Net.Prefix == delegate || p.Net.IPv6 == "dhcp" || p.Net.IPv6 == "auto" && (link.Managed || link.OtherConfig || has))
}

// compare tells the client of its addresses that another machine has. Those with an end the kernel takes away, see clash.
func (p *dhcp6Port) compare(have State) {
	if l := p.client.Lease(); l != nil {
		for _, b := range l.Addresses {
			if have.Addresses[AddressKey{p.name, b.Prefix}].Duplicate {
				p.step(dhcp6.Conflict{Address: b.Prefix.Addr()})
			}
		}
	}
}

// chooseDUID is the DUID of a machine that has none yet: that of the first of its cards.
func chooseDUID(links map[string]Link) string {
	for _, hardware := range []bool{true, false} {
		for _, name := range order.Sorted(maps.Keys(links), naturally) {
			l := links[name]
			mac := l.Permanent
			if mac == [6]byte{} {
				mac = l.MAC
			}
			if l.Ethernet && l.Hardware == hardware && mac != [6]byte{} {
				return hex.EncodeToString(hardwareDUID(mac))
			}
		}
	}
	return ""
}
