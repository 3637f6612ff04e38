package filetree

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestOpenParentMakesFoldersAndFollowsNoLink(t *testing.T) {
	base := t.TempDir()
	outside := t.TempDir()
	if err := os.Symlink(outside, filepath.Join(base, "link")); err != nil {
		t.Fatal(err)
	}
	d, err := Here.Folder(base, true)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if _, _, err := d.OpenParent("a/b/file", 0); !errors.Is(err, syscall.ENOENT) {
		t.Errorf("nothing is there: %v", err)
	}
	parent, name, err := d.OpenParent("a/b/file", 0o755)
	if err != nil || name != "file" {
		t.Fatalf("got %q, %v", name, err)
	}
	defer parent.Close()
	if err := parent.Mkdir(name, 0o755); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(base + "/a/b/file"); err != nil || !info.IsDir() {
		t.Errorf("made elsewhere: %v", err)
	}
	if _, _, err := d.OpenParent("link/below/file", 0o755); err == nil {
		t.Error("a link was followed")
	}
	if list, _ := os.ReadDir(outside); len(list) > 0 {
		t.Errorf("outside has %v", list)
	}
}

// TestAFolderThatIsMovedAwayIsNotTakenForAnother moves a folder elsewhere while
// the walk is so deep in it that the folders above are closed.
func TestAFolderThatIsMovedAwayIsNotTakenForAnother(t *testing.T) {
	base := t.TempDir()
	path := base + "/top/victim" + strings.Repeat("/d", 2*held)
	if err := os.MkdirAll(path, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(base+"/elsewhere/zzz", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(base+"/top/victim/zzz", 0o755); err != nil {
		t.Fatal(err)
	}
	var left []string
	failed := false
	w := Walk{
		Enter: func(e *Entry) bool {
			if e.Depth == 2*held {
				if err := os.Rename(base+"/top/victim/d", base+"/elsewhere/d"); err != nil {
					t.Fatal(err)
				}
			}
			return true
		},
		Leave: func(e *Entry) {
			if info, err := e.Dir.Lstat(e.Name); err == nil && info.ID() != e.Info.ID() { // gone is right
				t.Errorf("%s is left in another folder than it was entered in", e.Path())
			}
			left = append(left, e.Path())
		},
		Fail: func(e *Entry, err error) { failed = true },
	}
	whole := w.Walk(base + "/top")
	for _, path := range left {
		if strings.Contains(path, "elsewhere") {
			t.Errorf("left %s", path)
		}
	}
	if whole && !failed && len(left) == 0 {
		t.Error("nothing was walked")
	}
}
