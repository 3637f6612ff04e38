package supervise

import (
	"errors"
	"io/fs"
	"testing"
	"time"
)

func TestFingerprintsDifferExactlyWhenTheServiceDoes(t *testing.T) {
	files := map[string]string{"/bin/sshd": "one", "/usr/bin/tool": "two"}
	digest := func(path string) (string, error) {
		if d, ok := files[path]; ok {
			return d, nil
		}
		return "", fs.ErrNotExist
	}
	of := func(d Definition) string {
		t.Helper()
		f, err := Fingerprint(d, digest)
		if err != nil || len(f) != 64 {
			t.Fatalf("%q, %v", f, err)
		}
		return f
	}
	base := Definition{Name: "sshd", Argv: []string{"sshd", "-D"}}
	first := of(base)
	for _, c := range []struct {
		name   string
		change func(d *Definition)
		same   bool
	}{
		{"nothing", func(d *Definition) {}, true},
		{"a default said aloud", func(d *Definition) { d.Ready, d.StopTimeout = ReadyStarted, 10*time.Second }, true},
		{"an argument", func(d *Definition) { d.Argv = []string{"sshd"} }, false},
		{"the user", func(d *Definition) { d.UID = 1 }, false},
		{"no capabilities instead of all", func(d *Definition) { d.Caps = []int{} }, false},
		{"the search path, where it finds nothing", func(d *Definition) { d.Env = []string{"PATH=/x"} }, false},
		{"the bytes of the executable", func(d *Definition) { files["/bin/sshd"] = "other" }, false},
		{"an executable that vanishes", func(d *Definition) { delete(files, "/bin/sshd") }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			files["/bin/sshd"] = "one"
			d := base
			c.change(&d)
			if got := of(d) == first; got != c.same {
				t.Errorf("same fingerprint: %v, want %v", got, c.same)
			}
		})
	}
	if of(Definition{Name: "t", Argv: []string{"tool"}}) == of(Definition{Name: "t", Argv: []string{"gone"}}) {
		t.Error("an executable further along PATH is not found")
	}
	fault := errors.New("read error")
	if _, err := Fingerprint(base, func(string) (string, error) { return "", fault }); err != fault {
		t.Errorf("got %v, want the digest's error", err)
	}
}
