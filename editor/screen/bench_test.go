package screen_test

import (
	"testing"

	"bantam/editor/screen"
)

func BenchmarkPageDown(b *testing.B) {
	for _, t := range []screen.Terminal{linux, {Rows: 50, Cols: 200, Insert: true, Lines: true, Colors: true}} {
		b.Run(levelOf(t).String(), func(b *testing.B) {
			g := &page{lines: routerTOML(b), selected: -1}
			one := g.picture(t)
			g.top = 20
			two := g.picture(t)
			s := screen.New(t)
			for b.Loop() {
				s.Draw(one)
				s.Draw(two)
			}
		})
	}
}

func BenchmarkCharacterTyped(b *testing.B) {
	g := &page{lines: routerTOML(b), selected: -1}
	cursorAt(3, 15)(g)
	one := g.picture(linux)
	typed("x")(g)
	two := g.picture(linux)
	s := screen.New(linux)
	for b.Loop() {
		s.Draw(one)
		s.Draw(two)
	}
}
