package pid1

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// pathsBelow lists the files below a folder.
func pathsBelow(t *testing.T, dir string) (list []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			rest, _ := filepath.Rel(dir, path)
			list = append(list, rest)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestAWipeLeavesGenerationsAndWhatIsToBeKept(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	put := func(path, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, path)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, path), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{"store/blobs/sha256/12", "boots", "clock", "ssh-host-key", "seed", "secrets/vpn", "secrets/web", "services/var:lib:web/a", "services/var:lib:web/b/c", "services/var:lib:db/d", "data/x"} {
		put(path, "x")
	}
	if err := os.WriteFile(filepath.Join(outside, "file"), []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	keep := []string{"store", "boots", "secrets/vpn", "services/var:lib:web/b"}
	err := wipeBelow(dir, "", func(path string) (it, below bool) {
		for _, k := range keep {
			it, below = it || path == k || strings.HasPrefix(path, k+"/"), below || strings.HasPrefix(k, path+"/")
		}
		return it, below
	})
	if err != nil {
		t.Fatal(err)
	}
	got := pathsBelow(t, dir)
	if want := []string{"boots", "secrets/vpn", "services/var:lib:web/b/c", "store/blobs/sha256/12"}; !slices.Equal(got, want) {
		t.Errorf("left are %q, want %q", got, want)
	}
	if len(pathsBelow(t, outside)) != 1 {
		t.Error("a link was followed")
	}
}

func TestWhatAWipeIsToKeepMustBeThere(t *testing.T) {
	state := t.TempDir()
	s := &stateFolders{dir: filepath.Join(state, "services")}
	for _, dir := range []string{"services/var:lib:web/sub", "data"} {
		if err := os.MkdirAll(filepath.Join(state, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	got, err := s.keepPaths([]string{state + "/data/", "/var/lib/web", "/var/lib/web/sub", state + "/services/../data"})
	if want := []string{"data", "services/var:lib:web", "services/var:lib:web/sub", "data"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v", got, err)
	}
	for path, words := range map[string]string{"/etc/passwd": "nothing of it lasts a reboot", "/var/lib/webb": "nothing of it lasts", state: "nothing of it lasts",
		state + "/../x": "nothing of it lasts", state + "/none": "is not there", "/var/lib/web/none": "is not there", "data": "nothing of it lasts"} {
		if list, err := s.keepPaths([]string{path}); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%s: %q, %v", path, list, err)
		}
	}
}
