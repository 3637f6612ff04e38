package editor

import (
	"strings"
	"testing"

	"bantam/editor/keys"
)

func TestNanosReflexesDoNoHarm(t *testing.T) {
	for _, c := range []struct{ claim, before, keys, shown, saved string }{
		{"^O and Enter save", "mtu = 1500\n", "<right><right>x<^O><enter>", "mtx|u = 1500\n", "mtxu = 1500\n"},
		{"^O under another name keeps this one", "one\n", "x<^O>.bak<enter>", "x|one\n", "one\n"},
		{"^O and ^C", "one\n", "x<^O><^C>", "x|one\n", "one\n"},
		{"^_ goes to a line", "# a\n# b\n# c\n", "<^_>3<enter>", "# a\n# b\n|# c\n", "# a\n# b\n# c\n"},
		{"^C shows the position and nothing follows it", "one\n", "<^C>x", "x|one\n", "one\n"},
	} {
		m, path := opened(t, c.before)
		m.press(c.keys)
		if m.shown() != c.shown || content(t, path) != c.saved {
			t.Errorf("%s: shows %q, saved %q", c.claim, m.shown(), content(t, path))
		}
	}
	m := editing("one\ntwo\n")
	m.doc().text.Index(1)
	m.press("<down><right><^C>")
	if m.message != "Line 2 of 3, column 2, byte 5 of 8" {
		t.Errorf("^C says %q", m.message)
	}
	for _, c := range []struct {
		r          rune
		keys, want string
	}{
		{'G', "2<enter>", "one\n|two\n"}, {'U', "", "|one\ntwo\n"}, {'E', "", "x|one\ntwo\n"},
	} {
		m = editing("one\ntwo\n")
		if m.press("x"); c.r == 'E' {
			m.press("<^Z>")
		}
		if c.r == 'G' {
			m.press("<^Z>")
		}
		m.key(keys.Key{Code: keys.Alt, Rune: c.r})
		if m.press(c.keys); m.shown() != c.want {
			t.Errorf("M-%c: %q", c.r, m.shown())
		}
	}
	m = editing("one\n")
	m.key(keys.Key{Code: keys.Alt, Rune: 'A'})
	m.press("<right><^K>")
	if m.shown() != "|ne\n" {
		t.Errorf("M-A begins no selection: %q", m.shown())
	}
	m.key(keys.Key{Code: keys.Alt, Rune: 'J'})
	if !strings.Contains(m.message, "M-J is not bound") {
		t.Errorf("M-J says %q", m.message)
	}
}

func TestASaveAfterNoiseIsAskedAbout(t *testing.T) {
	m, path := opened(t, "one\n")
	m.types("a\xffb\x13")
	if got := content(t, path); got != "one\n" || m.prompt == nil {
		t.Fatalf("saved without a question: %q", got)
	}
	m.types("\x81\xfe\r")
	if got := content(t, path); got != "one\n" || m.prompt != nil {
		t.Errorf("more noise saved it: %q", got)
	}
	m.press("<^S>yes<enter>")
	if got := content(t, path); got != "a\xffbone\n" {
		t.Errorf("asked for it is %q", got)
	}
	m.press("c<^S>")
	if got := content(t, path); got != "a\xffbcone\n" {
		t.Errorf("asked again: %q", got)
	}
}
