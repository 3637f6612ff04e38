package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestFunctionsLoseTheirBodiesAndFilesWhatTheseUsed(t *testing.T) {
	for _, c := range []struct{ name, from, want string }{
		{
			"imports", "package a\n\nimport (\n\t\"fmt\"\n\tother \"os\"\n\t\"io\"\n)\n\nfunc f(w io.Writer) { fmt.Fprint(w, other.Args) }\n",
			"package a\n\nimport (\n\t\n\t\n\t\"io\"\n)\n\nfunc f(w io.Writer) { panic(0) }\n",
		},
		{"alone", "package a\n\nimport \"fmt\"\n\nfunc f() { fmt.Print() }\n", "package a\n\n\n\nfunc f() { panic(0) }\n"},
		{"a folder that is a version", "package a\n\nimport \"x/rand/v2\"\n\nvar r rand.Rand\n", "package a\n\nimport \"x/rand/v2\"\n\nvar r rand.Rand\n"},
		{"directives", "//go:build linux\n\npackage a\n\nimport _ \"embed\"\n\n//go:embed x\nvar x string\n", "//go:build linux\n\npackage a\n\nimport _ \"embed\"\n\n//go:embed x\nvar x string\n"},
		{"assembly", "package a\n\nfunc f()\n", "package a\n\nfunc f()\n"},
		{"methods and variables", "package a\n\nvar v = func() int { return 1 }\n\nfunc (t T) m() int { return v() }\n", "package a\n\nvar v = func() int { return 1 }\n\nfunc (t T) m() int { panic(0) }\n"},
	} {
		if got, err := hollowed([]byte(c.from)); err != nil || string(got) != c.want {
			t.Errorf("%s: %v\n%s\nwant\n%s", c.name, err, got, c.want)
		}
	}
	if _, err := hollowed([]byte("package")); err == nil {
		t.Error("half a file is one")
	}
}

// A program that is built with the overlay is smaller by what its functions used.
func TestAHollowProgramIsBuilt(t *testing.T) {
	root, folder := t.TempDir(), t.TempDir()
	before := filepath.Join(root, "overlay.json")
	for name, text := range map[string]string{
		"go.mod":       "module a\n\ngo 1.26\n",
		"main.go":      "package main\n\nimport \"a/b\"\n\nfunc main() { b.Do() }\n",
		"b/b.go":       "package b\n\nimport \"net/http\"\n\nfunc Do() { http.Get(\"x\") }\n",
		"b/b_test.go":  "package b\n\nimport \"testing\"\n",
		"overlay.json": `{"Replace":{}}`,
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(root, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := write(root, before, folder, "^b/"); err != nil {
		t.Fatal(err)
	}
	size := func(overlay string) int64 {
		to := filepath.Join(t.TempDir(), "program")
		cmd := exec.Command("go", "build", "-overlay", overlay, "-o", to, ".")
		cmd.Dir, cmd.Env = root, append(os.Environ(), "GOWORK=off", "GOFLAGS=", "CGO_ENABLED=0")
		if text, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		info, err := os.Stat(to)
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	if whole, hollow := size(before), size(filepath.Join(folder, "overlay.json")); hollow > whole/2 {
		t.Errorf("whole it has %d bytes, hollow %d", whole, hollow)
	}
	text, err := os.ReadFile(filepath.Join(folder, "overlay.json"))
	var overlay struct{ Replace map[string]string }
	if err != nil || json.Unmarshal(text, &overlay) != nil || len(overlay.Replace) != 1 {
		t.Errorf("%s, %v", text, err)
	}
	for _, c := range [][2]string{{"^nothing", "no file"}, {"[", "missing closing ]"}} {
		if err := write(root, before, folder, c[0]); err == nil || !strings.Contains(err.Error(), c[1]) {
			t.Errorf("%s: %v", c[0], err)
		}
	}
}
