package dnssockets

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"bantam/netcfg/dnsforward"
)

const (
	dialTime = 5 * time.Second
	askTime  = 15 * time.Second // longer than the forwarder waits for any
	datagram = 4096             // more than the 1232 bytes that servers are told of
)

// ask is one question under way.
type ask struct {
	dnsforward.Ask
	mu        sync.Mutex
	conn      net.Conn // its own; nil: none yet, or that of a stream
	forgotten bool
	stream    *stream
}

// own gives an ask its connection; false if nobody waits for it any more.
func (a *ask) own(conn net.Conn) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.conn = conn
	return !a.forgotten
}

// forget ends it. It waits for nothing.
func (a *ask) forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.forgotten = true
	if a.conn != nil {
		a.conn.Close()
	}
	if a.stream != nil {
		a.stream.forget(a)
	}
}

// ask sends a question; s.mu is held.
func (s *Server) ask(question dnsforward.Ask) {
	a := &ask{Ask: question}
	s.asks[question.Ask] = a
	switch {
	case question.To.TLS != "":
		s.streamTo(question.To).send(a)
	case question.TCP:
		go s.askOnce(a)
	default:
		s.askDatagram(a)
	}
}

// askDatagram sends a question from a socket of its own, whose port the kernel draws.
func (s *Server) askDatagram(a *ask) {
	conn, err := s.options.Dial("udp", a.To.Addr.String())
	if err == nil {
		a.conn = conn
		_, err = conn.Write(a.Data)
	}
	if err != nil {
		s.failed = append(s.failed, dnsforward.Failed{Ask: a.Ask.Ask, Why: reason(err)})
		return
	}
	conn.SetReadDeadline(time.Now().Add(askTime))
	go func() {
		defer conn.Close()
		for {
			b := make([]byte, datagram)
			n, err := conn.Read(b)
			if isClosed(err) {
				return
			}
			if err != nil {
				s.step(dnsforward.Failed{Ask: a.Ask.Ask, Why: reason(err)})
				return
			}
			s.step(dnsforward.FromUpstream{Ask: a.Ask.Ask, Data: b[:n]})
		}
	}()
}

// askOnce asks over a connection of TCP.
func (s *Server) askOnce(a *ask) {
	b, err := func() ([]byte, error) {
		conn, err := s.options.Dial("tcp", a.To.Addr.String())
		if err != nil {
			return nil, err
		}
		defer conn.Close()
		if !a.own(conn) {
			return nil, net.ErrClosed
		}
		conn.SetDeadline(time.Now().Add(askTime))
		if err := writeFramed(conn, a.Data); err != nil {
			return nil, err
		}
		return readFramed(conn)
	}()
	if err != nil {
		s.step(dnsforward.Failed{Ask: a.Ask.Ask, Why: reason(err)})
		return
	}
	s.step(dnsforward.FromUpstream{Ask: a.Ask.Ask, Data: b})
}

func writeFramed(w io.Writer, b []byte) error {
	_, err := w.Write(append(binary.BigEndian.AppendUint16(make([]byte, 0, 2+len(b)), uint16(len(b))), b...))
	return err
}

func readFramed(r io.Reader) ([]byte, error) {
	var size [2]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return nil, ended(err)
	}
	b := make([]byte, binary.BigEndian.Uint16(size[:]))
	if _, err := io.ReadFull(r, b); err != nil {
		return nil, ended(err)
	}
	return b, nil
}

// ended says what an end of file means here.
func ended(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("it ended the connection without an answer")
	}
	return err
}

func isClosed(err error) bool { return errors.Is(err, net.ErrClosed) }
