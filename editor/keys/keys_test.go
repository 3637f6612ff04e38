package keys

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// plain describes keys shortly: text as it is, other keys in brackets.
func plain(all []Key) string {
	var s strings.Builder
	for _, k := range all {
		switch k.Code {
		case Text:
			fmt.Fprintf(&s, "%s", k.Text)
		case Paste:
			fmt.Fprintf(&s, "<paste %q>", k.Text)
		case Ctrl:
			fmt.Fprintf(&s, "<^%c>", k.Rune)
		case Alt:
			fmt.Fprintf(&s, "<alt %c>", k.Rune)
		case Cursor:
			fmt.Fprintf(&s, "<at %d %d>", k.Row, k.Col)
		case Device:
			fmt.Fprintf(&s, "<is %v>", k.Numbers)
		default:
			name := [...]string{PasteEnd: "end of paste", Up: "up", Down: "down", Left: "left", Right: "right", WordLeft: "word left",
				WordRight: "word right", Home: "home", End: "end", Top: "top", Bottom: "bottom", PageUp: "page up", PageDown: "page down",
				Insert: "insert", Delete: "delete", Backspace: "backspace", BackspaceWord: "backspace word", Enter: "enter", Tab: "tab", BackTab: "back tab"}[k.Code]
			if k.Shift {
				name = "shift " + name
			}
			fmt.Fprintf(&s, "<%s>", name)
		}
	}
	return s.String()
}

var cases = []struct{ name, bytes, want string }{
	{"text is text", "aä\u4e16", "aä\u4e16"},
	{"an invalid byte is kept", "a\xffb", "a\xffb"},
	{"control keys have their letters", "\x01\x1a\x00\x1c\x1f", "<^A><^Z><^@><^\\><^_>"},
	{"both backspaces", "\x7f\x08", "<backspace><backspace>"},
	{"both line ends", "\r\n", "<enter><enter>"},
	{"arrows of a VT100 in both modes", "\x1b[A\x1bOB\x1b[C\x1bOD", "<up><down><right><left>"},
	{"home and end in all dialects", "\x1b[H\x1bOH\x1b[1~\x1b[7~\x1b[F\x1bOF\x1b[4~\x1b[8~", "<home><home><home><home><end><end><end><end>"},
	{"paging, insert, delete", "\x1b[5~\x1b[6~\x1b[2~\x1b[3~", "<page up><page down><insert><delete>"},
	{"words with Ctrl or Alt", "\x1b[1;5D\x1b[1;5C\x1b[1;3D\x1bb\x1bf", "<word left><word right><word left><alt b><alt f>"},
	{"words in other dialects", "\x1bOd\x1bOc\x1b[5D\x1b[5C", "<word left><word right><word left><word right>"},
	{"Alt with both backspaces", "\x1b\x7f\x1b\x08", "<backspace word><backspace word>"},
	{"ends of the text", "\x1b[1;5H\x1b[1;5F", "<top><bottom>"},
	{"shift selects", "\x1b[1;2A\x1b[1;6C\x1b[b\x1b[6;2~", "<shift up><shift word right><shift down><shift page down>"},
	{"tab both ways", "\t\x1b[Z", "<tab><back tab>"},
	{"answers of the terminal", "\x1b[24;80R\x1b[?62;1;22c", "<at 24 80><is [62 1 22]>"},
	{"a paste commands nothing", "\x1b[200~a\x13\x1b[Ab\x1b[201~c", "<paste \"a\\x13\\x1b[Ab\"><end of paste>c"},
	{"line ends of a paste", "\x1b[200~a\rb\r\nc\nd\x1b[201~", "<paste \"a\\nb\\nc\\nd\"><end of paste>"},
	{"an empty paste", "\x1b[200~\x1b[201~x", "<end of paste>x"},
	{"function keys mean nothing", "\x1bOP\x1b[11~\x1b[[A\x1b[24~x", "x"},
	{"escape from habit", "\x1b\x13\x1b\x1b[A", "<^S><up>"},
	{"a sequence broken off by a control key", "\x1b[1\x13a", "<^S>a"},
	{"a terminal's answer about its colours", "a\x1b]11;rgb:ffff/ffff/ffff\x1b\\b\x1b]4;1;#000\x07c", "abc"},
	{"a terminal's answer about its name", "a\x1bP>|XTerm(390)\x1b\\b\x1bP1$r0m\x1b\\c\x1bP!|7E565445\x1b\\d", "abcd"},
	{"a string broken off by a control key", "\x1b]11;rgb\x13a\x1bP0\x1b[Ab", "<^S>a<up>b"},
	{"Alt with the letters that begin strings", "\x1b]a\x1bPb", "<alt ]>a<alt P>b"},
	{"mouse noise is skipped", "\x1b[<0;1;1Mx", "x"},
}

func TestKeysOfEveryTerminal(t *testing.T) {
	for _, c := range cases {
		var d Decoder
		if got := plain(d.Feed([]byte(c.bytes))); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
		if d.Pending() {
			t.Errorf("%s: something is held back", c.name)
		}
	}
}

// joined makes one of the parts of a paste, which differ with how they arrive.
func joined(all []Key) []Key {
	var out []Key
	for _, k := range all {
		if last := len(out) - 1; k.Code == Paste && last >= 0 && out[last].Code == Paste {
			out[last].Text = append(bytes.Clone(out[last].Text), k.Text...)
			continue
		}
		out = append(out, k)
	}
	return out
}

func TestPiecesDecodeAsTheWhole(t *testing.T) {
	for _, c := range cases {
		for i := 0; i <= len(c.bytes); i++ {
			for j := i; j <= len(c.bytes); j++ {
				var d Decoder
				var got []Key
				for _, part := range []string{c.bytes[:i], c.bytes[i:j], c.bytes[j:]} {
					got = append(got, d.Feed([]byte(part))...)
				}
				if got := plain(joined(got)); got != c.want {
					t.Errorf("%s cut at %d and %d: got %s, want %s", c.name, i, j, got, c.want)
				}
			}
		}
	}
}

func TestAnUnfinishedSequenceCanBeDropped(t *testing.T) {
	for _, begin := range []string{"\x1b", "\x1b[", "\x1b[1;", "\x1bO", "\xe4\xb8"} {
		var d Decoder
		if got := d.Feed([]byte(begin)); len(got) > 0 || !d.Pending() {
			t.Errorf("%q: %v, pending %v", begin, got, d.Pending())
		}
		if got, want := d.Escape(), begin == "\x1b"; got != want {
			t.Errorf("%q: Escape %v", begin, got)
		}
		d.Abort()
		if got := plain(d.Feed([]byte("x"))); got != "x" || d.Pending() {
			t.Errorf("%q, then x: %s", begin, got)
		}
	}
}

func TestALongPasteLosesNothing(t *testing.T) {
	text := strings.Repeat("key = \"value\"\t# \x1b[2 \xff\n", 2500)
	stream := []byte("\x1b[200~" + text + "\x1b[201~")
	for _, size := range []int{1, 7, 64, 4096, len(stream)} {
		var d Decoder
		var got []byte
		for at := 0; at < len(stream); at += size {
			for _, k := range d.Feed(stream[at:min(at+size, len(stream))]) {
				got = append(got, k.Text...)
			}
		}
		if string(got) != text || d.Pasting() {
			t.Errorf("in pieces of %d: %d of %d bytes", size, len(got), len(text))
		}
	}
}

// Whatever arrives: no panic, nothing is held back for ever, and the cut does not matter.
func TestNoiseLikeTheBeginningOfAStringEnds(t *testing.T) {
	var d Decoder
	if got := plain(d.Feed([]byte("\x1b]1" + strings.Repeat("x", longestString) + "yes"))); !strings.HasSuffix(got, "yes") {
		t.Errorf("got %s", got)
	}
	d.Feed([]byte("\x1b]1x"))
	if !d.Pending() {
		t.Error("the string is not pending")
	}
	d.Abort()
	if got := plain(d.Feed([]byte("a"))); got != "a" || d.Pending() {
		t.Errorf("after a rest: got %s", got)
	}
}

func FuzzDecoder(f *testing.F) {
	for _, c := range cases {
		f.Add([]byte(c.bytes), 3)
	}
	f.Add([]byte("\x1b["+strings.Repeat("1;", 100)+"R"), 5)
	f.Fuzz(func(t *testing.T, b []byte, cut int) {
		var whole, pieces Decoder
		want := whole.Feed(b)
		cut = min(max(cut, 0), len(b))
		got := append(pieces.Feed(b[:cut]), pieces.Feed(b[cut:])...)
		if !reflect.DeepEqual(joined(got), joined(want)) {
			t.Fatalf("cut at %d: %s, whole: %s", cut, plain(got), plain(want))
		}
		if len(whole.held) > longest {
			t.Fatalf("%d bytes are held back", len(whole.held))
		}
	})
}
