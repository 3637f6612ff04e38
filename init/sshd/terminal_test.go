package sshd

import (
	"io"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"

	"bantam/tty/ttytest"
)

// screen is what a person at a terminal has seen.
type screen struct {
	t  *testing.T
	f  *os.File
	mu sync.Mutex
	b  strings.Builder
}

func (s *screen) watch() {
	b := make([]byte, 4096)
	for {
		n, err := s.f.Read(b)
		s.mu.Lock()
		s.b.Write(b[:n])
		s.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (s *screen) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func (s *screen) waitFor(text string) {
	s.t.Helper()
	defer func() {
		if s.t.Failed() {
			s.t.Logf("the screen: %q", s.text())
		}
	}()
	eventually(s.t, "on the screen: "+text, func() bool { return strings.Contains(s.text(), text) })
}

func (s *screen) write(text string) {
	s.t.Helper()
	if _, err := io.WriteString(s.f, text); err != nil {
		s.t.Fatal(err)
	}
}

func TestOpenSSHAtATerminal(t *testing.T) {
	h := newHost(t, nil)
	cmd := h.ssh("127.0.0.1")
	person, line := ttytest.Open(t)
	unix.IoctlSetWinsize(int(person.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 33, Col: 101})
	cmd.Stdin, cmd.Stdout, cmd.Stderr = line, line, line
	cmd.Env = append(os.Environ(), "TERM=xterm-256color")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line.Close()
	s := &screen{t: t, f: person}
	go s.watch()
	s.waitFor("# ")
	s.write("echo $TERM; stty size\n")
	s.waitFor("\r\nxterm-256color\r\n33 101\r\n")
	unix.IoctlSetWinsize(int(person.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 50, Col: 60000})
	// Two sizes in one second are told in the order of things, and the second may be late.
	eventually(t, "the new size", func() bool {
		s.write("stty size\n")
		return strings.Contains(s.text(), "\r\n50 60000\r\n")
	})
	s.write("sh -c \"trap 'echo caught; exit' INT; echo begun; while :; do sleep 0.1; done\"\n")
	s.waitFor("begun\r\n")
	s.write("\x03") // which drops what was typed before it
	s.waitFor("caught\r\n")
	s.write("exit 9\n")
	cmd.Wait()
	if status := cmd.ProcessState.ExitCode(); status != 9 {
		t.Errorf("status %d\n%s", status, s.text())
	}
}

func TestSizesThatNoTerminalHas(t *testing.T) {
	h := newHost(t, nil)
	client := h.dial()
	for _, c := range []struct {
		rows, columns int
		want          string
	}{{0, 0, "0 0"}, {60000, 60000, "60000 60000"}, {1 << 20, 1, "65535 1"}} {
		session, err := client.NewSession()
		if err != nil {
			t.Fatal(err)
		}
		if err := session.RequestPty("xterm", c.rows, c.columns, nil); err != nil {
			t.Fatal(err)
		}
		if got, err := session.Output("stty size"); err != nil || string(got) != c.want+"\r\n" {
			t.Errorf("got %q, %v, want %q", got, err, c.want)
		}
	}
}

func TestWhatATerminalIsCalled(t *testing.T) {
	for _, c := range []struct{ said, want string }{
		{"xterm-256color", "xterm-256color"}, {"", "dumb"}, {"x\x1b[2J", "dumb"}, {"../../etc/passwd", "dumb"}, {strings.Repeat("x", 100), "dumb"}, {"vt100", "vt100"},
	} {
		got, ok := terminalOf(ssh.Marshal(struct {
			Kind       string
			C, R, W, H uint32
			Modes      string
		}{c.said, 80, 24, 0, 0, ""}))
		if !ok || got.kind != c.want || got.rows != 24 || got.columns != 80 {
			t.Errorf("%q: got %+v, %v", c.said, got, ok)
		}
	}
	if _, ok := terminalOf([]byte("\x00\x00\x00\x05xt")); ok {
		t.Error("half a request is one")
	}
}
