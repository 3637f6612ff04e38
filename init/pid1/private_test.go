package pid1

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// volume makes a state volume as an earlier version left it, with a folder of a service.
func volume(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "state")
	for _, name := range []string{"store/blobs/sha256", "draft", "recovery", "lost+found", "data"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"record", "record.copy", "journal", "boots", "seed", "clock", "history", "data/page"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestServicesReachTheirFoldersOnTheVolumeAndNothingOfBantams(t *testing.T) {
	dir := volume(t)
	if err := letServicesIn(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Dir(filepath.Dir(dir)), 0o755); err != nil {
		t.Fatal(err)
	}
	want := map[string]fs.FileMode{
		"": 0o711, "store": 0o700, "draft": 0o700, "recovery": 0o700, "lost+found": 0o700,
		"record": 0o600, "record.copy": 0o600, "journal": 0o600, "boots": 0o600, "seed": 0o600, "clock": 0o600, "history": 0o600,
		"data": 0o755, "data/page": 0o644,
	}
	for name, mode := range want {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm() != mode {
			t.Errorf("/state/%s: mode %04o, %v, want %04o", name, info.Mode().Perm(), err, mode)
		}
	}
	asNobody(t, func() {
		if _, err := os.ReadFile(filepath.Join(dir, "data/page")); err != nil {
			t.Errorf("nobody reads its own: %v", err)
		}
		for name := range want {
			if f, err := os.Open(filepath.Join(dir, name)); err == nil && !strings.HasPrefix(name, "data") {
				f.Close()
				t.Errorf("nobody opens /state/%s", name)
			}
		}
		if err := os.Mkdir(filepath.Join(dir, "mine"), 0o755); err == nil {
			t.Error("nobody makes a folder at the volume's top")
		}
	})
}

// asNobody runs f with the rights of nobody on files; t has to be root's.
func asNobody(t *testing.T, f func()) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root")
	}
	onThreadOfNobody(f)
}

func TestALinkOnTheVolumeClosesNothingElsewhere(t *testing.T) {
	dir := volume(t)
	elsewhere := filepath.Join(t.TempDir(), "elsewhere")
	if err := os.WriteFile(elsewhere, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "history")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(elsewhere, filepath.Join(dir, "history")); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "clock")); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "clock"), 0o666); err != nil { // an open for reading must not wait
		t.Fatal(err)
	}
	if err := letServicesIn(dir); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(elsewhere); err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("the link's target: mode %v, %v", info.Mode(), err)
	}
}
