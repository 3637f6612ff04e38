//go:build amd64 || arm64

package vt

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"bantam/editor/vt/tmux"
)

// compare checks that tmux shows and looks like e after the same stream.
func compare(t *testing.T, e *Terminal, m *tmux.Terminal, stream string) {
	t.Helper()
	if d := m.Compare([]byte(stream), e.difference); d != "" {
		t.Fatalf("after %q %s", stream, d)
	}
}

func (e *Terminal) difference(s tmux.Screen) string {
	w := New(e.rows+1, e.cols+1, XTerm) // tmux describes its screen by a stream, too
	w.Write([]byte("\x1b)0" + strings.Join(s.Rows, "\r\n")))
	for i := range e.rows {
		if got, want := e.Row(i), w.Row(i); got != want {
			return fmt.Sprintf("row %d is %q, with tmux %q", i, got, want)
		}
		for j := range e.cols {
			if e.CellAt(i, j) != " " && e.StyleAt(i, j) != w.StyleAt(i, j) {
				return fmt.Sprintf("row %d, column %d looks %+v, with tmux %+v", i, j, e.StyleAt(i, j), w.StyleAt(i, j))
			}
		}
	}
	if row, col := e.Cursor(); row != s.Row || col != min(s.Col, e.cols-1) || e.Pending() != (s.Col == e.cols) {
		return fmt.Sprintf("the cursor is at %d,%d, with tmux at %d,%d", row, col, s.Row, s.Col)
	}
	return ""
}

func TestTmuxShowsTheSame(t *testing.T) {
	m := tmux.Start(t, 6, 20)
	for _, s := range streams {
		if s.alone {
			continue
		}
		t.Run(s.says, func(t *testing.T) {
			e := New(6, 20, XTerm)
			e.Write([]byte(s.bytes))
			compare(t, e, m, s.bytes)
		})
	}
}

// Random streams. With a wrap pending only what terminals agree about follows:
// more text, or the cursor goes elsewhere.
func TestTmuxShowsTheSameAfterRandomStreams(t *testing.T) {
	const rows, cols = 8, 24
	m := tmux.Start(t, rows, cols)
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 2))
		e := New(rows, cols, XTerm)
		var stream strings.Builder
		for range 150 {
			s := randomPiece(r, e)
			if s == "" {
				continue
			}
			if e.Pending() {
				s = []string{"x", "\r", fmt.Sprintf("\x1b[%d;%dH", 1+r.IntN(rows), 1+r.IntN(cols-1))}[r.IntN(3)]
			}
			prints := s[0] >= ' ' || strings.Contains(s, "(0")
			if e.insert && prints && (e.col+len(s) >= cols || e.halved(e.col) || e.halved(cols-len(s))) {
				s = "\x1b[4l" + s // tmux inserts before it wraps
			}
			stream.WriteString(s)
			e.Write([]byte(s))
		}
		compare(t, e, m, stream.String())
	}
}

// randomPiece leaves out what tmux does in its own way: lines edited outside the
// region, more inserted than then remains of a row, wide characters cut without being
// overwritten.
func randomPiece(r *rand.Rand, e *Terminal) string {
	pieces := []string{"\n", "\r", "\b", "\t", "\x1bM", "\x1bD", "\x1bE", "\x1b7", "\x1b8", "\x1b[K", "\x1b[1K", "\x1b[2K", "\x1b[J", "\x1b[1J",
		"\x1b[m", "\x1b[1m", "\x1b[7m", "\x1b[31m", "\x1b[32m", "\x1b[;4m", "\x1b[39m", "\x1b[r", "\x1b[4h", "\x1b[4l",
		"word", "text and more", "x", "é", "\x1b(0qx\x1b(B"}
	n := 1 + r.IntN(5)
	switch r.IntN(4) {
	case 0:
		final := "@PLMXABCDEFSTd"[r.IntN(14)]
		if (final == 'L' || final == 'M') && !e.inRegion() ||
			final == '@' && (e.col+2*n > e.cols || e.halved(e.col) || e.halved(e.cols-n)) ||
			(final == 'P' || final == 'X') && (e.halved(e.col) || e.halved(e.col+n)) {
			return ""
		}
		return fmt.Sprintf("\x1b[%d%c", n, final)
	case 1:
		return fmt.Sprintf("\x1b[%d;%dH", 1+r.IntN(e.rows), 1+r.IntN(e.cols))
	case 2:
		if r.IntN(4) == 0 {
			top := 1 + r.IntN(e.rows-1)
			return fmt.Sprintf("\x1b[%d;%dr", top, top+1+r.IntN(e.rows-top))
		}
		return []string{"a", "bcd", "中", "efghijk"}[r.IntN(4)]
	}
	s := pieces[r.IntN(len(pieces))]
	if strings.ContainsAny(s, "KJ") && (e.halved(e.col) || e.halved(e.col+1)) {
		return ""
	}
	return s
}

func (t *Terminal) halved(col int) bool { return col < t.cols && t.grid[t.row][col].text == "" }
