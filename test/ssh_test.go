package test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"bantam/test/vm"
)

// sshClient is OpenSSH's with a key of its own, and what it needs to come to a machine.
type sshClient struct {
	t     *testing.T
	dir   string
	ports map[int]int // of this host, by those of the machine
}

func newSSHClient(t *testing.T, ports ...int) *sshClient {
	t.Helper()
	s := &sshClient{t: t, dir: t.TempDir(), ports: map[int]int{}}
	for _, port := range ports {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		s.ports[port] = l.Addr().(*net.TCPAddr).Port
		l.Close()
	}
	for _, name := range []string{"key", "other"} {
		if text, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", filepath.Join(s.dir, name)).CombinedOutput(); err != nil {
			t.Fatalf("ssh-keygen: %v\n%s", err, text)
		}
	}
	return s
}

// public is the line of a key.
func (s *sshClient) public(name string) string {
	s.t.Helper()
	text, err := os.ReadFile(filepath.Join(s.dir, name+".pub"))
	if err != nil {
		s.t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}

// network is the user network of a machine with the ports led to this host.
func (s *sshClient) network(args []string) []string {
	i := slices.Index(args, "user,model=virtio-net-pci")
	for port, here := range s.ports {
		args[i] += fmt.Sprintf(",hostfwd=tcp:127.0.0.1:%d-:%d", here, port)
	}
	return args
}

// options are of ssh, scp and sftp, with a key, for a port of the machine.
func (s *sshClient) options(key string, port int) []string {
	var list []string
	for _, o := range []string{"IdentitiesOnly=yes", "BatchMode=yes", "StrictHostKeyChecking=accept-new", "LogLevel=ERROR", "ServerAliveInterval=20", "HostKeyAlias=machine",
		"IdentityFile=" + filepath.Join(s.dir, key), "UserKnownHostsFile=" + filepath.Join(s.dir, "known_hosts"), fmt.Sprintf("Port=%d", s.ports[port])} {
		list = append(list, "-o", o)
	}
	return list
}

// command is a command on the machine.
func (s *sshClient) command(key string, port int, user, command string) *exec.Cmd {
	return exec.Command("ssh", append(s.options(key, port), user+"@127.0.0.1", command)...)
}

// run runs one to its end.
func (s *sshClient) run(key string, port int, user, command string) (out string, code int) {
	s.t.Helper()
	text, err := s.command(key, port, user, command).CombinedOutput()
	exit := new(exec.ExitError)
	if err != nil && !errors.As(err, &exit) {
		s.t.Fatal(err)
	}
	if err != nil {
		code = exit.ExitCode()
	}
	return string(text), code
}

func (s *sshClient) must(key string, port int, user, command, want string) string {
	s.t.Helper()
	out, code := s.run(key, port, user, command)
	if code != 0 || !strings.Contains(out, want) {
		s.t.Fatalf("%s: status %d, no %q in\n%s", command, code, want, out)
	}
	return out
}

// A machine that is reached and changed over the network alone.
func TestAMachineIsReachedBySSH(t *testing.T) {
	s := newSSHClient(t, 22, 2200)
	text := func(annas, more string) string {
		return "[user.root]\nauthorized_keys = ['" + s.public("key") + "']\n[user.anna]\nuid = 1000\ngroups = ['operator']\nauthorized_keys = [" + annas + "]\n[ssh]\nforward = true\n" + more
	}
	both := "'" + s.public("key") + "', '" + s.public("other") + "'"
	file := filepath.Join(t.TempDir(), "system.toml")
	write := func(path, text string) string {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	out := build(t, "pc", write(file, text(both, "")))
	path := disk(t, filepath.Join(out, "pc.img"))
	c := &console{Machine: vm.Start(t, s.network(pc(t, bios, "-drive", virtio(path)))...), t: t, host: "bantam"}
	c.booted()
	c.settled()

	// The key that ssh is shown is the one that the console names.
	s.must("key", 22, "root", "id -u", "0\n")
	fingerprint, err := exec.Command("ssh-keygen", "-l", "-f", filepath.Join(s.dir, "known_hosts")).CombinedOutput()
	if err != nil {
		t.Fatalf("ssh-keygen: %v\n%s", err, fingerprint)
	}
	c.must("bantam status", "ssh         [::]:22; host key "+strings.Fields(string(fingerprint))[1])

	if out, code := s.run("key", 22, "anna", `echo "$USER $HOME $PWD $SHELL"; echo errors >&2; exit 7`); code != 7 || out != "anna /home/anna /home/anna /bin/sh\nerrors\n" {
		t.Errorf("status %d, %q", code, out)
	}
	if out, code := s.run("key", 22, "nobody", "id"); code != 255 || !strings.Contains(out, "Permission denied (publickey)") {
		t.Errorf("a user without keys: status %d, %q", code, out)
	}
	terminal := exec.Command("ssh", append(s.options("key", 22), "-tt", "anna@127.0.0.1", "echo $SSH_TTY; stty size; exit 3")...)
	if out, _ := terminal.CombinedOutput(); terminal.ProcessState.ExitCode() != 3 || !regexp.MustCompile(`/dev/pts/\d+\r\n0 0\r\n`).Match(out) {
		t.Errorf("a terminal: %v, %q", terminal.ProcessState, out)
	}

	// Files, there and back.
	data := bytes.Repeat([]byte("0123456789abcdef"), 1<<17)
	local, back := filepath.Join(t.TempDir(), "data"), filepath.Join(t.TempDir(), "back")
	write(local, string(data))
	for _, copy := range [][]string{{local, "anna@127.0.0.1:data"}, {"-O", "anna@127.0.0.1:data", back}} {
		if text, err := exec.Command("scp", append(s.options("key", 22), copy...)...).CombinedOutput(); err != nil {
			t.Fatalf("scp %v: %v\n%s", copy, err, text)
		}
	}
	if got, err := os.ReadFile(back); err != nil || !bytes.Equal(got, data) {
		t.Errorf("%d bytes came back, %v", len(got), err)
	}
	s.must("key", 22, "anna", "sha256sum data", fmt.Sprintf("%x", sha256.Sum256(data)))

	// A switch that moves the port it came through: it goes on, and is confirmed from a connection by the new one.
	write(file, text(both, "port = 2200\n"))
	if text, err := exec.Command("scp", append(s.options("key", 22), file, "root@127.0.0.1:/tmp/moved.toml")...).CombinedOutput(); err != nil {
		t.Fatalf("scp: %v\n%s", err, text)
	}
	var said bytes.Buffer
	moving := s.command("key", 22, "anna", "bantam switch --confirm 10m /tmp/moved.toml")
	moving.Stdout, moving.Stderr = &said, &said
	if err := moving.Start(); err != nil {
		t.Fatal(err)
	}
	for i := 0; ; i++ {
		if _, code := s.run("key", 2200, "root", "bantam confirm"); code == 0 {
			break
		}
		if i == 100 {
			t.Fatal("it cannot be confirmed by the new port")
		}
		time.Sleep(time.Second)
	}
	if err := moving.Wait(); err != nil || !strings.Contains(said.String(), "listen for SSH at port 2200") {
		t.Errorf("the switch: %v\n%s", err, said.String())
	}
	if _, code := s.run("key", 22, "root", "true"); code != 255 {
		t.Errorf("the old port: status %d", code)
	}
	c.must("bantam status", "2, good", "[::]:2200")

	// Whose key goes has to leave; others stay.
	var leaving, staying bytes.Buffer
	gone, stays := s.command("other", 2200, "anna", "echo here; cat"), s.command("key", 2200, "anna", "echo here; read x; echo still $x")
	gone.Stdout, gone.Stderr, stays.Stdout, stays.Stderr = &leaving, &leaving, &staying, &staying
	stdin, err := stays.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	held, err := gone.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	for _, cmd := range []*exec.Cmd{gone, stays} {
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
	}
	for !strings.Contains(c.run("bantam status | grep -c 'anna from'"), "2\n") {
		time.Sleep(200 * time.Millisecond)
	}
	write(file, text("'"+s.public("key")+"'", "port = 2200\n"))
	if text, err := exec.Command("scp", append(s.options("key", 2200), file, "root@127.0.0.1:/tmp/less.toml")...).CombinedOutput(); err != nil {
		t.Fatalf("scp: %v\n%s", err, text)
	}
	s.must("key", 2200, "root", "bantam plan /tmp/less.toml", "set the SSH login of anna, which ends 1 connection")
	s.must("key", 2200, "root", "bantam switch /tmp/less.toml", "is the default")
	if err := gone.Wait(); gone.ProcessState.ExitCode() != 255 || !strings.Contains(leaving.String(), "not one of this account") {
		t.Errorf("whose key is gone: %v, %q", err, leaving.String())
	}
	if _, code := s.run("other", 2200, "anna", "true"); code != 255 {
		t.Errorf("it opens again: status %d", code)
	}
	fmt.Fprintln(stdin, "there")
	stdin.Close()
	if err := stays.Wait(); err != nil || staying.String() != "here\nstill there\n" {
		t.Errorf("who stays: %v, %q", err, staying.String())
	}

	// The machine is known again after a restart, and whoever was logged in hears of it.
	said.Reset()
	last := s.command("key", 2200, "anna", "echo here; cat")
	last.Stdout, last.Stderr = &said, &said
	input, err := last.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer input.Close()
	if err := last.Start(); err != nil {
		t.Fatal(err)
	}
	for !strings.Contains(c.run("bantam status | grep -c 'anna from'"), "1\n") {
		time.Sleep(200 * time.Millisecond)
	}
	c.Send("reboot\r")
	if last.Wait(); !strings.Contains(said.String(), "goes down") {
		t.Errorf("at the restart: %q", said.String())
	}
	c.booted()
	c.settled()
	s.must("key", 2200, "root", "bantam log ssh", "has logged in with key SHA256:") // accept-new takes no other key
	c.Send("poweroff\r")
	c.WaitEnd()
	wantClean(t, path)
}
