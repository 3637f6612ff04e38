package editor

import (
	"os"
	"strings"
	"testing"
)

func TestAnAnswerThatCannotBeTakenKeepsTheQuestion(t *testing.T) {
	for _, c := range []struct{ claim, keys, hint, after string }{
		{"a bad expression", "<^F><^T>(<enter>new<enter>", "missing closing )", "|one\n"},
		{"a bad expression to be replaced, and all typed ahead", "<^R><^T>[<enter>new<enter>", "missing closing ]", "|one\n"},
		{"no number", "<^T>x<enter>y<enter>", "is no line number", "|one\n"},
		{"no line", "<^T>0<enter>", "is no line number", "|one\n"},
	} {
		m := editing("one\n")
		m.press(c.keys)
		if m.prompt == nil || !strings.Contains(m.prompt.hint, c.hint) || m.shown() != c.after {
			t.Errorf("%s: prompt %+v, text %q", c.claim, m.prompt, m.shown())
			continue
		}
		if m.press("<^C>"); m.prompt != nil {
			t.Errorf("%s: ^C does not leave it", c.claim)
		}
	}
}

func TestADeletedFileIsNotCalledChanged(t *testing.T) {
	m, path := opened(t, "one\n")
	m.press("x")
	remove(t, path)
	if !m.look() || !strings.Contains(m.message, "removed or renamed file.txt") {
		t.Errorf("it says %q", m.message)
	}
	m.press("<^S>")
	if m.prompt == nil || !strings.Contains(m.prompt.question, "removed or renamed") || m.prompt.choices != "o" {
		t.Fatalf("it asks %+v", m.prompt)
	}
	m.press("o")
	if got := content(t, path); got != "xone\n" {
		t.Errorf("written anew it is %q", got)
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}
