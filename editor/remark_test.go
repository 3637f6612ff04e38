package editor

import (
	"os"
	"path/filepath"
	"testing"
)

func TestTheRemarkComesIntoSightWithTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hosts")
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	opt := Options{Remark: func(string) string { return "made anew" }}
	for _, tt := range []struct {
		path     string
		readOnly bool
		want     string
	}{{path, false, "made anew"}, {path, true, ""}, {path + ".new", false, "made anew. A new file"}} {
		opt.ReadOnly = tt.readOnly
		d, err := opt.open(Target{Path: tt.path})
		if err != nil {
			t.Fatal(err)
		}
		if d.notice != tt.want {
			t.Errorf("%s, read only %v: %q, want %q", tt.path, tt.readOnly, d.notice, tt.want)
		}
		d.close(false)
	}
}
