package test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bantam/switcher"
)

// deploy is `bantam deploy` on this host, to a machine that is reached at its port 22.
func (s *sshClient) deploy(args ...string) (out string, code int) {
	s.t.Helper()
	options := append([]string{"deploy", "--yes", "--confirm", "20s", "-o", "ServerAliveInterval=5"}, s.options("key", 22)...)
	ctx, end := context.WithTimeout(s.t.Context(), 5*time.Minute) // it would wait longer, and nobody would see the console
	defer end()
	cmd := exec.CommandContext(ctx, bantam, append(append(options, "root@127.0.0.1"), args...)...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	var text bytes.Buffer
	cmd.Stdout, cmd.Stderr = &text, &text
	err := cmd.Run()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		s.t.Fatal(err)
	}
	return text.String(), cmd.ProcessState.ExitCode()
}

// A machine gets its next settings from the workstation, goes back by itself from some with which it could not be reached any more.
func TestAMachineIsDeployedTo(t *testing.T) {
	s := newSSHClient(t, 22)
	dir := t.TempDir()
	systemOf := func(name, more string) string {
		path := filepath.Join(dir, name+".toml")
		text := "hostname = '" + name + "'\n" + more + "[user.root]\nauthorized_keys = ['" + s.public("key") + "']\n"
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	out := build(t, "pc", systemOf("bantam", ""))
	options := []string{"--store", filepath.Join(dir, "store"), "--lock", filepath.Join(out, "lock")}
	c := start(t, s.network(pc(t, bios, "-drive", virtio(disk(t, filepath.Join(out, "pc.img"))))))
	c.settled()

	said, code := s.deploy(append(options, systemOf("gate", ""))...)
	for _, want := range []string{"bantam: board pc, ", "generation 2 is there: 1 of ", "set hostname gate", "logged in again: confirming", "generation 2 runs and is the default", "bantam runs generation 2: proven, and reached anew"} {
		if !strings.Contains(said, want) {
			t.Errorf("no %q", want)
		}
	}
	if t.Logf("%s", said); code != 0 {
		t.Fatalf("status %d", code)
	}
	c.host = "gate"
	c.Send("\r")
	c.prompt()
	c.must("bantam status", "generation  2, good")

	// The machine finds nothing wrong with another address, but nobody comes in there.
	said, code = s.deploy(append(options, systemOf("away", "[net.eth0]\naddresses = ['10.0.2.77/24']\ngateway = '10.0.2.2'\n"))...)
	for _, want := range []string{"gate went back to generation 2", "nobody confirmed it within 20s"} {
		if !strings.Contains(said, want) {
			t.Errorf("no %q", want)
		}
	}
	if t.Logf("%s", said); code != switcher.ExitReverted {
		t.Errorf("status %d", code)
	}
	c.must("bantam status", "generation  2, good")
	c.Send("poweroff\r")
	c.WaitEnd()
}

// Another initrd takes a reboot and comes back proven; one with a service that fails goes back.
func TestAnotherKernelIsDeployed(t *testing.T) {
	s := newSSHClient(t, 22)
	dir := t.TempDir()
	file := filepath.Join(dir, "system.toml")
	text := "[user.root]\nauthorized_keys = ['" + s.public("key") + "']\n"
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	out := build(t, "pc", file)
	// padded is the same device binary in another blob, with more in system.toml.
	padded := func(zeros int, more string) func(*switcher.Store, *switcher.Generation) {
		return func(store *switcher.Store, g *switcher.Generation) {
			for _, segment := range g.Initrd {
				if segment.Annotations[switcher.SegmentAnnotation] != "init" {
					continue
				}
				data, err := store.Blob(segment.Digest)
				if err != nil {
					t.Fatal(err)
				}
				withInit(t, append(data, make([]byte, zeros)...))(store, g)
			}
			d, err := store.PutBytes([]byte(text + more))
			if err != nil {
				t.Fatal(err)
			}
			g.System.Digest, g.System.Size = d, int64(len(text+more))
		}
	}
	good, bad := filepath.Join(dir, "good.tar"), filepath.Join(dir, "bad.tar")
	altered(t, out, good, padded(4, ""))
	altered(t, out, bad, padded(8, "[service.broken]\ncommand = ['sh', '-c', 'echo no luck; exit 3']\n"))
	c := start(t, s.network(pc(t, bios, "-drive", virtio(disk(t, filepath.Join(out, "pc.img"))))))
	c.settled()

	said, code := s.deploy("--from", good)
	for _, want := range []string{"so it takes a reboot", "boot slot B", "waiting for it to come back", "logged in again: confirming", "runs generation 2: proven, and reached anew"} {
		if !strings.Contains(said, want) {
			t.Errorf("no %q", want)
		}
	}
	if t.Logf("%s", said); code != 0 {
		t.Fatalf("status %d", code)
	}
	c.booted()
	c.must("bantam status", "generation  2, good", "slot B (booted")

	said, code = s.deploy("--from", bad)
	for _, want := range []string{"went back to generation 2", "service broken: exit status 3"} {
		if !strings.Contains(said, want) {
			t.Errorf("no %q", want)
		}
	}
	if t.Logf("%s", said); code != switcher.ExitReverted {
		t.Errorf("status %d", code)
	}
	c.booted()
	c.must("bantam status", "generation  2, good", "slot B (booted")
	c.Send("poweroff\r")
	c.WaitEnd()
}
