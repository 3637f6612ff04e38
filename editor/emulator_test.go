package editor

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// emulator is a VT102 with insert and delete character: as much of one as the
// editor may use. Anything else it receives fails the test.
type emulator struct {
	t           *testing.T
	cells       [][]string
	row, col    int
	top, bottom int // scroll region, bottom excluded
	insert      bool
}

func newEmulator(t *testing.T, rows, cols int, insert bool) *emulator {
	e := &emulator{t: t, bottom: rows, insert: insert}
	for range rows {
		e.cells = append(e.cells, e.blank(cols))
	}
	for i := range e.cells { // a terminal is dirty before the editor comes
		for j := range e.cells[i] {
			e.cells[i][j] = "#"
		}
	}
	return e
}

func (e *emulator) blank(cols int) []string {
	r := make([]string, cols)
	for i := range r {
		r[i] = " "
	}
	return r
}

func (e *emulator) cols() int { return len(e.cells[0]) }

func (e *emulator) feed(b []byte) {
	for len(b) > 0 {
		switch c := b[0]; {
		case c == 0x1b:
			b = b[e.escape(b):]
			continue
		case c == '\r':
			e.col = 0
		case c == '\b':
			if e.col == 0 {
				e.t.Fatal("backspace in the first column")
			}
			e.col--
		case c == '\n':
			if e.row == e.bottom-1 {
				copy(e.cells[e.top:e.bottom], e.cells[e.top+1:e.bottom])
				e.cells[e.bottom-1] = e.blank(e.cols())
			} else if e.row < len(e.cells)-1 {
				e.row++
			}
		case c < 0x20:
			e.t.Fatalf("control byte %#x", c)
		default:
			r, n := utf8.DecodeRune(b)
			e.print(r)
			b = b[n:]
			continue
		}
		b = b[1:]
	}
}

func (e *emulator) print(r rune) {
	if wide(r) {
		e.cells[e.row][e.col], e.cells[e.row][e.col+1] = string(r), ""
		e.col += 2
	} else if strings.ContainsRune("\u0301\u0308", r) {
		e.cells[e.row][e.col-1] += string(r)
	} else {
		e.cells[e.row][e.col] = string(r)
		e.col++
	}
	if e.col >= e.cols() {
		e.t.Fatalf("row %d: the last column was written: a wrap is pending", e.row)
	}
}

func (e *emulator) escape(b []byte) int {
	if b[1] == 'M' {
		if e.row == e.top {
			copy(e.cells[e.top+1:e.bottom], e.cells[e.top:e.bottom-1])
			e.cells[e.top] = e.blank(e.cols())
		} else if e.row > 0 {
			e.row--
		}
		return 2
	}
	if b[1] != '[' {
		e.t.Fatalf("escape sequence %q", b[:2])
	}
	i := 2
	for b[i] < 0x40 {
		i++
	}
	if string(b[:i+1]) == "\x1b[?7h" {
		return i + 1 // autowrap on: the editor never writes the last column
	}
	var p []int
	for _, f := range strings.Split(string(b[2:i]), ";") {
		n, err := strconv.Atoi(f)
		if err != nil && f != "" {
			e.t.Fatalf("parameters %q", b[2:i])
		}
		p = append(p, n)
	}
	arg := func(i, absent int) int {
		if i < len(p) && p[i] > 0 {
			return p[i]
		}
		return absent
	}
	line := e.cells[e.row]
	switch b[i] {
	case 'H':
		e.row, e.col = arg(0, 1)-1, arg(1, 1)-1
		if e.row >= len(e.cells) || e.col >= e.cols() {
			e.t.Fatalf("cursor to %d,%d", e.row, e.col)
		}
	case 'C':
		e.col += arg(0, 1)
	case 'D':
		e.col -= arg(0, 1)
	case 'K':
		copy(line[e.col:], e.blank(e.cols()))
	case 'J':
		copy(line[e.col:], e.blank(e.cols()))
		for r := e.row + 1; r < len(e.cells); r++ {
			e.cells[r] = e.blank(e.cols())
		}
	case 'r':
		e.top, e.bottom = arg(0, 1)-1, arg(1, len(e.cells))
		e.row, e.col = 0, 0
	case '@', 'P':
		if !e.insert {
			e.t.Fatalf("a VT100 does not know %q", b[:i+1])
		}
		n := arg(0, 1)
		if b[i] == '@' {
			copy(line[e.col+n:], line[e.col:])
			copy(line[e.col:e.col+n], e.blank(n))
		} else {
			copy(line[e.col:], line[e.col+n:])
			copy(line[len(line)-n:], e.blank(n))
		}
	default:
		e.t.Fatalf("escape sequence %q", b[:i+1])
	}
	return i + 1
}

// text is the screen as lines, trailing blanks cut.
func (e *emulator) text() string {
	var s []string
	for _, r := range e.cells {
		s = append(s, strings.TrimRight(strings.Join(r, ""), " "))
	}
	return strings.Join(s, "\n")
}

// wantText is what a picture looks like on a terminal.
func wantText(p Picture) string {
	var s []string
	for _, r := range p.Rows {
		s = append(s, strings.TrimRight(strings.Join(r, ""), " "))
	}
	return strings.Join(s, "\n")
}

func (e *emulator) mustShow(p Picture, after string) {
	e.t.Helper()
	if got, want := e.text(), wantText(p); got != want {
		e.t.Fatalf("after %s the screen shows\n%s\nwant\n%s", after, got, want)
	}
	if e.row != p.Row || e.col != p.Col {
		e.t.Fatalf("after %s the cursor is at %d,%d, want %d,%d", after, e.row, e.col, p.Row, p.Col)
	}
}

func describe(k Key) string { return fmt.Sprintf("key %d %q %q", k.Code, k.Text, k.Rune) }
