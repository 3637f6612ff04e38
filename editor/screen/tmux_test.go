//go:build amd64 || arm64

package screen_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"bantam/editor/screen"
	"bantam/editor/vt"
	"bantam/editor/vt/tmux"
)

// Every character is printed over digits: those that are left tell its width.
func TestTmuxGivesCharactersTheSameWidth(t *testing.T) {
	runes := []rune("aé½Ωж“”…→─█☺✓あアー中国한글ｗ￦，　。、😀🚀🛜e\u0301\u0308\u20dd\u0e31\u0e33\u0915\u093f\u094d\u1100\u1161\u11a8\U0001d165\U00020000\U0002a6dfﬁ\u05d0\u05b0\u0627\u064b")
	for r := rune(0xa1); r < 0x3ffff; r += 1 + r/97 {
		runes = append(runes, r)
	}
	for _, w := range screen.WideRanges {
		runes = append(runes, w[0]-1, w[0], w[1], w[1]+1)
	}
	const rows = 100
	m := tmux.Start(t, rows, 20)
	var known []rune
	for _, r := range runes {
		if screen.Width(r) >= 0 {
			known = append(known, r)
		}
	}
	for len(known) > 0 {
		batch := known[:min(rows, len(known))]
		known = known[len(batch):]
		var stream strings.Builder
		for i, r := range batch {
			fmt.Fprintf(&stream, "\x1b[%dH0123\x1b[%dHa%c", i+1, i+1, r)
		}
		shown := m.Show([]byte(stream.String())).Rows
		for i, r := range batch {
			if !strings.Contains(shown[i], string(r)) {
				continue // younger than this tmux
			}
			if got, want := 3-len(strings.TrimLeft(shown[i], "a"+string(r))), screen.Width(r); got != want {
				t.Errorf("%U %c has width %d with tmux, %d with us: %q", r, r, got, want, shown[i])
			}
		}
	}
}

// What Draw sends does the same in tmux as in the emulator.
func TestTmuxShowsThePicture(t *testing.T) {
	for i, term := range []screen.Terminal{
		{Rows: 24, Cols: 80, Insert: true, Lines: true, Colors: true},
		{Rows: 24, Cols: 80},
		{Rows: 5, Cols: 20, Insert: true, Lines: true},
	} {
		m := tmux.Start(t, term.Rows, term.Cols)
		for seed := range uint64(4) {
			r := rand.New(rand.NewPCG(seed, uint64(i)))
			g := &page{lines: routerTOML(t), status: "router.toml", selected: -1}
			s, e := screen.New(term), vt.New(term.Rows, term.Cols, levelOf(term))
			var stream []byte
			for range 40 {
				g.change(r, term)
				stream = append(stream, draw(t, term, s, e, g.picture(term))...)
			}
			if d := m.Compare(stream, func(shown tmux.Screen) string {
				w := vt.New(term.Rows+1, term.Cols+1, vt.XTerm)
				w.Write([]byte(strings.Join(shown.Rows, "\r\n")))
				for i := range term.Rows {
					if got, want := w.Row(i), e.Row(i); got != want {
						return fmt.Sprintf("row %d is with tmux\n%q, want\n%q", i, got, want)
					}
				}
				if row, col := e.Cursor(); row != shown.Row || col != shown.Col {
					return fmt.Sprintf("the cursor is with tmux at %d,%d, want %d,%d", shown.Row, shown.Col, row, col)
				}
				return ""
			}); d != "" {
				t.Errorf("%+v: %s", term, d)
			}
		}
	}
}
