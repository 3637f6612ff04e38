package screen_test

import (
	"fmt"
	"testing"

	"bantam/editor/screen"
)

// Characters with marks have numbers. Who pages through more of them than are kept
// sees each page as it is.
func TestMoreCharactersWithMarksThanAreKept(t *testing.T) {
	term := screen.Terminal{Rows: 24, Cols: 80, Insert: true, Lines: true, LineFeed: true}
	s, e := screen.New(term), dirty(term)
	for page := range 12 {
		p := screen.Picture{Region: 22}
		for row := range 22 {
			var line []byte
			for col := range 40 {
				n := (page*22+row)*40 + col
				line = fmt.Appendf(line, "%c%c%c", 'a'+n%26, 0x300+n/26%64, 0x300+n/26/64)
			}
			cells, _ := screen.Layout(line, 0, term.Cols-1, nil)
			p.Rows = append(p.Rows, cells)
		}
		e.Write(s.Draw(p))
		for row := range term.Rows {
			if got, want := e.Row(row), rowText(p, row, term); got != want {
				t.Fatalf("page %d, row %d shows %q, want %q", page, row, got, want)
			}
		}
	}
	if f := e.Faults(); len(f) > 0 {
		t.Error(f)
	}
}
