package editor

import (
	"strings"
	"testing"

	"bantam/editor/keys"
)

func TestViAtTheBeginningIsAskedAbout(t *testing.T) {
	for _, c := range []struct {
		claim, keys, shown string
		asked, done        bool
	}{
		{"leave", ":q!<enter>x", "", true, true},
		{"save and leave", ":wq<enter>x", "", true, true},
		{"ZZ needs no Enter", "ZZx", "", true, true},
		{"after looking around", "<down><down>:q<enter>x", "", true, true},
		{"taken out", ":wq<enter><^C>new", "new|one\n", true, false},
		{"it is text", ":q<enter>n", ":q\n|one\n", true, false},
		{"ZZ is text", "ZZnTOP", "ZZTOP|one\n", true, false},
		{"other text", ":quote<enter>", ":quote\n|one\n", false, false},
		{"not later", "x:q<enter>", "x:q\n|one\n", false, false},
		{"not after something was done", "<^K>:q<enter>", ":q\n|", false, false},
	} {
		m, path := opened(t, "one\n")
		asked := false
		for rest := c.keys; rest != ""; {
			n := 1
			if rest[0] == '<' {
				n = strings.IndexByte(rest, '>') + 1
			}
			m.press(rest[:n])
			rest = rest[n:]
			asked = asked || m.prompt != nil
		}
		if asked != c.asked || m.done != c.done || !c.done && m.shown() != c.shown {
			t.Errorf("%s: asked %v, done %v, shows %q", c.claim, asked, m.done, m.shown())
		}
		if got := content(t, path); got != "one\n" {
			t.Errorf("%s: the file is %q", c.claim, got)
		}
	}
}

// types is what a terminal sends.
func (m *model) types(bytes string) {
	var decoder keys.Decoder
	for _, k := range decoder.Feed([]byte(bytes)) {
		m.key(k)
	}
}

func TestViBehindESC(t *testing.T) {
	m, _ := opened(t, "one\n")
	m.types("\x1b:q!\r")
	if m.prompt == nil {
		t.Fatalf("not asked; it shows %q", m.shown())
	}
	if m.press("x"); !m.done {
		t.Error("not left")
	}
}
