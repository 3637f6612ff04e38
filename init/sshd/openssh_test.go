package sshd

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"
)

func TestOpenSSHRunsACommand(t *testing.T) {
	h := newHost(t, nil)
	stdout, stderr, status := out(t, h.ssh("127.0.0.1", "echo out; echo errors >&2; exit 7"), nil)
	if stdout != "out\n" || stderr != "errors\n" || status != 7 {
		t.Errorf("got %q, %q, %d", stdout, stderr, status)
	}
}

func TestOpenSSHCarriesBytesBothWays(t *testing.T) {
	h := newHost(t, nil)
	sent := make([]byte, 8<<20)
	rand.NewChaCha8([32]byte{1}).Read(sent)
	stdout, stderr, status := out(t, h.ssh("-o", "RekeyLimit=1M", "127.0.0.1", "cat"), bytes.NewReader(sent))
	if status != 0 || !bytes.Equal([]byte(stdout), sent) {
		t.Errorf("%d of %d bytes came back, status %d: %s", len(stdout), len(sent), status, stderr)
	}
}

func TestTheAlgorithmsThatOpenSSHAgreesOn(t *testing.T) {
	h := newHost(t, nil)
	for _, c := range []struct{ option, want string }{
		{"KexAlgorithms=curve25519-sha256", "kex: algorithm: curve25519-sha256\r"},
		{"KexAlgorithms=curve25519-sha256@libssh.org", "kex: algorithm: curve25519-sha256@libssh.org\r"},
		{"Ciphers=aes256-gcm@openssh.com", "cipher: aes256-gcm@openssh.com MAC: <implicit>"},
		{"Ciphers=aes128-gcm@openssh.com", "cipher: aes128-gcm@openssh.com MAC: <implicit>"},
		{"Ciphers=chacha20-poly1305@openssh.com", "cipher: chacha20-poly1305@openssh.com MAC: <implicit>"},
		{"Ciphers=aes128-ctr", "cipher: aes128-ctr MAC: hmac-sha2-"},
		{"Ciphers=aes256-ctr", "cipher: aes256-ctr MAC: hmac-sha2-"},
		{"MACs=hmac-sha2-256-etm@openssh.com", "kex: host key algorithm: ssh-ed25519"},
	} {
		cmd := h.ssh("-v", "-o", "LogLevel=DEBUG1", "-o", c.option, "127.0.0.1", "echo fine")
		if stdout, stderr, status := out(t, cmd, nil); stdout != "fine\n" || status != 0 || !strings.Contains(stderr+"\r", c.want) {
			t.Errorf("%s: %q, %d\n%s", c.option, stdout, status, stderr)
		}
	}
	for _, option := range []string{
		"KexAlgorithms=ecdh-sha2-nistp256,ecdh-sha2-nistp521", "KexAlgorithms=diffie-hellman-group14-sha256,diffie-hellman-group16-sha512",
		"KexAlgorithms=diffie-hellman-group14-sha1,diffie-hellman-group-exchange-sha256",
		"Ciphers=aes128-cbc,3des-cbc", "HostKeyAlgorithms=ecdsa-sha2-nistp256,rsa-sha2-512",
	} {
		stdout, stderr, status := out(t, h.ssh("-o", option, "127.0.0.1", "echo fine"), nil)
		if log := h.last().wait(); status != 255 || stdout != "" || !strings.Contains(log, "no common algorithm") {
			t.Errorf("%s: %q, %q, %d; %s", option, stdout, stderr, status, log)
		}
	}
	// Ciphers with a MAC of their own need none, so this is asked for with one that has none.
	option := "MACs=hmac-sha2-256,hmac-sha1-etm@openssh.com,umac-128-etm@openssh.com"
	_, stderr, status := out(t, h.ssh("-o", "Ciphers=aes256-ctr", "-o", option, "127.0.0.1", "true"), nil)
	if log := h.last().wait(); status != 255 || !strings.Contains(log, "no common algorithm for client to server MAC") {
		t.Errorf("%s: %q, %d; %s", option, stderr, status, log)
	}
}

func TestSSHAuditFindsNothingWeak(t *testing.T) {
	needs(t, "ssh-audit", "ssh-audit")
	h := newHost(t, nil)
	stdout, stderr, _ := out(t, exec.Command("ssh-audit", "-n", "-p", h.port, "127.0.0.1"), nil)
	if !strings.Contains(stdout, "curve25519-sha256") || !strings.Contains(stdout, "ssh-ed25519") {
		t.Fatalf("%s%s", stdout, stderr)
	}
	for line := range strings.Lines(stdout) {
		// An older ssh-audit does not know the newest.
		if (strings.Contains(line, "[fail]") || strings.Contains(line, "[warn]")) && !strings.Contains(line, "unknown algorithm") {
			t.Error(line)
		}
	}
}

func TestTenSessionsOnOneConnection(t *testing.T) {
	h := newHost(t, nil)
	control := h.path("control")
	master := h.ssh("-M", "-S", control, "-N", "127.0.0.1")
	if err := master.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { master.Process.Kill(); master.Wait() }()
	eventually(t, "the master", func() bool { return exec.Command("ssh", "-S", control, "-O", "check", "x").Run() == nil })
	var sessions []*exec.Cmd
	var ends []io.Closer
	for i := range maxSessions {
		cmd := h.ssh("-S", control, "127.0.0.1", fmt.Sprintf("echo %d; read line; exit %d", i, i))
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		o, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		line, _ := bufio.NewReader(o).ReadString('\n')
		if line != fmt.Sprintf("%d\n", i) {
			t.Errorf("session %d says %q", i, line)
		}
		sessions, ends = append(sessions, cmd), append(ends, in)
	}
	if n := len(h.served()); n != 1 {
		t.Errorf("%d connections", n)
	}
	// The client would go on over a connection of its own.
	if _, stderr, status := out(t, h.ssh("-S", control, "-o", "ProxyCommand=false", "127.0.0.1", "true"), nil); status == 0 {
		t.Errorf("there is an eleventh: %s", stderr)
	}
	for i, cmd := range sessions {
		ends[i].Close()
		cmd.Wait()
		if status := cmd.ProcessState.ExitCode(); status != i {
			t.Errorf("session %d ends with %d", i, status)
		}
	}
	if stdout, stderr, status := out(t, h.ssh("-S", control, "-o", "ProxyCommand=false", "127.0.0.1", "echo again"), nil); stdout != "again\n" {
		t.Errorf("afterwards: %q, %q, %d", stdout, stderr, status)
	}
}
