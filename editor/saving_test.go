package editor

import (
	"path/filepath"
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
