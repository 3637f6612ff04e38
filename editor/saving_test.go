package editor

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestALastLineThatWasTypedIsEnded(t *testing.T) {
	for _, c := range []struct{ claim, before, keys, shown, saved string }{
		{"a new file", "", "one<^S>", "one|\n", "one\n"},
		{"an empty one stays empty", "", "x<bs><^S>", "|", ""},
		{"a line after the last", "one\n", "<bottom>two<^S>", "one\ntwo|\n", "one\ntwo\n"},
		{"an end that was deleted", "one\n", "<bottom><bs><^S>", "one|\n", "one\n"},
		{"as the other lines end", "one\r\n", "<bottom>two<^S>", "one\r\ntwo|\r\n", "one\r\ntwo\r\n"},
		{"typing goes on before the end", "", "one<^S>x<^S>", "onex|\n", "onex\n"},
		{"undo takes it away first", "", "one<^S><^Z>", "one|", "one\n"},
		{"a last line that never had one gets none", "key", "<bottom>2<^S>", "key2|", "key2"},
	} {
		m, path := opened(t, c.before)
		m.press(c.keys)
		if got, saved := m.shown(), content(t, path); got != c.shown || saved != c.saved {
			t.Errorf("%s: shows %q, want %q; saved %q, want %q", c.claim, got, c.shown, saved, c.saved)
		}
	}
	m, path := opened(t, "one\n")
	other := filepath.Join(filepath.Dir(path), "other.txt")
	m.press("<bottom>two<^G>aother.txt<enter>")
	if got := content(t, other); got != "one\ntwo\n" {
		t.Errorf("saved as another: %q", got)
	}
}

// A file that is not read into memory changes under the text when it is written to.
func TestALargeFileThatOthersWroteIntoIsNotOverwritten(t *testing.T) {
	ours := strings.Repeat("ours\n", 1<<19)
	m, path := opened(t, ours)
	m.press("x")
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt(bytes.Repeat([]byte("their\n"), 100), 1000); err != nil {
		t.Fatal(err)
	}
	f.Close()
	theirs := content(t, path)
	m.press("<^S>o")
	if content(t, path) != theirs || m.prompt == nil || m.prompt.choices != "ar" {
		t.Fatalf("overwritten, or not asked: %+v", m.prompt)
	}
	m.press("rn")
	if !m.doc().text.Modified() {
		t.Error("read again without the question whether to lose what is not saved")
	}
	m.press("<^S>a" + filepath.Join(filepath.Dir(path), "other") + "<enter>")
	if content(t, path) != theirs || !strings.Contains(m.message, "somebody else") {
		t.Errorf("saved elsewhere it says %q", m.message)
	}
}

func TestAMissingLineEndIsShown(t *testing.T) {
	for before, want := range map[string]bool{"key": true, "key\n": false, "": false} {
		m := editing(before)
		if got := strings.Contains(m.statusText(), "last line without end"); got != want {
			t.Errorf("%q: %q", before, m.statusText())
		}
	}
}

func TestAFaultIsSaidOnce(t *testing.T) {
	for _, c := range []struct {
		cols int
		once bool
	}{{80, true}, {20, false}} {
		m := editing("bad\n")
		m.doc().checker = tester{}
		m.view.cols = c.cols
		m.view.fit(m.doc())
		m.doc().check()
		if got := m.statusText(); strings.Contains(got, "this is bad") == c.once {
			t.Errorf("at %d columns the status row says %q", c.cols, got)
		}
	}
}
