// Package remote lets people in over the network: it listens for SSH, and runs a process for each connection and a process for each
// session in it.
//
// PID 1 uses it, so it reads not one byte of a connection. It accepts, and hands the socket to bantam-sshd, a process with a number of its own
// and without any rights, which speaks SSH and asks for the rest on a line (package sshline). A session is run by the supervisor, as its user and in a
// group of its own: nobody but PID 1 ever has the right to become a user. When nobody is connected, nothing runs.
package remote

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"bantam/boottime"
	"bantam/init/admission"
	"bantam/init/session"
	"bantam/init/sshline"
	"bantam/init/supervise"
	"bantam/order"
)

const (
	grace       = 30 * time.Second // until somebody must have logged in
	graceMore   = 10 * time.Second // that the process has to see to it itself
	leaveWait   = 5 * time.Second  // for a connection that is told to end
	hangUpWait  = 10 * time.Second // for a session whose client is gone: an editor saves what it has
	acceptPause = 100 * time.Millisecond
	memoryMost  = 64 << 20
	tasksMost   = 48
	// firstUser is the number that the process of the first connection has; each has another, so that none can reach for the next. No account has it: those end below.
	firstUser = 1 << 17
)

// Account is somebody who may log in.
type Account struct {
	session.Account
	Keys []string // fingerprints of those that open it, as "SHA256:..."
}

// Config is what a generation says. One without accounts listens nowhere.
type Config struct {
	Port      uint16
	Addresses []netip.Addr // nil: all
	Forward   bool
	Accounts  map[string]Account
}

// places are where the server is to listen.
func (c Config) places() (list []netip.AddrPort) {
	switch {
	case len(c.Accounts) == 0:
		return nil
	case len(c.Addresses) == 0:
		return []netip.AddrPort{netip.AddrPortFrom(netip.Addr{}, c.Port)}
	}
	for _, a := range c.Addresses {
		list = append(list, netip.AddrPortFrom(a, c.Port))
	}
	return list
}

// keys are those of all accounts.
func (c Config) keys() map[string][]string {
	keys := make(map[string][]string, len(c.Accounts))
	for name, a := range c.Accounts {
		keys[name] = a.Keys
	}
	return keys
}

// Key is the host's. What is not Ready is of one that is.
type Key interface {
	Ready() <-chan struct{} // closed when there is one: the first has to wait for the kernel's random numbers
	Public() []byte         // as SSH writes it
	Sign(data []byte) []byte
}

// Options are what a server takes from its surroundings.
type Options struct {
	Program string // bantam-sshd
	SFTP    string // the program of SFTP sessions
	Hide    []string
	Key     Key
	Begin   func(supervise.Definition, supervise.Files) (*supervise.Once, error)
	Log     func() *os.File      // takes what processes of connections say
	Note    func(string)         // tells what people should know
	Guard   func(string, func()) // runs each goroutine
}

// Server is the whole of it. Its methods may be called from any goroutine.
type Server struct {
	o Options

	setting sync.Mutex // one change of the configuration at a time

	mu          sync.Mutex
	config      Config
	listeners   map[netip.AddrPort]net.Listener
	gate        admission.Gate
	connections map[uint64]*connection
	last        uint64 // number of the newest connection
	closed      bool

	hangUp time.Duration // hangUpWait
	grace  time.Duration // for strangers, beyond what their process gives them
	listen func(netip.AddrPort) (net.Listener, error)
}

// New is a server that listens nowhere yet.
func New(o Options) *Server {
	return &Server{o: o, listeners: map[netip.AddrPort]net.Listener{}, connections: map[uint64]*connection{}, hangUp: hangUpWait, grace: grace + graceMore, listen: listen}
}

// Session is somebody who is logged in.
type Session struct {
	User  string        `json:"user"`
	From  string        `json:"from"`  // e.g. 192.0.2.7:50312
	Key   string        `json:"key"`   // its fingerprint
	Since time.Duration `json:"since"` // boot time
}

// Sessions are all who are logged in, the first one first.
func (s *Server) Sessions() (list []Session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range order.Sorted(maps.Keys(s.connections), cmp.Compare[uint64]) {
		if c := s.connections[id]; c.user != "" {
			list = append(list, Session{c.user, c.from.String(), c.key, c.since})
		}
	}
	return list
}

// Listens are the places where it does.
func (s *Server) Listens() (list []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.listeners {
		list = append(list, l.Addr().String())
	}
	slices.Sort(list)
	return list
}

// Set makes the server listen where config says, and nowhere else. Whoever is logged in stays, unless his key opens his account no more.
// With an error everything is as it was.
func (s *Server) Set(config Config) error {
	s.setting.Lock()
	defer s.setting.Unlock()
	want := config.places()
	s.mu.Lock()
	var fresh, moved []netip.AddrPort
	for _, place := range want {
		if s.listeners[place] == nil {
			fresh = append(fresh, place)
		}
	}
	for place := range s.listeners {
		// At one port nobody can listen at all addresses and at one of them.
		if !slices.Contains(want, place) && slices.ContainsFunc(fresh, func(f netip.AddrPort) bool { return f.Port() == place.Port() }) {
			moved = append(moved, place)
		}
	}
	s.stop(moved)
	s.mu.Unlock()
	opened, err := s.open(fresh)
	if err != nil {
		back, lost := s.open(moved)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.begin(back)
		return errors.Join(err, lost)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.config = config
	s.begin(opened)
	for place := range s.listeners {
		if !slices.Contains(want, place) {
			s.stop([]netip.AddrPort{place})
		}
	}
	for _, c := range s.connections {
		if c.user != "" && !config.opens(c.user, c.key, c.uid) {
			c.leave("the key is not one of this account any more")
		}
	}
	return nil
}

// open listens at all of the places, or at none.
func (s *Server) open(places []netip.AddrPort) (map[netip.AddrPort]net.Listener, error) {
	opened := map[netip.AddrPort]net.Listener{}
	for _, place := range places {
		l, err := s.listen(place)
		if err != nil {
			for _, l := range opened {
				l.Close()
			}
			return nil, fmt.Errorf("listen for SSH: %w", err)
		}
		opened[place] = l
	}
	return opened, nil
}

// begin takes connections from listeners. s.mu is held.
func (s *Server) begin(listeners map[netip.AddrPort]net.Listener) {
	for place, l := range listeners {
		if s.closed {
			l.Close()
			continue
		}
		s.listeners[place] = l
		go s.o.Guard("SSH connections", func() { s.accept(l) })
	}
}

// stop takes none any more at these places. s.mu is held.
func (s *Server) stop(places []netip.AddrPort) {
	for _, place := range places {
		s.listeners[place].Close()
		delete(s.listeners, place)
	}
}

// opens says whether that key may still be logged in as that user.
func (c Config) opens(user, key string, uid uint32) bool {
	a, ok := c.Accounts[user]
	return ok && a.UID == uid && slices.Contains(a.Keys, key)
}

// Close ends everything: sessions are hung up on, and it waits until they have ended or ctx has.
func (s *Server) Close(ctx context.Context) {
	s.mu.Lock()
	s.closed = true
	for place, l := range s.listeners {
		l.Close()
		delete(s.listeners, place)
	}
	var ends []<-chan struct{}
	for _, c := range s.connections {
		c.leave("the machine goes down")
		ends = append(ends, c.ended)
	}
	s.mu.Unlock()
	for _, end := range ends {
		select {
		case <-end:
		case <-ctx.Done():
			return
		}
	}
}

// listen listens also at an address that the machine does not have yet.
func listen(place netip.AddrPort) (net.Listener, error) {
	network, address := "tcp", fmt.Sprintf(":%d", place.Port())
	if a := place.Addr(); a.IsValid() {
		address = place.String()
		network = "tcp6"
		if a.Is4() {
			network = "tcp4"
		}
	}
	config := net.ListenConfig{KeepAlive: 30 * time.Second, Control: func(network, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) {
			if strings.HasSuffix(network, "6") {
				_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_FREEBIND, 1)
			}
			_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_FREEBIND, 1)
		})
	}}
	return config.Listen(context.Background(), network, address)
}

// accept takes connections until l is closed.
func (s *Server) accept(l net.Listener) {
	<-s.o.Key.Ready()
	for {
		c, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // e.g. out of descriptors: it passes
			time.Sleep(acceptPause)
			continue
		}
		if err := s.arrive(c.(*net.TCPConn)); err != nil {
			s.o.Note(err.Error())
		}
	}
}

// arrive starts the process of a connection, if it is taken.
func (s *Server) arrive(conn *net.TCPConn) error {
	defer conn.Close() // the process has a descriptor of its own
	from, ok := conn.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return nil
	}
	s.mu.Lock()
	s.last++
	c := &connection{s: s, id: s.last, from: plain(from.AddrPort()), sessions: map[uint32]*supervise.Once{}, served: make(chan struct{}), ended: make(chan struct{})}
	if to, ok := conn.LocalAddr().(*net.TCPAddr); ok {
		c.to = plain(to.AddrPort())
	}
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	evict, taken := s.gate.Arrive(boottime.Now(), c.id, c.from.Addr())
	if other := s.connections[evict]; other != nil {
		other.kill()
	}
	if taken {
		s.connections[c.id] = c
	}
	start := sshline.Start{HostKey: s.o.Key.Public(), Keys: s.config.keys(), Forward: s.config.Forward, Remote: c.from.String(), Grace: grace}
	s.mu.Unlock()
	if !taken {
		return nil
	}
	if err := c.begin(conn, start); err != nil {
		c.end()
		return fmt.Errorf("a connection from %v: %w", c.from, err)
	}
	return nil
}

func plain(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()) }

// number is the lowest one that no process of a connection has. s.mu is held.
func (s *Server) number() uint32 {
	taken := map[uint32]bool{}
	for _, c := range s.connections {
		taken[c.number] = true
	}
	for n := uint32(firstUser); ; n++ {
		if !taken[n] {
			return n
		}
	}
}
