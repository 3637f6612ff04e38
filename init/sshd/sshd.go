// Package sshd is bantam-sshd, the process of one SSH connection (RFC 4251 to 4254).
//
// PID 1 has accepted the connection and starts this process for it, with nothing but that connection and a line to PID 1
// (package sshline), as a user of its own that owns nothing. What the client sends is read here and nowhere else. The process can neither
// open files nor make sockets nor start programs: whoever takes it over before he has logged in has a line
// to PID 1, which signs hashes and takes a login only of a user and one of his keys.
//
// It does sessions with and without a terminal, programs, the subsystem sftp, and connections to elsewhere where they are allowed.
// It does no passwords, no certificates, no agent, no X11 and nothing that listens for the client.
package sshd

import (
	"errors"
	"fmt"
	"net"
	"os"
	"runtime/debug"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"

	"bantam/confine"
	"bantam/init/sshline"
	"bantam/printable"
)

// rules are what it does beside work with descriptors that it is given.
var rules = confine.Rules{NoFiles: true, Ioctls: []uint32{unix.TIOCSWINSZ}}

// Memory is given back early rather than late: a router has little, and its control group ends the process that takes more than its share.
// A client may have 2 MiB on their way in each of its sessions, which the library neither asks about nor lets us change.
const (
	memoryLimit     = 40 << 20
	garbageAtGrowth = 50 // percent
)

// gracefully is how long the end of a connection may take that PID 1 ends.
const gracefully = 2 * time.Second

// Main is the process bantam-sshd.
func Main(args []string) int {
	debug.SetMemoryLimit(memoryLimit)
	debug.SetGCPercent(garbageAtGrowth)
	conn, line, err := inherited()
	if err == nil && len(args) > 0 {
		err = errors.New("it takes no arguments")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bantam-sshd: only PID 1 starts this, for a connection:", err)
		return 1
	}
	if err := confine.Process(rules); err != nil { // a kernel without it is reached all the same
		fmt.Fprintln(os.Stderr, "bantam-sshd: not confined:", err)
	}
	var start sshline.Start
	if _, err := line.Receive(&start, 0); err != nil {
		fmt.Fprintln(os.Stderr, "bantam-sshd: PID 1 says nothing:", err)
		return 1
	}
	if err := serve(conn, line, start); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %.300s\n", start.Remote, printable.Line(err.Error())) // it may quote what the client sent
		return 1
	}
	return 0
}

// inherited are the connection and the line to PID 1.
func inherited() (net.Conn, *sshline.Line, error) {
	line, err := sshline.On(os.NewFile(sshline.LineFD, "line"))
	if err != nil {
		return nil, nil, err
	}
	f := os.NewFile(sshline.ConnectionFD, "connection")
	conn, err := net.FileConn(f)
	f.Close()
	if err != nil {
		return nil, nil, err
	}
	// A client whose machine has died is noticed in two minutes; one that is only stopped stays.
	if tcp, ok := conn.(*net.TCPConn); ok {
		tcp.SetKeepAliveConfig(net.KeepAliveConfig{Enable: true, Idle: time.Minute, Interval: 15 * time.Second, Count: 4})
	}
	return conn, line, nil
}

// connection is that of a client that has logged in.
type connection struct {
	start   sshline.Start
	machine *machine
	over    chan struct{} // closed when the client is gone

	mu       sync.Mutex
	sessions int
	forwards int
	idle     *sync.Cond // there is neither
	noMore   bool       // the client has said that it wants no more sessions: whoever takes it over gets none either
}

// serve speaks SSH with a client until one of both has had enough. It is an error if nobody has logged in.
func serve(conn net.Conn, line *sshline.Line, start sshline.Start) error {
	defer conn.Close()
	m := newMachine(line)
	go m.listen()
	c := &connection{start: start, machine: m, over: make(chan struct{})}
	c.idle = sync.NewCond(&c.mu)

	grace := time.AfterFunc(start.Grace, func() { conn.Close() })
	connected := make(chan struct{})
	go func() {
		select {
		case <-connected:
		case <-m.leave:
			conn.Close()
		}
	}()
	attempt := login{start: start, machine: m}
	config, err := attempt.config()
	if err != nil {
		return err
	}
	client, channels, requests, err := ssh.NewServerConn(conn, config)
	switch inTime := grace.Stop(); {
	case err == nil && !inTime, errors.Is(err, net.ErrClosed):
		return fmt.Errorf("nobody has logged in within %v%s", start.Grace, attempt.told())
	case err != nil:
		return fmt.Errorf("nobody has logged in%s: %w", attempt.told(), err)
	}
	close(connected)

	var working sync.WaitGroup
	working.Go(func() { c.globalRequests(requests) })
	go func() {
		<-m.leave
		// Each session tells its client now. Who does not read is not waited for.
		time.AfterFunc(gracefully, func() { conn.Close() })
		c.wait()
		client.Close()
	}()
	for channel := range channels {
		c.begin(&working, channel)
	}
	close(c.over)
	working.Wait()
	return nil
}

// globalRequests answers what is asked about the whole connection. Nothing is granted: keepalives ask only for an answer.
func (c *connection) globalRequests(requests <-chan *ssh.Request) {
	for r := range requests {
		if r.Type == "no-more-sessions@openssh.com" {
			c.mu.Lock()
			c.noMore = true
			c.mu.Unlock()
		}
		r.Reply(false, nil)
	}
}
