package pid1

import (
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"bantam/init/supervise"
	"bantam/system"
)

// A command may name anything; reading some of it never ends.
func TestWhatIsNoProgramIsNotRead(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o755); err != nil {
		t.Fatal(err)
	}
	m := NewMachine(supervise.New(supervise.Options{Cgroup: "/none/bantam"}), nil, "", nil, nil)
	prints := make(chan map[string]string, 1)
	go func() {
		prints <- m.Fingerprints(&system.System{Services: map[string]system.Service{
			"endless": {Command: []string{"/dev/zero"}}, "silent": {Command: []string{pipe}}, "folder": {Command: []string{"/"}},
		}})
	}()
	select {
	case got := <-prints:
		for name, want := range map[string]string{
			"endless": "unknown: /dev/zero: not a file", "silent": "unknown: " + pipe + ": not a file", "folder": "unknown: /: not a file",
		} {
			if got[name] != want {
				t.Errorf("%s: got %q, want %q", name, got[name], want)
			}
		}
	case <-time.After(30 * time.Second):
		t.Error("it is still reading after 30 s")
	}
}
