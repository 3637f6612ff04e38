package editor

import (
	"os"
	"testing"

	"bantam/editor/keys"
	"bantam/editor/screen"
	"bantam/editor/text"
)

var kinds = map[string]screen.Terminal{
	"linux":          {Rows: 24, Cols: 80, Insert: true, Lines: true, LineFeed: true},
	"linux, colours": {Rows: 24, Cols: 80, Insert: true, Lines: true, Colors: true, LineFeed: true},
	"vt100":          {Rows: 24, Cols: 80, LineFeed: true},
}

// scrolling is Down at the end of the screen and what draws the line that comes.
func scrolling(t testing.TB, kind screen.Terminal) func() {
	file, err := os.ReadFile("../test/bench/editors/testdata/system.toml")
	if err != nil {
		t.Fatal(err)
	}
	d := newDocument("system.toml", text.Memory(file))
	d.paint.toml = true
	m := newModel([]*document{d}, Options{})
	m.view.rows, m.view.cols, m.view.colors = kind.Rows, kind.Cols, kind.Colors
	s := screen.New(kind)
	m.draw(s, true, true)
	n := 0
	return func() {
		key := keys.Down
		if n++; n%360 >= 180 {
			key = keys.Up
		}
		m.key(keys.Key{Code: key})
		m.draw(s, true, false)
	}
}

// The collector of a small heap costs more than the drawing where much is allocated
// for a line.
func TestAllocationsOfAScrolledLine(t *testing.T) {
	for name, kind := range kinds {
		most := 80.0 // three for each row of text
		if kind.Colors {
			most = 150
		}
		if n := testing.AllocsPerRun(170, scrolling(t, kind)); n > most {
			t.Errorf("%s: %v allocations, at most %v wanted", name, n, most)
		}
	}
}

func BenchmarkScroll(b *testing.B) {
	for name, kind := range kinds {
		b.Run(name, func(b *testing.B) {
			scroll := scrolling(b, kind)
			b.ReportAllocs()
			for b.Loop() {
				scroll()
			}
		})
	}
}
