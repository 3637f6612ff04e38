package remote

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"bantam/init/session"
	"bantam/init/sshline"
	"bantam/init/supervise"
)

// TestMain lets the test binary be the shim, and the process of a connection.
func TestMain(m *testing.M) {
	switch filepath.Base(os.Args[0]) {
	case supervise.ShimName:
		os.Exit(supervise.ShimMain(os.Args))
	case "fake-sshd":
		os.Exit(fakeProcess())
	}
	os.Exit(m.Run())
}

// said is what the fake process of a connection hands on to its client.
type said struct {
	Start  *sshline.Start  `json:"start,omitempty"`
	Status string          `json:"status,omitempty"` // of the process, from /proc
	Answer *sshline.Answer `json:"answer,omitempty"`
	Files  int             `json:"files,omitempty"`
	ID     uint32          `json:"id,omitempty"`
	Output string          `json:"output,omitempty"` // of session ID
}

// fakeProcess speaks JSON where the real one speaks SSH: requests come as lines and go to PID 1 as they are, answers go back.
func fakeProcess() int {
	c, err := net.FileConn(os.NewFile(sshline.ConnectionFD, "connection"))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	line, err := sshline.On(os.NewFile(sshline.LineFD, "line"))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	var mu sync.Mutex
	say := func(s said) {
		mu.Lock()
		defer mu.Unlock()
		json.NewEncoder(c).Encode(s)
	}
	var start sshline.Start
	if _, err := line.Receive(&start, 0); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	status, _ := os.ReadFile("/proc/self/status")
	say(said{Start: &start, Status: string(status)})
	go func() {
		in := bufio.NewScanner(c)
		in.Buffer(nil, 1<<20)
		for in.Scan() {
			line.Send(json.RawMessage(in.Bytes()))
		}
		os.Exit(0)
	}()
	for {
		var a sshline.Answer
		files, err := line.Receive(&a, 3)
		if err != nil {
			return 0
		}
		say(said{Answer: &a, Files: len(files)})
		if len(files) == 3 {
			files[0].WriteString("typed\n")
			files[0].Close()
			files = files[1:]
		}
		for i, f := range files {
			go func() {
				text, _ := io.ReadAll(f)
				say(said{ID: a.ID, Files: i, Output: string(text)})
			}()
		}
		if a.Leave != "" {
			return 0
		}
	}
}

// fakeKey signs by saying what it signs.
type fakeKey struct{ ready chan struct{} }

func (k fakeKey) Ready() <-chan struct{}  { return k.ready }
func (k fakeKey) Public() []byte          { return []byte("public") }
func (k fakeKey) Sign(data []byte) []byte { return append([]byte("signed "), data...) }

// lab is a server with a supervisor.
type lab struct {
	*testing.T
	s    *Server
	mu   sync.Mutex
	told []string
}

func newLab(t *testing.T) *lab {
	t.Helper()
	if os.Getuid() != 0 {
		t.Fatal("this test runs programs as other users; run it as root")
	}
	dir, err := os.MkdirTemp("", "remote") // the process, who is nobody, has to come to its program
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	os.Chmod(dir, 0o755)
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	program := dir + "/fake-sshd"
	if err := os.WriteFile(program, self, 0o755); err != nil {
		t.Fatal(err)
	}
	sup := supervise.New(supervise.Options{})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); sup.Run(ctx) }()
	l := &lab{T: t}
	ready := make(chan struct{})
	close(ready)
	l.s = New(Options{
		Program: program, SFTP: "cat", Key: fakeKey{ready}, Begin: sup.Begin, Log: func() *os.File { return os.Stderr },
		Note:  func(text string) { l.mu.Lock(); defer l.mu.Unlock(); l.told = append(l.told, text) },
		Guard: func(_ string, f func()) { f() },
	})
	l.s.hangUp = time.Minute
	t.Cleanup(func() {
		limit, stop := context.WithTimeout(context.Background(), time.Minute)
		defer stop()
		l.s.Close(limit)
		if limit.Err() != nil {
			t.Error("not closed within a minute")
		}
		cancel()
		<-ended
	})
	return l
}

var (
	local  = netip.MustParseAddr("127.0.0.1")
	ann    = Account{session.Account{Name: "ann", UID: 70001, GID: 70002, Groups: []uint32{70003}, Home: "/usr", Shell: "/bin/sh"}, []string{"SHA256:ann", "SHA256:anns-other"}}
	bob    = Account{session.Account{Name: "bob", UID: 70011, GID: 70011, Home: "/none/such", Shell: "/bin/sh"}, []string{"SHA256:bob"}}
	people = map[string]Account{"ann": ann, "bob": bob}
)

// set sets the server to a port that is free.
func (l *lab) set(c Config) (port uint16) {
	l.Helper()
	for range 100 {
		free, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			l.Fatal(err)
		}
		c.Port = uint16(free.Addr().(*net.TCPAddr).Port)
		free.Close()
		if err = l.s.Set(c); err == nil {
			return c.Port
		}
	}
	l.Fatal("no port is free")
	return 0
}

// client is one connection to the server.
type client struct {
	t   testing.TB
	c   net.Conn
	in  *json.Decoder
	id  uint32
	who string // from /proc/self/status of the process
}

// dial connects from an address; nil: nobody answers.
func (l *lab) dial(port uint16, from string) *client {
	l.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	conn, err := d.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		l.Fatal(err)
	}
	l.Cleanup(func() { conn.Close() })
	c := &client{t: l, c: conn, in: json.NewDecoder(conn)}
	var s said
	if err := c.in.Decode(&s); err != nil {
		return nil
	}
	if s.Start == nil || string(s.Start.HostKey) != "public" || !slices.Equal(s.Start.Keys["ann"], ann.Keys) {
		l.Errorf("the process is told %+v", s.Start)
	}
	c.who = s.Status
	return c
}

func (c *client) send(r sshline.Request) uint32 {
	c.t.Helper()
	c.id++
	r.ID = c.id
	if err := json.NewEncoder(c.c).Encode(r); err != nil {
		c.t.Fatal(err)
	}
	return c.id
}

// ask sends a request and waits for its answer.
func (c *client) ask(r sshline.Request) sshline.Answer {
	c.t.Helper()
	id := c.send(r)
	for {
		var s said
		if err := c.in.Decode(&s); err != nil {
			c.t.Fatalf("no answer to %+v: %v", r, err)
		}
		if s.Answer != nil && s.Answer.ID == id {
			return *s.Answer
		}
	}
}

func (c *client) login(user, key string) string {
	c.t.Helper()
	return c.ask(sshline.Request{Login: &sshline.Login{User: user, Key: key}}).Error
}

// run runs a session to its end and returns what it put out, by file, and how it ended.
func (c *client) run(o sshline.Open) (output map[int]string, end sshline.Answer) {
	c.t.Helper()
	id := c.send(sshline.Request{Open: &o})
	output = map[int]string{}
	files, ended := -1, false
	for files < 0 || len(output) < files || !ended {
		var s said
		if err := c.in.Decode(&s); err != nil {
			c.t.Fatalf("%+v: %v", o, err)
		}
		switch {
		case s.Answer != nil && s.Answer.ID == id && s.Answer.Ended:
			end, ended = *s.Answer, true
		case s.Answer != nil && s.Answer.ID == id && s.Answer.Error != "":
			c.t.Fatalf("%+v: %s", o, s.Answer.Error)
		case s.Answer != nil && s.Answer.ID == id:
			if files = s.Files; files == 3 {
				files = 2
			}
		case s.ID == id:
			output[s.Files] = s.Output
		}
	}
	return output, end
}

// over waits until the connection is closed, and returns why it was told to end.
func (c *client) over() (why string) {
	for {
		var s said
		if c.in.Decode(&s) != nil {
			return why
		}
		if s.Answer != nil && s.Answer.Leave != "" {
			why = s.Answer.Leave
		}
	}
}
