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
	address, err := opts.resolve(hosts[0])
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
	var err error
	if p.fd, p.raw, err = icmpSocket(p.six()); err != nil {
		return err
	}
	if p.six() {
		unix.SetsockoptInt(p.fd, unix.IPPROTO_IPV6, unix.IPV6_RECVHOPLIMIT, 1)
	} else {
		unix.SetsockoptInt(p.fd, unix.IPPROTO_IP, unix.IP_RECVTTL, 1)
	}
	if from == "" {
		return nil
	}
	if source := net.ParseIP(from); source != nil {
		return unix.Bind(p.fd, sockaddr(source, "", 0))
	}
	return unix.SetsockoptString(p.fd, unix.SOL_SOCKET, unix.SO_BINDTODEVICE, from)
}

func (p *pinger) send() {
	p.sent++
	packet := echoRequest(p.six(), p.id, uint16(p.sent), p.size)
	p.sentAt[p.sent] = time.Now()
	delete(p.sentAt, p.sent-1024) // what is this late is lost
	delete(p.answered, p.sent-1024)
	if err := unix.Sendto(p.fd, packet, 0, sockaddr(p.to.IP, p.to.Zone, 0)); err != nil {
		p.c.warn("sendto: %s", reason(err))
	}
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
			if packet = pastIPv4(packet); packet == nil {
				continue
			}
			r.ttl = int(buffer[8])
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
	if id, sequence, ok := echoReply(p.six(), packet); ok {
		// The kernel chooses the identifier of datagram sockets and filters by it.
		r.sequence = int(sequence)
		return !p.raw || id == p.id
	}
	var inner []byte
	switch {
	case !p.six() && (packet[0] == 3 || packet[0] == 11):
		if inner = pastIPv4(packet[8:]); len(inner) < 8 {
			return false
		}
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
