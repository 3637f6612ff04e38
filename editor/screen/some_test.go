package screen_test

import (
	"fmt"
	"testing"

	"bantam/editor/screen"
)

// A page in pieces, as a line is given it that somebody may want something else from.
func TestAPictureInPieces(t *testing.T) {
	for _, term := range []screen.Terminal{linux, vt100} {
		for _, most := range []int{1, 48, 200} {
			t.Run(fmt.Sprint(levelOf(term), most), func(t *testing.T) {
				g := &page{lines: routerTOML(t), status: "router.toml", selected: -1}
				s, e := screen.New(term), dirty(term)
				draw(t, term, s, e, g.picture(term))
				for g.top = 20; g.top < 180; g.top += 20 {
					p := g.picture(term)
					cost, sent, pieces := s.Cost(p), 0, 0
					for whole := false; !whole; pieces++ {
						var some []byte
						some, whole = s.DrawSome(p, most)
						e.Write(some)
						sent += len(some)
						if len(some) == 0 && !whole {
							t.Fatal("an empty piece is not the last")
						}
						if longest := 79 + len("\x1b[10;20r\x1b[22H") + 22; len(some) > most+longest {
							t.Errorf("a piece of %d bytes has %d", most, len(some))
						}
					}
					t.Logf("%d bytes in %d pieces, %d at once", sent, pieces, cost)
					if sent > cost+cost/20 {
						t.Errorf("%d bytes in %d pieces, %d at once", sent, pieces, cost)
					}
					draw(t, term, s, e, p)
				}
			})
		}
	}
}
