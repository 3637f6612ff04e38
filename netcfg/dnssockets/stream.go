package dnssockets

import (
	"errors"
	"net"
	"sync"
	"time"

	"bantam/netcfg/dnsforward"
)

const (
	streamIdle   = time.Minute     // a connection that nothing is asked over is ended
	streamAnswer = 4 * time.Second // one that does not answer is dead: the forwarder has given up by then
	streamWrite  = 4 * time.Second // for the server to take a question
	streamPause  = time.Second     // after one that could not be made
)

// stream is the connection over TLS to one server. Many questions are under way in it at one time, and answered in any
// order; when it has ended, the next question makes another one.
type stream struct {
	s  *Server
	to dnsforward.Server

	mu      sync.Mutex
	conn    net.Conn // nil: none
	tcp     net.Conn // below it: closing this one never waits
	undated bool     // made while the clock was not known to be right
	renew   bool     // it is ended to be made anew
	expects bool     // an answer, before the deadline of conn
	making  bool
	waiting map[uint16]*ask // for an answer, or for the connection, by the number of their question
	pauseTo time.Time
	why     string // the last failure
	closed  bool
}

// streamTo is the stream to a server; s.mu is held.
func (s *Server) streamTo(to dnsforward.Server) *stream {
	t := s.streams[to]
	if t == nil {
		t = &stream{s: s, to: to, waiting: map[uint16]*ask{}}
		s.streams[to] = t
	}
	return t
}

func number(b []byte) uint16 { return uint16(b[0])<<8 | uint16(b[1]) }

// send asks over the connection that there is, or makes one. s.mu is held, so it waits for nothing.
func (t *stream) send(a *ask) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.conn == nil && !t.making && time.Now().Before(t.pauseTo) {
		t.s.failed = append(t.s.failed, dnsforward.Failed{Ask: a.Ask.Ask, Why: t.why})
		return
	}
	a.stream = t
	t.waiting[number(a.Data)] = a
	switch {
	case t.conn != nil && t.undated && t.s.options.ClockIsRight():
		t.undated, t.renew = false, true
		t.tcp.Close() // its reader notices, and asks over a new one
	case t.conn != nil:
		if !t.expects {
			t.expects = true
			t.conn.SetReadDeadline(time.Now().Add(streamAnswer))
		}
		go t.write(t.conn, t.tcp, a)
	case !t.making:
		t.making = true
		go t.run()
	}
}

func (t *stream) forget(a *ask) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.waiting[number(a.Data)] == a {
		delete(t.waiting, number(a.Data))
	}
}

func (t *stream) write(conn, tcp net.Conn, a *ask) {
	conn.SetWriteDeadline(time.Now().Add(streamWrite))
	if writeFramed(conn, a.Data) != nil {
		tcp.Close()
	}
}

// run makes the connection, and reads answers until it ends. What was asked and not answered when it ends is asked once
// more, over another one: servers end connections that have been idle, and a question may be on its way.
func (t *stream) run() {
	for again := true; again; {
		conn, tcp, undated, err := t.connect()
		if err != nil {
			t.fail(err)
			return
		}
		t.mu.Lock()
		if t.closed {
			tcp.Close()
		}
		t.conn, t.tcp, t.undated, t.expects = conn, tcp, undated, true
		conn.SetReadDeadline(time.Now().Add(streamAnswer))
		var asks []*ask
		for _, a := range t.waiting {
			asks = append(asks, a)
		}
		t.mu.Unlock()
		for _, a := range asks {
			t.write(conn, tcp, a)
		}
		answered, err := t.read(conn)
		tcp.Close()
		t.mu.Lock()
		t.conn, t.tcp = nil, nil
		again = len(t.waiting) > 0 && (answered || t.renew) && !t.closed
		t.making, t.renew = again, false
		t.mu.Unlock()
		if !again && !answered {
			t.fail(err)
		}
	}
}

func (t *stream) connect() (secured, tcp net.Conn, undated bool, err error) {
	if tcp, err = t.s.options.Dial("tcp", t.to.Addr.String()); err != nil {
		return nil, nil, false, err
	}
	tcp.SetDeadline(time.Now().Add(dialTime))
	if secured, undated, err = t.s.options.TLS.Secure(tcp, t.to.TLS); err != nil {
		tcp.Close()
		return nil, nil, false, err
	}
	tcp.SetDeadline(time.Time{})
	return secured, tcp, undated, nil
}

// read takes answers; answered says that there was one.
func (t *stream) read(conn net.Conn) (answered bool, err error) {
	for {
		b, err := readFramed(conn)
		if err != nil {
			return answered, err
		}
		if len(b) < 2 {
			return answered, errors.New("its answer was too short")
		}
		t.mu.Lock()
		a := t.waiting[number(b)]
		delete(t.waiting, number(b))
		t.expects = len(t.waiting) > 0
		conn.SetReadDeadline(time.Now().Add(map[bool]time.Duration{true: streamAnswer, false: streamIdle}[t.expects]))
		t.mu.Unlock()
		if a != nil {
			answered = true // so it is worth the while to connect once more
			t.s.step(dnsforward.FromUpstream{Ask: a.Ask.Ask, Data: b})
		}
	}
}

// fail tells all who wait that there is no connection.
func (t *stream) fail(err error) {
	t.mu.Lock()
	waiting := t.waiting
	t.waiting, t.making = map[uint16]*ask{}, false
	why := reason(err)
	news := len(waiting) > 0 && why != t.why
	if len(waiting) > 0 {
		t.why, t.pauseTo = why, time.Now().Add(streamPause)
	}
	t.mu.Unlock()
	if news {
		t.s.options.Logf("name server %s: %s", t.to, why)
	}
	for _, a := range waiting {
		t.s.step(dnsforward.Failed{Ask: a.Ask.Ask, Why: why})
	}
}

func (t *stream) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	if t.tcp != nil {
		t.tcp.Close()
	}
}
