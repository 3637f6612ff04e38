package sshd

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"

	"bantam/init/applet"
	"bantam/init/sftp"
	"bantam/init/sshline"
)

// TestMain lets the test binary be what PID 1 starts.
func TestMain(m *testing.M) {
	switch os.Getenv("BE") {
	case "bantam-sshd":
		os.Exit(Main(os.Args[1:]))
	case "bantam-sftp":
		if size := os.Getenv("SMALL"); size != "" { // a file system of that size is there
			if err := unix.Mount("none", "small", "tmpfs", 0, "size="+size); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
		}
		os.Exit(sftp.Main(os.Args[1:]))
	case "nc", "scp":
		code, _ := applet.Run(os.Getenv("BE"), os.Args[1:], applet.OS())
		os.Exit(code)
	}
	for _, s := range []os.Signal{syscall.SIGINT, syscall.SIGQUIT, syscall.SIGHUP} {
		if signal.Ignored(s) { // as of a job in the background: programs would inherit it
			signal.Notify(make(chan os.Signal, 1), s)
		}
	}
	os.Exit(m.Run())
}

func be(name string, args ...string) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe", args...)
	cmd.Env = append(os.Environ(), "BE="+name)
	return cmd
}

// host plays PID 1: it listens on loopback, starts the process for each connection, and programs for sessions, as the test's user.
type host struct {
	t            *testing.T
	port         string
	private      ed25519.PrivateKey // the host's key
	start        sshline.Start
	dir          string // has the client's key and the host's as a known one
	refuseLogins bool
	bin          string // has our scp
	small        int    // bytes of the file system that sftp finds at small/; 0: none
	clients      sync.WaitGroup
	listener     net.Listener

	mu          sync.Mutex
	connections []*served
}

// served is one connection.
type served struct {
	host *host
	line *sshline.Line
	conn *os.File // of the process, too
	cmd  *exec.Cmd
	log  bytes.Buffer // to be read once it is over
	over chan struct{}

	mu       sync.Mutex
	sending  sync.Mutex
	logins   []sshline.Login
	opened   []sshline.Open
	ends     []string // signals that were asked for
	programs map[uint32]*os.Process
}

const user = "ada"

// newHost starts one; change may change what PID 1 says first.
func newHost(t *testing.T, change func(*sshline.Start)) *host {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	h := &host{t: t, private: private, dir: t.TempDir(), bin: t.TempDir()}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(h.bin, "scp"), []byte("#!/bin/sh\nBE=scp exec "+self+" \"$@\"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	hostKey, err := ssh.NewPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	_, his, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	client := h.writeKey("key", his)
	h.start = sshline.Start{HostKey: hostKey.Marshal(), Keys: map[string][]string{user: {ssh.FingerprintSHA256(client)}, "none": nil}, Grace: time.Minute}
	if change != nil {
		change(&h.start)
	}
	if h.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	_, h.port, _ = net.SplitHostPort(h.listener.Addr().String())
	known := fmt.Sprintf("[127.0.0.1]:%s,[localhost]:%[1]s %s", h.port, ssh.MarshalAuthorizedKey(hostKey))
	if err := os.WriteFile(h.path("known_hosts"), []byte(known), 0o600); err != nil {
		t.Fatal(err)
	}
	h.clients.Go(h.listen)
	t.Cleanup(func() {
		h.listener.Close()
		for _, c := range h.served() {
			c.line.Close()
		}
		h.clients.Wait()
		if t.Failed() {
			for i, c := range h.served() {
				t.Logf("connection %d: %v\n%s", i, c.cmd.ProcessState, c.log.String())
			}
		}
	})
	return h
}

func (h *host) path(name string) string { return filepath.Join(h.dir, name) }

// writeKey keeps a private key as OpenSSH does.
func (h *host) writeKey(name string, key any) ssh.PublicKey {
	h.t.Helper()
	block, err := ssh.MarshalPrivateKey(key, "")
	if err != nil {
		h.t.Fatal(err)
	}
	if err := os.WriteFile(h.path(name), pem.EncodeToMemory(block), 0o600); err != nil {
		h.t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		h.t.Fatal(err)
	}
	return signer.PublicKey()
}

func (h *host) served() []*served {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.connections)
}

// change changes what the host answers from now on.
func (h *host) change(how func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	how()
}

func (h *host) refuses() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.refuseLogins
}

func (h *host) room() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.small
}

// told is what PID 1 has been told and asked for.
func (c *served) told() (logins []sshline.Login, opened []sshline.Open, ends []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.logins), slices.Clone(c.opened), slices.Clone(c.ends)
}

// last is the newest connection, which there must have been.
func (h *host) last() *served {
	all := h.served()
	if len(all) == 0 {
		h.t.Fatal("nobody has connected")
	}
	return all[len(all)-1]
}

func (h *host) listen() {
	for {
		conn, err := h.listener.Accept()
		if err != nil {
			return
		}
		if err := h.serve(conn.(*net.TCPConn)); err != nil {
			h.t.Error(err)
			return
		}
	}
}

func (h *host) serve(conn *net.TCPConn) error {
	defer conn.Close()
	f, err := conn.File()
	if err != nil {
		return err
	}
	line, theirs, err := sshline.Pair()
	if err != nil {
		return err
	}
	defer theirs.Close()
	c := &served{host: h, line: line, conn: f, cmd: be("bantam-sshd"), over: make(chan struct{}), programs: map[uint32]*os.Process{}}
	c.cmd.Stdin, c.cmd.Stdout, c.cmd.Stderr = f, &c.log, &c.log
	c.cmd.ExtraFiles = []*os.File{theirs}
	if err := c.cmd.Start(); err != nil {
		return err
	}
	h.mu.Lock()
	start := h.start
	start.Keys = maps.Clone(start.Keys)
	h.mu.Unlock()
	start.Remote = conn.RemoteAddr().String()
	if err := line.Send(start); err != nil {
		return err
	}
	h.mu.Lock()
	h.connections = append(h.connections, c)
	h.mu.Unlock()
	answered := make(chan struct{})
	h.clients.Go(func() {
		defer close(answered)
		c.answer()
	})
	h.clients.Go(func() {
		c.cmd.Wait()
		c.conn.Close()
		<-answered // what it asked for at last is known
		close(c.over)
	})
	return nil
}

// send is for several goroutines.
func (c *served) send(a sshline.Answer, files ...*os.File) {
	c.sending.Lock()
	defer c.sending.Unlock()
	c.line.Send(a, files...)
	for _, f := range files {
		f.Close()
	}
}

// answer does what the process asks for, until it is gone; then its programs end.
func (c *served) answer() {
	for {
		var r sshline.Request
		if _, err := c.line.Receive(&r, 0); err != nil {
			break
		}
		switch {
		case r.Sign != nil:
			c.send(sshline.Answer{ID: r.ID, Signature: ed25519.Sign(c.host.private, r.Sign)})
		case r.Login != nil:
			if c.host.refuses() {
				c.send(sshline.Answer{ID: r.ID, Error: "not any more"})
				break
			}
			c.mu.Lock()
			c.logins = append(c.logins, *r.Login)
			c.mu.Unlock()
			c.send(sshline.Answer{ID: r.ID})
		case r.Open != nil:
			c.mu.Lock()
			c.opened = append(c.opened, *r.Open)
			c.mu.Unlock()
			if err := c.open(r.ID, *r.Open); err != nil {
				c.send(sshline.Answer{ID: r.ID, Error: err.Error()})
			}
		case r.End != "":
			c.mu.Lock()
			c.ends = append(c.ends, r.End)
			if p := c.programs[r.ID]; p != nil {
				syscall.Kill(-p.Pid, unix.SignalNum("SIG"+r.End))
			}
			c.mu.Unlock()
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range c.programs {
		syscall.Kill(-p.Pid, syscall.SIGKILL)
	}
}

// open begins a program.
func (c *served) open(id uint32, o sshline.Open) error {
	var cmd *exec.Cmd
	switch o.Kind {
	case sshline.Shell:
		cmd = exec.Command("/bin/sh")
	case sshline.Command:
		if string(o.Command) == "refuse" {
			return fmt.Errorf("there is no room")
		}
		cmd = exec.Command("/bin/sh", "-c", string(o.Command))
	case sshline.SFTP:
		cmd = be("bantam-sftp")
		if c.host.room() > 0 {
			os.Mkdir(c.host.path("small"), 0o755)
			cmd.Env = append(cmd.Env, fmt.Sprintf("SMALL=%d", c.host.room()))
		}
	case sshline.Forward:
		cmd = be("nc", "-v", "--", o.Host, strconv.Itoa(o.Port))
	}
	if cmd.Env == nil {
		cmd.Env = []string{"PATH=" + c.host.bin + ":" + os.Getenv("PATH"), "HOME=" + c.host.dir, "PS1=# "}
	}
	cmd.Dir = c.host.dir
	for name, value := range o.Env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	var ours []*os.File
	var theirs []*os.File
	if o.Terminal != "" {
		cmd.Env = append(cmd.Env, "TERM="+o.Terminal)
		person, line, err := terminalPair(o.Rows, o.Columns)
		if err != nil {
			return err
		}
		cmd.Stdin, cmd.Stdout, cmd.Stderr = line, line, line
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
		ours, theirs = []*os.File{person}, []*os.File{line}
	} else {
		var ends [3][2]*os.File
		for i := range ends {
			r, w, err := os.Pipe()
			if err != nil {
				return err
			}
			ends[i] = [2]*os.File{r, w}
		}
		cmd.Stdin, cmd.Stdout, cmd.Stderr = ends[0][0], ends[1][1], ends[2][1]
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		if o.Kind == sshline.SFTP && c.host.room() > 0 {
			cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS
			cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
			cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
		}
		ours, theirs = []*os.File{ends[0][1], ends[1][0], ends[2][0]}, []*os.File{ends[0][0], ends[1][1], ends[2][1]}
	}
	err := cmd.Start()
	for _, f := range theirs {
		f.Close()
	}
	if err != nil {
		return err
	}
	c.mu.Lock()
	c.programs[id] = cmd.Process
	c.mu.Unlock()
	c.send(sshline.Answer{ID: id}, ours...)
	go func() {
		cmd.Wait()
		c.mu.Lock()
		delete(c.programs, id)
		c.mu.Unlock()
		status := cmd.ProcessState.Sys().(syscall.WaitStatus)
		a := sshline.Answer{ID: id, Ended: true, Status: status.ExitStatus()}
		if status.Signaled() {
			a.Status, a.Signal, a.Core = 0, strings.TrimPrefix(unix.SignalName(status.Signal()), "SIG"), status.CoreDump()
		}
		c.send(a)
	}()
	return nil
}

// terminalPair makes a pseudo-terminal of a size.
func terminalPair(rows, columns uint16) (person, line *os.File, err error) {
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, nil, err
	}
	unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: rows, Col: columns})
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		return nil, nil, err
	}
	line, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	return os.NewFile(uintptr(fd), "terminal"), line, err
}

// eventually waits for a state.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for range 3000 {
		if is() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("not in half a minute: %s", what)
}

// wait waits until the process of a connection is gone, and gives its log.
func (c *served) wait() (log string) {
	c.host.t.Helper()
	select {
	case <-c.over:
		return c.log.String()
	case <-time.After(time.Minute):
		c.host.t.Fatal("the process of the connection does not end")
		return ""
	}
}

// openSSH are options of OpenSSH's client for this host. They are in a file, because those that it jumps over get no others.
func (h *host) openSSH() []string {
	h.t.Helper()
	config := "IdentityFile " + h.path("key") + "\nIdentitiesOnly yes\nIdentityAgent none\nBatchMode yes\nLogLevel ERROR\n" +
		"UserKnownHostsFile " + h.path("known_hosts") + "\nGlobalKnownHostsFile none\nStrictHostKeyChecking yes\n"
	if err := os.WriteFile(h.path("config"), []byte(config), 0o600); err != nil {
		h.t.Fatal(err)
	}
	return []string{"-F", h.path("config")}
}

// ssh is OpenSSH's client with further options, of which the last may be a command.
func (h *host) ssh(args ...string) *exec.Cmd {
	h.t.Helper()
	return h.sshAs(user, args...)
}

func (h *host) sshAs(user string, args ...string) *exec.Cmd {
	h.t.Helper()
	needs(h.t, "ssh", "openssh-client")
	return exec.Command("ssh", append(append(h.openSSH(), "-p", h.port, "-l", user), args...)...)
}

func needs(t *testing.T, program, pack string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		t.Fatalf("needs %s: apt-get install %s", program, pack)
	}
}

// out is what a client says, and how it ends.
func out(t *testing.T, cmd *exec.Cmd, in io.Reader) (stdout, stderr string, status int) {
	t.Helper()
	var o, e bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in, &o, &e
	if err := cmd.Run(); err != nil {
		if _, ok := err.(*exec.ExitError); !ok {
			t.Fatal(err)
		}
	}
	return o.String(), e.String(), cmd.ProcessState.ExitCode()
}
