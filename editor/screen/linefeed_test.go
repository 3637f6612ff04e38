package screen_test

import (
	"testing"

	"bantam/editor/screen"
)

// Where a carriage return comes with each line feed, one that scrolls moves the cursor too.
func TestScrollingDoesNotNeedALineFeedThatKeepsTheColumn(t *testing.T) {
	for _, term := range []screen.Terminal{{Rows: 24, Cols: 80, Insert: true, Lines: true}, {Rows: 24, Cols: 80}} {
		for _, by := range []int{1, 2, 5} {
			g := &page{lines: routerTOML(t), status: "router.toml", selected: -1}
			s, e := screen.New(term), dirty(term)
			for g.top = 0; g.top < 150; g.top += by {
				g.row, g.col = 21, g.top%11
				draw(t, term, s, e, g.picture(term))
			}
		}
	}
}
