package dnssockets

import (
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"

	"bantam/netcfg/dnsforward"
)

// Bounds of connections of clients (RFC 7766).
const (
	maxConns         = 64
	maxConnsOfClient = 8
	idleTime         = 10 * time.Second // without a question, and to take an answer
	maxQueued        = 72 << 10         // bytes of answers that one has not taken yet
)

// clients are the connections of clients.
type clients struct {
	mu    sync.Mutex
	conns map[uint64]*clientConn
	last  uint64
}

// clientConn is one connection; the answers to its questions go out in the order in which they are found.
type clientConn struct {
	conn   net.Conn
	from   netip.Addr
	queue  chan []byte
	queued int // bytes; held by clients.mu
}

// accept takes connections until the listener is closed.
func (s *Server) accept(l *listener) {
	for {
		conn, err := l.tcp.AcceptTCP()
		if err != nil {
			if isClosed(err) {
				return
			}
			time.Sleep(100 * time.Millisecond) // no descriptors are left; it passes
			continue
		}
		c := dnsforward.Client{Net: l.net, Addr: conn.RemoteAddr().(*net.TCPAddr).AddrPort(), Local: conn.LocalAddr().(*net.TCPAddr).AddrPort().Addr()}
		own := s.clients.add(conn, c.Addr.Addr())
		if own == nil {
			conn.Close()
			continue
		}
		c.TCP = own.number
		go s.clients.write(own)
		go s.read(own, c)
	}
}

// read takes one question after the other; how many are under way at one time is the forwarder's to bound.
func (s *Server) read(c *admitted, from dnsforward.Client) {
	defer s.clients.remove(c.number)
	var size [2]byte
	buffer := make([]byte, 0, 512)
	for {
		c.conn.SetReadDeadline(time.Now().Add(idleTime))
		if _, err := io.ReadFull(c.conn, size[:]); err != nil {
			return
		}
		n := int(binary.BigEndian.Uint16(size[:]))
		if n > maxQuestion {
			return
		}
		if n > cap(buffer) {
			buffer = make([]byte, 0, maxQuestion)
		}
		if _, err := io.ReadFull(c.conn, buffer[:n]); err != nil {
			return
		}
		s.step(dnsforward.FromClient{Client: from, Data: buffer[:n]})
	}
}

// admitted is a connection with its number.
type admitted struct {
	*clientConn
	number uint64
}

func (l *clients) add(conn net.Conn, from netip.Addr) *admitted {
	l.mu.Lock()
	defer l.mu.Unlock()
	same := 0
	for _, c := range l.conns {
		if c.from == from {
			same++
		}
	}
	if len(l.conns) >= maxConns || same >= maxConnsOfClient {
		return nil
	}
	l.last++
	c := &clientConn{conn: conn, from: from, queue: make(chan []byte, 256)}
	l.conns[l.last] = c
	return &admitted{c, l.last}
}

func (l *clients) remove(number uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if c := l.conns[number]; c != nil {
		delete(l.conns, number)
		close(c.queue)
		c.conn.Close()
	}
}

// send queues an answer; who asks without taking answers is left.
func (l *clients) send(number uint64, b []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.conns[number]
	if c == nil {
		return
	}
	framed := append(binary.BigEndian.AppendUint16(make([]byte, 0, 2+len(b)), uint16(len(b))), b...)
	if c.queued+len(framed) <= maxQueued {
		select {
		case c.queue <- framed:
			c.queued += len(framed)
			return
		default:
		}
	}
	c.conn.Close() // its reader removes it
}

// write gives a client its answers.
func (l *clients) write(c *admitted) {
	for b := range c.queue {
		c.conn.SetWriteDeadline(time.Now().Add(idleTime))
		if _, err := c.conn.Write(b); err != nil {
			c.conn.Close()
			return
		}
		l.mu.Lock()
		c.queued -= len(b)
		l.mu.Unlock()
	}
}

func (l *clients) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for number, c := range l.conns {
		delete(l.conns, number)
		close(c.queue)
		c.conn.Close()
	}
}
