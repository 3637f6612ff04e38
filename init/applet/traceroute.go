package applet

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// traceroute sends probes with rising hop limits and prints who discards them.
// Their errors come over the socket's error queue (ip(7), IP_RECVERR), so UDP
// probes need no privilege.
func traceroute(c *call, args []string) int {
	opts, hosts, err := parseOptions("46Inm:q:w:", nil, args)
	if err != nil {
		return c.misuse("%v", err)
	}
	if len(hosts) != 1 {
		return c.misuse("needs one host")
	}
	hops, err := opts.number('m', 30)
	queries, err2 := opts.number('q', 3)
	patience, err3 := opts.seconds('w', 5*time.Second)
	if err := errors.Join(err, err2, err3); err != nil {
		return c.misuse("%v", err)
	}
	if hops < 1 || hops > 255 || queries < 1 || queries > 10 {
		return c.misuse("-m goes from 1 to 255, -q from 1 to 10")
	}
	to, err := opts.resolve(hosts[0])
	if err != nil {
		c.warn("%s: %s", hosts[0], lookupReason(err))
		return 2
	}
	t := &tracer{c: c, to: to, six: to.IP.To4() == nil, echo: opts.has('I'), named: !opts.has('n'), queries: queries, patience: patience,
		id: uint16(os.Getpid()), probes: make([]probe, hops*queries)}
	if err := t.open(); err != nil {
		c.warn("%s: %s", hosts[0], reason(err))
		return 2
	}
	size := 20 + 8 + probeData
	if t.six {
		size += 20
	}
	c.printf("traceroute to %s (%s), %d hops max, %d byte packets\n", hosts[0], to, hops, size)
	if err := t.run(); err != nil {
		c.printf("\n")
		c.warn("%s: %s", hosts[0], reason(err))
		return 1
	}
	return 0
}

const (
	firstPort = 33434 // the probes' destination ports count up from it; nobody listens there
	probeData = 32
	together  = 16 // probes on their way at a time: a silent router shall not hold up the others
)

type probe struct {
	sent  time.Time
	took  time.Duration // until the answer; 0 when there is none
	from  string
	mark  string // e.g. "!H"
	final bool   // no router passes on what comes after
}

// probeAnswer is what came back, from the host or a router.
type probeAnswer struct {
	probe int
	at    time.Time
	from  string
	mark  string
	final bool
}

type tracer struct {
	c        *call
	to       *net.IPAddr
	six      bool
	echo     bool // ICMP echoes instead of UDP
	raw      bool
	named    bool
	queries  int
	patience time.Duration
	fd       int
	id       uint16
	probes   []probe
}

func (t *tracer) open() (err error) {
	if t.echo {
		t.fd, t.raw, err = icmpSocket(t.six)
	} else {
		family := unix.AF_INET
		if t.six {
			family = unix.AF_INET6
		}
		if t.fd, err = unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0); err != nil {
			err = fmt.Errorf("socket: %w", err)
		}
	}
	if err != nil {
		return err
	}
	level, option := unix.IPPROTO_IP, unix.IP_RECVERR
	if t.six {
		level, option = unix.IPPROTO_IPV6, unix.IPV6_RECVERR
	}
	if err := unix.SetsockoptInt(t.fd, level, option, 1); err != nil {
		unix.Close(t.fd)
		return fmt.Errorf("setsockopt(RECVERR): %w", err)
	}
	return nil
}

// run prints each probe as soon as those before it are decided.
func (t *tracer) run() error {
	answers, done := make(chan probeAnswer, len(t.probes)), make(chan struct{})
	defer close(done)
	go t.receive(answers, done)
	sent, printed, hop := 0, 0, hopLine{}
	for printed < len(t.probes) {
		for ; sent < len(t.probes) && sent < printed+together; sent++ {
			t.probes[sent].sent = time.Now()
			if err := t.send(sent); err != nil {
				return err
			}
		}
		p := &t.probes[printed]
		left := t.patience - time.Since(p.sent)
		if p.took == 0 && left > 0 {
			t.c.out.Flush()
			select {
			case a := <-answers:
				t.note(a)
			case <-time.After(left):
			}
			continue
		}
		if printed%t.queries == 0 {
			hop = hopLine{}
			t.c.printf("%2d ", printed/t.queries+1)
		}
		t.c.printf("%s", hop.add(*p, t.name))
		if printed++; printed%t.queries == 0 {
			t.c.printf("\n")
			if hop.final {
				return nil
			}
		}
	}
	return nil
}

func (t *tracer) note(a probeAnswer) {
	if a.probe < 0 || a.probe >= len(t.probes) {
		return
	}
	if p := &t.probes[a.probe]; !p.sent.IsZero() && p.took == 0 {
		p.took, p.from, p.mark, p.final = max(a.at.Sub(p.sent), 1), a.from, a.mark, a.final
	}
}

// hopLine is what a line has said so far.
type hopLine struct {
	from  string
	final bool
}

// add is the text of one more probe: the host where it is another than before.
func (h *hopLine) add(p probe, name func(string) string) string {
	if p.took == 0 {
		return " *"
	}
	text := ""
	if p.from != h.from {
		text = " " + name(p.from)
	}
	h.from, h.final = p.from, h.final || p.final
	text += fmt.Sprintf("  %.3f ms", float64(p.took.Microseconds())/1000)
	if p.mark != "" {
		text += " " + p.mark
	}
	return text
}

// name asks for the host's name until a name server does not answer: it would
// not answer for the next hops either.
func (t *tracer) name(address string) string {
	if !t.named {
		return address
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	name := address
	bare, _, _ := strings.Cut(address, "%")
	if names, err := net.DefaultResolver.LookupAddr(ctx, bare); err == nil && len(names) > 0 {
		name = t.c.shown(strings.TrimSuffix(names[0], "."))
	} else if dns := (*net.DNSError)(nil); errors.As(err, &dns) && !dns.IsNotFound {
		t.named = false
	}
	return name + " (" + address + ")"
}

func (t *tracer) send(n int) error {
	level, option := unix.IPPROTO_IP, unix.IP_TTL
	if t.six {
		level, option = unix.IPPROTO_IPV6, unix.IPV6_UNICAST_HOPS
	}
	if err := unix.SetsockoptInt(t.fd, level, option, n/t.queries+1); err != nil {
		return fmt.Errorf("setsockopt(hop limit): %w", err)
	}
	port, packet := firstPort+n, make([]byte, probeData)
	if t.echo {
		port, packet = 0, echoRequest(t.six, t.id, uint16(n+1), probeData)
	}
	to := sockaddr(t.to.IP, t.to.Zone, port)
	err := unix.Sendto(t.fd, packet, 0, to)
	// An error about an earlier probe is told by the next call too, which then sends nothing.
	for range together {
		if err == nil {
			return nil
		}
		err = unix.Sendto(t.fd, packet, 0, to)
	}
	if err != nil {
		return fmt.Errorf("sendto: %w", err)
	}
	return nil
}

// receive takes answers and errors until done is closed, then closes the socket.
func (t *tracer) receive(answers chan<- probeAnswer, done <-chan struct{}) {
	defer unix.Close(t.fd)
	buffer, control := make([]byte, 2048), make([]byte, 512)
	for {
		select {
		case <-done:
			return
		default:
		}
		unix.Poll([]unix.PollFd{{Fd: int32(t.fd), Events: unix.POLLIN}}, 200)
		for _, flags := range []int{unix.MSG_ERRQUEUE, 0} {
			n, cn, _, peer, err := unix.Recvmsg(t.fd, buffer, control, flags|unix.MSG_DONTWAIT)
			if err != nil {
				continue
			}
			a, ok := t.answer(flags == 0, peer, buffer[:n], control[:cn])
			if !ok {
				continue
			}
			a.at = time.Now()
			select {
			case answers <- a:
			case <-done:
				return
			}
		}
	}
}

// answer is what a message says about a probe: data from the host, or a probe
// that came back through the error queue, with peer being where it went to.
func (t *tracer) answer(data bool, peer unix.Sockaddr, packet, control []byte) (a probeAnswer, ok bool) {
	from, port := addressOf(peer)
	switch {
	case !t.echo:
		a.probe = port - firstPort
	case data:
		if t.raw && !t.six {
			packet = pastIPv4(packet)
		}
		id, sequence, ok := echoReply(t.six, packet)
		if !ok || t.raw && id != t.id {
			return a, false
		}
		a.probe = int(sequence) - 1
	default:
		if len(packet) < 8 || t.raw && binary.BigEndian.Uint16(packet[4:]) != t.id {
			return a, false
		}
		a.probe = int(binary.BigEndian.Uint16(packet[6:])) - 1
	}
	if data {
		a.from, a.final = from.String(), true
		return a, from.IP.Equal(t.to.IP)
	}
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return a, false
	}
	for _, m := range messages {
		if from, mark, final, ok := icmpError(m.Data); ok && (m.Header.Type == unix.IP_RECVERR || m.Header.Type == unix.IPV6_RECVERR) {
			a.from, a.mark, a.final = from, mark, final
			return a, true
		}
	}
	return a, false
}

func addressOf(peer unix.Sockaddr) (address net.IPAddr, port int) {
	switch peer := peer.(type) {
	case *unix.SockaddrInet4:
		return net.IPAddr{IP: peer.Addr[:]}, peer.Port
	case *unix.SockaddrInet6:
		return zoned(peer.Addr[:], peer.ZoneId), peer.Port
	}
	return net.IPAddr{}, -1
}

// zoned is an IPv6 address, with the name of its link where it needs one.
func zoned(ip net.IP, index uint32) net.IPAddr {
	address := net.IPAddr{IP: ip}
	if index > 0 {
		if link, err := net.InterfaceByIndex(int(index)); err == nil {
			address.Zone = link.Name
		}
	}
	return address
}

// icmpError reads a sock_extended_err (linux/errqueue.h) and the address of who
// sent the error behind it: IPv4's 4 bytes or IPv6's 16 of a sockaddr.
func icmpError(data []byte) (from, mark string, final, ok bool) {
	const v4, v6 = 2, 3 // SO_EE_ORIGIN_ICMP, SO_EE_ORIGIN_ICMP6
	if len(data) < 16+8 {
		return "", "", false, false
	}
	kind, code, offender := data[5], data[6], data[16:]
	family := binary.NativeEndian.Uint16(offender)
	switch {
	case data[4] == v4 && family == unix.AF_INET:
		from = net.IP(offender[4:8]).String()
		if kind == 11 {
			return from, "", false, true
		}
		if mark = fmt.Sprintf("!<%d-%d>", kind, code); kind == 3 {
			mark = unreachable(code, "NHP-FSNHNXXNHXVC", binary.NativeEndian.Uint32(data[8:]))
		}
	case data[4] == v6 && family == unix.AF_INET6 && len(offender) >= 28:
		address := zoned(offender[8:24], binary.NativeEndian.Uint32(offender[24:]))
		from = address.String()
		if kind == 3 {
			return from, "", false, true
		}
		switch mark = fmt.Sprintf("!<%d-%d>", kind, code); kind {
		case 1:
			mark = unreachable(code, "NXHH-", 0)
		case 2: // too big
			mark = unreachable(0, "F", binary.NativeEndian.Uint32(data[8:]))
		}
	default:
		return "", "", false, false // of this machine
	}
	return from, mark, true, true
}

// unreachable is the mark of a code, by a letter each (RFC 1812, RFC 4443); "-"
// is a closed port, which is the end of the way.
func unreachable(code byte, letters string, mtu uint32) string {
	switch {
	case int(code) >= len(letters):
		return fmt.Sprintf("!<%d>", code)
	case letters[code] == '-':
		return ""
	case letters[code] == 'F':
		return fmt.Sprintf("!F-%d", mtu)
	}
	return "!" + letters[code:code+1]
}
