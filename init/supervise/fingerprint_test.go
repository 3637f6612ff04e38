package supervise

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"bantam/lifecycle"
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
		return Fingerprint(d, digest)
	}
	base := Definition{Name: "sshd", Argv: []string{"sshd", "-D"}}
	first := of(base)
	for _, c := range []struct {
		name   string
		change func(d *Definition)
		same   bool
	}{
		{"nothing", func(d *Definition) {}, true},
		{"a default said aloud", func(d *Definition) { d.Ready, d.StopTimeout = lifecycle.ReadyStarted, 10*time.Second }, true},
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
			got, _ := lifecycle.SameFingerprint(first, of(d))
			if got != c.same {
				t.Errorf("same fingerprint: %v, want %v", got, c.same)
			}
		})
	}
	if of(Definition{Name: "t", Argv: []string{"tool"}}) == of(Definition{Name: "t", Argv: []string{"gone"}}) {
		t.Error("an executable further along PATH is not found")
	}
	fault := errors.New("read error")
	unknown := Fingerprint(base, func(string) (string, error) { return "", fault })
	if same, doubt := lifecycle.SameFingerprint(first, unknown); !same || doubt != "read error" {
		t.Errorf("a program that cannot be read: same %v, doubt %q", same, doubt)
	}
	other := base
	other.UID = 1
	if same, _ := lifecycle.SameFingerprint(Fingerprint(other, digest), unknown); same {
		t.Error("another definition is the same where the program cannot be read")
	}
}

func TestAProgramIsFoundWhereTheServiceWouldFindIt(t *testing.T) {
	dir := t.TempDir()
	for name, mode := range map[string]os.FileMode{"tool": 0o755, "text": 0o644} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, mode); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name, command, path, dir, want string
	}{
		{"by its path", dir + "/tool", "/bin", "", ""},
		{"along PATH", "tool", "/none:" + dir, "", ""},
		{"below the service's directory", "./tool", "/bin", dir, ""},
		{"nowhere", "/none/tool", dir, "", "/none/tool: file does not exist"},
		{"not along PATH", "tool", "/none", dir, "tool: file does not exist"},
		{"a file that is none", dir + "/text", "", "", dir + "/text: not an executable file"},
		{"a directory", dir, "", "", dir + ": not an executable file"},
	} {
		text := ""
		if err := (Definition{Argv: []string{c.command}, Env: []string{"PATH=" + c.path}, Dir: c.dir}).findProgram(LookAt); err != nil {
			text = err.Error()
		}
		if text != c.want {
			t.Errorf("%s: %q, want %q", c.name, text, c.want)
		}
	}
}

func TestAProcessKeepsTheFingerprintThatItWasStartedWith(t *testing.T) {
	e := NewEngine(func() float64 { return 0.5 })
	now := time.Second
	step := func(event Event) {
		now += time.Second
		for _, a := range e.Step(now, event) {
			if spawn, ok := a.(Spawn); ok {
				e.Step(now, Spawned{spawn.Definition.Name, spawn.Serial, 100})
				e.Step(now, Executed{spawn.Definition.Name, spawn.Serial})
			}
		}
	}
	want := func(when, print, told, defined string) {
		t.Helper()
		if st := e.States(nil, now)[0]; st.Fingerprint != print || st.Told != told || st.Defined != defined {
			t.Errorf("%s: runs %q, told %q, next %q; want %q, %q, %q", when, st.Fingerprint, st.Told, st.Defined, print, told, defined)
		}
	}
	define := func(print string) {
		step(Define{[]Definition{{Name: "web", Argv: []string{"httpd", print}, Fingerprint: print}}})
	}
	define("old")
	want("before its start", "", "", "old")
	step(Start{Names: []string{"web"}})
	want("started", "old", "", "old")
	define("new")
	want("with a new definition", "old", "", "new")
	step(Reload{Names: []string{"web"}})
	want("told to reload", "old", "new", "new")
	step(Exited{Name: "web", Serial: 1, Empty: true})
	want("gone", "", "", "new")
	step(Tick{})
	step(Tick{})
	want("started again by itself", "new", "", "new")
}
