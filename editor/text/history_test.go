package text

import (
	"strings"
	"testing"
)

func say(t *Text) string { return string(t.Bytes(0, t.Len())) }

func TestTypingMelts(t *testing.T) {
	key := func(x *Text, keys string) {
		for _, k := range keys {
			x.Type(x.Len(), []byte(string(k)))
		}
	}
	cases := []struct {
		name string
		do   func(x *Text)
		want string // after one undo
	}{
		{"one undo takes back a word", func(x *Text) { key(x, "one two") }, "one "},
		{"a blank belongs to the word before it", func(x *Text) { key(x, "one two ") }, "one "},
		{"a newline ends a run", func(x *Text) { key(x, "one\ntwo") }, "one\n"},
		{"typing elsewhere is another step", func(x *Text) { key(x, "one"); x.Type(0, []byte("two")) }, "one"},
		{"a change between ends a run", func(x *Text) { key(x, "one"); x.Replace(0, 1, []byte("O")); key(x, "x") }, "One"},
		{"so does a replacement everywhere", func(x *Text) {
			key(x, "one")
			x.ReplaceAll(Literal("e", false), "E", 0, 3)
			key(x, "x")
		}, "onE"},
		{"so does an undo that is taken back", func(x *Text) { key(x, "one"); x.Undo(); x.Redo(); key(x, "two") }, "one"},
		{"a save ends a run", func(x *Text) { key(x, "one"); x.MarkSaved(); key(x, "two") }, "one"},
		{"a snapshot does not", func(x *Text) { key(x, "one"); x.Snapshot(); key(x, "two") }, ""},
		{"groups around each key do not", func(x *Text) {
			for _, k := range "one" {
				x.Begin(x.Len())
				x.Type(x.Len(), []byte(string(k)))
				x.End(x.Len())
			}
		}, ""},
		{"typing over what was selected is one step", func(x *Text) {
			x.Replace(0, 0, []byte("selected"))
			x.Begin(8)
			x.Replace(0, 8, nil)
			x.Type(0, []byte("n"))
			x.End(1)
			key(x, "ew")
		}, "selected"},
		{"a group is one step", func(x *Text) {
			x.Begin(0)
			key(x, "one two three")
			x.Begin(0)
			x.Replace(0, 3, nil)
			x.End(0)
			x.Append(nil)
			x.End(0)
		}, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			x := New(Memory(nil))
			c.do(x)
			after := say(x)
			x.Undo()
			if got := say(x); got != c.want {
				t.Errorf("after undo %q, want %q", got, c.want)
			}
			x.Redo()
			if got := say(x); got != after {
				t.Errorf("after redo %q, want %q", got, after)
			}
		})
	}
}

func TestCursorsOfSteps(t *testing.T) {
	x := New(Memory("some text"))
	x.Begin(7)
	x.Replace(0, 4, []byte("more"))
	x.End(2)
	if got, ok := x.Undo(); got != 7 || !ok {
		t.Errorf("Undo of a group gives %d, %v, want 7", got, ok)
	}
	if got, ok := x.Redo(); got != 2 || !ok {
		t.Errorf("Redo of a group gives %d, %v, want 2", got, ok)
	}
	x.Type(4, []byte("a"))
	x.Type(5, []byte("b"))
	if got, _ := x.Undo(); got != 4 {
		t.Errorf("Undo of typing gives %d, want 4", got)
	}
	if got, _ := x.Redo(); got != 6 {
		t.Errorf("Redo of typing gives %d, want 6", got)
	}
	x.Begin(1)
	x.End(3)
	if got, _ := x.Undo(); got != 4 {
		t.Errorf("a group without a change made a step: Undo gives %d, want 4", got)
	}
}

func TestWhatCannotBeRedoneIsLetGo(t *testing.T) {
	x := New(Memory(nil))
	for range 4 {
		x.Replace(0, 0, []byte("x"))
	}
	x.Undo()
	x.Undo()
	x.Undo()
	x.Replace(0, 0, []byte("y"))
	for i, s := range x.steps[:4] {
		if (s.root != nil) != (i == 1) { // step 0 leads to the empty text
			t.Errorf("step %d leads to %v", i, s.root)
		}
	}
}

func TestModified(t *testing.T) {
	x := New(Memory("x"))
	step := func(what string, want bool) {
		t.Helper()
		if x.Modified() != want {
			t.Errorf("after %s: Modified is %v", what, !want)
		}
	}
	step("opening", false)
	x.Type(0, []byte("a"))
	step("typing", true)
	x.Undo()
	step("undoing that", false)
	x.Redo()
	x.MarkSaved()
	step("saving", false)
	x.Append([]byte("more from the pipe"))
	step("an append", false)
	x.Type(1, []byte("b"))
	step("typing on", true)
	x.Undo()
	step("undoing to what was saved", false)
	x.Undo()
	step("undoing beyond it", true)
	x.Type(0, []byte("c"))
	x.Undo()
	step("leaving what was saved for good", true)
}

func TestOffsetsOutsideAreTheNearestInside(t *testing.T) {
	x := New(Memory("abc"))
	x.Replace(-5, 1, []byte("A"))
	x.Replace(2, 100, []byte("C"))
	x.Replace(100, 1, []byte("!"))
	x.Type(-1, []byte("<"))
	x.Type(1000, []byte(">"))
	x.Replace(1, -3, nil)
	if got := say(x); got != "<AbC!>" {
		t.Errorf("text is %q", got)
	}
	if x.LineStart(-3) != 0 || x.LineEnd(1000) != 6 || x.Byte(6) != 0 || x.Bytes(4, 2) != nil || string(x.Bytes(-2, 100)) != "<AbC!>" {
		t.Error("a question about an offset outside")
	}
}

func TestAppendKeepsHistory(t *testing.T) {
	x := New(Memory("one\n"))
	x.Replace(0, 3, []byte("two"))
	x.Append([]byte("three\n"))
	x.Undo()
	x.Append([]byte("four\n"))
	if got := say(x); got != "one\nthree\nfour\n" || x.Modified() {
		t.Errorf("after undo: %q, modified %v", got, x.Modified())
	}
	x.Redo()
	if got := say(x); got != "two\nthree\nfour\n" {
		t.Errorf("after redo: %q", got)
	}
	if n := len(x.Snapshot().Pieces()); n > 3 {
		t.Errorf("%d pieces, want what is appended to be one", n)
	}
}

func TestAddedBeyondAChunk(t *testing.T) {
	x := New(Memory(nil))
	line := strings.Repeat("x", 99) + "\n"
	for range 1000 {
		x.Append([]byte(line))
	}
	if got := say(x); got != strings.Repeat(line, 1000) {
		t.Errorf("%d bytes, not what was appended", len(got))
	}
	if n, _ := x.Lines(); n != 1001 {
		t.Errorf("%d lines, want 1001", n)
	}
	for _, n := range []int{1, 164, 500, 999} {
		if got, known := x.LineOffset(n); got != n*100 || !known {
			t.Errorf("line %d begins at %d, want %d", n, got, n*100)
		}
		if got, known := x.LineNumber(n*100 + 50); got != n || !known {
			t.Errorf("line at %d is %d, want %d", n*100+50, got, n)
		}
	}
}
