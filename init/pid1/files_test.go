package pid1

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"bantam/switcher"
)

func TestFilesAreWrittenLookedAtAndRemoved(t *testing.T) {
	m, dir := new(Machine), t.TempDir()
	defer syscall.Umask(syscall.Umask(0o077)) // it counts for nothing
	file := filepath.Join(dir, "a/b/conf")
	look := func(want string) {
		t.Helper()
		if got, err := m.FileState(file); got != want || err != nil {
			t.Errorf("got %q, %v, want %q", got, err, want)
		}
	}
	uid, gid := os.Getuid(), os.Getgid()
	look("")
	if err := m.RemoveFile(file); err != nil {
		t.Error(err)
	}
	for _, text := range []string{"one\n", "", "two\n"} {
		want, err := switcher.FileState(0o640, uid, gid, strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if err := m.WriteFile(file, []byte(text), 0o640, uid, gid); err != nil {
			t.Fatal(err)
		}
		look(want)
		if got, err := os.ReadFile(file); string(got) != text || err != nil {
			t.Errorf("%q, %v", got, err)
		}
	}
	if info, err := os.Stat(filepath.Dir(file)); err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("the folder that was made: %v, %v", info.Mode(), err)
	}
	if err := m.RemoveFile(file); err != nil {
		t.Error(err)
	}
	look("")
}

// What somebody has put in the place of a file is replaced, and nothing is written through it.
func TestFilesAreNotWrittenThroughLinks(t *testing.T) {
	m, dir := new(Machine), t.TempDir()
	outside := filepath.Join(dir, "outside")
	if err := os.WriteFile(outside, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	write := func(file string) error { return m.WriteFile(file, []byte("text"), 0o600, os.Getuid(), os.Getgid()) }
	for name, put := range map[string]func(string) error{
		"link":     func(file string) error { return os.Symlink(outside, file) },
		"nowhere":  func(file string) error { return os.Symlink("nowhere", file) },
		"pipe":     func(file string) error { return syscall.Mkfifo(file, 0o600) },
		"hardlink": func(file string) error { return os.Link(outside, file) },
	} {
		file := filepath.Join(dir, name)
		if err := put(file); err != nil {
			t.Fatal(err)
		}
		state, err := m.FileState(file)
		if err != nil || state == "" || strings.HasPrefix(state, " ") {
			t.Errorf("%s: %q, %v", name, state, err)
		}
		if err := write(file); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if info, err := os.Lstat(file); err != nil || !info.Mode().IsRegular() {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	folder := filepath.Join(dir, "folder")
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	if state, err := m.FileState(folder); state != " a folder" || err != nil {
		t.Errorf("%q, %v", state, err)
	}
	if err := write(folder); err == nil {
		t.Error("a folder was replaced")
	}
	if err := os.Symlink(folder, filepath.Join(dir, "way")); err != nil {
		t.Fatal(err)
	}
	through := filepath.Join(dir, "way", "file")
	if _, err := m.FileState(through); err == nil || !strings.Contains(err.Error(), "way is no folder; a link to one will not do") {
		t.Errorf("looked at through a link: %v", err)
	}
	for what, err := range map[string]error{"written": write(through), "removed": m.RemoveFile(through)} {
		if err == nil {
			t.Errorf("%s through a link", what)
		}
	}
	if got, err := os.ReadFile(outside); string(got) != "mine" || err != nil {
		t.Errorf("outside is %q, %v", got, err)
	}
	if names, err := os.ReadDir(folder); len(names) > 0 || err != nil {
		t.Errorf("in the folder: %v, %v", names, err)
	}
}

// A link in the place of a folder is no way for what is to lie in it, and goes when the folder is made.
func TestAFolderIsMadeInPlaceOfALink(t *testing.T) {
	m, dir := new(Machine), t.TempDir()
	elsewhere := t.TempDir()
	folder := filepath.Join(dir, "conf.d")
	if err := os.Symlink(elsewhere, folder); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(folder, "a")
	if err := m.WriteFile(file, nil, 0o644, os.Getuid(), os.Getgid()); err == nil || !strings.HasSuffix(err.Error(), "conf.d is no folder; a link to one will not do") {
		t.Errorf("written through the link: %v", err)
	}
	for range 2 {
		if err := m.MakeFolder(folder); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.WriteFile(file, nil, 0o644, os.Getuid(), os.Getgid()); err != nil {
		t.Error(err)
	}
	if names, err := os.ReadDir(elsewhere); len(names) > 0 || err != nil {
		t.Errorf("%v, %v", names, err)
	}
	for _, link := range []string{"x", "y"} {
		file := filepath.Join(dir, "link")
		if err := m.WriteLink(file, link); err != nil {
			t.Fatal(err)
		}
		if got, err := m.FileState(file); got != switcher.LinkState(link) || err != nil {
			t.Errorf("%q, %v", got, err)
		}
	}
}
