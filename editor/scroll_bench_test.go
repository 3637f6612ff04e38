package editor

import (
	"os"
	"testing"

	"bantam/editor/keys"
	"bantam/editor/screen"
	"bantam/editor/text"
)

func BenchmarkScroll(b *testing.B) {
	file, err := os.ReadFile("../test/bench/editors/testdata/system.toml")
	if err != nil {
		b.Fatal(err)
	}
	for _, c := range []struct {
		name string
		kind screen.Terminal
	}{
		{"linux", screen.Terminal{Rows: 24, Cols: 80, Insert: true, Lines: true, LineFeed: true}},
		{"linux, colours", screen.Terminal{Rows: 24, Cols: 80, Insert: true, Lines: true, Colors: true, LineFeed: true}},
		{"vt100", screen.Terminal{Rows: 24, Cols: 80, LineFeed: true}},
	} {
		b.Run(c.name, func(b *testing.B) {
			d := newDocument("system.toml", text.Memory(file))
			d.paint.toml = true
			m := newModel([]*document{d}, Options{})
			m.view.rows, m.view.cols, m.view.colors = c.kind.Rows, c.kind.Cols, c.kind.Colors
			s := screen.New(c.kind)
			m.draw(s, true, true)
			b.ReportAllocs()
			for n := 0; b.Loop(); n++ {
				key := keys.Down
				if n%360 >= 180 {
					key = keys.Up
				}
				m.key(keys.Key{Code: key})
				m.draw(s, true, false)
			}
		})
	}
}
