// Package vt emulates a terminal for tests and benchmarks: what a program wrote
// becomes rows of text, styles and a cursor.
//
// It knows what editors use on the terminals that people have on serial lines:
// VT100 and VT102, the Linux console and the common part of xterm. It is strict:
// what the chosen level does not know, and what terminals disagree about, is
// recorded as a fault; known sequences above the level are obeyed all the same.
//
// Not emulated: double width and height, scrolling back, resizing, mouse and
// keyboard modes (accepted, without effect), 132 columns, blinking.
package vt

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Level is what a terminal understands; each includes the ones before.
type Level int

const (
	VT100 Level = iota
	VT102       // inserts and deletes: IL, DL, DCH, IRM, and ICH, which all that call themselves a VT102 today know
	Linux       // colours, ECH, CHA, VPA, cursor visibility; REP as of Linux 6
	XTerm       // alternate screen, SU, SD, OSC
)

func (l Level) String() string { return [...]string{"VT100", "VT102", "Linux", "XTerm"}[l] }

// Terminal is an emulated one. The zero value is not usable, see New.
type Terminal struct {
	// Answer is called with what the terminal says to the program: cursor
	// positions and what it is. It may be nil.
	Answer func([]byte)

	level      Level
	rows, cols int
	grid       [][]cell
	cursor
	saved       cursor
	other       [][]cell // the screen not shown, while the alternate one is
	top, bottom int      // the scroll region, bottom excluded
	insert      bool     // IRM
	noWrap      bool     // DECAWM off
	newline     bool     // LNM
	tabs        []bool
	last        rune // printed, for REP

	parse  func(*Terminal, byte) // takes the next byte; nil between sequences
	params []byte
	skip   int    // bytes left of a sequence of fixed length
	utf8   []byte // beginning of a character

	faults []string
}

// cursor is what DECSC saves.
type cursor struct {
	row, col int
	pending  bool // the last column was printed: the next character wraps
	style    Style
	origin   bool    // DECOM: rows count from the top of the region
	graphics [2]bool // G0, G1 are line drawing
	shift    int     // which of the two is in use
}

type cell struct {
	text  string // "" is the second half of a wide character
	style Style
}

// New is a terminal just switched on.
func New(rows, cols int, level Level) *Terminal {
	t := &Terminal{level: level, rows: rows, cols: cols}
	t.reset()
	return t
}

func (t *Terminal) reset() {
	t.cursor, t.saved = cursor{}, cursor{}
	t.grid, t.other = t.blankGrid(), nil
	t.top, t.bottom = 0, t.rows
	t.insert, t.noWrap, t.newline = false, false, false
	t.tabs = make([]bool, t.cols)
	for i := 8; i < t.cols; i += 8 {
		t.tabs[i] = true
	}
}

// Write takes what a program sends; sequences and characters may be split over
// several writes. It never fails.
func (t *Terminal) Write(p []byte) (int, error) {
	for _, b := range p {
		switch {
		case len(t.utf8) > 0 && b&0xc0 != 0x80:
			t.utf8 = t.utf8[:0]
			t.fault("cut off character before %#02x", b)
			t.print(utf8.RuneError)
			t.take(b)
		case t.parse == nil && b >= 0x80:
			t.multibyte(b)
		default:
			t.take(b)
		}
	}
	return len(p), nil
}

func (t *Terminal) take(b byte) {
	switch {
	case b == 0x18 || b == 0x1a: // CAN and SUB end any sequence
		t.parse = nil
	case t.parse != nil:
		t.parse(t, b)
	case b >= 0x80:
		t.multibyte(b)
	case b < ' ' || b == 0x7f:
		t.control(b)
	default:
		t.print(rune(b))
	}
}

func (t *Terminal) multibyte(b byte) {
	t.utf8 = append(t.utf8, b)
	if !utf8.FullRune(t.utf8) {
		return
	}
	r, n := utf8.DecodeRune(t.utf8)
	rest := slices.Clone(t.utf8[n:])
	if r == utf8.RuneError && n == 1 {
		t.fault("invalid byte %#02x", t.utf8[0])
	}
	t.utf8 = t.utf8[:0]
	t.print(r)
	t.Write(rest)
}

// fault records a fault once.
func (t *Terminal) fault(format string, args ...any) {
	if s := fmt.Sprintf(format, args...); !slices.Contains(t.faults, s) {
		t.faults = append(t.faults, s)
	}
}

// needs records a fault if the terminal's level is below l.
func (t *Terminal) needs(l Level, what string, args ...any) {
	if t.level < l {
		t.fault("a "+t.level.String()+" does not know "+what, args...)
	}
}

// Faults are the different things a program sent that it should not have, in the
// order of their first appearance.
func (t *Terminal) Faults() []string { return t.faults }

// Row is the text of a row without the blanks at its end.
func (t *Terminal) Row(i int) string {
	var b strings.Builder
	for _, c := range t.grid[i] {
		b.WriteString(c.text)
	}
	return strings.TrimRight(b.String(), " ")
}

// Text is all rows, each but the last with a newline.
func (t *Terminal) Text() string {
	rows := make([]string, t.rows)
	for i := range rows {
		rows[i] = t.Row(i)
	}
	return strings.Join(rows, "\n")
}

// CellAt is the text of one column, "" for the second half of a wide character.
func (t *Terminal) CellAt(row, col int) string { return t.grid[row][col].text }

// StyleAt is how that column looks.
func (t *Terminal) StyleAt(row, col int) Style { return t.grid[row][col].style }

// Cursor is its place, from 0. With a wrap pending it is the last column.
func (t *Terminal) Cursor() (row, col int) { return t.row, t.col }

// Pending tells whether the next character wraps.
func (t *Terminal) Pending() bool { return t.pending }

func (t *Terminal) answer(format string, args ...any) {
	if t.Answer != nil {
		t.Answer(fmt.Appendf(nil, format, args...))
	}
}
