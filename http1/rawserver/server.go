// Package rawserver is a web server for tests that says any bytes: an honest one cannot be made to lie. It has no sockets, so that it can be any host,
// and nothing outside of the test reaches it.
package rawserver

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// Request is what came, as it came.
type Request struct {
	Address string // that it was sent to, e.g. registry.example.org:443
	Method  string
	Path    string // with its query
	Head    string // all fields
	Body    []byte
}

// Field is the value of a field of the head.
func (r Request) Field(name string) string {
	for line := range strings.Lines(r.Head) {
		if key, value, _ := strings.Cut(line, ":"); strings.EqualFold(key, name) {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// Answer is what is sent back.
type Answer struct {
	Raw   string
	More  func(w io.Writer) // what follows Raw
	Hang  bool              // then nothing, until the client goes
	Close bool              // then the end
}

// Say is an answer with a length.
func Say(status int, body string, fields ...string) Answer {
	head := fmt.Sprintf("HTTP/1.1 %d Some Reason\r\nContent-Length: %d\r\n", status, len(body))
	for _, f := range fields {
		head += f + "\r\n"
	}
	return Answer{Raw: head + "\r\n" + body}
}

// Server is any number of hosts.
type Server struct {
	t        testing.TB
	mu       sync.Mutex
	hosts    map[string]host
	requests []Request
	dialed   int
	wait     sync.WaitGroup
}

type host struct {
	config  *tls.Config
	respond func(Request) Answer
}

// New makes a server, which ends with the test: all its connections have to end before.
func New(t testing.TB) *Server {
	s := &Server{t: t, hosts: make(map[string]host)}
	t.Cleanup(s.wait.Wait)
	return s
}

// Host makes an address, e.g. registry.example.org:443, answer; with TLS if config is not nil.
func (s *Server) Host(address string, config *tls.Config, respond func(Request) Answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hosts[address] = host{config, respond}
}

// Requests are all that came until now, in their order.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request(nil), s.requests...)
}

// Dialed is the number of connections that were made.
func (s *Server) Dialed() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dialed
}

// Dial is for http1.Client.
func (s *Server) Dial(_ context.Context, _, address string) (net.Conn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h, ok := s.hosts[address]
	if !ok {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	}
	s.dialed++
	near, far := net.Pipe()
	s.wait.Go(func() {
		defer far.Close()
		var c net.Conn = far
		if h.config != nil {
			c = tls.Server(far, h.config)
		}
		for in := bufio.NewReader(c); s.serve(c, in, address, h.respond); {
		}
	})
	return near, nil
}

// serve says whether there may be another request.
func (s *Server) serve(c net.Conn, in *bufio.Reader, address string, respond func(Request) Answer) bool {
	r := Request{Address: address}
	line, err := in.ReadString('\n')
	if err != nil {
		return false
	}
	fields := strings.Fields(line)
	if len(fields) != 3 {
		s.t.Errorf("bad request line %q", line)
		return false
	}
	r.Method, r.Path = fields[0], fields[1]
	for {
		if line, err = in.ReadString('\n'); err != nil {
			return false
		}
		if strings.TrimSpace(line) == "" {
			break
		}
		r.Head += line
	}
	if length, _ := strconv.Atoi(r.Field("Content-Length")); length > 0 {
		r.Body = make([]byte, length)
		if _, err := io.ReadFull(in, r.Body); err != nil {
			return false
		}
	}
	s.mu.Lock()
	s.requests = append(s.requests, r)
	s.mu.Unlock()
	a := respond(r)
	if _, err := io.WriteString(c, a.Raw); err != nil {
		return false
	}
	if a.More != nil {
		a.More(c)
	}
	if a.Hang {
		io.Copy(io.Discard, in)
	}
	return !a.Close
}
