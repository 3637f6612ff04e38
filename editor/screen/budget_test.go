package screen_test

import (
	"slices"
	"strings"
	"testing"

	"bantam/editor/screen"
)

// An action on the 200 lines of router.toml, 80x24, and the bytes it may cost on
// the Linux console and on a VT100, which cannot insert. The pictures are without
// a position display.
var budgets = []struct {
	does         string
	before       func(g *page)
	act          func(g *page)
	linux, vt100 int
}{
	{"a character typed within a line", cursorAt(3, 15), typed("x"), 4, 9},
	{"a character typed in the middle of a long line", func(g *page) { g.top = 100; cursorAt(find(g, "command ="), 20)(g) }, typed("x"), 4, 52},
	{"a character typed at the end of a line", endOf(3), typed("x"), 1, 1},
	{"a character deleted within a line", cursorAt(3, 15), deleted(1), 3, 8},
	{"a character deleted at the end of a line", endOf(3), func(g *page) { g.col--; deleted(1)(g) }, 3, 3},
	{"a word deleted", cursorAt(0, 6), deleted(7), 4, 72},
	{"cursor down", cursorAt(3, 5), down, 1, 1},
	{"cursor up", cursorAt(3, 5), func(g *page) { g.row-- }, 2, 2},
	{"cursor left", cursorAt(3, 5), func(g *page) { g.col-- }, 1, 1},
	{"cursor right", cursorAt(3, 5), func(g *page) { g.col++ }, 1, 1},
	{"to the beginning of the line", cursorAt(3, 15), func(g *page) { g.col = 0 }, 1, 1},
	{"scrolling down by a line with text", cursorAt(21, 0), func(g *page) { g.top++ }, 15, 15},
	{"scrolling up by a line", func(g *page) { g.top = 40; cursorAt(0, 0)(g) }, func(g *page) { g.top-- }, 16, 16},
	{"Enter in the middle of a line", cursorAt(5, 10), func(g *page) {
		line := g.lines[5]
		g.lines[5] = line[:10:10]
		g.lines = slices.Insert(slices.Clone(g.lines), 6, line[10:])
		g.row, g.col = 6, 0
	}, 47, 55},
	{"a line deleted", cursorAt(5, 0), func(g *page) { g.lines = slices.Delete(slices.Clone(g.lines), 5, 6) }, 25, 30},
	{"a line inserted", cursorAt(5, 0), func(g *page) { g.lines = slices.Insert(slices.Clone(g.lines), 5, []byte("x = 1")) }, 9, 19},
	{"a line commented out", cursorAt(5, 0), func(g *page) { g.lines[5] = append([]byte("# "), g.lines[5]...) }, 6, 51},
	{"a character typed, and another changed further right", cursorAt(0, 6), func(g *page) {
		typed("x")(g)
		g.lines[0][50] = '*'
	}, 15, 77},
	{"two shifts in one line", cursorAt(0, 6), func(g *page) {
		typed("x")(g)
		g.col = 40
		deleted(2)(g)
	}, 13, 76},
	{"a line moved over three others", cursorAt(4, 0), func(g *page) {
		line := g.lines[4]
		g.lines = slices.Insert(slices.Delete(slices.Clone(g.lines), 4, 5), 7, line)
		g.row = 7
	}, 36, 38},
	{"a page down", func(g *page) {}, func(g *page) { g.top += 20 }, 466, 488},
}

func cursorAt(row, col int) func(*page) { return func(g *page) { g.row, g.col = row, col } }
func endOf(row int) func(*page) {
	return func(g *page) { g.row, g.col = row, len(g.lines[g.top+row]) }
}
func down(g *page) { g.row++ }

func typed(s string) func(*page) {
	return func(g *page) {
		n := g.top + g.row
		g.lines[n] = slices.Insert(slices.Clone(g.lines[n]), g.col, []byte(s)...)
		g.col += len(s)
	}
}

func deleted(count int) func(*page) {
	return func(g *page) {
		n := g.top + g.row
		g.lines[n] = slices.Delete(slices.Clone(g.lines[n]), g.col, g.col+count)
	}
}

// find is the row of the first line on the page that begins with prefix.
func find(g *page, prefix string) int {
	return slices.IndexFunc(g.lines[g.top:], func(l []byte) bool { return strings.HasPrefix(string(l), prefix) })
}

func TestActionsKeepToTheirByteBudget(t *testing.T) {
	for _, b := range budgets {
		for _, term := range []screen.Terminal{linux, vt100} {
			g := &page{lines: routerTOML(t), status: "router.toml", selected: -1}
			b.before(g)
			s, e := screen.New(term), dirty(term)
			draw(t, term, s, e, g.picture(term))
			b.act(g)
			out := draw(t, term, s, e, g.picture(term))
			budget := b.linux
			if term == vt100 {
				budget = b.vt100
			}
			t.Logf("%3d of %3d bytes on %v for %s: %.90q", len(out), budget, levelOf(term), b.does, out)
			if len(out) > budget {
				t.Errorf("%s costs %d bytes on %v, want at most %d: %q", b.does, len(out), levelOf(term), budget, out)
			}
		}
	}
}

// Colours cost a switch for the first character; the next ones find it made.
func TestTypingInColoursCostsNoMoreAfterTheFirstCharacter(t *testing.T) {
	term := linux
	term.Colors = true
	g := &page{lines: routerTOML(t), status: "router.toml", selected: -1}
	cursorAt(3, 15)(g)
	s, e := screen.New(term), dirty(term)
	draw(t, term, s, e, g.picture(term))
	for i, budget := range []int{9, 4, 4, 4} {
		typed("x")(g)
		if out := draw(t, term, s, e, g.picture(term)); len(out) > budget {
			t.Errorf("character %d costs %d bytes, want at most %d: %q", i+1, len(out), budget, out)
		}
	}
}

func TestWithoutColoursOnlyWhatIsSelectedCostsASwitch(t *testing.T) {
	g := &page{lines: routerTOML(t), status: "router.toml", selected: -1}
	s, e := screen.New(linux), dirty(linux)
	if out := draw(t, linux, s, e, g.picture(linux)); strings.Count(string(out), "m") != strings.Count(e.Text(), "m")+1 {
		t.Errorf("more switches than the one at the start: %q", out)
	}
	g.selected = 3
	want := "\n\n\n\x1b[7mhostname = \"cellar\""
	if out := string(draw(t, linux, s, e, g.picture(linux))); !strings.HasPrefix(out, want) {
		t.Errorf("selecting a line sends %q, want it to begin with %q", out, want)
	}
	if !e.StyleAt(3, 0).Reverse || e.StyleAt(3, 40).Reverse || e.StyleAt(4, 0).Reverse {
		t.Error("not just the selected text is in reverse video")
	}
}

// Every line of the file, scrolled in at the bottom and at the top: a line feed or
// its reverse, the line, and back to its beginning. Colours cost their switches.
func TestScrollingCostsTheNewLineAndLittleMore(t *testing.T) {
	colors := linux
	colors.Colors = true
	for _, c := range []struct {
		name     string
		term     screen.Terminal
		switches int // bytes of a line
		down, up int // mean bytes
	}{{"linux", linux, 0, 24, 25}, {"vt100", vt100, 0, 24, 25}, {"xterm", colors, 36, 31, 32}} {
		t.Run(c.name, func(t *testing.T) {
			g := &page{lines: routerTOML(t), row: 21, status: "router.toml", selected: -1}
			s, e := screen.New(c.term), dirty(c.term)
			draw(t, c.term, s, e, g.picture(c.term))
			steps := len(g.lines) - 22
			scroll := func(by, newLine, overhead int) (average int) {
				for range steps {
					g.top += by
					out := draw(t, c.term, s, e, g.picture(c.term))
					line := g.lines[g.top+newLine]
					if len(out) > len(line)+overhead+c.switches {
						t.Errorf("scrolling to %q costs %d bytes: %q", line, len(out), out)
					}
					average += len(out)
				}
				return average / steps
			}
			if n := scroll(1, 21, len("\n\r")); n > c.down {
				t.Errorf("a line down costs %d bytes on average", n)
			}
			g.row = 0
			if n := scroll(-1, 0, len("\x1bM\r")); n > c.up {
				t.Errorf("a line up costs %d bytes on average", n)
			}
		})
	}
}

func TestTheFirstScreenCostsItsTextAndLittleMore(t *testing.T) {
	g := &page{lines: routerTOML(t), status: "router.toml", selected: -1}
	p := g.picture(linux)
	text := 0
	for i := range p.Rows {
		text += len(rowText(p, i, linux))
	}
	out := draw(t, linux, screen.New(linux), dirty(linux), p)
	t.Logf("%d bytes for %d of text", len(out), text)
	if over := len(out) - text; over > 70 {
		t.Errorf("%d bytes more than its text", over)
	}
}

func TestLeavingKeepsTheTextAndStandsBelowIt(t *testing.T) {
	g := &page{lines: routerTOML(t), status: "router.toml", selected: 0}
	s, e := screen.New(linux), dirty(linux)
	if out := s.Leave(); out != nil {
		t.Errorf("leaving a terminal that was never drawn on sends %q", out)
	}
	draw(t, linux, s, e, g.picture(linux))
	text := strings.Split(e.Text(), "\n")
	e.Write(s.Leave())
	if got, want := e.Text(), strings.Join(text[:22], "\n")+"\n\n"; got != want {
		t.Errorf("the screen shows\n%s\nwant\n%s", got, want)
	}
	if row, col := e.Cursor(); row != 22 || col != 0 {
		t.Errorf("the cursor is at %d,%d, want 22,0", row, col)
	}
	e.Write([]byte("$ \r\n\n")) // the whole screen scrolls again
	if got, want := e.Row(0), text[1]; got != want || e.StyleAt(22, 0).Reverse {
		t.Errorf("the first row is %q after a line, want %q", got, want)
	}
}

// A line deleted on a VT100 leaves a scroll region that begins at that line; RI
// and LF at its margins would scroll.
func TestTheCursorLeavesATemporaryRegionWithoutScrolling(t *testing.T) {
	for _, row := range []int{4, 3, 22, 23} {
		g := &page{lines: routerTOML(t), status: "router.toml", selected: -1}
		cursorAt(5, 0)(g)
		s, e := screen.New(vt100), dirty(vt100)
		draw(t, vt100, s, e, g.picture(vt100))
		g.lines = slices.Delete(g.lines, 5, 6)
		draw(t, vt100, s, e, g.picture(vt100))
		if row > 21 {
			g.row = 21
			draw(t, vt100, s, e, g.picture(vt100))
		}
		g.row = row
		draw(t, vt100, s, e, g.picture(vt100))
	}
}
