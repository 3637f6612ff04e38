package screen_test

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"bantam/editor/screen"
	"bantam/editor/vt"
)

// linux is the terminal that the byte budgets are for, without colours.
var linux = screen.Terminal{Rows: 24, Cols: 80, Insert: true, Lines: true, LineFeed: true}

func routerTOML(t testing.TB) [][]byte {
	t.Helper()
	b, err := os.ReadFile("testdata/router.toml")
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Split(bytes.TrimSuffix(b, []byte("\n")), []byte("\n"))
}

// page is a text on a terminal: just enough of an editor.
type page struct {
	lines         [][]byte
	top, row, col int // col is a column of the screen
	status        string
	selected      int // a line, -1: none
}

func (g *page) picture(t screen.Terminal) screen.Picture {
	region := max(t.Rows-2, 1)
	p := screen.Picture{Row: g.row, Col: g.col, Region: region}
	for i := range region {
		line := []byte("~")
		if n := g.top + i; n < len(g.lines) {
			line = g.lines[n]
		}
		row, _ := screen.Layout(line, 0, t.Cols-1, func(j int) screen.Style {
			if g.top+i == g.selected {
				return screen.Selected
			}
			return tomlStyle(line, j)
		})
		p.Rows = append(p.Rows, row)
	}
	if t.Rows > 2 {
		row, _ := screen.Layout([]byte(g.status), 0, t.Cols-1, func(int) screen.Style { return screen.Bar })
		p.Rows = append(p.Rows, row)
	}
	if t.Rows > 1 {
		row, _ := screen.Layout([]byte("^S save  ^Q quit  ^F find  ^Z undo  ^K cut  ^U paste  F1 help"), 0, t.Cols-1, nil)
		p.Rows = append(p.Rows, row)
	}
	return p
}

func tomlStyle(line []byte, i int) screen.Style {
	switch quotes := bytes.Count(line[:i], []byte(`"`)); {
	case len(line) > 0 && line[0] == '#':
		return screen.Comment
	case len(line) > 0 && line[0] == '[':
		return screen.Header
	case quotes%2 == 1 || line[i] == '"':
		return screen.String
	case line[i] >= '0' && line[i] <= '9':
		return screen.Number
	}
	return screen.Key
}

func levelOf(t screen.Terminal) vt.Level {
	switch {
	case t.Colors:
		return vt.Linux
	case t.Insert || t.Lines:
		return vt.VT102
	}
	return vt.VT100
}

// dirty is a terminal that something else has used.
func dirty(t screen.Terminal) *vt.Terminal {
	e := vt.New(t.Rows, t.Cols, levelOf(t))
	for i := range t.Rows {
		fmt.Fprintf(e, "\x1b[7m\x1b[%dH%s\x0e", i+1, strings.Repeat("#", t.Cols-1))
	}
	return e
}

var (
	characterEdit = regexp.MustCompile(`\x1b\[\d*[@P]`)
	lineEdit      = regexp.MustCompile(`\x1b\[\d*[LM]`)
)

// onTheWay is what becomes of what we send.
func onTheWay(t screen.Terminal, sent []byte) []byte {
	if t.LineFeed {
		return sent
	}
	return bytes.ReplaceAll(sent, []byte("\n"), []byte("\r\n"))
}

// draw sends a picture to a terminal and checks what is then to be seen.
func draw(tb testing.TB, t screen.Terminal, s *screen.Screen, e *vt.Terminal, p screen.Picture) []byte {
	tb.Helper()
	cost := s.Cost(p)
	out := s.Draw(p)
	e.Write(onTheWay(t, out))
	if cost != len(out) {
		tb.Fatalf("Cost said %d bytes, Draw sent %d: %q", cost, len(out), out)
	}
	if again := s.Draw(p); len(again) > 0 {
		tb.Fatalf("drawing the same picture again sent %q", again)
	}
	if f := e.Faults(); len(f) > 0 {
		tb.Fatalf("%+v: %q: %s", t, out, strings.Join(f, "; "))
	}
	if !t.Insert && characterEdit.Match(out) || !t.Lines && lineEdit.Match(out) {
		tb.Fatalf("%+v cannot do %q", t, out)
	}
	fresh := dirty(t)
	fresh.Write(onTheWay(t, screen.New(t).Draw(p)))
	if got, want := e.Text(), fresh.Text(); got != want {
		tb.Fatalf("%+v: after %q the screen shows\n%s\nwant\n%s", t, out, got, want)
	}
	for i := range t.Rows {
		for j := range t.Cols {
			got, want := e.StyleAt(i, j), fresh.StyleAt(i, j)
			if e.CellAt(i, j) == " " { // all that shows of a blank
				got, want = vt.Style{Reverse: got.Reverse}, vt.Style{Reverse: want.Reverse}
			}
			if got != want {
				tb.Fatalf("%+v: after %q the style of row %d, column %d is %+v, want %+v", t, out, i, j, got, want)
			}
		}
		if got, want := e.Row(i), rowText(p, i, t); got != want {
			tb.Fatalf("%+v: after %q row %d shows\n%q, want\n%q", t, out, i, got, want)
		}
	}
	if row, col := e.Cursor(); row != p.Row || col != p.Col {
		tb.Fatalf("%+v: after %q the cursor is at %d,%d, want %d,%d", t, out, row, col, p.Row, p.Col)
	}
	return out
}

// rowText is what a row of Layout's cells says.
func rowText(p screen.Picture, i int, t screen.Terminal) string {
	if i >= len(p.Rows) {
		return ""
	}
	var b strings.Builder
	for _, c := range p.Rows[i] {
		b.WriteString(c.Text)
	}
	return strings.TrimRight(b.String(), " ")
}
