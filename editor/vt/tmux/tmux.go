// Package tmux asks tmux what a stream of bytes looks like on a terminal, so that
// tests can compare it with package vt. It needs the Debian package tmux. The
// server is one of its own, on a socket in a temporary directory.
package tmux

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Terminal is a window of tmux.
type Terminal struct {
	t          testing.TB
	dir        string
	rows, cols int
	shown      int
}

// Screen is what a stream left.
type Screen struct {
	Rows     []string // as bytes for a terminal: text with SGR, and line drawing by SO and SI
	Row, Col int      // the cursor; Col may be the number of columns: a wrap is pending
}

const settings = `set -g status off
set -g default-terminal screen
set -g history-limit 0
set -s escape-time 0
set -g remain-on-exit on
`

// Start begins a server that ends with the test.
func Start(t testing.TB, rows, cols int) *Terminal {
	t.Helper()
	if _, err := exec.LookPath("tmux"); err != nil {
		t.Fatalf("this test compares with tmux: install the Debian package tmux (%v)", err)
	}
	m := &Terminal{t: t, dir: t.TempDir(), rows: rows, cols: cols}
	if err := os.WriteFile(filepath.Join(m.dir, "conf"), []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	m.run("new-session", "-d", "-x", fmt.Sprint(cols), "-y", fmt.Sprint(rows), "exec sleep 1000")
	t.Cleanup(func() { m.run("kill-server") })
	return m
}

func (m *Terminal) run(args ...string) string {
	m.t.Helper()
	cmd := exec.Command("tmux", append([]string{"-u", "-S", filepath.Join(m.dir, "s"), "-f", filepath.Join(m.dir, "conf")}, args...)...)
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "TERM=xterm", "TMUX=")
	out, err := cmd.CombinedOutput()
	if err != nil {
		m.t.Fatalf("tmux %s: %v: %s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// Show sends a stream to a cleared window. The title that follows the stream
// tells when tmux has read all of it.
func (m *Terminal) Show(stream []byte) Screen {
	m.t.Helper()
	m.shown++
	done := fmt.Sprintf("shown-%d", m.shown)
	file := filepath.Join(m.dir, "stream")
	if err := os.WriteFile(file, append(stream[:len(stream):len(stream)], "\x1b]2;"+done+"\x1b\\"...), 0o600); err != nil {
		m.t.Fatal(err)
	}
	m.run("respawn-pane", "-k", "stty raw -echo; cat "+file+"; exec sleep 1000")
	var s Screen
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(2 * time.Millisecond) {
		title := ""
		fmt.Sscan(m.run("display-message", "-p", "#{pane_title} #{cursor_x} #{cursor_y}"), &title, &s.Col, &s.Row)
		if title == done {
			break
		}
		if time.Now().After(deadline) {
			m.t.Fatalf("tmux has not read %q after a minute", stream)
		}
	}
	s.Rows = strings.Split(strings.TrimSuffix(m.run("capture-pane", "-p", "-e"), "\n"), "\n")
	return s
}

// Compare shows a stream and returns how the screen differs, "" for not at all. Where it does tmux is asked twice more:
// on a busy host it may capture less than it has read.
func (m *Terminal) Compare(stream []byte, difference func(Screen) string) (differs string) {
	m.t.Helper()
	for range 3 {
		if differs = difference(m.Show(stream)); differs == "" {
			break
		}
	}
	return differs
}
