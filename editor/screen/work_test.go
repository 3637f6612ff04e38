package screen_test

import (
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
