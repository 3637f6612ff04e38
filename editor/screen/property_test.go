package screen_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"bantam/editor/screen"
)

// change edits or moves as a person, a paste or a search would, and some things
// that nobody does.
func (g *page) change(r *rand.Rand, t screen.Terminal) string {
	height := max(t.Rows-2, 1)
	at := min(g.top+g.row, len(g.lines)-1)
	line := g.lines[at]
	col := r.IntN(len(line) + 1)
	what := r.IntN(16)
	switch what {
	case 0, 1:
		words := []string{"a", "x", " ", "=", `"`, "#", "é", "中", "e\u0301", "\t", "\x01", "\xff", "  ", "max = 3", "\U0001f600", "\u200b", "aaaa"}
		g.lines[at] = slices.Insert(slices.Clone(line), col, []byte(words[r.IntN(len(words))])...)
	case 2:
		if n := min(r.IntN(6), len(line)-col); n > 0 {
			g.lines[at] = slices.Delete(slices.Clone(line), col, col+n)
		}
	case 3: // Enter
		g.lines[at] = line[:col:col]
		g.lines = slices.Insert(slices.Clone(g.lines), at+1, line[col:])
	case 4: // cut lines
		n := min(1+r.IntN(3), len(g.lines)-at)
		if n < len(g.lines) {
			g.lines = slices.Delete(slices.Clone(g.lines), at, at+n)
		}
	case 5: // paste lines
		from := r.IntN(len(g.lines))
		piece := g.lines[from:min(from+r.IntN(5), len(g.lines))]
		g.lines = slices.Insert(slices.Clone(g.lines), at, slices.Clone(piece)...)
	case 6: // swap two lines
		g.lines = slices.Clone(g.lines)
		k := r.IntN(len(g.lines))
		g.lines[at], g.lines[k] = g.lines[k], g.lines[at]
	case 7:
		g.top++
	case 8:
		g.top--
	case 9:
		g.top += height
	case 10:
		g.top -= height / 2
	case 11:
		g.top = r.IntN(len(g.lines))
	case 12: // replace everywhere
		g.lines = slices.Clone(g.lines)
		for i := range g.lines {
			g.lines[i] = bytes.ReplaceAll(g.lines[i], []byte("net"), []byte("NETZ"))
		}
	case 13:
		g.selected = []int{-1, at, at + 1}[r.IntN(3)]
	case 14: // comment out
		g.lines = slices.Clone(g.lines)
		for i := at; i < min(at+r.IntN(4), len(g.lines)); i++ {
			g.lines[i] = append([]byte("# "), g.lines[i]...)
		}
	case 15:
		g.status = []string{"", "router.toml", "no such text", fmt.Sprintf("router.toml  %d:%d  modified", at, col)}[r.IntN(4)]
	}
	g.top = max(min(g.top, len(g.lines)-1), 0)
	g.row, g.col = r.IntN(height), r.IntN(t.Cols)
	if r.IntN(3) == 0 {
		g.row = r.IntN(t.Rows)
	}
	return fmt.Sprint(what)
}

var sizes = [][2]int{{1, 2}, {1, 1}, {2, 3}, {3, 7}, {5, 20}, {6, 40}, {20, 5}, {24, 80}, {24, 80}, {50, 200}}

func play(t *testing.T, seed uint64, steps int) {
	r := rand.New(rand.NewPCG(seed, 1))
	size := sizes[r.IntN(len(sizes))]
	kind := r.IntN(16)
	term := screen.Terminal{Rows: size[0], Cols: size[1], Insert: kind&1 > 0, Lines: kind&2 > 0, Colors: kind&4 > 0, LineFeed: kind&8 > 0}
	if term.Rows*term.Cols > 2000 {
		steps = steps/4 + 1
	}
	g := &page{lines: routerTOML(t), status: "router.toml", selected: -1}
	if r.IntN(3) == 0 { // hardly a column of its own
		for i, line := range g.lines {
			g.lines[i] = []byte(strings.NewReplacer("a", "中", "e", "e\u0301", "o", "😀", "s", "ss").Replace(string(line)))
		}
	}
	s, e := screen.New(term), dirty(term)
	draw(t, term, s, e, g.picture(term))
	for range steps {
		for range 1 + r.IntN(2)*r.IntN(3) {
			g.change(r, term)
		}
		for range r.IntN(8) / 5 { // a part of it, and then something else is wanted
			some, _ := s.DrawSome(g.picture(term), r.IntN(200))
			e.Write(onTheWay(term, some))
			g.change(r, term)
		}
		p := g.picture(term)
		if r.IntN(20) == 0 {
			p.Region = r.IntN(term.Rows + 2)
		}
		if r.IntN(50) == 0 { // left and come back
			e.Write(onTheWay(term, s.Leave()))
		}
		out := draw(t, term, s, e, p)
		if most := screen.New(term).Cost(p) + 10; len(out) > most {
			t.Fatalf("%+v: %d bytes, but drawing everything afresh costs %d: %q", term, len(out), most, out)
		}
	}
}

func TestTheScreenAlwaysEqualsAFreshDraw(t *testing.T) {
	for seed := range uint64(32) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { play(t, seed, 40) })
	}
}

// Shifts and overwriting must not leave halves of characters; a narrow terminal
// with little else than wide ones meets every case soon.
func TestWideCharactersAreNeverHalved(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	letters := []string{"中", "国", "😀", "a", " ", "e\u0301"}
	for _, term := range []screen.Terminal{{Rows: 1, Cols: 14, Insert: true}, {Rows: 1, Cols: 30, Insert: true, Colors: true}} {
		s, e := screen.New(term), dirty(term)
		var line []string
		for range 800 {
			for range 1 + r.IntN(3) { // edits
				at := r.IntN(len(line) + 1)
				if n := min(r.IntN(4), len(line)-at); r.IntN(2) == 0 {
					line = slices.Delete(line, at, at+n)
				}
				for range r.IntN(4) {
					line = slices.Insert(line, at, letters[r.IntN(len(letters))])
				}
			}
			line = line[:min(len(line), term.Cols)]
			row, _ := screen.Layout([]byte(strings.Join(line, "")), 0, term.Cols-1, nil)
			draw(t, term, s, e, screen.Picture{Rows: [][]screen.Cell{row}, Col: r.IntN(term.Cols)})
		}
	}
}

func FuzzDraw(f *testing.F) {
	for seed := range uint64(4) {
		f.Add(seed + 1000)
	}
	f.Fuzz(func(t *testing.T, seed uint64) { play(t, seed, 60) })
}
