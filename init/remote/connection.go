package remote

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"bantam/boottime"
	"bantam/init/sshline"
	"bantam/init/supervise"
	"bantam/system"
)

// Bounds of one connection.
const (
	mostSessions  = 32 // at once, forwarded connections among them
	mostSignature = 64 // bytes to be signed: a hash
)

// connection is one client, and the process that speaks with it.
type connection struct {
	s        *Server
	id       uint64
	from, to netip.AddrPort

	process *supervise.Once // nil before it runs
	line    *sshline.Line
	sending sync.Mutex
	served  chan struct{} // closed when nobody answers the process any more
	ended   chan struct{} // closed when nothing of it is left

	// What follows is under s.mu.
	number   uint32 // of the user that the process runs as
	user     string // who has logged in; "" before
	key      string
	uid      uint32
	since    time.Duration
	sessions map[uint32]*supervise.Once // nil while it is being begun
	used     uint32                     // the highest number of a session so far
	leaving  bool
}

// begin starts the process and serves it.
func (c *connection) begin(conn *net.TCPConn, start sshline.Start) error {
	socket, err := conn.File()
	if err != nil {
		return err
	}
	defer socket.Close()
	line, theirs, err := sshline.Pair()
	if err != nil {
		return err
	}
	defer theirs.Close()
	c.s.mu.Lock()
	c.number = c.s.number()
	def := supervise.Definition{
		Name: "ssh", Argv: []string{c.s.o.Program}, Env: []string{"PATH=" + system.SearchPath, "HOME=/"},
		UID: c.number, GID: c.number, Hide: c.s.o.Hide, Memory: memoryMost, Tasks: tasksMost,
		Vital: true, // who comes to help a machine must get through
	}
	c.s.mu.Unlock()
	log := c.s.o.Log()
	process, err := c.s.o.Begin(def, supervise.Files{In: socket, Out: log, Err: log, Line: theirs})
	if err != nil {
		line.Close()
		return err
	}
	c.s.mu.Lock()
	c.process, c.line = process, line
	leaving := c.leaving
	c.s.mu.Unlock()
	if leaving {
		process.Kill()
	}
	c.tell(start)
	go c.s.o.Guard("SSH connection", c.serve)
	go c.s.o.Guard("SSH connection: end", c.await)
	return nil
}

// tell sends a message to the process. One that is gone is noticed elsewhere.
func (c *connection) tell(message any, files ...*os.File) {
	c.sending.Lock()
	defer c.sending.Unlock()
	_ = c.line.Send(message, files...)
}

// serve answers what the process asks for, until its end.
func (c *connection) serve() {
	defer close(c.served)
	for {
		var r sshline.Request
		if _, err := c.line.Receive(&r, 0); err != nil {
			c.process.Kill() // it has closed the line, or is not what was started
			return
		}
		switch {
		case r.Sign != nil:
			c.sign(r)
		case r.Login != nil:
			c.login(r)
		case r.Open != nil:
			c.open(r.ID, *r.Open)
		case r.End != "":
			c.signal(r)
		}
	}
}

// await clears up after the process: who has not logged in by then has failed.
func (c *connection) await() {
	limit := time.NewTimer(c.s.grace)
	defer limit.Stop()
	for over := false; !over; {
		select {
		case <-c.process.Done():
			over = true
		case <-limit.C:
			c.s.mu.Lock()
			known := c.user != ""
			c.s.mu.Unlock()
			if !known {
				c.process.Kill()
			}
		}
	}
	if status, err := c.process.Result(); err != nil {
		c.s.o.Note(fmt.Sprintf("a connection from %v: %v", c.from, err))
	} else if status.Signaled() && status.Signal() != syscall.SIGKILL {
		c.s.o.Note(fmt.Sprintf("the process of a connection from %v: %v", c.from, supervise.ExitOf(status, false)))
	}
	c.line.Close()
	<-c.served
	c.end()
}

// end forgets the connection, after its sessions, which are hung up on.
func (c *connection) end() {
	c.s.mu.Lock()
	c.leaving = true
	c.s.gate.Gone(boottime.Now(), c.id)
	var left []*supervise.Once
	for _, o := range c.sessions {
		if o != nil {
			left = append(left, o)
		}
	}
	user := c.user
	c.s.mu.Unlock()
	c.s.hangUpOn(left...)
	c.s.mu.Lock()
	delete(c.s.connections, c.id)
	c.s.mu.Unlock()
	if user != "" {
		c.s.o.Note(fmt.Sprintf("%s from %v has left", user, c.from))
	}
	close(c.ended)
}

// kill ends the process at once. s.mu is held.
func (c *connection) kill() {
	c.leaving = true
	if c.process != nil {
		c.process.Kill()
	}
}

// leave tells the process to end, and why, and sees to it. s.mu is held.
func (c *connection) leave(why string) {
	if c.leaving {
		return
	}
	c.leaving = true
	process := c.process
	if process == nil {
		return
	}
	if c.user == "" {
		process.Kill()
		return
	}
	go c.s.o.Guard("SSH connection: leave", func() { c.tell(sshline.Answer{Leave: why}) })
	go c.s.o.Guard("SSH connection: leave", func() {
		select {
		case <-process.Done():
		case <-time.After(leaveWait):
			process.Kill()
		}
	})
}

// sign signs a hash with the host's key: that the process speaks for this machine is all that it has.
func (c *connection) sign(r sshline.Request) {
	if len(r.Sign) > mostSignature {
		c.tell(sshline.Answer{ID: r.ID, Error: "more than a hash to sign"})
		return
	}
	c.tell(sshline.Answer{ID: r.ID, Signature: c.s.o.Key.Sign(r.Sign)})
}

// login takes down who it is, if his key opens the account now.
func (c *connection) login(r sshline.Request) {
	user, key := r.Login.User, r.Login.Key
	c.s.mu.Lock()
	account := c.s.config.Accounts[user]
	why := ""
	switch {
	case c.user != "":
		why = "somebody is logged in already"
	case c.leaving:
		why = "the connection is to end"
	case !c.s.config.opens(user, key, account.UID):
		why = "the key does not open this account"
	case !c.s.gate.Known(c.id):
		why = "too many are logged in"
	default:
		c.user, c.key, c.uid, c.since = user, key, account.UID, boottime.Now()
	}
	c.s.mu.Unlock()
	if why == "" {
		c.s.o.Note(fmt.Sprintf("%s from %v has logged in with key %s", user, c.from, key))
	}
	c.tell(sshline.Answer{ID: r.ID, Error: why})
}

func (c *connection) signal(r sshline.Request) {
	c.s.mu.Lock()
	o := c.sessions[r.ID]
	c.s.mu.Unlock()
	switch {
	case o == nil || !slices.Contains(sshline.Signals, r.End):
	case r.End == "HUP":
		o.HangUp()
	default:
		o.Signal(unix.SignalNum("SIG" + r.End))
	}
}
