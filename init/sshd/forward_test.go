package sshd

import (
	"bytes"
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"bantam/init/sshline"
)

// peer listens on loopback and does the same with everybody who comes.
func peer(t *testing.T, do func(net.Conn)) (port string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				do(conn)
			}()
		}
	}()
	_, port, _ = net.SplitHostPort(l.Addr().String())
	return port
}

func forwards(s *sshline.Start) { s.Forward = true }

func TestAForwardedConnectionEndsInEachDirectionByItself(t *testing.T) {
	client := newHost(t, forwards).dial()
	answers := peer(t, func(conn net.Conn) { // once it has heard everything
		text, _ := io.ReadAll(conn)
		conn.Write(bytes.ToUpper(text))
	})
	conn, err := client.Dial("tcp", "127.0.0.1:"+answers)
	if err != nil {
		t.Fatal(err)
	}
	said := bytes.Repeat([]byte("hello "), 1<<18)
	go func() {
		conn.Write(said)
		conn.(interface{ CloseWrite() error }).CloseWrite()
	}()
	if got, err := io.ReadAll(conn); err != nil || !bytes.Equal(got, bytes.ToUpper(said)) {
		t.Errorf("%d bytes came back, %v", len(got), err)
	}

	heard := make(chan string, 1)
	listens := peer(t, func(conn net.Conn) { // once it has said everything
		io.WriteString(conn, "hello")
		conn.(*net.TCPConn).CloseWrite()
		text, _ := io.ReadAll(conn)
		heard <- string(text)
	})
	if conn, err = client.Dial("tcp", "127.0.0.1:"+listens); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(conn); err != nil || string(got) != "hello" {
		t.Errorf("got %q, %v", got, err)
	}
	io.WriteString(conn, "and good-bye")
	conn.(interface{ CloseWrite() error }).CloseWrite()
	if got := <-heard; got != "and good-bye" {
		t.Errorf("the peer heard %q", got)
	}
}

func TestAForwardedConnectionThatFailsIsToldBeforeItOpens(t *testing.T) {
	client := newHost(t, forwards).dial()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close() // nobody listens there
	for _, to := range []struct{ address, why string }{
		{l.Addr().String(), "connection refused"},
		{"no.such.host.invalid:1", "no.such.host.invalid:1"},
		{"-x:1", "no host and port"},
		{"a b:1", "no host and port"},
		{":1", "no host and port"},
		{"127.0.0.1:0", "no host and port"},
		{strings.Repeat("x", 300) + ":1", "no host and port"},
	} {
		host, port, err := net.SplitHostPort(to.address)
		if err != nil {
			t.Fatal(err)
		}
		number, _ := strconv.Atoi(port)
		_, _, err = client.OpenChannel("direct-tcpip", ssh.Marshal(forwarded{Host: host, Port: uint32(number), Origin: "127.0.0.1", OriginPort: 1}))
		var refused *ssh.OpenChannelError
		if !errors.As(err, &refused) || refused.Reason != ssh.ConnectionFailed || !strings.Contains(refused.Message, to.why) {
			t.Errorf("%.30s: got %v, want %s", to.address, err, to.why)
		}
	}
}

func TestWhatIsNotForwarded(t *testing.T) {
	h := newHost(t, nil)
	client := h.dial()
	port := peer(t, func(net.Conn) { t.Error("somebody has come") })
	_, err := client.Dial("tcp", "127.0.0.1:"+port)
	var refused *ssh.OpenChannelError
	if !errors.As(err, &refused) || refused.Reason != ssh.Prohibited {
		t.Errorf("a connection, which the machine does not allow: %v", err)
	}
	if _, err := client.Listen("tcp", "127.0.0.1:0"); err == nil {
		t.Error("the machine listens for its client")
	}
	if _, err := client.Dial("unix", "/run/socket"); err == nil {
		t.Error("a Unix socket is connected with")
	}
	for _, kind := range []string{"x11", "auth-agent@openssh.com", "tun@openssh.com", ""} {
		if _, _, err := client.OpenChannel(kind, nil); !errors.As(err, &refused) || refused.Reason != ssh.UnknownChannelType {
			t.Errorf("%q: %v", kind, err)
		}
	}
	session, err := client.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	for _, what := range []string{"auth-agent-req@openssh.com", "x11-req", "break", "xon-xoff", "no-such-request"} {
		if ok, err := session.SendRequest(what, true, nil); ok || err != nil {
			t.Errorf("%s: %v, %v", what, ok, err)
		}
	}
	if got, err := session.Output("echo fine"); err != nil || string(got) != "fine\n" {
		t.Errorf("afterwards: %q, %v", got, err)
	}
}

func TestOpenSSHForwards(t *testing.T) {
	h := newHost(t, forwards)
	text := noise(1 << 20)
	port := peer(t, func(conn net.Conn) { conn.Write(text) })
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	local := l.Addr().String()
	l.Close()
	cmd := h.ssh("-N", "-o", "ExitOnForwardFailure=yes", "-L", local+":127.0.0.1:"+port, "127.0.0.1")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var conn net.Conn
	eventually(t, "the client listens", func() bool { conn, err = net.Dial("tcp", local); return err == nil })
	if got, err := io.ReadAll(conn); err != nil || !bytes.Equal(got, text) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	cmd.Process.Kill()
	cmd.Wait()

	stdout, stderr, status := out(t, h.ssh("-J", user+"@localhost:"+h.port, "127.0.0.1", "echo behind; exit 3"), nil)
	if stdout != "behind\n" || status != 3 {
		t.Errorf("over itself: %q, %q, %d", stdout, stderr, status)
	}
}
