package pid1

import (
	"errors"
	"os"
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
	hole := filepath.Join(t.TempDir(), "hole")
	if err := errors.Join(os.WriteFile(hole, nil, 0o755), os.Truncate(hole, 1<<40)); err != nil {
		t.Fatal(err)
	}
	m := NewMachine(supervise.New(supervise.Options{Cgroup: "/none/bantam"}), nil, "", nil, nil)
	prints := make(chan map[string]string, 1)
	go func() {
		prints <- m.Fingerprints(&system.System{Services: map[string]system.Service{
			"endless": {Command: []string{"/dev/zero"}}, "silent": {Command: []string{pipe}}, "folder": {Command: []string{"/"}},
			"hole": {Command: []string{hole}},
		}})
	}()
	select {
	case got := <-prints:
		for name, want := range map[string]string{
			"endless": "unknown: read /dev/zero: not a file that can be read whole: it is a device",
			"silent":  "unknown: read " + pipe + ": not a file that can be read whole: it is a pipe",
			"folder":  "unknown: read /: not a file that can be read whole: it is a folder",
			"hole":    "unknown: read " + hole + ": not a file that can be read whole: it has 1099511627776 bytes, the limit is 536870912",
		} {
			if got[name] != want {
				t.Errorf("%s: got %q, want %q", name, got[name], want)
			}
		}
	case <-time.After(30 * time.Second):
		t.Error("it is still reading after 30 s")
	}
}
