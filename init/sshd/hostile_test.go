package sshd

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"bantam/init/sshline"
)

// nobody waits for the end of a connection in which nobody has logged in, and looks whether the process has ended by itself.
func (c *served) nobody(what string) {
	c.host.t.Helper()
	log := c.wait()
	if !c.cmd.ProcessState.Exited() || c.cmd.ProcessState.ExitCode() != 1 || !strings.Contains(log, "nobody has logged in") || strings.Contains(log, "goroutine") || len(log) > 500 {
		c.host.t.Errorf("%s: %v\n%.3000s", what, c.cmd.ProcessState, log)
	}
	if logins, opened, _ := c.told(); len(logins) > 0 || len(opened) > 0 {
		c.host.t.Errorf("%s: PID 1 was asked for %v, %v", what, logins, opened)
	}
}

func TestStrangersWhoDoNotSpeakSSH(t *testing.T) {
	h := newHost(t, nil)
	banner := "SSH-2.0-stranger\r\n"
	for name, text := range map[string]string{
		"nothing":                      "",
		"HTTP":                         "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
		"TLS":                          "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
		"SSH 1":                        "SSH-1.5-old\n" + string(noise(100)),
		"noise":                        string(noise(1 << 20)),
		"a banner of 1 MB":             "SSH-2.0-" + strings.Repeat("x", 1<<20),
		"1 MB before the banner":       strings.Repeat("x", 1<<20) + "\r\n" + banner,
		"many lines before the banner": strings.Repeat("x\r\n", 1<<18) + banner,
		"a banner cut":                 "SSH-2.0-st",
		"noise after the banner":       banner + string(noise(1<<20)),
		"zeros after the banner":       banner + string(make([]byte, 1<<20)),
		"a packet of 4 GB":             banner + "\xff\xff\xff\xff\x04\x14" + string(make([]byte, 1<<16)),
		"a packet of 256 kB and more":  banner + "\x00\x04\x00\x01\x04\x14" + string(make([]byte, 1<<19)),
		"a packet all padding":         banner + "\x00\x00\x00\x0c\xff" + string(make([]byte, 300)),
		"a packet of nothing":          banner + "\x00\x00\x00\x01\x00" + string(make([]byte, 300)),
		"a banner and no more":         banner,
		"escapes":                      "SSH-2.0-\x1b[2J\x1b]0;x\x07\r\n\x1b[2J" + strings.Repeat("\x1b[2J", 100),
	} {
		conn := h.connect()
		go func() {
			io.WriteString(conn, text)
			conn.(*net.TCPConn).CloseWrite()
		}()
		c := h.last()
		io.Copy(io.Discard, conn)
		c.nobody(name)
		if strings.Contains(c.log.String(), "\x1b") {
			t.Errorf("%s: the log has an escape: %q", name, c.log.String())
		}
	}
}

func TestWhoTakesTooLong(t *testing.T) {
	h := newHost(t, func(s *sshline.Start) { s.Grace = 300 * time.Millisecond })
	for _, text := range []string{"", "SSH-2.0-slow", "SSH-2.0-slow\r\n", "SSH-2.0-slow\r\n\x00\x00\x01"} {
		conn := h.connect()
		for _, b := range []byte(text) { // a byte in each packet
			conn.Write([]byte{b})
		}
		c := h.last()
		io.Copy(io.Discard, conn)
		c.nobody(text)
		if !strings.Contains(c.log.String(), "within 300ms") {
			t.Errorf("%q: %s", text, c.log.String())
		}
	}
	// Who has logged in in time stays.
	h = newHost(t, func(s *sshline.Start) { s.Grace = 3 * time.Second })
	client := h.dial()
	if got, err := h.session(client).Output("sleep 4; echo fine"); err != nil || string(got) != "fine\n" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestWhoMayNot(t *testing.T) {
	h := newHost(t, nil)
	text, err := os.ReadFile(h.path("key"))
	if err != nil {
		t.Fatal(err)
	}
	known, err := ssh.ParsePrivateKey(text)
	if err != nil {
		t.Fatal(err)
	}
	strange := func(n int) (keys []ssh.Signer) {
		for i := range n {
			s, err := ssh.NewSignerFromKey(newKey(t))
			if err != nil {
				t.Fatal(i, err)
			}
			keys = append(keys, s)
		}
		return keys
	}
	attempt := func(user string, auth ...ssh.AuthMethod) string {
		t.Helper()
		client, err := ssh.Dial("tcp", net.JoinHostPort("127.0.0.1", h.port), &ssh.ClientConfig{User: user, Auth: auth, HostKeyCallback: ssh.InsecureIgnoreHostKey()})
		if err == nil {
			client.Close()
			return "logged in"
		}
		h.last().nobody(user)
		return err.Error()
	}
	// The last is a user without keys.
	var answers []string
	for _, user := range []string{user, "eve", "", "root", strings.Repeat("x", 10000), "\x1b[2J\xff", "none"} {
		keys := ssh.PublicKeys(strange(2)...)
		if user != "ada" {
			keys = ssh.PublicKeys(known, strange(1)[0])
		}
		answers = append(answers, attempt(user, keys))
	}
	for _, answer := range answers {
		if answer != answers[0] || answer == "logged in" {
			t.Errorf("got %q", answers)
		}
	}
	asked := false
	password := ssh.PasswordCallback(func() (string, error) { asked = true; return "secret", nil })
	prompt := ssh.KeyboardInteractive(func(string, string, []string, []bool) ([]string, error) { asked = true; return nil, nil })
	if got := attempt(user, password, prompt); asked || !strings.Contains(got, "attempted methods [none]") {
		t.Errorf("with a password: %s, asked for it: %v", got, asked)
	}
	if got := attempt(user, ssh.PublicKeys(strange(20)...)); !strings.Contains(got, "too many authentication failures") {
		t.Errorf("with 20 keys: %s", got)
	}
	if got := attempt(user, ssh.PublicKeys(append(strange(5), known)...)); got != "logged in" {
		t.Errorf("with the sixth key: %s", got)
	}
	// PID 1 has the last word: the key may be gone since.
	h.change(func() { h.refuseLogins = true })
	if got := attempt(user, ssh.PublicKeys(known)); !strings.Contains(got, "unable to authenticate") {
		t.Errorf("got %s", got)
	}
}

func TestAClientThatOpensWithoutEnd(t *testing.T) {
	h := newHost(t, forwards)
	client := h.dial()
	opened := 0
	for range 300 {
		_, requests, err := client.OpenChannel("session", nil)
		var refused *ssh.OpenChannelError
		switch {
		case err == nil:
			opened++
			go ssh.DiscardRequests(requests)
		case !errors.As(err, &refused) || refused.Reason != ssh.ResourceShortage:
			t.Fatal(err)
		}
	}
	if opened != maxSessions {
		t.Errorf("%d sessions", opened)
	}
	port := peer(t, func(conn net.Conn) { io.Copy(io.Discard, conn) })
	opened = 0
	for range maxForwards + 5 {
		if _, err := client.Dial("tcp", "127.0.0.1:"+port); err == nil {
			opened++
		}
	}
	if opened != maxForwards {
		t.Errorf("%d connections are forwarded", opened)
	}
	client.Close()
	if log := h.last().wait(); !h.last().cmd.ProcessState.Success() {
		t.Errorf("%v\n%s", h.last().cmd.ProcessState, log)
	}
}

func TestAClientThatAsksWithoutEnd(t *testing.T) {
	h := newHost(t, nil)
	client := h.dial()
	large := make([]byte, 200<<10)
	session := h.session(client)
	for range 300 {
		for _, wantReply := range []bool{false, true} {
			if ok, _, err := client.SendRequest("tcpip-forward", wantReply, large); ok || err != nil {
				t.Fatal(ok, err)
			}
			if ok, err := session.SendRequest("env", wantReply, large); ok || err != nil {
				t.Fatal(ok, err)
			}
		}
	}
	if got, err := session.Output("echo fine"); err != nil || string(got) != "fine\n" {
		t.Errorf("%q, %v", got, err)
	}
	c := h.last()
	client.Close()
	c.wait()
	if !c.cmd.ProcessState.Success() {
		t.Error(c.cmd.ProcessState)
	}
}

// deaf is a connection whose client stops reading.
type deaf struct {
	net.Conn
	mu   sync.Mutex
	stop chan struct{}
	deaf bool
}

func (d *deaf) Read(p []byte) (int, error) {
	d.mu.Lock()
	stopped := d.deaf
	d.mu.Unlock()
	if stopped {
		<-d.stop
	}
	return d.Conn.Read(p)
}

func TestAClientThatDoesNotRead(t *testing.T) {
	h := newHost(t, nil)
	d := &deaf{Conn: h.connect(), stop: make(chan struct{})}
	conn, channels, requests, err := ssh.NewClientConn(d, "", h.clientConfig())
	if err != nil {
		t.Fatal(err)
	}
	client := ssh.NewClient(conn, channels, requests)
	session := h.session(client)
	if err := session.Start("yes"); err != nil {
		t.Fatal(err)
	}
	d.mu.Lock()
	d.deaf = true
	d.mu.Unlock()
	// It sends on, and hears none of the answers.
	go func() {
		for {
			if _, _, err := client.SendRequest("keepalive@openssh.com", false, nil); err != nil {
				return
			}
		}
	}()
	c := h.last()
	// PID 1 has had enough of it: nobody waits for the client.
	c.send(sshline.Answer{Leave: "enough"})
	c.wait()
	close(d.stop)
	if !c.cmd.ProcessState.Exited() {
		t.Error(c.cmd.ProcessState)
	}
}

// Each is a request whose last field ends behind its last byte.
func TestRequestsThatAreCut(t *testing.T) {
	h := newHost(t, forwards)
	client := h.dial()
	pty := ssh.Marshal(struct {
		Kind       string
		C, R, W, H uint32
		Modes      string
	}{"xterm", 80, 24, 640, 480, "\x00"})
	size := ssh.Marshal(struct{ C, R, W, H uint32 }{80, 24, 640, 480})
	text := ssh.Marshal(struct{ Text string }{"TERM"})
	env := ssh.Marshal(struct{ Name, Value string }{"LANG", "C"})
	session := h.session(client)
	for name, whole := range map[string][]byte{"pty-req": pty, "window-change": size, "exec": text, "subsystem": text, "signal": text, "env": env} {
		for n := range whole {
			if ok, err := session.SendRequest(name, true, whole[:n]); ok || err != nil {
				t.Errorf("%s, %d of %d bytes: %v, %v", name, n, len(whole), ok, err)
			}
		}
		if ok, err := session.SendRequest(name, true, append(bytes.Clone(whole), 0)); ok || err != nil {
			t.Errorf("%s and a byte: %v, %v", name, ok, err)
		}
	}
	whole := ssh.Marshal(forwarded{"127.0.0.1", 1, "127.0.0.1", 1})
	for n := range whole {
		if _, _, err := client.OpenChannel("direct-tcpip", whole[:n]); err == nil {
			t.Errorf("direct-tcpip, %d bytes", n)
		}
	}
	if got, err := session.Output("echo fine"); err != nil || string(got) != "fine\n" {
		t.Errorf("afterwards: %q, %v", got, err)
	}
}

// recorded is what a client sends, up to the first encrypted packet and with some of them.
func recorded(t testing.TB) []byte {
	t.Helper()
	h := &inside{t: t}
	var sent bytes.Buffer
	client, server := bothEnds(t)
	go h.serve(server)
	conn, _, _, err := ssh.NewClientConn(recorder{client, &sent}, "", &ssh.ClientConfig{User: "eve", HostKeyCallback: ssh.InsecureIgnoreHostKey()})
	if err == nil {
		conn.Close()
		t.Fatal("eve has logged in")
	}
	return sent.Bytes()
}

type recorder struct {
	net.Conn
	sent *bytes.Buffer
}

func (r recorder) Write(p []byte) (int, error) {
	r.sent.Write(p)
	return r.Conn.Write(p)
}

// inside serves in this process, with a PID 1 that has one host key and knows nobody.
type inside struct{ t testing.TB }

func (h *inside) serve(conn net.Conn) error {
	ours, file, err := sshline.Pair()
	if err != nil {
		return err
	}
	theirs, err := sshline.On(file)
	if err != nil {
		return err
	}
	defer theirs.Close()
	signer, err := ssh.NewSignerFromKey(hostKeyOfTests)
	if err != nil {
		return err
	}
	go func() {
		defer ours.Close()
		for {
			var r sshline.Request
			if _, err := ours.Receive(&r, 0); err != nil {
				return
			}
			a := sshline.Answer{ID: r.ID, Error: "no"}
			if r.Sign != nil {
				if s, err := signer.Sign(nil, r.Sign); err == nil {
					a = sshline.Answer{ID: r.ID, Signature: s.Blob}
				}
			}
			ours.Send(a)
		}
	}()
	start := sshline.Start{HostKey: signer.PublicKey().Marshal(), Keys: map[string][]string{"none": nil}, Remote: "test", Grace: time.Minute}
	return serve(conn, theirs, start)
}

// bothEnds are the two ends of a TCP connection.
func bothEnds(t testing.TB) (client, server net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if client, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if server, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	return client, server
}

// stranger sends these bytes and no more, and tells what the server says to it.
func stranger(t testing.TB, said []byte) error {
	t.Helper()
	client, server := bothEnds(t)
	defer client.Close()
	served := make(chan error, 1)
	go func() { served <- (&inside{t: t}).serve(server) }()
	go func() {
		client.Write(said)
		client.(*net.TCPConn).CloseWrite()
	}()
	io.Copy(io.Discard, client)
	return <-served
}

func TestAHandshakeCutAnywhere(t *testing.T) {
	said := recorded(t)
	for n := range len(said) + 1 {
		if err := stranger(t, said[:n]); err == nil {
			t.Fatalf("somebody has logged in with %d of %d bytes", n, len(said))
		}
	}
}

// FuzzBeforeLogin: whatever a stranger sends, the server ends, and nobody has logged in.
func FuzzBeforeLogin(f *testing.F) {
	said := recorded(f)
	f.Add(said)
	f.Add(said[:len(said)/2])
	f.Add([]byte("SSH-2.0-x\r\n"))
	for _, length := range []uint32{0, 1, 12, 1 << 15, 1 << 18, 1<<32 - 1} {
		f.Add(binary.BigEndian.AppendUint32([]byte("SSH-2.0-x\r\n"), length))
	}
	f.Fuzz(func(t *testing.T, said []byte) {
		if err := stranger(t, said); err == nil {
			t.Error("somebody has logged in")
		}
	})
}

// FuzzRequests: what a client that has logged in asks for is done or refused.
func FuzzRequests(f *testing.F) {
	f.Add("env", ssh.Marshal(struct{ Name, Value string }{"LANG", "C"}))
	f.Add("pty-req", []byte("\x00\x00\x00\x05xterm\x00\x00\x00\x50\x00\x00\x00\x18\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"))
	f.Add("window-change", make([]byte, 16))
	f.Add("signal", ssh.Marshal(struct{ Name string }{"TERM"}))
	f.Add("subsystem", ssh.Marshal(struct{ Name string }{"sftp"}))
	f.Fuzz(func(t *testing.T, kind string, payload []byte) {
		if kind == "shell" || kind == "exec" || kind == "subsystem" {
			kind = "env" // PID 1 is not there
		}
		s := session{connection: &connection{}}
		s.request(&ssh.Request{Type: kind, Payload: payload})
		if s.terminal != nil && (!sshline.IsWord(s.terminal.kind) || s.terminal.kind == "") {
			t.Errorf("a terminal called %q", s.terminal.kind)
		}
		for name, value := range s.env {
			if !strings.HasPrefix(name, "L") || strings.ContainsAny(value, "\n/$ ") {
				t.Errorf("%q=%q", name, value)
			}
		}
		var to forwarded
		if ssh.Unmarshal(payload, &to) == nil && to.ok() && (to.Port > 65535 || strings.HasPrefix(to.Host, "-") || strings.ContainsAny(to.Host, " \n\x00")) {
			t.Error(fmt.Sprint(to))
		}
	})
}
