package vt

import (
	"strings"
	"testing"
)

// stream is what a program writes to a terminal of 6 rows and 20 columns, the
// rows that show then (without the blank ones at the end) and the cursor.
type stream struct {
	says     string
	bytes    string
	shows    string
	row, col int
	alone    bool // tmux does otherwise; VT100 and Linux do it like this
}

const letters = "aaa\r\nbbb\r\nccc\r\nddd\r\neee\r\nfff"

var streams = []stream{
	{says: "text and a new line", bytes: "one\r\ntwo", shows: "one\ntwo", row: 1, col: 3},
	{says: "LF keeps the column", bytes: "one\ntwo", shows: "one\n   two", row: 1, col: 6},
	{says: "BS stops in the first column", bytes: "a\b\b\bb", shows: "b", row: 0, col: 1},
	{says: "the last column leaves a wrap pending", bytes: "01234567890123456789", shows: "01234567890123456789", row: 0, col: 19},
	{says: "the next character wraps", bytes: "01234567890123456789x", shows: "01234567890123456789\nx", row: 1, col: 1},
	{says: "CR cancels a pending wrap", bytes: "01234567890123456789\rx", shows: "x1234567890123456789", row: 0, col: 1},
	{says: "CUP cancels a pending wrap", bytes: "01234567890123456789\x1b[1;20Hx", shows: "0123456789012345678x", row: 0, col: 19},
	{says: "BS with a wrap pending goes to the column before", bytes: "01234567890123456789\bx", shows: "012345678901234567x9", row: 0, col: 19, alone: true},
	{says: "EL with a wrap pending erases the last column", bytes: "01234567890123456789\x1b[Kx", shows: "0123456789012345678x", row: 0, col: 19, alone: true},
	{says: "a wrap at the bottom scrolls", bytes: letters + "\x1b[6;20Hxy", shows: "bbb\nccc\nddd\neee\nfff                x\ny", row: 5, col: 1},
	{says: "without autowrap the last column is overwritten", bytes: "\x1b[?7l01234567890123456789xyz\x1b[?7h", shows: "0123456789012345678z", row: 0, col: 19},
	{says: "DECSC and DECRC", bytes: "ab\x1b7\x1b[4;4Hx\x1b8y", shows: "aby\n\n\n   x", row: 0, col: 3},
	{says: "CUP out of range stops at the edge", bytes: "\x1b[99;99Hx\x1b[Hy", shows: "y\n\n\n\n\n                   x", row: 0, col: 1},
	{says: "CUP without parameters, with one, with zeros", bytes: "\x1b[3Ha\x1b[;3Hb\x1b[0;0Hc", shows: "c b\n\na", row: 0, col: 1},
	{says: "motions stop at the edges", bytes: "\x1b[9A\x1b[9Da\x1b[99B\x1b[99Cb", shows: "a\n\n\n\n\n                   b", row: 5, col: 19},
	{says: "IND, NEL and RI", bytes: "a\x1bDb\x1bEc\x1bM\x1bMd", shows: "ad\n b\nc", row: 0, col: 2},
	{says: "LF at the bottom scrolls", bytes: letters + "\n", shows: "bbb\nccc\nddd\neee\nfff", row: 5, col: 3},
	{says: "RI at the top scrolls", bytes: letters + "\x1b[H\x1bM", shows: "\naaa\nbbb\nccc\nddd\neee", row: 0, col: 0},
	{says: "a region homes the cursor", bytes: letters + "\x1b[2;4rx", shows: "xaa\nbbb\nccc\nddd\neee\nfff", row: 0, col: 1},
	{says: "LF scrolls at the bottom of the region", bytes: letters + "\x1b[2;4r\x1b[4;2H\n\nx", shows: "aaa\nddd\n\n x\neee\nfff", row: 3, col: 2},
	{says: "RI scrolls at the top of the region", bytes: letters + "\x1b[2;4r\x1b[2H\x1bMx", shows: "aaa\nx\nbbb\nccc\neee\nfff", row: 1, col: 1},
	{says: "LF below the region stops at the last row", bytes: letters + "\x1b[2;4r\x1b[5H\n\n\nx", shows: "aaa\nbbb\nccc\nddd\neee\nxff", row: 5, col: 1},
	{says: "RI above the region stops at the first row", bytes: letters + "\x1b[3;4r\x1b[2H\x1bM\x1bMx", shows: "xaa\nbbb\nccc\nddd\neee\nfff", row: 0, col: 1},
	{says: "CUU and CUD stop at the margins", bytes: letters + "\x1b[2;4r\x1b[3H\x1b[9Ax\x1b[9By", shows: "aaa\nxbb\nccc\ndyd\neee\nfff", row: 3, col: 2},
	{says: "CUU from below the region stops at its top", bytes: letters + "\x1b[2;4r\x1b[6H\x1b[9Ax", shows: "aaa\nxbb\nccc\nddd\neee\nfff", row: 1, col: 1},
	{says: "a region of one row is refused", bytes: letters + "\x1b[3;3r\x1b[6;4H\nx", shows: "bbb\nccc\nddd\neee\nfff\n   x", row: 5, col: 4},
	{says: "origin mode counts from the region", bytes: letters + "\x1b[2;4r\x1b[?6hx\x1b[9;2Hy\x1b[?6l", shows: "aaa\nxbb\nccc\ndyd\neee\nfff", row: 0, col: 0},
	{says: "IL within a region", bytes: letters + "\x1b[2;4r\x1b[3H\x1b[L", shows: "aaa\nbbb\n\nccc\neee\nfff", row: 2, col: 0},
	{says: "DL within a region", bytes: letters + "\x1b[2;4r\x1b[2H\x1b[2M", shows: "aaa\nddd\n\n\neee\nfff", row: 1, col: 0},
	{says: "IL and DL outside the region do nothing", bytes: letters + "\x1b[2;4r\x1b[5H\x1b[L\x1b[M", shows: "aaa\nbbb\nccc\nddd\neee\nfff", row: 4, col: 0, alone: true},
	{says: "IL and DL of more lines than there are", bytes: letters + "\x1b[5H\x1b[99L\x1b[2H\x1b[2M", shows: "aaa\nddd", row: 1, col: 0},
	{says: "ICH pushes text out on the right", bytes: "01234567890123456789\x1b[1;3H\x1b[3@", shows: "01   234567890123456", row: 0, col: 2},
	{says: "DCH", bytes: "0123456789\x1b[1;3H\x1b[3P", shows: "0156789", row: 0, col: 2},
	{says: "ICH of more than the row", bytes: "abcdef\x1b[1;4H\x1b[99@", shows: "abc", row: 0, col: 3, alone: true},
	{says: "DCH of more than the row", bytes: "xyz\x1b[1;2H\x1b[99P", shows: "x", row: 0, col: 1},
	{says: "ECH", bytes: "0123456789\x1b[1;3H\x1b[3X", shows: "01   56789", row: 0, col: 2},
	{says: "ECH beyond the margin", bytes: "0123456789\x1b[1;3H\x1b[99X", shows: "01", row: 0, col: 2},
	{says: "EL to the left, to the right and all", bytes: letters + "\x1b[1;2H\x1b[K\x1b[2;2H\x1b[1K\x1b[3;2H\x1b[2K", shows: "a\n  b\n\nddd\neee\nfff", row: 2, col: 1},
	{says: "ED below", bytes: letters + "\x1b[3;2H\x1b[J", shows: "aaa\nbbb\nc", row: 2, col: 1},
	{says: "ED above", bytes: letters + "\x1b[3;2H\x1b[1J", shows: "\n\n  c\nddd\neee\nfff", row: 2, col: 1},
	{says: "ED of everything keeps the cursor", bytes: letters + "\x1b[2J", shows: "", row: 5, col: 3},
	{says: "insert mode", bytes: "abc\x1b[1;2H\x1b[4hxy\x1b[4lz", shows: "axyzc", row: 0, col: 4},
	{says: "REP", bytes: "a-\x1b[5b|", shows: "a------|", row: 0, col: 8},
	{says: "CHA, VPA and HPA", bytes: "\x1b[5Ga\x1b[3db\x1b[9`c", shows: "    a\n\n     b  c", row: 2, col: 9},
	{says: "CNL and CPL", bytes: "ab\x1b[2Ec\x1b[Fd", shows: "ab\nd\nc", row: 1, col: 1},
	{says: "tabs", bytes: "\ta\tb\tc", shows: "        a       b  c", row: 0, col: 19, alone: true},
	{says: "tab stops set and cleared", bytes: "\x1b[3g\x1b[1;5H\x1bH\r\tx", shows: "    x", row: 0, col: 5},
	{says: "a back tab", bytes: "\x1b[1;12H\x1b[Zx", shows: "        x", row: 0, col: 9},
	{says: "SU and SD", bytes: letters + "\x1b[2S\x1b[T", shows: "\nccc\nddd\neee\nfff", row: 5, col: 3},
	{says: "a wide character takes two columns", bytes: "a中b\r\n", shows: "a中b", row: 1, col: 0},
	{says: "a wide character at the margin wraps", bytes: "0123456789012345678中x", shows: "0123456789012345678\n中x", row: 1, col: 3},
	{says: "a wide character fills the last two columns", bytes: "012345678901234567中x", shows: "012345678901234567中\nx", row: 1, col: 1},
	{says: "the first half overwritten", bytes: "a中b\x1b[1;2Hx", shows: "ax b", row: 0, col: 2},
	{says: "the second half overwritten", bytes: "a中b\x1b[1;3Hx", shows: "a xb", row: 0, col: 3},
	{says: "wide over the halves of two", bytes: "中国\x1b[1;2H人", shows: " 人", row: 0, col: 3},
	{says: "a mark joins the character before", bytes: "e\u0301x", shows: "e\u0301x", row: 0, col: 2},
	{says: "a mark joins a wide character", bytes: "中\u0301x", shows: "中\u0301x", row: 0, col: 3},
	{says: "a mark with a wrap pending joins the last column", bytes: "0123456789012345678e\u0301x", shows: "0123456789012345678e\u0301\nx", row: 1, col: 1},
	{says: "a character split over writes", bytes: "\xe4\xb8", shows: "", row: 0, col: 0, alone: true},
	{says: "line drawing by SI and SO", bytes: "\x1b)0\x0elqk\x0fl", shows: "┌─┐l", row: 0, col: 4},
	{says: "line drawing in G0", bytes: "\x1b(0x\x1b(Bx", shows: "│x", row: 0, col: 2},
	{says: "the alternate screen comes and goes", bytes: "abc\x1b[?1049h\x1b[Hxyz\x1b[?1049ld", shows: "abcd", row: 0, col: 4},
	{says: "a title is not text", bytes: "a\x1b]0;title\x07b\x1b]2;title\x1b\\c", shows: "abc", row: 0, col: 3},
	{says: "a device control string is not text", bytes: "a\x1bP$q\"p\x1b\\b", shows: "ab", row: 0, col: 2},
	{says: "control bytes act within a sequence", bytes: "abc\x1b[\r2Cx", shows: "abx", row: 0, col: 3},
	{says: "CAN ends a sequence", bytes: "a\x1b[3\x18b", shows: "ab", row: 0, col: 2},
	{says: "DECALN", bytes: "\x1b#8\x1b[2;1H\x1b[J", shows: strings.Repeat("E", 20), row: 1, col: 0},
	{says: "a full reset", bytes: letters + "\x1b[2;3r\x1bcx", shows: "x", row: 0, col: 1},
}

func TestStreams(t *testing.T) {
	for _, s := range streams {
		t.Run(s.says, func(t *testing.T) {
			e := New(6, 20, XTerm)
			for i := range len(s.bytes) { // split anywhere
				e.Write([]byte(s.bytes[i : i+1]))
			}
			if got := strings.TrimRight(e.Text(), "\n"); got != s.shows {
				t.Errorf("%q shows\n%s\nwant\n%s", s.bytes, got, s.shows)
			}
			if row, col := e.Cursor(); row != s.row || col != s.col {
				t.Errorf("after %q the cursor is at %d,%d, want %d,%d", s.bytes, row, col, s.row, s.col)
			}
		})
	}
}

func TestWhatALevelDoesNotKnowIsAFault(t *testing.T) {
	for _, c := range []struct {
		bytes string
		from  Level // knows it
	}{
		{"\x1b[5;2H\x1b[2;4r\x1bM\x1b7\x1b8\x1b[K\x1b[J\x1b[0;1;4;5;7m\x1b[?7h\x0e\x0f", VT100},
		{"\x1b[L", VT102}, {"\x1b[M", VT102}, {"\x1b[P", VT102}, {"\x1b[@", VT102}, {"\x1b[4h", VT102},
		{"\x1b[31m", Linux}, {"\x1b[39m", Linux}, {"\x1b[X", Linux}, {"\x1b[5G", Linux}, {"\x1b[5d", Linux}, {"\x1b[?25l", Linux},
		{"\x1b[?1049h", XTerm}, {"\x1b[S", XTerm}, {"\x1b]0;t\x07", XTerm}, {"\x1b[?2004h", XTerm}, {"\x1b[!p", XTerm},
		{"\x1b[1;2;3w", XTerm + 1}, {"\x1by", XTerm + 1}, {"\x1b[?4711h", XTerm + 1}, {"a\xffb", XTerm + 1}, {"\x02", XTerm + 1},
		{"\u0085", XTerm + 1}, {"01234567890123456789", XTerm + 1}, {"\x1b[4;3r", XTerm + 1}, {"\u0301", XTerm + 1}, {"\x1b[1\x1b[1m", XTerm + 1},
	} {
		for l := VT100; l <= XTerm; l++ {
			e := New(6, 20, l)
			e.Write([]byte(c.bytes))
			if got, want := len(e.Faults()) > 0, l < c.from; got != want {
				t.Errorf("%v: %q has the faults %q, want any: %v", l, c.bytes, e.Faults(), want)
			}
		}
	}
}

func TestAnswers(t *testing.T) {
	for _, c := range []struct {
		level     Level
		ask, want string
	}{
		{VT100, "\x1b[c", "\x1b[?1;2c"},
		{VT102, "\x1b[0c", "\x1b[?6c"},
		{Linux, "\x1bZ", "\x1b[?6c"},
		{XTerm, "\x1b[>c", "\x1b[>41;330;0c"},
		{VT100, "\x1b[5n", "\x1b[0n"},
		{VT100, "\x1b[999;999H\x1b[6n", "\x1b[6;20R"},
		{VT100, "\x1b[3;5r\x1b[?6h\x1b[2;2H\x1b[6n", "\x1b[2;2R"},
	} {
		e := New(6, 20, c.level)
		got := ""
		e.Answer = func(b []byte) { got += string(b) }
		e.Write([]byte(c.ask))
		if got != c.want {
			t.Errorf("%v answers %q with %q, want %q", c.level, c.ask, got, c.want)
		}
	}
}

func TestStyles(t *testing.T) {
	e := New(1, 20, XTerm)
	e.Write([]byte("a\x1b[1;31;44mb\x1b[;7mc\x1b[27;4md\x1b[m\x1b[38;5;200me\x1b[48;2;1;2;3mf\x1b[39;49;92mg\x1b[m\x1b[46m\x1b[2X"))
	for col, want := range []Style{
		{}, {Bold: true, Foreground: 2, Background: 5}, {Reverse: true}, {Underline: true}, {Foreground: 201},
		{Foreground: 201, Background: TrueColor + 0x010203}, {Foreground: 11}, {Background: 7}, {Background: 7}, {},
	} {
		if got := e.StyleAt(0, col); got != want {
			t.Errorf("column %d is %+v, want %+v", col, got, want)
		}
	}
}

// Whatever comes, the emulator goes on, and the screen stays a screen.
func FuzzWrite(f *testing.F) {
	for i, s := range streams {
		f.Add([]byte(s.bytes), uint8(i), uint8(i*3))
	}
	f.Fuzz(func(t *testing.T, b []byte, rows, cols uint8) {
		e := New(int(rows%30)+1, int(cols%90)+1, Level(rows)%4)
		e.Write(b)
		if row, col := e.Cursor(); row < 0 || row >= e.rows || col < 0 || col >= e.cols {
			t.Fatalf("the cursor is at %d,%d", row, col)
		}
		for i, r := range e.grid {
			if len(r) != e.cols {
				t.Fatalf("row %d has %d columns", i, len(r))
			}
			for j, c := range r {
				if c.text == "" && (j == 0 || width([]rune(r[j-1].text + "x")[0]) != 2) {
					t.Fatalf("row %d, column %d is half a character without the other half: %q", i, j, e.Row(i))
				}
			}
		}
	})
}
