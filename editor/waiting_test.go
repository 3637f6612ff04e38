package editor

import (
	"strings"
	"testing"

	"bantam/editor/keys"
)

// large is a text whose end is more than one slice of a search away.
func large() *model {
	return editing(strings.Repeat(strings.Repeat("x", 99)+"\n", 30<<10) + "needle\n")
}

// all types without a pause: keys that are there before the work is done.
func (m *model) all(s string) {
	for _, r := range s {
		k := keys.Key{Code: keys.Text, Text: []byte(string(r))}
		switch {
		case r == '\r':
			k = keys.Key{Code: keys.Enter}
		case r < ' ':
			k = keys.Key{Code: keys.Ctrl, Rune: r + '@'}
		}
		m.key(k)
	}
	for m.busy != nil {
		m.work()
	}
}

func (m *model) near() string {
	d := m.doc()
	return string(d.text.Bytes(d.cursor-1, d.cursor)) + "|" + string(d.text.Bytes(d.cursor, d.cursor+6))
}

func TestKeysThatComeDuringWorkWaitForItsEnd(t *testing.T) {
	for _, c := range []struct{ name, keys, near string }{
		{"a search", "\x06needle\rA", "A|needle"},
		{"a line", "\x1430721\rA", "A|needle"},
		{"two searches", "\x06needle\rA\x06needle\rB", "B|needle"},
	} {
		m := large()
		m.all(c.keys)
		if got := m.near(); got != c.near {
			t.Errorf("%s: typed at %q, want %q", c.name, got, c.near)
		}
	}
}

func TestCtrlCEndsTheWorkAndWhatWaits(t *testing.T) {
	m := large()
	for _, k := range []keys.Key{{Code: keys.Ctrl, Rune: 'F'}, {Code: keys.Text, Text: []byte("needle")}, {Code: keys.Enter}} {
		m.key(k)
	}
	m.all("A\x03")
	if d := m.doc(); d.cursor != 0 || d.text.Modified() || m.busy != nil {
		t.Errorf("the cursor is at %d, modified %v, busy %v", d.cursor, d.text.Modified(), m.busy != nil)
	}
}

func TestAMacroWaitsForItsSearch(t *testing.T) {
	m := large()
	m.press("<^G>*<^F>needle<enter>A<^G>*<^Z><top><^G>.")
	if got := m.near(); got != "A|needle" {
		t.Errorf("the macro typed at %q", got)
	}
}

func TestAMacroWithCompletions(t *testing.T) {
	m := editing("")
	m.doc().checker = tester{}
	m.press("<^G>*# line<enter>a<tab><tab>1<^G>*<enter><^G>.")
	if got, want := m.shown(), "# line\nafter = 1\n# line\nafter = 1|"; got != want {
		t.Errorf("it is %q, want %q", got, want)
	}
	m.press("<^Z>")
	if got, want := m.shown(), "# line\nafter = 1\n|"; got != want {
		t.Errorf("after undo it is %q, want %q", got, want)
	}
}

func TestAMacroThatLeavesTheLastFileEndsThere(t *testing.T) {
	m, path := opened(t, "one\n")
	m.press("<^G>*x<^S><^G>*")
	m.macro = append(m.macro, keys.Key{Code: keys.Ctrl, Rune: 'X'}, keys.Key{Code: keys.Text, Text: []byte("y")}, keys.Key{Code: keys.Ctrl, Rune: 'S'})
	m.press("<^G>.")
	if got := content(t, path); !m.done || got != "xxone\n" {
		t.Errorf("done %v, %q", m.done, got)
	}
}

func TestTheMenuThatEndsAMacroIsNoPartOfIt(t *testing.T) {
	m := editing("")
	m.press("<^G>*x<^G><down><up>*<^G>.y")
	if got := m.shown(); got != "xxy|" {
		t.Errorf("it is %q", got)
	}
}
