package line

import (
	"math/rand"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// screen is a model of one terminal row: what a VT102 shows.
type screen struct {
	t      testing.TB
	width  int
	cells  []cell
	column int
	rows   int // line feeds seen
}

func (s *screen) write(out string) {
	for len(out) > 0 {
		switch b := out[0]; {
		case b == '\r':
			s.column = 0
		case b == '\n':
			s.rows++
			s.cells, s.column = nil, 0
		case b == '\b':
			s.column = max(0, s.column-1)
		case b == '\a':
		case b == 0x1b:
			out = s.sequence(out)
			continue
		default:
			r, size := utf8.DecodeRuneInString(out)
			_, width := shape(r)
			if r < ' ' || r == utf8.RuneError {
				s.t.Fatalf("byte %q is not for a terminal", out[0])
			}
			if width == 0 {
				last := s.column - 1
				for last > 0 && s.at(last) == "" {
					last--
				}
				if last < 0 {
					s.t.Fatal("a combining mark without a character")
				}
				s.cells[last] += cell(out[:size])
			} else {
				if s.column+width > s.width-1 {
					s.t.Fatalf("writes in column %d of %d", s.column+width, s.width)
				}
				s.set(s.column, cell(out[:size]))
				for i := 1; i < width; i++ {
					s.set(s.column+i, "")
				}
				s.column += width
			}
			out = out[size:]
			continue
		}
		out = out[1:]
	}
}

func (s *screen) sequence(out string) string {
	end := 2
	for end < len(out) && (out[end] < 0x40 || out[end] > 0x7e) {
		end++
	}
	n, _ := strconv.Atoi(out[2:end])
	n = max(n, 1)
	switch out[end] {
	case 'C':
		s.column += n
	case 'D':
		s.column -= n
	case 'K':
		s.cells = s.cells[:min(len(s.cells), s.column)]
	case 'H', 'J':
		s.cells, s.column = nil, 0
	case '@':
		for range n {
			s.at(s.column)
			s.cells = append(s.cells[:s.column], append([]cell{" "}, s.cells[s.column:]...)...)
		}
	case 'P':
		s.cells = append(s.cells[:s.column], s.cells[min(len(s.cells), s.column+n):]...)
	default:
		s.t.Fatalf("unknown sequence %q", out[:end+1])
	}
	if s.column < 0 || s.column >= s.width {
		s.t.Fatalf("cursor in column %d of %d", s.column, s.width)
	}
	return out[end+1:]
}

func (s *screen) at(i int) cell {
	for len(s.cells) <= i {
		s.cells = append(s.cells, " ")
	}
	return s.cells[i]
}

func (s *screen) set(i int, c cell) {
	s.at(i)
	s.cells[i] = c
}

func (s *screen) text() string {
	var out strings.Builder
	for _, c := range s.cells {
		out.WriteString(string(c))
	}
	return strings.TrimRight(out.String(), " ")
}

// feed sends bytes through decoder and editor, as the console does.
func feed(e *Editor, d *Decoder, s *screen, input string) Result {
	for _, b := range []byte(input) {
		for _, key := range d.Feed(b) {
			if result := e.Key(key); result != Editing && result != Remeasure {
				s.write(e.Output())
				return result
			}
		}
	}
	s.write(e.Output())
	return Editing
}

func newTest(t testing.TB, width int, insert bool) (*Editor, *Decoder, *screen) {
	h := &History{}
	for _, l := range []string{"first line", "second", "third with ünïcödé 漢字"} {
		h.Add(l)
	}
	e := &Editor{Width: width, Insert: insert, History: h,
		Complete: func(before string) Completion {
			start := strings.LastIndexByte(before, ' ') + 1
			c := Completion{Start: start}
			for _, w := range []string{"status", "stat", "sleep"} {
				if strings.HasPrefix(w, before[start:]) {
					c.Words = append(c.Words, w)
				}
			}
			return c
		},
		List: func(names []string, width int) string { return strings.Join(names, "\n") + "\n" }}
	s := &screen{t: t, width: width}
	e.Start("$ ")
	s.write(e.Output())
	return e, &Decoder{}, s
}

func TestKeys(t *testing.T) {
	for _, test := range []struct{ name, keys, want string }{
		{"characters are inserted", "hello", "hello"},
		{"the cursor moves and inserts in the middle", "hlo\x1b[D\x1b[Del", "hello"},
		{"application cursor keys are understood", "ab\x1bOD\x1bODx", "xab"},
		{"home and end in all their spellings", "b\x1b[Ha\x1b[Fc\x1b[1~x\x1b[4~y\x1b[7~z\x1b[8~w\x1bOH(\x1bOF)", "(zxabcyw)"},
		{"backspace in both codes", "abc\x7f\x08", "a"},
		{"delete", "abc\x01\x1b[3~", "bc"},
		{"control a, e, k and y", "one two\x01\x0b\x19\x19", "one twoone two"},
		{"control u cuts to the begin", "one two\x15x", "x"},
		{"control w cuts a word", "one two  \x17x", "one x"},
		{"words are skipped with control arrows", "one two\x1b[1;5DX\x1b[1;5D\x1b[1;5DY", "Yone Xtwo"},
		{"history up and down", "draft\x1b[A\x1b[A\x1b[B\x1b[B!", "draft!"},
		{"history shows older lines", "\x1b[A\x1b[A\x1b[A\x1b[A", "first line"},
		{"reverse search finds and edits", "\x12irst\x1b[F!", "first line!"},
		{"reverse search is given up", "keep\x12irst\x07", "keep"},
		{"a lone escape before a letter is no text", "a\x1b\x1b[Cb", "ab"},
		{"unknown sequences are swallowed", "a\x1b[15~\x1b[[A\x1b[99;99;99xb\x1bOPc", "abc"},
		{"an answer about the cursor is no text", "a\x1b[24;80Rb", "ab"},
		{"utf-8 is one character", "aüß\x7f漢\x02x", "aüx漢"},
		{"bytes that are not utf-8 survive", "a\xff\xc3b\xe2\x82c\xe0\x80\x80d", "a\xff\xc3b\xe2\x82c\xe0\x80\x80d"},
		{"a bracketed paste keeps its newlines and starts nothing", "\x1b[200~a\rb\x1b[201~c", "a\nbc"},
		{"completion of a unique word", "sl\t", "sleep "},
		{"completion of a common part", "st\t", "stat"},
	} {
		t.Run(test.name, func(t *testing.T) {
			e, d, s := newTest(t, 80, true)
			feed(e, d, s, test.keys)
			if got := e.Text(); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestCost(t *testing.T) {
	e, d, s := newTest(t, 80, true)
	feed(e, d, s, "ls /some/rather/long/path/name")
	for _, test := range []struct {
		name, key string
		limit     int
	}{
		{"typing at the end", "x", 1}, {"cursor left", "\x1b[D", 1}, {"cursor right", "\x1b[C", 1},
		{"typing in the middle", "\x02\x02\x02\x02\x02\x02\x02y", 14}, {"to the begin", "\x01", 5}, {"to the end", "\x05", 5}, {"backspace at the end", "\x7f", 4},
	} {
		e.Output()
		before := e.Text()
		for _, b := range []byte(test.key) {
			for _, key := range d.Feed(b) {
				e.Key(key)
			}
		}
		if out := e.Output(); len(out) > test.limit {
			t.Errorf("%s in %q costs %d bytes %q, want at most %d", test.name, before, len(out), out, test.limit)
		}
	}
}

// checkScreen compares what the terminal shows with a drawing from nothing.
func checkScreen(t testing.TB, e *Editor, s *screen, history string) {
	t.Helper()
	if !e.active {
		return
	}
	fresh := &screen{t: t, width: s.width}
	copied := *e
	copied.out = strings.Builder{}
	copied.row = row{insert: e.Insert}
	copied.render()
	fresh.write(copied.out.String())
	if s.text() != fresh.text() || s.column != fresh.column {
		t.Fatalf("after %q the screen shows\n%q cursor %d, want\n%q cursor %d", history, s.text(), s.column, fresh.text(), fresh.column)
	}
}

var fuzzKeys = []string{"a", "b", " ", "ü", "漢", "e\u0301", "\xff", "\x01", "\x02", "\x05", "\x06", "\x0b", "\x15", "\x17", "\x19", "\x7f", "\x1b[D", "\x1b[C",
	"\x1b[A", "\x1b[B", "\x1b[H", "\x1bOF", "\x1b[3~", "\x1b[1;5D", "\x1b[1;5C", "\t", "\x12", "\x07", "\x0c", "\x1b[200~pas\tte\nd\x1b[201~", "\x1b[5;5R", "\x1bb", "wordy words "}

func TestScreenIsAlwaysAsDrawnAnew(t *testing.T) {
	for seed := range int64(300) {
		random := rand.New(rand.NewSource(seed))
		e, d, s := newTest(t, []int{80, 24, 12, 40}[seed%4], seed%3 != 0)
		history := ""
		for range 120 {
			key := fuzzKeys[random.Intn(len(fuzzKeys))]
			history += key
			// Any piece may come with its own redraw.
			cut := random.Intn(len(key) + 1)
			feed(e, d, s, key[:cut])
			if d.Pending() && random.Intn(20) == 0 {
				d.Abandon()
				cut = len(key)
			}
			feed(e, d, s, key[cut:])
			checkScreen(t, e, s, history)
		}
	}
}

func FuzzEditor(f *testing.F) {
	for _, key := range fuzzKeys {
		f.Add("some text"+key+"x", uint8(3))
	}
	f.Fuzz(func(t *testing.T, input string, width uint8) {
		e, d, s := newTest(t, 10+int(width%90), width%2 == 0)
		for i := range len(input) {
			if result := feed(e, d, s, input[i:i+1]); result != Editing && result != Remeasure {
				e.Start("$ ")
				s.write(e.Output())
			}
			checkScreen(t, e, s, input[:i+1])
		}
	})
}

func TestSplitSequencesNeverLeak(t *testing.T) {
	for _, key := range fuzzKeys {
		for cut := 1; cut < len(key); cut++ {
			whole, d1, s1 := newTest(t, 80, true)
			feed(whole, d1, s1, "x y"+key+"z")
			pieces, d2, s2 := newTest(t, 80, true)
			feed(pieces, d2, s2, "x y"+key[:cut])
			feed(pieces, d2, s2, key[cut:]+"z")
			if whole.Text() != pieces.Text() {
				t.Errorf("%q split at %d gives %q, want %q", key, cut, pieces.Text(), whole.Text())
			}
		}
	}
}

func TestHistoryFile(t *testing.T) {
	path := t.TempDir() + "/history"
	h := OpenHistory(path)
	for _, l := range []string{"one", "two\nlines \\n", "one", " secret", "", "one"} {
		h.Add(l)
	}
	got := strings.Join(OpenHistory(path).Lines(), "|")
	if want := "two\nlines \\n|one"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	for i := range 2000 {
		h.Add(strconv.Itoa(i))
	}
	again := OpenHistory(path)
	if n := len(again.Lines()); n != historyLimit {
		t.Errorf("got %d lines, want %d", n, historyLimit)
	}
	if OpenHistory(path).Lines()[historyLimit-1] != "1999" {
		t.Error("the newest line is lost")
	}
}
