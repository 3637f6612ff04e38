package remote

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"bantam/init/sshline"
	"bantam/init/supervise"
)

// open begins a session and hands its descriptors to the process.
func (c *connection) open(id uint32, o sshline.Open) {
	c.s.mu.Lock()
	account, known := c.s.config.Accounts[c.user]
	forward := c.s.config.Forward
	why := ""
	switch {
	case c.user == "" || !known:
		why = "nobody is logged in"
	case c.leaving:
		why = "the connection is to end"
	case id <= c.used:
		why = "that number was used"
	case len(c.sessions) >= mostSessions:
		why = fmt.Sprintf("%d sessions are open already", mostSessions)
	case o.Kind == sshline.Forward && !forward:
		why = "forwarding is not allowed here: [ssh] forward"
	default:
		c.used = id
		c.sessions[id] = nil
	}
	c.s.mu.Unlock()
	if why != "" {
		c.tell(sshline.Answer{ID: id, Error: why})
		return
	}
	process, files, err := c.run(account, o)
	c.s.mu.Lock()
	if err != nil {
		delete(c.sessions, id)
	} else {
		c.sessions[id] = process
	}
	leaving := c.leaving
	c.s.mu.Unlock()
	if err != nil {
		c.tell(sshline.Answer{ID: id, Error: err.Error()})
		return
	}
	if leaving {
		process.HangUp()
	}
	c.tell(sshline.Answer{ID: id}, files...)
	for _, f := range files {
		f.Close()
	}
	go c.s.o.Guard("SSH session", func() { c.follow(id, process) })
}

// follow tells how a session has ended. What it leaves behind is hung up on, and has some time for that.
func (c *connection) follow(id uint32, process *supervise.Once) {
	<-process.Exited()
	a := sshline.Answer{ID: id, Ended: true}
	switch status, err := process.Result(); {
	case err != nil:
		a.Error, a.Status = err.Error(), 127
	case status.Signaled():
		a.Signal, a.Core = strings.TrimPrefix(unix.SignalName(status.Signal()), "SIG"), status.CoreDump()
	default:
		a.Status = status.ExitStatus()
	}
	c.tell(a)
	c.s.hangUpOn(process)
	c.s.mu.Lock()
	delete(c.sessions, id)
	c.s.mu.Unlock()
}

// hangUpOn returns when nothing is left of sessions whose clients are gone.
func (s *Server) hangUpOn(sessions ...*supervise.Once) {
	for _, o := range sessions {
		o.HangUp()
	}
	limit := time.NewTimer(s.hangUp)
	defer limit.Stop()
	for _, o := range sessions {
		select {
		case <-o.Done():
		case <-limit.C:
			limit.Reset(0) // nor do the others get more
			o.Kill()
			<-o.Done()
		}
	}
}

// run starts the program of a session. The files are what the process gets: of a terminal its master, else
// what leads to its input and comes from its output and its errors.
func (c *connection) run(account Account, o sshline.Open) (process *supervise.Once, files []*os.File, err error) {
	def, err := definition(c.s.o, account, o)
	if err != nil {
		return nil, nil, err
	}
	def.Env = append(def.Env, fmt.Sprintf("SSH_CONNECTION=%v %d %v %d", c.from.Addr(), c.from.Port(), c.to.Addr(), c.to.Port()))
	if o.Terminal != "" && (o.Kind == sshline.Shell || o.Kind == sshline.Command) {
		master, name, err := openTerminal(o.Rows, o.Columns)
		if err != nil {
			return nil, nil, err
		}
		def.TTY = name
		def.Env = append(def.Env, "SSH_TTY="+name, "TERM="+o.Terminal)
		if process, err = c.s.o.Begin(def, supervise.Files{Spare: true}); err != nil {
			master.Close()
			return nil, nil, err
		}
		return process, []*os.File{master}, nil
	}
	var ours, theirs [3]*os.File
	defer func() {
		for _, f := range theirs {
			f.Close()
		}
	}()
	for i := range ours {
		read, write, err := pipe()
		if err != nil {
			for _, f := range ours {
				f.Close()
			}
			return nil, nil, err
		}
		if i == 0 {
			read, write = write, read
		}
		ours[i], theirs[i] = read, write
	}
	process, err = c.s.o.Begin(def, supervise.Files{In: theirs[0], Out: theirs[1], Err: theirs[2], Spare: true})
	if err != nil {
		for _, f := range ours {
			f.Close()
		}
		return nil, nil, err
	}
	return process, ours[:], nil
}

// pipe's ends block: they become those of programs.
func pipe() (read, write *os.File, err error) {
	var fds [2]int
	if err := syscall.Pipe2(fds[:], syscall.O_CLOEXEC); err != nil {
		return nil, nil, fmt.Errorf("pipe: %w", err)
	}
	return os.NewFile(uintptr(fds[0]), "session"), os.NewFile(uintptr(fds[1]), "session"), nil
}

// definition is a session as a process to run, without its terminal.
func definition(o Options, a Account, open sshline.Open) (def supervise.Definition, err error) {
	for _, text := range []string{string(open.Command), open.Host, open.Terminal} {
		if strings.ContainsRune(text, 0) || len(text) > sshline.MaxCommand {
			return def, fmt.Errorf("a word that no program can be given")
		}
	}
	var env []string
	for _, name := range slices.Sorted(maps.Keys(open.Env)) {
		if sshline.IsLocale(name, open.Env[name]) && len(env) < sshline.MaxVariables {
			env = append(env, name+"="+open.Env[name])
		}
	}
	def = a.Login(env...)
	def.Vital = a.UID == 0 // who is root comes to help the machine
	switch open.Kind {
	case sshline.Shell:
	case sshline.Command:
		def.Argv = a.Command(string(open.Command)).Argv
	case sshline.SFTP:
		def.Argv = []string{o.SFTP}
	case sshline.Forward:
		def.Argv = []string{"nc", "-v", "--", open.Host, strconv.Itoa(open.Port)}
	default:
		return def, fmt.Errorf("no such kind of session: %q", open.Kind)
	}
	return def, nil
}

// openTerminal makes a pseudo-terminal: the side of who types, and the path of the program's side.
func openTerminal(rows, columns uint16) (master *os.File, name string, err error) {
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, "", fmt.Errorf("no terminal: /dev/ptmx: %w", err)
	}
	master = os.NewFile(uintptr(fd), "terminal")
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		err = unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: rows, Col: columns})
	}
	if err != nil {
		master.Close()
		return nil, "", fmt.Errorf("no terminal: %w", err)
	}
	return master, fmt.Sprintf("/dev/pts/%d", number), nil
}
