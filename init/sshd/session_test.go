package sshd

import (
	"bytes"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"

	"bantam/init/sshline"
)

func (h *host) session(client *ssh.Client) *ssh.Session {
	h.t.Helper()
	session, err := client.NewSession()
	if err != nil {
		h.t.Fatal(err)
	}
	return session
}

func TestHowAProgramEnds(t *testing.T) {
	h := newHost(t, nil)
	client := h.dial()
	for _, c := range []struct{ command, want string }{
		{"exit 0", "<nil>"},
		{"exit 255", "Process exited with status 255"},
		{"kill -TERM $$", "Process exited with status 143 from signal TERM"},
		{"kill -KILL $$", "Process exited with status 137 from signal KILL"},
		{"kill -SYS $$", "Process exited with status 128 from signal SYS"},
	} {
		err := h.session(client).Run(c.command)
		got := "<nil>"
		if err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s: got %s, want %s", c.command, got, c.want)
		}
	}
}

func TestSignalsOfTheClient(t *testing.T) {
	h := newHost(t, nil)
	session := h.session(h.dial())
	o, err := session.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := session.SendRequest("signal", true, ssh.Marshal(struct{ Name string }{"TERM"})); ok || err != nil {
		t.Errorf("before there is a program: %v, %v", ok, err)
	}
	if err := session.Start("trap 'echo caught; exit 3' TERM; echo begun; while :; do sleep 0.1; done"); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 6)
	if _, err := io.ReadFull(o, b); string(b) != "begun\n" {
		t.Fatalf("%q, %v", b, err)
	}
	for _, name := range []string{"STOP", "SIGTERM", "", "9"} {
		if ok, err := session.SendRequest("signal", true, ssh.Marshal(struct{ Name string }{name})); ok || err != nil {
			t.Errorf("signal %q: %v, %v", name, ok, err)
		}
	}
	if err := session.Signal(ssh.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(o); string(rest) != "caught\n" {
		t.Errorf("%q, %v", rest, err)
	}
	var exit *ssh.ExitError
	if err := session.Wait(); !errors.As(err, &exit) || exit.ExitStatus() != 3 {
		t.Errorf("got %v", err)
	}
	if _, _, ends := h.last().told(); !slices.Equal(ends, []string{"TERM"}) {
		t.Errorf("PID 1 was asked for %q", ends)
	}
}

func TestAllOutputComesBeforeTheEnd(t *testing.T) {
	h := newHost(t, nil)
	client := h.dial()
	for range 20 {
		got, err := h.session(client).CombinedOutput("head -c 300000 /dev/zero; head -c 300000 /dev/zero >&2")
		if err != nil || len(got) != 600000 {
			t.Fatalf("%d bytes, %v", len(got), err)
		}
		session := h.session(client)
		if err := session.RequestPty("vt100", 24, 80, nil); err != nil {
			t.Fatal(err)
		}
		if got, err = session.Output("head -c 300000 /dev/zero | tr '\\0' x; echo end"); err != nil || len(got) != 300005 || !bytes.HasSuffix(got, []byte("xend\r\n")) {
			t.Fatalf("at a terminal %d bytes, %v", len(got), err)
		}
	}
}

// Who leaves something in the background is not held until that ends.
func TestWhatStaysInTheBackgroundHoldsNobody(t *testing.T) {
	h := newHost(t, nil)
	client := h.dial()
	if got, err := h.session(client).CombinedOutput("sleep 60 & echo done"); err != nil || string(got) != "done\n" {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := h.session(client).CombinedOutput("yes & echo $!"); err != nil { // it says something all the time
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

func TestInputThatNobodyReads(t *testing.T) {
	h := newHost(t, nil)
	stdout, stderr, status := out(t, h.ssh("127.0.0.1", "exec <&-; echo fine; sleep 0.2; exit 4"), bytes.NewReader(make([]byte, 20<<20)))
	if stdout != "fine\n" || status != 4 {
		t.Errorf("%q, %q, %d", stdout, stderr, status)
	}
}

func TestACommandIsTheBytesThatWereSent(t *testing.T) {
	h := newHost(t, nil)
	client := h.dial()
	if got, err := h.session(client).Output("printf 'a\xff\xfe\x01b'"); err != nil || string(got) != "a\xff\xfe\x01b" {
		t.Errorf("%q, %v", got, err)
	}
	long := "printf " + strings.Repeat("x", sshline.MaxCommand-7)
	if got, err := h.session(client).Output(long); err != nil || len(got) != sshline.MaxCommand-7 {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if err := h.session(client).Run(long + "x"); err == nil {
		t.Error("a longer one is taken")
	}
	if got, err := h.session(client).Output("echo fine"); err != nil || string(got) != "fine\n" {
		t.Errorf("afterwards: %q, %v", got, err)
	}
}

func TestTheEnvironmentOfTheClient(t *testing.T) {
	for _, c := range []struct {
		name, value string
		want        bool
	}{
		{"LANG", "de_DE.UTF-8", true}, {"LC_ALL", "C", true}, {"LC_TIME", "sr_RS@latin", true}, {"LC_CTYPE", "", true},
		{"LC_", "C", false}, {"LC_all", "C", false}, {"LC_" + strings.Repeat("X", 30), "C", false}, {"LANGUAGE", "de", false},
		{"LANG", "C\nLD_PRELOAD=x", false}, {"LANG", "/etc/passwd", false}, {"LANG", "$(id)", false}, {"LANG", strings.Repeat("x", 300), false},
		{"LD_PRELOAD", "x", false}, {"PATH", "x", false}, {"TERM", "x", false}, {"", "", false},
	} {
		s := session{}
		if got := s.setenv(ssh.Marshal(struct{ Name, Value string }{c.name, c.value})); got != c.want || got != (s.env != nil) {
			t.Errorf("%.20q=%.20q: got %v, %v", c.name, c.value, got, s.env)
		}
	}
	s := session{}
	for i := range 100 {
		s.setenv(ssh.Marshal(struct{ Name, Value string }{"LC_" + strings.Repeat("X", i%19+1) + string(rune('A'+i%26)), "C"}))
	}
	if len(s.env) > sshline.MaxVariables {
		t.Errorf("%d variables", len(s.env))
	}
	h := newHost(t, nil)
	session := h.session(h.dial())
	if err := session.Setenv("LC_ALL", "sr_RS@latin"); err != nil {
		t.Fatal(err)
	}
	if err := session.Setenv("LD_PRELOAD", "x"); err == nil {
		t.Error("LD_PRELOAD is taken")
	}
	if got, err := session.Output("echo $LC_ALL$LD_PRELOAD"); err != nil || string(got) != "sr_RS@latin\n" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestWhyASessionDoesNotBegin(t *testing.T) {
	h := newHost(t, nil)
	stdout, stderr, status := out(t, h.ssh("127.0.0.1", "refuse"), nil)
	if stdout != "" || stderr != "bantam: there is no room\n" || status != 255 {
		t.Errorf("%q, %q, %d", stdout, stderr, status)
	}
	if _, stderr, status := out(t, h.ssh("-s", "127.0.0.1", "netconf"), nil); status != 255 {
		t.Errorf("an unknown subsystem: %q, %d", stderr, status)
	}
}

// begin starts a client whose command says begun first, and gives what it says then.
func begin(t *testing.T, cmd *exec.Cmd) io.Reader {
	t.Helper()
	o, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 6)
	if _, err := io.ReadFull(o, b); string(b) != "begun\n" {
		t.Fatalf("%q, %v", b, err)
	}
	return o
}

func TestAClientThatVanishesTakesItsProgramsAlong(t *testing.T) {
	h := newHost(t, nil)
	cmd := h.ssh("127.0.0.1", "echo begun; cat >/dev/null; sleep 1000")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	go io.Copy(in, unending{}) // it is killed in the middle of a transfer
	begin(t, cmd)
	cmd.Process.Kill()
	cmd.Wait()
	c := h.last()
	c.wait()
	if _, _, ends := c.told(); !slices.Equal(ends, []string{"HUP"}) || !c.cmd.ProcessState.Success() {
		t.Errorf("PID 1 was asked for %q; %v", ends, c.cmd.ProcessState)
	}
}

type unending struct{}

func (unending) Read(p []byte) (int, error) { return len(p), nil }

func TestPID1EndsAConnection(t *testing.T) {
	h := newHost(t, nil)
	cmd := h.ssh("127.0.0.1", "echo begun; sleep 1000")
	var errs bytes.Buffer
	cmd.Stderr = &errs
	o := begin(t, cmd)
	h.last().send(sshline.Answer{Leave: "ada's key is no longer on this machine"})
	io.Copy(io.Discard, o)
	cmd.Wait()
	if want := "bantam: ada's key is no longer on this machine\n"; !strings.Contains(errs.String(), want) || cmd.ProcessState.ExitCode() == 0 {
		t.Errorf("%q, %v", errs.String(), cmd.ProcessState)
	}
	h.last().wait()

	client := h.dial() // and who is doing nothing
	h.last().send(sshline.Answer{Leave: "good-bye"})
	client.Wait()
	h.last().wait()

	client = h.dial() // PID 1 itself is gone
	session := h.session(client)
	if err := session.Start("sleep 1000"); err != nil {
		t.Fatal(err)
	}
	h.last().line.Close()
	client.Wait()
	h.last().wait()
}

func TestNoMoreSessionsThanWereToCome(t *testing.T) {
	h := newHost(t, nil)
	client := h.dial()
	session := h.session(client)
	client.SendRequest("no-more-sessions@openssh.com", false, nil)
	if ok, _, err := client.SendRequest("keepalive@openssh.com", true, nil); ok || err != nil {
		t.Errorf("keepalive: %v, %v", ok, err)
	}
	_, err := client.NewSession()
	var refused *ssh.OpenChannelError
	if !errors.As(err, &refused) || refused.Reason != ssh.Prohibited {
		t.Errorf("got %v", err)
	}
	if got, err := session.Output("echo fine"); err != nil || string(got) != "fine\n" {
		t.Errorf("%q, %v", got, err)
	}
}

// A machine that has died is noticed, also while nothing is said.
func TestTheConnectionAsksWhetherItsClientLives(t *testing.T) {
	h := newHost(t, nil)
	h.dial()
	for option, want := range map[int]int{unix.TCP_KEEPIDLE: 60, unix.TCP_KEEPINTVL: 15, unix.TCP_KEEPCNT: 4} {
		if got, err := unix.GetsockoptInt(int(h.last().conn.Fd()), unix.IPPROTO_TCP, option); err != nil || got != want {
			t.Errorf("option %d: got %d, %v, want %d", option, got, err, want)
		}
	}
	if on, err := unix.GetsockoptInt(int(h.last().conn.Fd()), unix.SOL_SOCKET, unix.SO_KEEPALIVE); err != nil || on != 1 {
		t.Errorf("got %d, %v", on, err)
	}
}
