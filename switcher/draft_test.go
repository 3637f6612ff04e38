package switcher

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// putDraft makes the folder of the draft and returns its path.
func putDraft(t *testing.T, dir string) string {
	t.Helper()
	path := filepath.Join(dir, "draft", "system.toml")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestThereIsNoDraftBeforeAGenerationRuns(t *testing.T) {
	dir, m := t.TempDir(), newFakeMachine()
	s, err := open(quickDisk{}, machineOptions(dir, m))
	if err != nil {
		t.Fatal(err)
	}
	asked := false
	m.fail = func(call string) error {
		if call == "hostname image" { // it is being started
			asked = true
			if d, err := s.Draft(); err == nil {
				t.Errorf("whoever edits now begins with %q", d.Text)
			}
		}
		return nil
	}
	wantExit(t, boot(s, m), ExitGood)
	if d, err := s.Draft(); !asked || err != nil || string(d.Text) != imageText {
		t.Errorf("asked %v, draft %+v, %v", asked, d, err)
	}
}

func TestDraftThatIsNoTextIsRefusedWithoutReadingItAll(t *testing.T) {
	for _, c := range []struct {
		name, want string
		make       func(path string) error
	}{
		{"larger than any system.toml", "it has 67108864 bytes", func(path string) error {
			if err := os.WriteFile(path, nil, 0o644); err != nil {
				return err
			}
			return os.Truncate(path, 64<<20)
		}},
		{"a pipe", "not a file", func(path string) error { return syscall.Mkfifo(path, 0o644) }},
		{"a device without end", "not a file", func(path string) error { return os.Symlink("/dev/zero", path) }},
		{"a folder", "not a file", func(path string) error { return os.Mkdir(path, 0o755) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, m, dir := bootedMachine(t)
			path := putDraft(t, dir)
			if err := c.make(path); err != nil {
				t.Fatal(err)
			}
			ended := make(chan Result, 1)
			go func() { ended <- s.Switch(t.Context(), Request{Verb: VerbSwitch}, nil) }()
			select {
			case r := <-ended:
				wantExit(t, r, ExitRefused)
				if !strings.Contains(r.Reason, path) || !strings.Contains(r.Reason, c.want) {
					t.Errorf("reason %q", r.Reason)
				}
			case <-time.After(time.Minute):
				t.Fatal("the switch waits for the draft, and every other one for that")
			}
			wantRuns(t, m, "image []")
		})
	}
}
