package tftp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Port is where clients ask.
const Port = 69

// What may keep a server from its address.
var (
	ErrNoAddress = errors.New("this host does not have that address")
	ErrInUse     = errors.New("another TFTP server has it")
	ErrNoRight   = errors.New("ports below 1024 are root's")
)

// A Server gives one file to one client at a time.
type Server struct {
	Say  func(line string)       // what happens, for a person
	Show func(done, total int64) // bytes that have arrived; nil: nobody is told

	conn *net.UDPConn
	mu   sync.Mutex
	file File
}

// Listen opens a server's socket.
func Listen(at netip.AddrPort) (*Server, error) {
	conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(at))
	switch {
	case errors.Is(err, unix.EADDRNOTAVAIL):
		return nil, fmt.Errorf("%v: %w", at, ErrNoAddress)
	case errors.Is(err, unix.EADDRINUSE):
		return nil, fmt.Errorf("%v: %w", at, ErrInUse)
	case errors.Is(err, unix.EACCES):
		return nil, fmt.Errorf("%v: %w", at, ErrNoRight)
	case err != nil:
		return nil, err
	}
	return &Server{conn: conn, Say: func(string) {}}, nil
}

// Address is where it listens.
func (s *Server) Address() netip.AddrPort { return s.conn.LocalAddr().(*net.UDPAddr).AddrPort() }

// Put is what is given from now on.
func (s *Server) Put(f File) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.file = f
}

// Close ends it.
func (s *Server) Close() { s.conn.Close() }

// mostRequest is what a request may have, in bytes.
const mostRequest = 2048

// Serve answers requests until ctx ends, or once a file has been fetched whole, if one is enough. A second client while there is one is
// refused; the first one that asks again begins anew, for it was reset.
func (s *Server) Serve(ctx context.Context, one bool) error {
	ctx, end := context.WithCancel(ctx)
	defer end()
	if err := s.conn.SetReadDeadline(time.Time{}); err != nil {
		return err
	}
	var busy netip.AddrPort
	var stop context.CancelFunc
	results := make(chan error, 1)
	requests := make(chan request)
	read := make(chan struct{})
	go func() {
		defer close(read)
		s.read(ctx, requests)
	}()
	defer func() {
		end()
		_ = s.conn.SetReadDeadline(time.Unix(1, 0)) // which ends the reading, or it is closed
		<-read
	}()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-results:
			if busy = (netip.AddrPort{}); err == nil && one {
				return nil
			}
		case r := <-requests:
			if r.err != nil {
				return r.err
			}
			switch {
			case r.from == busy: // it has not heard the answer yet
				continue
			case busy.IsValid() && busy.Addr() != r.from.Addr():
				s.Say(fmt.Sprintf("%v asks, too, and is refused: %v has it", r.from.Addr(), busy.Addr()))
				_, _ = s.conn.WriteToUDPAddrPort(fault(codeOther, "busy"), r.from) // it will ask again
				continue
			case busy.IsValid():
				s.Say(fmt.Sprintf("%v begins anew", r.from.Addr()))
				stop()
				<-results
			}
			busy = netip.AddrPort{}
			if s.begin(ctx, r, results, &stop) {
				busy = r.from
			}
		}
	}
}

type request struct {
	Request
	from netip.AddrPort
	err  error
}

// read takes requests; what is none is not answered.
func (s *Server) read(ctx context.Context, to chan<- request) {
	buf := make([]byte, mostRequest)
	for {
		n, from, err := s.conn.ReadFromUDPAddrPort(buf)
		r := request{from: from, err: err}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return
		}
		if err == nil {
			if r.Request, err = ParseRequest(buf[:n]); err != nil {
				continue
			}
		}
		select {
		case to <- r:
		case <-ctx.Done():
			return
		}
		if r.err != nil {
			return
		}
	}
}

// begin starts a transfer from a port of its own.
func (s *Server) begin(ctx context.Context, r request, results chan<- error, stop *context.CancelFunc) bool {
	s.mu.Lock()
	file := s.file
	s.mu.Unlock()
	t, out, err := Begin(time.Now(), r.Request, file)
	if err != nil {
		s.Say(fmt.Sprintf("%v %v", r.from.Addr(), err))
		for _, packet := range out {
			_, _ = s.conn.WriteToUDPAddrPort(packet, r.from) // it will ask again
		}
		return false
	}
	conn, err := net.DialUDP("udp4", &net.UDPAddr{IP: s.Address().Addr().AsSlice()}, net.UDPAddrFromAddrPort(r.from))
	if err != nil {
		s.Say(fmt.Sprintf("%v: %v", r.from.Addr(), err))
		return false
	}
	s.Say(fmt.Sprintf("%v fetches %q", r.from.Addr(), r.Name))
	inner, cancel := context.WithCancel(ctx)
	*stop = cancel
	go func() {
		defer cancel()
		defer conn.Close()
		err := s.transfer(inner, conn, t, out)
		if err == nil {
			s.Say(fmt.Sprintf("%v has fetched it whole", r.from.Addr()))
		} else if inner.Err() == nil {
			s.Say(fmt.Sprintf("%v after %d of %d bytes: %v", r.from.Addr(), t.Acknowledged(), file.Size, err))
		}
		results <- err
	}()
	return true
}

// transfer has one on its socket.
func (s *Server) transfer(ctx context.Context, conn *net.UDPConn, t *Transfer, out [][]byte) error {
	defer context.AfterFunc(ctx, func() { conn.SetReadDeadline(time.Unix(1, 0)) })()
	buf := make([]byte, mostRequest)
	for {
		for _, packet := range out {
			// A client that is not there yet, or not any more, answers by ICMP; silence decides.
			if _, err := conn.Write(packet); err != nil && !errors.Is(err, unix.ECONNREFUSED) && !errors.Is(err, unix.EHOSTUNREACH) {
				return err
			}
		}
		if s.Show != nil {
			s.Show(t.Acknowledged(), t.file.Size)
		}
		if over, err := t.Done(); over {
			return err
		}
		if err := conn.SetReadDeadline(t.Deadline()); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := conn.Read(buf)
		switch {
		case err == nil:
			out = t.Receive(time.Now(), buf[:n])
		case errors.Is(err, os.ErrDeadlineExceeded):
			if ctx.Err() != nil {
				return ctx.Err()
			}
			out = t.Expire(time.Now())
		case errors.Is(err, unix.ECONNREFUSED):
			out = nil
		default:
			return err
		}
	}
}
