package screen_test

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"bantam/editor/screen"
)

var vt100 = screen.Terminal{Rows: 24, Cols: 80, LineFeed: true}

// scrolls are the pictures of a text that is scrolled line by line.
func scrolls(t testing.TB, term screen.Terminal, by int) (all []screen.Picture) {
	g := &page{lines: routerTOML(t), status: "router.toml", selected: -1}
	if by > 0 {
		g.row = 21
	}
	for i := range 178 {
		g.top = i
		if by < 0 {
			g.top = 178 - i
		}
		all = append(all, g.picture(term))
	}
	return all
}

// What a scrolled line costs the processor, in what can be counted. The screen has
// 1,920 cells; at 10 ns for each a processor of 580 MHz needs less for a line than
// 9600 baud need for a byte.
func TestWorkOfAScrolledLine(t *testing.T) {
	const mean, most = 7000, 15000 // cells looked at
	const allocations = 3          // a row, its cells, what is sent
	colors := linux
	colors.Colors = true
	for _, term := range []screen.Terminal{linux, colors, vt100} {
		for _, by := range []int{1, -1} {
			pictures := scrolls(t, term, by)
			s := screen.New(term)
			s.Draw(pictures[0])
			before, worst := s.Work(), 0
			for _, p := range pictures[1:] {
				from := s.Work()
				s.Draw(p)
				worst = max(worst, s.Work()-from)
			}
			each := (s.Work() - before) / (len(pictures) - 1)
			next := 0
			allocated := testing.AllocsPerRun(100, func() {
				s.Draw(pictures[next])
				next++
			})
			t.Logf("%v, colours %v, by %d: %d cells looked at, at most %d; %v allocations", levelOf(term), term.Colors, by, each, worst, allocated)
			if each > mean || worst > most || allocated > allocations {
				t.Errorf("%v, colours %v, by %d: %d cells looked at, at most %d; %v allocations", levelOf(term), term.Colors, by, each, worst, allocated)
			}
		}
	}
}

func BenchmarkScroll(b *testing.B) {
	for _, term := range []screen.Terminal{linux, vt100} {
		b.Run(levelOf(term).String(), func(b *testing.B) {
			pictures := append(scrolls(b, term, 1), scrolls(b, term, -1)...)
			s := screen.New(term)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				s.Draw(pictures[i%len(pictures)])
			}
		})
	}
}

// A terminal may say that it is of any size. What is looked at is bounded then, too:
// the search ends, and the best way so far is drawn.
func TestWorkOfALargeScreen(t *testing.T) {
	const most = 2 << 20 // cells, of 270,000
	for _, term := range []screen.Terminal{{Rows: 300, Cols: 900, Insert: true, Lines: true, LineFeed: true}, {Rows: 300, Cols: 900}} {
		r := rand.New(rand.NewPCG(1, 1))
		g := &page{lines: routerTOML(t), status: "router.toml", selected: -1}
		for len(g.lines) < 3000 {
			g.lines = append(g.lines, bytes.Repeat(g.lines[r.IntN(200)], 1+r.IntN(9)))
		}
		s := screen.New(term)
		worst := 0
		for range 40 {
			g.change(r, term)
			from := s.Work()
			s.Draw(g.picture(term))
			worst = max(worst, s.Work()-from)
		}
		t.Logf("%v: at most %d cells looked at", levelOf(term), worst)
		if worst > most {
			t.Errorf("%v: %d cells looked at, at most %d wanted", levelOf(term), worst, most)
		}
	}
}
