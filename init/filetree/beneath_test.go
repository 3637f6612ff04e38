package filetree

import (
	"os"
	"testing"
)

func TestBeneathStaysBelow(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, dir := range []string{"top/in/deep", "out"} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, target := range map[string]string{"near": "in/deep", "up": "..", "far": "../out", "root": "/", "self": "self", "back": "in/../in", "climb": "in/deep/../../../out"} {
		if err := os.Symlink(target, "top/"+name); err != nil {
			t.Fatal(err)
		}
	}
	top, err := Here.Folder("top", false)
	if err != nil {
		t.Fatal(err)
	}
	defer top.Close()
	for path, links := range map[string]struct{ followed, stepwise bool }{
		".": {true, true}, "in": {true, true}, "in/deep": {true, true}, "in//deep/": {true, true}, "near": {true, false}, "back/deep": {true, false},
		"..": {}, "in/../../out": {}, "up": {}, "far": {}, "root": {}, "climb": {}, "self": {}, "/": {}, "/etc": {}, "missing": {}, "up/top/in": {},
	} {
		for name, open := range map[string]func(string) (Dir, error){"openat2": top.Beneath, "stepwise": top.stepwise} {
			want := links.followed
			if name == "stepwise" {
				want = links.stepwise || path == "/" // which is no name there
				if path == "/etc" {
					continue // etc
				}
			}
			d, err := open(path)
			if (err == nil) != want {
				t.Errorf("%s %s: %v, want success %v", name, path, err, want)
			}
			d.Close()
		}
	}
}
