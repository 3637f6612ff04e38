package applet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"net"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// ping sends ICMP echoes through a datagram socket where the kernel allows
// that, else a raw one.
func ping(c *call, args []string) int {
	opts, hosts, err := parseOptions("46c:i:W:w:I:s:qn", nil, args)
	if err != nil {
		return c.misuse("%v", err)
	}
	if len(hosts) != 1 {
		return c.misuse("needs one host")
	}
	count, err := opts.number('c', 0)
	size, err2 := opts.number('s', 56)
	if err := errors.Join(err, err2); err != nil || size < 0 || size > 65000 {
		return c.misuse("-c and -s need numbers")
	}
	interval, err := opts.seconds('i', time.Second)
	patience, err2 := opts.seconds('W', 10*time.Second)
	deadline, err3 := opts.seconds('w', 0)
	if err := errors.Join(err, err2, err3); err != nil {
		return c.misuse("%v", err)
	}
	network := "ip"
	if opts.has('4') {
		network = "ip4"
	} else if opts.has('6') || c.name == "ping6" {
		network = "ip6"
	}
	address, err := net.ResolveIPAddr(network, hosts[0])
	if err != nil {
		c.warn("%s: %s", hosts[0], lookupReason(err))
		return 2
	}
	p := &pinger{c: c, to: address, size: max(size, 8), patience: patience, quiet: opts.has('q')}
	if err := p.open(opts.value('I', "")); err != nil {
		c.warn("%s: %s", hosts[0], reason(err))
		return 2
	}
	defer unix.Close(p.fd)

	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(interrupted)
	replies := make(chan reply, 16)
	go p.receive(replies)

	c.printf("PING %s (%s) %d data bytes\n", hosts[0], address, p.size)
	c.out.Flush()
	start := time.Now()
	var end <-chan time.Time
	if deadline > 0 {
		end = time.After(deadline)
	}
	next := time.NewTimer(0)
	for done := false; !done; {
		select {
		case <-next.C:
			if count > 0 && p.sent == count {
				done = true // waited long enough for the last
				break
			}
			p.send()
			if count > 0 && p.sent == count {
				next.Reset(patience)
			} else {
				next.Reset(interval)
			}
		case r := <-replies:
			p.note(r)
			done = count > 0 && p.received >= count
		case <-interrupted:
			done = true
		case <-end:
			done = true
		}
		c.out.Flush()
	}
	return p.summary(hosts[0], time.Since(start))
}

// seconds reads an option in seconds, fractions allowed.
func (o options) seconds(letter byte, other time.Duration) (time.Duration, error) {
	text := o.value(letter, "")
	if text == "" {
		return other, nil
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || n < 0 || n > 1e9 {
		return 0, fmt.Errorf("-%c: %q is not a number of seconds", letter, text)
	}
	return time.Duration(n * float64(time.Second)), nil
}

type reply struct {
	sequence int
	from     net.IP
	ttl      int
	size     int
	at       time.Time
	problem  string // instead of an answer, e.g. "Destination Host Unreachable"
}

type pinger struct {
	c        *call
	to       *net.IPAddr
	fd       int
	raw      bool
	size     int
	patience time.Duration
	quiet    bool
	id       uint16

	sent, received, doubled int
	sentAt                  map[int]time.Time
	answered                map[int]bool
	least, most             float64
	sum, squares            float64 // milliseconds
}

func (p *pinger) six() bool { return p.to.IP.To4() == nil }

func (p *pinger) open(from string) error {
	p.id = uint16(os.Getpid())
	p.sentAt, p.answered = map[int]time.Time{}, map[int]bool{}
	family, protocol := unix.AF_INET, unix.IPPROTO_ICMP
	if p.six() {
		family, protocol = unix.AF_INET6, unix.IPPROTO_ICMPV6
	}
	var err error
	p.fd, err = unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, protocol)
	if err != nil {
		p.raw = true
		if p.fd, err = unix.Socket(family, unix.SOCK_RAW|unix.SOCK_CLOEXEC, protocol); err != nil {
			return fmt.Errorf("socket: %w", err)
		}
	}
	if p.six() {
		unix.SetsockoptInt(p.fd, unix.IPPROTO_IPV6, unix.IPV6_RECVHOPLIMIT, 1)
		if p.raw {
			unix.SetsockoptInt(p.fd, unix.IPPROTO_RAW, unix.IPV6_CHECKSUM, 2)
		}
	} else {
		unix.SetsockoptInt(p.fd, unix.IPPROTO_IP, unix.IP_RECVTTL, 1)
	}
	if from == "" {
		return nil
	}
	if source := net.ParseIP(from); source != nil {
		return unix.Bind(p.fd, sockaddr(source, ""))
	}
	return unix.SetsockoptString(p.fd, unix.SOL_SOCKET, unix.SO_BINDTODEVICE, from)
}

func sockaddr(ip net.IP, zone string) unix.Sockaddr {
	if v4 := ip.To4(); v4 != nil {
		return &unix.SockaddrInet4{Addr: [4]byte(v4)}
	}
	address := &unix.SockaddrInet6{Addr: [16]byte(ip.To16())}
	if link, err := net.InterfaceByName(zone); err == nil {
		address.ZoneId = uint32(link.Index)
	} else if n, err := strconv.Atoi(zone); err == nil {
		address.ZoneId = uint32(n)
	}
	return address
}

func (p *pinger) send() {
	p.sent++
	packet := make([]byte, 8+p.size)
	packet[0] = 8
	if p.six() {
		packet[0] = 128
	}
	binary.BigEndian.PutUint16(packet[4:], p.id)
	binary.BigEndian.PutUint16(packet[6:], uint16(p.sent))
	for i := range packet[8:] {
		packet[8+i] = byte(i)
	}
	if !p.six() {
		binary.BigEndian.PutUint16(packet[2:], checksum(packet))
	}
	p.sentAt[p.sent] = time.Now()
	delete(p.sentAt, p.sent-1024) // what is this late is lost
	delete(p.answered, p.sent-1024)
	if err := unix.Sendto(p.fd, packet, 0, sockaddr(p.to.IP, p.to.Zone)); err != nil {
		p.c.warn("sendto: %s", reason(err))
	}
}

// checksum is that of RFC 1071.
func checksum(packet []byte) uint16 {
	sum := uint32(0)
	for i := 0; i+1 < len(packet); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(packet[i:]))
	}
	if len(packet)%2 == 1 {
		sum += uint32(packet[len(packet)-1]) << 8
	}
	for sum>>16 != 0 {
		sum = sum&0xffff + sum>>16
	}
	return ^uint16(sum)
}

func (p *pinger) receive(replies chan<- reply) {
	buffer, control := make([]byte, 65536), make([]byte, 512)
	for {
		n, cn, _, from, err := unix.Recvmsg(p.fd, buffer, control, 0)
		now := time.Now()
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			if err == unix.EBADF {
				return
			}
			replies <- reply{problem: reason(err)}
			time.Sleep(10 * time.Millisecond)
			continue
		}
		r := reply{at: now, ttl: -1}
		switch from := from.(type) {
		case *unix.SockaddrInet4:
			r.from = net.IP(append([]byte(nil), from.Addr[:]...))
		case *unix.SockaddrInet6:
			r.from = net.IP(append([]byte(nil), from.Addr[:]...))
		}
		packet := buffer[:n]
		if p.raw && !p.six() {
			// A raw IPv4 socket delivers the IP header too.
			if n < 20 || n < int(packet[0]&15)*4 {
				continue
			}
			r.ttl = int(packet[8])
			packet = packet[int(packet[0]&15)*4:]
		}
		messages, _ := unix.ParseSocketControlMessage(control[:cn])
		for _, m := range messages {
			if len(m.Data) >= 4 && (m.Header.Type == unix.IP_TTL || m.Header.Type == unix.IPV6_HOPLIMIT) {
				r.ttl = int(binary.NativeEndian.Uint32(m.Data))
			}
		}
		r.size = len(packet)
		if r.parse(packet, p) {
			replies <- r
		}
	}
}

// parse takes echo replies to us and, on a raw socket, errors about our echoes.
func (r *reply) parse(packet []byte, p *pinger) bool {
	if len(packet) < 8 {
		return false
	}
	answer := byte(0)
	if p.six() {
		answer = 129
	}
	if packet[0] == answer {
		// The kernel chooses the identifier of datagram sockets and filters by it.
		if p.raw && binary.BigEndian.Uint16(packet[4:]) != p.id {
			return false
		}
		r.sequence = int(binary.BigEndian.Uint16(packet[6:]))
		return true
	}
	var inner []byte
	switch {
	case !p.six() && (packet[0] == 3 || packet[0] == 11):
		if inner = packet[8:]; len(inner) < 20 || len(inner) < int(inner[0]&15)*4+8 {
			return false
		}
		inner = inner[int(inner[0]&15)*4:]
	case p.six() && (packet[0] == 1 || packet[0] == 3):
		if len(packet) < 8+40+8 {
			return false
		}
		inner = packet[48:]
	default:
		return false
	}
	if binary.BigEndian.Uint16(inner[4:]) != p.id {
		return false
	}
	r.sequence = int(binary.BigEndian.Uint16(inner[6:]))
	r.problem = "Destination Unreachable"
	if packet[0] == 11 || p.six() && packet[0] == 3 {
		r.problem = "Time to live exceeded"
	} else if !p.six() && packet[1] == 0 {
		r.problem = "Destination Net Unreachable"
	} else if !p.six() && packet[1] == 1 {
		r.problem = "Destination Host Unreachable"
	}
	return true
}

func (p *pinger) note(r reply) {
	if r.problem != "" {
		if !p.quiet {
			p.c.printf("From %s icmp_seq=%d %s\n", r.from, r.sequence, r.problem)
		}
		return
	}
	// Sequence numbers on the wire have 16 bits.
	sequence := r.sequence
	for sequence+65536 <= p.sent {
		sequence += 65536
	}
	sent, ok := p.sentAt[sequence]
	if !ok {
		return
	}
	ms := float64(r.at.Sub(sent).Microseconds()) / 1000
	mark := ""
	if p.answered[sequence] {
		p.doubled++
		mark = " (DUP!)"
	} else {
		p.answered[sequence] = true
		p.received++
		if p.received == 1 || ms < p.least {
			p.least = ms
		}
		p.most = max(p.most, ms)
		p.sum += ms
		p.squares += ms * ms
	}
	if p.quiet {
		return
	}
	ttl := ""
	if r.ttl >= 0 {
		ttl = fmt.Sprintf(" ttl=%d", r.ttl)
	}
	p.c.printf("%d bytes from %s: icmp_seq=%d%s time=%s ms%s\n", r.size, r.from, sequence, ttl, milliseconds(ms), mark)
}

func milliseconds(ms float64) string {
	switch {
	case ms < 1:
		return fmt.Sprintf("%.3f", ms)
	case ms < 10:
		return fmt.Sprintf("%.2f", ms)
	case ms < 100:
		return fmt.Sprintf("%.1f", ms)
	}
	return fmt.Sprintf("%.0f", ms)
}

func (p *pinger) summary(host string, took time.Duration) int {
	loss := 0.0
	if p.sent > 0 {
		loss = 100 * float64(p.sent-p.received) / float64(p.sent)
	}
	p.c.printf("\n--- %s ping statistics ---\n%d packets transmitted, %d received, ", host, p.sent, p.received)
	if p.doubled > 0 {
		p.c.printf("+%d duplicates, ", p.doubled)
	}
	p.c.printf("%s%% packet loss, time %dms\n", strconv.FormatFloat(loss, 'g', 6, 64), took.Milliseconds())
	if p.received == 0 {
		return 1
	}
	mean := p.sum / float64(p.received)
	deviation := math.Sqrt(max(0, p.squares/float64(p.received)-mean*mean))
	p.c.printf("rtt min/avg/max/mdev = %.3f/%.3f/%.3f/%.3f ms\n", p.least, mean, p.most, deviation)
	return 0
}
