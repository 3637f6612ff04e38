package screen_test

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"bantam/editor/screen"
)

func TestLayout(t *testing.T) {
	for _, c := range []struct {
		says   string
		line   string
		column int
		most   int
		cells  string // "|" between them
		at     []int
	}{
		{"plain text", "ab", 0, 9, "a|b", []int{0, 1, 2}},
		{"an empty line", "", 0, 9, "", []int{0}},
		{"a tab reaches to the next stop", "ab\tc", 0, 20, "a|b| | | | | | |c", []int{0, 1, 2, 8, 9}},
		{"tabs count from the beginning of the line, not of the piece", "\tc", 13, 20, " | | |c", []int{13, 16, 17}},
		{"control bytes", "\x01\x7f\x00", 0, 20, "^|A|^|?|^|@", []int{0, 2, 4, 6}},
		{"invalid bytes", "a\xffb", 0, 20, "a|<|f|f|>|b", []int{0, 1, 5, 6}},
		{"a character cut off", "\xe4\xb8", 0, 20, "<|e|4|>|<|b|8|>", []int{0, 4, 8}},
		{"what has no width shows its number", "a\u200bb", 0, 20, "a|<|2|0|0|b|>|b", []int{0, 1, 1, 1, 7, 8}},
		{"a blank that is not a space shows its number", "\u00a0", 0, 20, "<|0|0|a|0|>", []int{0, 0, 6}},
		{"a wide character", "中x", 0, 9, "中||x", []int{0, 0, 0, 2, 3}},
		{"a mark stands on the character before", "e\u0301x", 0, 9, "e\u0301|x", []int{0, 1, 1, 1, 2}},
		{"a mark stands on a wide character", "中\u0301", 0, 9, "中\u0301|", []int{0, 0, 0, 2, 2, 2}},
		{"a mark at the beginning has nothing to stand on", "\u0301", 0, 9, "<|0|3|0|1|>", []int{0, 0, 6}},
		{"nor has one after a tab", "\t\u0301", 0, 20, " | | | | | | | |<|0|3|0|1|>", []int{0, 8, 8, 14}},
		{"too many marks show their numbers", "e" + strings.Repeat("\u0301", 5), 0, 9, "e" + strings.Repeat("\u0301", 4) + "|<|0|3|0|1|>", []int{0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 7}},
		{"no more than most cells", "abcdef", 0, 3, "a|b|c", []int{0, 1, 2, 3}},
		{"a wide character that does not fit is left out", "ab中", 0, 3, "a|b", []int{0, 1, 2}},
		{"marks on the last character are laid out", "ae\u0301b", 0, 2, "a|e\u0301", []int{0, 1, 2, 2, 2}},
		{"nothing fits into nothing", "abc", 5, 0, "", []int{5}},
	} {
		t.Run(c.says, func(t *testing.T) {
			row, at := screen.Layout([]byte(c.line), c.column, c.most, nil)
			var cells []string
			for _, c := range row {
				cells = append(cells, c.Text)
			}
			if got := strings.Join(cells, "|"); got != c.cells {
				t.Errorf("got the cells %q, want %q", got, c.cells)
			}
			if !slices.Equal(at, c.at) {
				t.Errorf("got the columns %v, want %v", at, c.at)
			}
		})
	}
}

func TestLayoutAsksForTheStyleOfEachCharacter(t *testing.T) {
	row, _ := screen.Layout([]byte("a中\xff\t"), 0, 20, func(i int) screen.Style { return screen.Style(i) })
	want := "0 1 1 4 4 4 4 5"
	var got []string
	for _, c := range row {
		got = append(got, fmt.Sprint(c.Style))
	}
	if strings.Join(got, " ") != want {
		t.Errorf("got the styles %v, want %v", got, want)
	}
}

func TestALongLineCostsOnlyWhatIsLaidOut(t *testing.T) {
	line := bytes.Repeat([]byte("value = 1 "), 1<<17)
	if n := testing.AllocsPerRun(10, func() { screen.Layout(line, 0, 80, nil) }); n > 2 {
		t.Errorf("laying out 80 cells allocates %v times", n)
	}
	asked := 0
	row, at := screen.Layout(line, 0, 80, func(int) screen.Style { asked++; return 0 })
	if len(row) != 80 || len(at) != 81 || asked != 80 {
		t.Errorf("got %d cells of %d bytes after %d questions, want 80 of 80 after 80", len(row), len(at)-1, asked)
	}
}

// Layout of a whole line, of its pieces, and Skip agree with each other, and the
// cells hold the valid characters of the line.
func FuzzLayout(f *testing.F) {
	for _, s := range []string{"key = \"value\" # comment", "\ta\tb", "中e\u0301\xff\x00\u200b", "\u0301\u0301", "\U0001f600\U0001f1e6\ufe0f"} {
		f.Add([]byte(s), uint8(10), uint8(3))
	}
	f.Fuzz(func(t *testing.T, line []byte, most, column uint8) {
		row, at := screen.Layout(line, int(column), int(most), nil)
		if len(row) > int(most) || at[0] != int(column) || at[len(at)-1] != int(column)+len(row) {
			t.Fatalf("%d cells of %d, columns %v", len(row), most, at)
		}
		for i, c := range row {
			r, _ := utf8.DecodeRuneInString(c.Text)
			if c.Text == "" && (i == 0 || wideText(row[i-1].Text) == false) || c.Text != "" && screen.Width(r) < 1 {
				t.Fatalf("cell %d of %q is %q", i, line, c.Text)
			}
		}
		n, reached := screen.Skip(line, int(column), int(column)+int(most))
		if n != len(at)-1 || reached != at[n] {
			t.Fatalf("Skip passes %d bytes to column %d, Layout %d bytes to %d", n, reached, len(at)-1, at[len(at)-1])
		}
		whole, all := screen.Layout(line, int(column), math.MaxInt, nil)
		if len(all) != len(line)+1 || !slices.Equal(all[:n+1], at) || !slices.Equal(whole[:len(row)], row) {
			t.Fatalf("the first %d cells of %q are not those of all of it", most, line)
		}
	})
}

func wideText(s string) bool {
	r, _ := utf8.DecodeRuneInString(s)
	return screen.Width(r) == 2
}

func TestWidth(t *testing.T) {
	for _, c := range []struct {
		says  string
		runes string
		want  int
	}{
		{"letters, signs and boxes", "aZ~ é½Ωж“…→─█✓", 1},
		{"East Asian", "アー中国한글ｗ￦，　。\U00020000", 2},
		{"emoji", "😀🚀🐓", 2},
		{"marks", "\u0301\u0308\u20dd\u0e31\u05b0\u064b\u1161\u11a8", 0},
		{"controls", "\x00\x1b\x7f\u0080\u009b", -1},
		{"formatting", "\u00ad\u200b\u200d\u200f\u202e\u2028\ufeff", -1},
		{"blanks other than the space", "\u00a0\u2003\u202f", -1},
		{"what changes its neighbour", "\ufe0f\U0001f3fd\U0001f1e9", -1},
		{"private and unassigned", "\ue000\U0010fffd\u0378\uffff", -1},
	} {
		for _, r := range c.runes {
			if got := screen.Width(r); got != c.want {
				t.Errorf("%s: the width of %U is %d, want %d", c.says, r, got, c.want)
			}
		}
	}
}
