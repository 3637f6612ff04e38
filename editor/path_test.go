package editor

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestTabCompletesTheNameOfAFile(t *testing.T) {
	m, path := opened(t, "one\n")
	dir := filepath.Dir(path)
	for _, name := range []string{"deep/below.txt", "network.old", "network.new", ".hidden"} {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte("text of "+filepath.Base(name)+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("deep", filepath.Join(dir, "other")); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ typed, answer, below string }{
		{"net<tab>", "network.", "network.new network.old"},
		{"net<tab>n<tab>", "network.new", ""},
		{"de<tab>", "deep/", ""},
		{"de<tab><tab>", "deep/below.txt", ""},
		{"ot<tab><tab>", "other/below.txt", ""},
		{"none<tab>", "none", "No such file"},
		{"none<tab>x", "nonex", ""},
		{".h<tab>", ".hidden", ""},
		{dir + "/dee<tab>", dir + "/deep/", ""},
		{"no/such/folder/<tab>", "no/such/folder/", "No such file"},
	} {
		m.press("<^G>p" + c.typed)
		if got := string(m.prompt.answer); got != c.answer || m.prompt.hint != c.below {
			t.Errorf("%q completes to %q with %q below, want %q with %q", c.typed, got, m.prompt.hint, c.answer, c.below)
		}
		m.press("<^C>")
	}
	m.press("<^G>pdeep/b<tab><enter>")
	if got := m.shown(); got != "|text of below.txt\n" {
		t.Errorf("opened %q", got)
	}
}

func TestNamesAreCompletedByWhatTheyHaveInCommon(t *testing.T) {
	all := []string{".profile", "a", "ab/", "x\xff1", "x\xff2", "ä", "äö", "ü"}
	for _, c := range []struct {
		begun, longer string
		names         []string
	}{
		{"", "", []string{"a", "ab/", "x\xff1", "x\xff2", "ä", "äö", "ü"}},
		{"a", "a", []string{"a", "ab/"}},
		{"ab", "ab/", []string{"ab/"}},
		{"x", "x\xff", []string{"x\xff1", "x\xff2"}},
		{"ä", "ä", []string{"ä", "äö"}},
		{".", ".profile", []string{".profile"}},
		{"z", "z", nil},
	} {
		if longer, names := completeName(c.begun, all); longer != c.longer || !slices.Equal(names, c.names) {
			t.Errorf("%q: %q of %q, want %q of %q", c.begun, longer, names, c.longer, c.names)
		}
	}
	if longer, _ := completeName("", []string{"ä", "ö"}); longer != "" {
		t.Errorf("half a letter is taken: %q", longer)
	}
}
