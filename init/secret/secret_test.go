package secret

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestASecretIsKeptInAFolderOfRootAlone(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0))
	dir := filepath.Join(t.TempDir(), "secrets")
	s := Open(dir)
	if _, err := s.Value("token"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("before: %v", err)
	}
	if all, err := s.List(); len(all) > 0 || err != nil {
		t.Errorf("before: %v, %v", all, err)
	}
	for _, value := range []string{"hush\n", "\x00\xff", strings.Repeat("x", MostBytes)} {
		given := []byte(value)
		if err := s.Set("token", given); err != nil {
			t.Fatal(err)
		}
		clear(given) // it is the store's own
		known, _ := s.Known("token")
		got, err := Open(dir).Value("token")
		if string(got) != value || string(known) != value || err != nil {
			t.Errorf("%d bytes read, %d known, %v, want %d", len(got), len(known), err, len(value))
		}
	}
	for path, want := range map[string]fs.FileMode{dir: 0o700 | fs.ModeDir, filepath.Join(dir, "token"): 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode() != want {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}
	if all, err := s.List(); err != nil || len(all) != 1 || all[0].Name != "token" || all[0].Set.IsZero() {
		t.Errorf("%v, %v", all, err)
	}
	if err := s.Remove("token"); err != nil {
		t.Error(err)
	}
	if _, known := s.Known("token"); known {
		t.Error("it is known after its end")
	}
	if err := s.Remove("token"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("removed twice: %v", err)
	}
}

func TestWhatIsNoSecretIsRefused(t *testing.T) {
	dir := t.TempDir()
	s := Open(filepath.Join(dir, "secrets"))
	for name, value := range map[string]string{"../x": "v", "": "v", "A": "v", ".x": "v", "empty": "", "large": strings.Repeat("x", MostBytes+1)} {
		if err := s.Set(name, []byte(value)); err == nil || strings.Contains(err.Error(), "vv") {
			t.Errorf("%q was set: %v", name, err)
		}
		if _, err := s.Value(name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%q: %v", name, err)
		}
		if err := s.Remove(name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("remove %q: %v", name, err)
		}
	}
	for i := range mostNames {
		if err := s.Set(fmt.Sprint("s", i), []byte("v")); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Set("more", []byte("v")); err == nil {
		t.Error("one more than there may be")
	}
	if err := s.Set("s0", []byte("w")); err != nil {
		t.Errorf("another value for one of the last: %v", err)
	}
}

// Root may have put anything there.
func TestNothingIsReadThroughLinksOrWithoutEnd(t *testing.T) {
	dir := t.TempDir()
	folder := filepath.Join(dir, "secrets")
	s := Open(folder)
	if err := s.Set("good", []byte("v")); err != nil {
		t.Fatal(err)
	}
	outside := filepath.Join(dir, "outside")
	err := errors.Join(os.WriteFile(outside, []byte("theirs"), 0o600), os.Symlink(outside, filepath.Join(folder, "link")),
		syscall.Mkfifo(filepath.Join(folder, "pipe"), 0o600), os.Mkdir(filepath.Join(folder, "folder"), 0o700),
		os.WriteFile(filepath.Join(folder, "large"), make([]byte, MostBytes+1), 0o600), os.WriteFile(filepath.Join(folder, ".unfinished-4194304-1"), []byte("half"), 0o600))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"link", "pipe", "folder", "large"} {
		if value, err := s.Value(name); err == nil || strings.Contains(err.Error(), "/proc") {
			t.Errorf("%s: %q, %v", name, value, err)
		}
	}
	if err := s.Set("link", []byte("mine")); err != nil {
		t.Error(err)
	}
	if got, _ := os.ReadFile(outside); !bytes.Equal(got, []byte("theirs")) {
		t.Errorf("written through a link: %q", got)
	}
	if _, err := os.Stat(filepath.Join(folder, ".unfinished-4194304-1")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("half a value of a power cut is still there: %v", err)
	}
	if err := os.Symlink(folder, filepath.Join(dir, "other")); err != nil {
		t.Fatal(err)
	}
	other := Open(filepath.Join(dir, "other"))
	if _, err := other.Value("good"); err == nil {
		t.Error("read in a folder that is a link")
	}
	if err := other.Set("good", []byte("w")); err == nil {
		t.Error("written in a folder that is a link")
	}
}

func TestASecretThatIsMadeTakesNobodysPlace(t *testing.T) {
	s := Open(t.TempDir() + "/secrets")
	if err := s.SetNew("key", []byte("made")); err != nil {
		t.Fatal(err)
	}
	if err := s.SetNew("key", []byte("made again")); !errors.Is(err, fs.ErrExist) {
		t.Errorf("the second: %v", err)
	}
	if value, err := s.Value("key"); string(value) != "made" || err != nil {
		t.Errorf("%q, %v", value, err)
	}
	if err := s.Set("key", []byte("a person's")); err != nil {
		t.Fatal(err)
	}
	if err := s.SetNew("key", []byte("made")); !errors.Is(err, fs.ErrExist) {
		t.Errorf("after a person's: %v", err)
	}
}
