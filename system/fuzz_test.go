package system

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"unicode"

	"github.com/BurntSushi/toml"

	"bantam/system/syntax"
)

func before(p, q Position) bool {
	return p.Line < q.Line || p.Line == q.Line && p.Col < q.Col
}

// FuzzParse checks what holds for every input: positions are inside the file;
// a valid file is valid TOML for the toml package too; written out again key by
// key it is the same system.
func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"testdata/bad/*.toml", "../examples/*/system.toml"} {
		files, _ := filepath.Glob(pattern)
		for _, file := range files {
			src, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(src)
		}
	}
	f.Add([]byte("sysctl.a.b = 1\nservice.x = { command = ['x'], env = { A = \"\"\"\"\"\\\"\"\"\" } }\n[check.'a']\ncommand = ['''a''''']"))
	f.Add([]byte("\"a\\nb\\u001b\" = 1\n\"a\\nb\\u001b\" = 1\nb\u009bc = \u009bd\n"))
	f.Fuzz(func(t *testing.T, src []byte) {
		s, problems := Parse("f", src)
		if (s == nil) != (len(problems) > 0) {
			t.Fatalf("system %v with problems %v", s, problems)
		}
		lines := strings.Split(strings.TrimPrefix(string(src), "\ufeff"), "\n")
		inside := func(p syntax.Position) bool {
			return p.Line >= 1 && p.Line <= len(lines) && p.Col >= 1 && p.Col <= len(lines[p.Line-1])+1
		}
		last := syntax.Position{}
		for _, p := range problems {
			at := syntax.Position{Line: p.Line, Col: p.Col}
			if !inside(at) || before(at, last) || p.Message == "" || strings.ContainsFunc(p.String(), unicode.IsControl) {
				t.Errorf("problem %v after %v in %d lines", p, last, len(lines))
			}
			last = at
		}
		for _, e := range Scan(src) {
			if !inside(e.Key) || !inside(e.Value) || !inside(e.ValueEnd) || before(e.ValueEnd, e.Value) {
				t.Errorf("entry %+v", e)
			}
		}
		if s == nil {
			return
		}
		var doc map[string]any
		if _, err := toml.Decode(strings.TrimPrefix(string(src), "\ufeff"), &doc); err != nil {
			t.Errorf("valid for us, not for the toml package: %v", err)
		}
		for _, f := range s.Files {
			if text := fieldText(reflect.ValueOf(f.Text)); sized(text, f.Text.Text) != text {
				return // a long text is not written out
			}
		}
		var again strings.Builder
		for _, c := range Diff(Default(), s) {
			again.WriteString(c.Path + " = " + c.New + "\n")
		}
		s2, problems := Parse("again", []byte(again.String()))
		if len(problems) > 0 || len(Diff(s, s2)) > 0 || len(Diff(s2, s)) > 0 {
			t.Errorf("written out:\n%s\nproblems %v, differences %v", again.String(), problems, Diff(s, s2))
		}
	})
}
