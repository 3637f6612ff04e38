package control

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bantam/editor"
)

func TestTheEditorSaysWhereAGeneratedFileComesFrom(t *testing.T) {
	for path, want := range map[string]string{
		"/etc/hosts":                  "from hostname in system.toml",
		"/etc/passwd":                 "from [user] in system.toml",
		"/run/bantam/net/resolv.conf": "from [dns] in system.toml",
		"/etc/ssl/cert.pem":           "the next boot forgets it",
		"/state/data/etc/hosts":       "",
		"/state/draft/system.toml":    "",
		"/etcetera":                   "",
	} {
		if got := remark(path); want == "" && got != "" || !strings.Contains(got, want) || len(got) > 79 {
			t.Errorf("%s: %q (%d bytes), want %q", path, got, len(got), want)
		}
	}
}

// The line editor says it before it asks for the first command.
func TestTheRemarkIsShownOnOpening(t *testing.T) {
	dir := t.TempDir()
	path, said := filepath.Join(dir, "hosts"), filepath.Join(dir, "said")
	if err := os.WriteFile(path, []byte("127.0.0.1 localhost\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	in, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := os.Create(said)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	for _, readOnly := range []bool{false, true} {
		opt := editor.Options{ReadOnly: readOnly, Remark: func(p string) string { return "remark on " + filepath.Base(p) }}
		if _, err := editor.Edit([]editor.Target{{Path: path}}, in, out, opt); err != nil {
			t.Fatal(err)
		}
	}
	if text, err := os.ReadFile(said); err != nil || bytes.Count(text, []byte("remark on hosts\n")) != 1 {
		t.Errorf("%q, %v; want the remark once, not where nothing can be changed", text, err)
	}
}
