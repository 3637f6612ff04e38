// Package dnssockets gives a DNS forwarder its sockets: it listens on the ports of nets, and asks servers over UDP, TCP and
// TLS. Every listener is bound to one network device: what comes in by another one, even if it is for an address of
// this one, never reaches it, and addresses may come and go.
package dnssockets

import (
	"encoding/binary"
	"fmt"
	"net"
	"sync"
	"time"

	"bantam/boottime"
	"bantam/entropy"
	"bantam/netcfg/dnsforward"
)

// Secure begins TLS with the server of that name; see http1/https.
type Secure interface {
	Secure(c net.Conn, name string) (secured net.Conn, undated bool, err error)
}

// Options are what a Server has of its surroundings.
type Options struct {
	Port         uint16 // where it listens; 0 means 53
	TLS          Secure
	ClockIsRight func() bool                                // connections made before, with certificates whose dates were not looked at, are then made anew
	Dial         func(network, to string) (net.Conn, error) // nil: the kernel's
	Logf         func(format string, args ...any)
}

// Server is a forwarder with its sockets. Make it with New.
type Server struct {
	options Options

	mu      sync.Mutex
	forward *dnsforward.Forwarder
	timer   *time.Timer
	closed  bool
	asks    map[uint64]*ask
	streams map[dnsforward.Server]*stream
	failed  []dnsforward.Event // found while actions were done

	listening sync.Mutex // held while listeners change
	listeners map[place]*listener
	clients   clients
}

// New makes a server that listens nowhere before it is configured.
func New(options Options) *Server {
	if options.Port == 0 {
		options.Port = dnsforward.Port
	}
	if options.ClockIsRight == nil {
		options.ClockIsRight = func() bool { return true }
	}
	if options.Dial == nil {
		options.Dial = func(network, to string) (net.Conn, error) { return net.DialTimeout(network, to, dialTime) }
	}
	s := &Server{options: options, forward: dnsforward.New(randomNumber), asks: map[uint64]*ask{}, streams: map[dnsforward.Server]*stream{},
		listeners: map[place]*listener{}, clients: clients{conns: map[uint64]*clientConn{}}}
	s.timer = time.AfterFunc(time.Hour, func() { s.step(nil) })
	return s
}

func randomNumber() uint64 {
	var b [8]byte
	entropy.Fill(b[:])
	return binary.NativeEndian.Uint64(b[:])
}

// Configure takes what is served and where it is asked for. Links are the devices of Config.Nets by their names: where one
// has another index it is another one, and is listened on anew. What cannot be listened on is an error; the rest is.
func (s *Server) Configure(c dnsforward.Config, links map[string]int) error {
	s.step(dnsforward.Configure{Config: c})
	return s.listen(c.Nets, links)
}

// Status tells how things are.
func (s *Server) Status() dnsforward.Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.forward.Status(boottime.Now())
}

// Close ends everything.
func (s *Server) Close() {
	s.listen(nil, nil)
	s.clients.close()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.timer.Stop()
	for _, a := range s.asks {
		a.forget()
	}
	for _, t := range s.streams {
		t.close()
	}
}

// step lets the forwarder decide, asks servers and forgets, and then, with nothing held, answers clients.
func (s *Server) step(event dnsforward.Event) {
	var answers []dnsforward.Answer
	s.mu.Lock()
	for !s.closed {
		for _, action := range s.forward.Step(boottime.Now(), event) {
			switch a := action.(type) {
			case dnsforward.Answer:
				answers = append(answers, a)
			case dnsforward.Ask:
				s.ask(a)
			case dnsforward.Forget:
				if asked := s.asks[a.Ask]; asked != nil {
					delete(s.asks, a.Ask)
					asked.forget()
				}
			}
		}
		if len(s.failed) == 0 {
			break
		}
		event, s.failed = s.failed[0], s.failed[1:]
	}
	if at := s.forward.Deadline(); at != dnsforward.Never && !s.closed {
		s.timer.Reset(max(at-boottime.Now(), time.Millisecond))
	}
	s.mu.Unlock()
	for _, a := range answers {
		s.answer(a)
	}
}

func (s *Server) answer(a dnsforward.Answer) {
	if a.To.TCP != 0 {
		s.clients.send(a.To.TCP, a.Data)
		return
	}
	s.listening.Lock()
	l := s.listeners[place{a.To.Net, a.To.Local.Is4(), false}]
	s.listening.Unlock()
	if l != nil {
		l.send(a)
	}
}

// reason is what a person is told of a failed system call: without addresses, which are said beside it.
func reason(err error) string {
	if op, ok := err.(*net.OpError); ok && op.Err != nil {
		err = op.Err
	}
	if err, ok := err.(interface{ Timeout() bool }); ok && err.Timeout() {
		return "it does not answer"
	}
	return fmt.Sprintf("%.300s", err)
}
