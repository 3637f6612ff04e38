package sshd

import (
	"io"
	"os"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"

	"bantam/init/sshline"
)

// session is a channel in which one program may run.
type session struct {
	*connection
	channel ssh.Channel

	env      map[string]string
	terminal *terminal // that the client has asked for
	program  *program  // once it runs
}

// session serves a session until the client has closed it.
func (c *connection) session(offer ssh.NewChannel) {
	channel, requests, err := offer.Accept()
	if err != nil {
		return
	}
	s := session{connection: c, channel: channel}
	closed := make(chan struct{})
	done := make(chan struct{})
	for r := range requests {
		had := s.program
		r.Reply(s.request(r), nil)
		if had == nil && s.program != nil {
			go func() { s.run(closed); close(done) }()
		}
	}
	close(closed)
	if s.program != nil {
		<-done
	}
}

// request does what the client asks for in a session, and tells whether it was done.
func (s *session) request(r *ssh.Request) bool {
	switch r.Type {
	case "env":
		return s.setenv(r.Payload)
	case "pty-req":
		t, ok := terminalOf(r.Payload)
		if ok && s.program == nil {
			s.terminal = t
		}
		return ok && s.program == nil
	case "window-change":
		t, ok := sizeOf(r.Payload)
		if ok && s.terminal != nil {
			s.terminal.rows, s.terminal.columns = t.rows, t.columns
			s.resize()
		}
		return ok
	case "shell":
		return s.start(sshline.Open{Kind: sshline.Shell})
	case "exec":
		var command struct{ Text []byte }
		if ssh.Unmarshal(r.Payload, &command) != nil {
			return false
		}
		return s.start(sshline.Open{Kind: sshline.Command, Command: command.Text})
	case "subsystem":
		var subsystem struct{ Name string }
		if ssh.Unmarshal(r.Payload, &subsystem) != nil || subsystem.Name != "sftp" {
			return false
		}
		s.terminal = nil
		return s.start(sshline.Open{Kind: sshline.SFTP})
	case "signal":
		var signal struct{ Name string }
		if ssh.Unmarshal(r.Payload, &signal) != nil || !slices.Contains(sshline.Signals, signal.Name) || s.program == nil || s.program.refused != nil {
			return false
		}
		return s.machine.send(sshline.Request{ID: s.program.id, End: signal.Name}) == nil
	}
	return false // an agent, X11, a break
}

// setenv takes a variable that says in which language to speak, and no other.
func (s *session) setenv(payload []byte) bool {
	var v struct{ Name, Value string }
	if ssh.Unmarshal(payload, &v) != nil || !sshline.IsLocale(v.Name, v.Value) || len(s.env) >= sshline.MaxVariables {
		return false
	}
	if s.env == nil {
		s.env = map[string]string{}
	}
	s.env[v.Name] = v.Value
	return true
}

// start begins the session's only program. What the machine says against a shell or a command is told in the session, because all
// that clients say of a refusal is that there was one.
func (s *session) start(open sshline.Open) bool {
	if s.program != nil || len(open.Command) > sshline.MaxCommand {
		return false
	}
	open.Env = s.env
	files := 3
	if s.terminal != nil {
		open.Terminal, open.Rows, open.Columns = s.terminal.kind, s.terminal.rows, s.terminal.columns
		files = 1
	}
	p, err := s.machine.begin(open, files)
	switch {
	case err == nil:
		s.program = p
		s.resize() // it may have changed since
		return true
	case open.Kind == sshline.SFTP:
		return false
	}
	s.program = &program{refused: err}
	return true
}

// resize tells the terminal its size.
func (s *session) resize() {
	if s.program == nil || s.terminal == nil || s.program.refused != nil {
		return
	}
	size := unix.Winsize{Row: s.terminal.rows, Col: s.terminal.columns}
	control(s.program.in, func(fd int) { unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &size) })
}

// control does something with a descriptor that stays as it is.
func control(f *os.File, do func(fd int)) {
	if raw, err := f.SyscallConn(); err == nil {
		raw.Control(func(fd uintptr) { do(int(fd)) })
	}
}

// run lets the program and the client speak until one of them has ended. What the program has said by its end is all sent before the client
// is told how it has ended.
func (s *session) run(closed <-chan struct{}) {
	p := s.program
	defer s.channel.Close()
	if p.refused != nil {
		s.say(p.refused.Error())
		s.channel.CloseWrite()
		s.exitStatus(255)
		return
	}
	defer p.close()
	go p.feed(s.channel, s.terminal == nil)
	p.carrying.Go(func() { p.carry(p.out, s.channel) })
	if p.err != nil {
		p.carrying.Go(func() { p.carry(p.err, s.channel.Stderr()) })
	}
	select {
	case end := <-p.ended:
		p.drain()
		if end.Signal == "" {
			s.exitStatus(end.Status)
		} else {
			s.exitSignal(end.Signal, end.Core, "")
		}
		s.channel.CloseWrite()
	case <-closed:
		s.machine.hangUp(p)
	case <-s.machine.leave:
		why := s.machine.farewell()
		s.say(why)
		s.exitSignal("HUP", false, why)
	}
}

// say tells a person at the client something that no program has said.
func (s *session) say(text string) {
	text = "bantam: " + text + "\n"
	if s.terminal != nil { // whose line may be half full, and whose client moves the cursor as it is told
		text = "\r\n" + strings.ReplaceAll(text, "\n", "\r\n")
	}
	io.WriteString(s.channel.Stderr(), text)
}

func (s *session) exitStatus(status int) {
	s.channel.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{uint32(status)}))
}

func (s *session) exitSignal(name string, core bool, text string) {
	s.channel.SendRequest("exit-signal", false, ssh.Marshal(struct {
		Name string
		Core bool
		Text string
		Lang string
	}{name, core, text, ""}))
}
