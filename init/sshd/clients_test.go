package sshd

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"os"
	"os/exec"
	"strings"
	"testing"

	"bantam/init/sshline"
	"golang.org/x/crypto/ssh"
)

// Other people's clients: each runs a program, learns how it has ended, and carries bytes both ways.

func TestDropbearsClient(t *testing.T) {
	needs(t, "dbclient", "dropbear-bin")
	needs(t, "dropbearconvert", "dropbear-bin")
	h := newHost(t, nil)
	if text, err := exec.Command("dropbearconvert", "openssh", "dropbear", h.path("key"), h.path("key.db")).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	dbclient := func(args ...string) *exec.Cmd {
		cmd := exec.Command("timeout", append([]string{"30", "dbclient", "-y", "-i", h.path("key.db"), "-p", h.port, user + "@127.0.0.1"}, args...)...)
		cmd.Env = append(os.Environ(), "HOME="+h.dir)
		return cmd
	}
	meet(t, dbclient)
	// Its scp is that of OpenSSH, from when it had a protocol of its own.
	needs(t, "scp", "openssh-client")
	script := "#!/bin/sh\nHOME=" + h.dir + " timeout 30 dbclient -y -i " + h.path("key.db") + " \"$@\"\nstatus=$?\n[ $status != 124 ] || : > " + h.path("lingered") + "\nexit $status\n"
	if err := os.WriteFile(h.path("dbclient"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	text := noise(1 << 20)
	if err := os.WriteFile(h.path("from"), text, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{h.path("from"), user + "@127.0.0.1:there"}, {user + "@127.0.0.1:there", h.path("back")}} {
		scp := func() *exec.Cmd {
			cmd := exec.Command("scp", append([]string{"-O", "-q", "-S", h.path("dbclient"), "-P", h.port}, args...)...)
			cmd.Env = append(os.Environ(), "HOME="+h.dir)
			return cmd
		}
		stdout, stderr, status := out(t, scp(), nil)
		for tries := 1; status != 0 && tries < lingers && os.Remove(h.path("lingered")) == nil; tries++ {
			stdout, stderr, status = out(t, scp(), nil)
		}
		if status != 0 {
			t.Fatalf("%q: %q, %q, %d", args, stdout, stderr, status)
		}
	}
	if got, err := os.ReadFile(h.path("back")); err != nil || !bytes.Equal(got, text) {
		t.Errorf("%d bytes came back, %v", len(got), err)
	}
}

// lingers is how often a client may be tried. Debian 12's dbclient (2022.83) now and then sleeps on when its session is over, closed at both ends and
// with all bytes out, until something else comes from the server.
const (
	lingers  = 5
	timedOut = 124 // the status of timeout
)

// meet runs a client that takes a command as its last arguments.
func meet(t *testing.T, client func(...string) *exec.Cmd) {
	t.Helper()
	try := func(command string, in []byte) (stdout, stderr string, status int) {
		for tries := 1; ; tries++ {
			stdout, stderr, status = out(t, client(command), bytes.NewReader(in))
			if status != timedOut || tries == lingers {
				return stdout, stderr, status
			}
			t.Logf("%s: the client has not ended", command)
		}
	}
	stdout, stderr, status := try("echo out; echo errors >&2; exit 7", nil)
	if stdout != "out\n" || !strings.Contains(stderr, "errors\n") || status != 7 {
		t.Errorf("got %q, %q, %d", stdout, stderr, status)
	}
	sent := noise(3 << 20)
	stdout, stderr, status = try("cat", sent)
	if status != 0 || stdout != string(sent) {
		t.Errorf("%d of %d bytes came back, status %d: %s", len(stdout), len(sent), status, stderr)
	}
}

func TestPlink(t *testing.T) {
	needs(t, "plink", "putty-tools")
	needs(t, "puttygen", "putty-tools")
	h := newHost(t, nil)
	convert := exec.Command("puttygen", h.path("key"), "-O", "private", "-o", h.path("key.ppk"))
	convert.Env = append(os.Environ(), "HOME="+h.dir)
	if text, err := convert.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	hostKey, err := ssh.ParsePublicKey(h.start.HostKey)
	if err != nil {
		t.Fatal(err)
	}
	putty := func(program string, args ...string) *exec.Cmd {
		cmd := exec.Command(program, append([]string{"-batch", "-noagent", "-hostkey", ssh.FingerprintSHA256(hostKey), "-i", h.path("key.ppk"), "-P", h.port}, args...)...)
		cmd.Env = append(os.Environ(), "HOME="+h.dir)
		return cmd
	}
	meet(t, func(args ...string) *exec.Cmd {
		return putty("plink", append([]string{"-ssh", user + "@127.0.0.1"}, args...)...)
	})
	text := noise(1 << 20)
	if err := os.WriteFile(h.path("from"), text, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, how := range []string{"-sftp", "-scp"} {
		for _, args := range [][]string{{how, "-q", h.path("from"), user + "@127.0.0.1:there" + how}, {how, "-q", user + "@127.0.0.1:there" + how, h.path("back")}} {
			if stdout, stderr, status := out(t, putty("pscp", args...), nil); status != 0 {
				t.Fatalf("%q: %q, %q, %d", args, stdout, stderr, status)
			}
		}
		if got, err := os.ReadFile(h.path("back")); err != nil || !bytes.Equal(got, text) {
			t.Errorf("%s: %d bytes came back, %v", how, len(got), err)
		}
	}
}

const paramiko = `
import sys, paramiko
host, port, user, key = "127.0.0.1", int(sys.argv[1]), sys.argv[2], sys.argv[3]
client = paramiko.SSHClient()
client.load_host_keys(sys.argv[4])
client.connect(host, port, user, pkey=paramiko.Ed25519Key.from_private_key_file(key), look_for_keys=False, allow_agent=False)
i, o, e = client.exec_command("echo out$LC_ALL; echo errors >&2; cat; exit 7", environment={"LC_ALL": "C"})
sent = bytes(range(256)) * 8192
i.write(sent)
i.channel.shutdown_write()
assert o.read() == b"outC\n" + sent
assert e.read() == b"errors\n"
assert o.channel.recv_exit_status() == 7
i, o, e = client.exec_command("stty size; echo $TERM", get_pty=True)
said = o.read()
assert said == b"24 80\r\nvt100\r\n", said
sftp = client.open_sftp()
with sftp.open("there", "wb") as f:
    f.write(sent)
assert sftp.stat("there").st_size == len(sent)
with sftp.open("there", "rb") as f:
    assert f.read() == sent
sftp.rename("there", "elsewhere")
assert "elsewhere" in sftp.listdir(".")
client.close()
print("fine")
`

func TestParamiko(t *testing.T) {
	const python = "/usr/bin/python3" // Debian's, which has its packages
	if exec.Command(python, "-c", "import paramiko").Run() != nil {
		t.Fatal("needs python3-paramiko: apt-get install python3-paramiko")
	}
	h := newHost(t, nil)
	if stdout, stderr, status := out(t, exec.Command(python, "-c", paramiko, h.port, user, h.path("key"), h.path("known_hosts")), nil); status != 0 || !strings.HasSuffix(stdout, "fine\n") {
		t.Errorf("%q, %s, %d", stdout, stderr, status)
	}
}

// Keys of all the kinds that people have, by OpenSSH's client.
func TestKindsOfKeys(t *testing.T) {
	large, err := rsa.GenerateKey(rand.Reader, 3072)
	if err != nil {
		t.Fatal(err)
	}
	h := newHost(t, nil)
	keys := map[string]any{"rsa": large}
	for name, curve := range map[string]elliptic.Curve{"p256": elliptic.P256(), "p384": elliptic.P384(), "p521": elliptic.P521()} {
		if keys[name], err = ecdsa.GenerateKey(curve, rand.Reader); err != nil {
			t.Fatal(err)
		}
	}
	for name, key := range keys {
		public := h.writeKey(name, key)
		h.change(func() { h.start.Keys[name] = []string{"SHA256:another", ssh.FingerprintSHA256(public)} })
		cmd := h.sshAs(name, "-i", h.path(name), "127.0.0.1", "echo fine")
		if stdout, stderr, status := out(t, cmd, nil); status != 0 || stdout != "fine\n" {
			t.Errorf("%s: %q, %q, %d", name, stdout, stderr, status)
		}
		want := sshline.Login{User: name, Key: ssh.FingerprintSHA256(public)}
		if got, _, _ := h.last().told(); len(got) != 1 || got[0] != want {
			t.Errorf("%s: PID 1 was told %+v", name, got)
		}
	}
	// SHA-1 is not taken of a key that may otherwise.
	cmd := h.sshAs("rsa", "-o", "PubkeyAcceptedAlgorithms=ssh-rsa", "-i", h.path("rsa"), "127.0.0.1", "echo fine")
	if stdout, _, status := out(t, cmd, nil); status != 255 || stdout != "" {
		t.Errorf("SHA-1: %q, %d", stdout, status)
	}
}
