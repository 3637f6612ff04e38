package sshd

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

func TestTheProcessIsConfinedBeforeItReadsAnything(t *testing.T) {
	h := newHost(t, nil)
	// It has sent its version, so it waits for the client's.
	conn := h.connect()
	readVersion(t, conn)
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", h.last().cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Seccomp:\t2\n", "NoNewPrivs:\t1\n"} {
		if !strings.Contains(string(status), want) {
			t.Errorf("no %q in\n%s", want, status)
		}
	}
	files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", h.last().cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		to, _ := os.Readlink(fmt.Sprintf("/proc/%d/fd/%s", h.last().cmd.Process.Pid, f.Name()))
		switch kind, _, _ := strings.Cut(to, ":"); {
		case kind == "socket", kind == "pipe", kind == "anon_inode": // the connection, the line, its log, what it waits with
		case strings.HasPrefix(to, "/sys/fs/cgroup/"): // how many processors Go may use
		case to == "/dev/null": // who has started the tests may have left that open
		default:
			t.Errorf("it has %s as %s", to, f.Name())
		}
	}
}

func TestNobodyStartsItByHand(t *testing.T) {
	for _, args := range [][]string{nil, {"-p", "22"}, {"--help"}} {
		stdout, stderr, status := out(t, be("bantam-sshd", args...), strings.NewReader("SSH-2.0-x\r\n"))
		if stdout != "" || status != 1 || !strings.HasPrefix(stderr, "bantam-sshd: only PID 1 starts this, for a connection: ") || strings.Contains(stderr, "nil") {
			t.Errorf("%q: %q, %q, %d", args, stdout, stderr, status)
		}
	}
}
