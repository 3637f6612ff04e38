package editor

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"bantam/editor/keys"
	"bantam/editor/screen"
	"bantam/editor/text"
	"bantam/editor/vt"
)

// watched is a model with the terminal that shows it.
type watched struct {
	*model
	terminal screen.Terminal
	screen   *screen.Screen
	vt       *vt.Terminal
	slow     bool
}

func watch(m *model, kind screen.Terminal, slow bool) *watched {
	w := &watched{model: m, slow: slow}
	w.resize(kind)
	return w
}

func level(t screen.Terminal) vt.Level {
	switch {
	case t.Colors:
		return vt.Linux
	case t.Insert || t.Lines:
		return vt.VT102
	}
	return vt.VT100
}

// resize gives the terminal another size; what it shows is dirt.
func (w *watched) resize(kind screen.Terminal) {
	w.terminal = kind
	w.screen = screen.New(kind)
	w.vt = vt.New(kind.Rows, kind.Cols, level(kind))
	for i := range kind.Rows {
		fmt.Fprintf(w.vt, "\x1b[%dH%s", i+1, strings.Repeat("#", kind.Cols-1))
	}
	w.view.rows, w.view.cols, w.view.colors = kind.Rows, kind.Cols, kind.Colors
}

// draw sends what the editor would, and compares with a terminal that gets the
// same picture fresh.
func (w *watched) draw(t *testing.T, full bool, after string) int {
	t.Helper()
	sent := w.model.draw(w.screen, w.slow, full)
	w.vt.Write(sent)
	fresh := vt.New(w.terminal.Rows, w.terminal.Cols, level(w.terminal))
	fresh.Write(screen.New(w.terminal).Draw(w.compose(false)))
	if got, want := w.vt.Text(), fresh.Text(); got != want {
		t.Fatalf("after %s the screen shows\n%s\nwant\n%s", after, got, want)
	}
	for r := range w.terminal.Rows {
		for c := range w.terminal.Cols {
			if got, want := w.vt.StyleAt(r, c), fresh.StyleAt(r, c); got != want && strings.TrimSpace(w.vt.CellAt(r, c)) != "" {
				t.Fatalf("after %s the style at %d,%d is %v, want %v\n%s", after, r, c, got, want, w.vt.Text())
			}
		}
	}
	r, c := w.vt.Cursor()
	if fr, fc := fresh.Cursor(); r != fr || c != fc {
		t.Fatalf("after %s the cursor is at %d,%d, want %d,%d", after, r, c, fr, fc)
	}
	if faults := append(w.vt.Faults(), fresh.Faults()...); len(faults) > 0 {
		t.Fatalf("after %s: %q", after, faults)
	}
	return len(sent)
}

// cursorIsRight compares the character under the cursor with the text.
func (w *watched) cursorIsRight(t *testing.T, after string) {
	t.Helper()
	d := w.doc()
	if w.prompt != nil || w.covered || d.cursor >= d.text.Len() {
		return
	}
	c := d.text.Byte(d.cursor)
	if c <= ' ' || c >= 0x7f {
		return
	}
	row, col := w.vt.Cursor()
	if got := w.vt.CellAt(row, col); got != string(rune(c)) && !strings.HasPrefix(got, string(rune(c))) && got != "<" && got != ">" {
		t.Fatalf("after %s the cursor stands on %q, want %q, in %q, wrap %v, %+v, top %d, left %d\n%s", after, got, c, w.shown(), w.view.wrap, w.terminal, d.top, d.left, w.vt.Text())
	}
}

var alphabet = []string{"a", "Z", "\t", " ", "=", "\"", "#", "[", "]", "世", "e\u0301", "\U0001f600", "\xff", "\x00", "\u200b", "\n", "\r\n", "key = 1\n", strings.Repeat("long ", 30)}

func randomText(r *rand.Rand, n int) string {
	var s strings.Builder
	for range n {
		s.WriteString(alphabet[r.IntN(len(alphabet))])
	}
	return s.String()
}

var motions = []keys.Code{keys.Up, keys.Down, keys.Left, keys.Right, keys.WordLeft, keys.WordRight, keys.Home, keys.End, keys.Top,
	keys.Bottom, keys.PageUp, keys.PageDown}

func randomKey(r *rand.Rand) keys.Key {
	switch n := r.IntN(20); {
	case n < 6:
		return keys.Key{Code: motions[r.IntN(len(motions))], Shift: r.IntN(5) == 0}
	case n < 11:
		return keys.Key{Code: keys.Text, Text: []byte(alphabet[r.IntN(len(alphabet)-4)])}
	case n < 13:
		return keys.Key{Code: keys.Enter}
	case n < 15:
		return keys.Key{Code: []keys.Code{keys.Backspace, keys.Delete, keys.Tab, keys.BackTab}[r.IntN(4)]}
	case n < 16:
		return keys.Key{Code: keys.Paste, Text: []byte(randomText(r, 9))}
	case n < 17:
		return keys.Key{Code: keys.PasteEnd}
	}
	letters := "AZYKUZYKUGNPBEDRFTV^_\\]C"
	return keys.Key{Code: keys.Ctrl, Rune: rune(letters[r.IntN(len(letters))])}
}

// Whatever is typed at whatever size: the few bytes that are sent make the screen
// that a full drawing makes, with nothing the terminal does not know.
func TestTheScreenIsWhatAFullDrawShows(t *testing.T) {
	t.Chdir(t.TempDir()) // some of what is typed saves the text
	for seed := range uint64(40) {
		play(t, seed, 120)
	}
}

func FuzzTheScreenIsWhatAFullDrawShows(f *testing.F) {
	for seed := range uint64(8) {
		f.Add(1000 + seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		t.Chdir(t.TempDir())
		play(t, seed, 60)
	})
}

func play(t *testing.T, seed uint64, n int) {
	r := rand.New(rand.NewPCG(seed, 1))
	before := randomText(r, r.IntN(400))
	m := editing(before)
	d := m.doc()
	d.checker, d.paint.toml = tester{}, true
	kind := func() screen.Terminal {
		sizes := [][2]int{{24, 80}, {5, 20}, {1, 2}, {6, 10}, {2, 5}, {50, 132}, {8, 30}}
		s := sizes[r.IntN(len(sizes))]
		return screen.Terminal{Rows: s[0], Cols: s[1], Insert: r.IntN(2) == 0, Lines: r.IntN(2) == 0, Colors: r.IntN(2) == 0, LineFeed: r.IntN(2) == 0}
	}
	w := watch(m, kind(), seed%3 == 0)
	w.draw(t, false, "opening")
	for i := range n {
		k := randomKey(r)
		if k.Code == keys.Ctrl && k.Rune == 'C' && len(m.over) == 0 && m.prompt == nil { // a command of the menu
			m.key(k)
			letter := "gkucmi#velw{}<>?."[r.IntN(17)]
			k = keys.Key{Code: keys.Text, Text: []byte{letter}}
		}
		what := fmt.Sprintf("seed %d, key %d, %v %q %q", seed, i, k.Code, k.Text, k.Rune)
		m.key(k)
		for m.busy != nil {
			m.work()
		}
		if r.IntN(30) == 0 {
			w.resize(kind())
		}
		if r.IntN(4) == 0 { // a part of the screen, before the next key
			some, _ := m.drawSome(w.screen, w.slow, false, r.IntN(100))
			w.vt.Write(some)
		}
		if full := r.IntN(4) == 0; r.IntN(3) > 0 {
			if full {
				m.atRest()
				d.check()
			}
			w.draw(t, full, what)
			w.cursorIsRight(t, what)
		}
	}
	// All of it can be taken back, to the byte.
	m.prompt, m.over, m.menu = nil, nil, false
	d.endPaste()
	for range 10 * n {
		if _, ok := d.text.Undo(); !ok {
			break
		}
	}
	if got := d.text.Bytes(0, d.text.Len()); !bytes.Equal(got, []byte(before)) {
		t.Fatalf("seed %d: after undoing all the text is %q, want %q", seed, got, before)
	}
}

// A line of a megabyte and a text without any line end are shown and walked.
func TestAVeryLongLine(t *testing.T) {
	for _, wrap := range []bool{false, true} {
		m := editing("begin\n" + strings.Repeat("0123456789\t世", 100_000) + "\nend\n")
		m.view.wrap = wrap
		w := watch(m, screen.Terminal{Rows: 24, Cols: 80, Insert: true}, true)
		w.draw(t, true, "opening")
		for _, k := range []string{"<down>", "<end>", "x", "<left>", "<left>", "<bs>", "<wleft>", "<up>", "<pgup>", "<down>", "<down>", "<home>", "<right>", "<pgdn>", "<end>", "<down>"} {
			m.press(k)
			w.draw(t, true, fmt.Sprint("wrap ", wrap, " ", k))
			w.cursorIsRight(t, k)
		}
	}
}

// Bytes for what is done most, at 80x24 on the Linux console's level, and on a VT100.
func TestByteBudget(t *testing.T) {
	b, err := os.ReadFile("../test/bench/editors/testdata/system.toml")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		insert bool
		typed  int
	}{{true, 4}, {false, 24}} {
		m := newModel([]*document{newDocument("system.toml", text.Memory(b))}, Options{})
		w := watch(m, screen.Terminal{Rows: 24, Cols: 80, Insert: c.insert, Lines: c.insert, LineFeed: true}, true)
		check := func(what string, sent, most int) {
			t.Helper()
			t.Logf("insert %v: %s: %d bytes", c.insert, what, sent)
			if sent > most {
				t.Errorf("insert %v: %s: %d bytes, at most %d", c.insert, what, sent, most)
			}
		}
		check("first screen", w.draw(t, false, "opening"), 485)
		m.press("<down>")
		check("down", w.draw(t, false, "down"), 1)
		m.press("<right><right>")
		w.draw(t, false, "right")
		m.press("x")
		check("a character within a line", w.draw(t, false, "x"), c.typed)
		m.press("<bs>")
		check("backspace", w.draw(t, false, "backspace"), c.typed)
		m.press("<home>")
		for range 20 {
			m.press("<down>")
		}
		w.draw(t, false, "down")
		d := m.doc()
		for range 150 { // nothing that shows the line can do with less
			m.press("<down>")
			line := d.text.LineEnd(d.cursor) - d.cursor
			check("scroll by a line", w.draw(t, false, "scrolling"), len("\n")+line+len("\r"))
		}
	}
}
