package language

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"

	"bantam/editor/screen"
	"bantam/system"
)

var update = flag.Bool("update", false, "rewrite golden files")

// letters stand for styles in the golden file.
var letters = map[screen.Style]byte{screen.Plain: ' ', screen.Comment: '#', screen.String: 's', screen.Key: 'k', screen.Header: 'H', screen.Number: 'n'}

func TestColoursOfEveryConstruct(t *testing.T) {
	src, err := os.ReadFile("testdata/colours.toml")
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	var s State
	for line := range bytes.Lines(src) {
		line = bytes.TrimSuffix(line, []byte("\n"))
		styles, next := TOML(line, s)
		row := make([]byte, len(line))
		for i, style := range styles {
			row[i] = letters[style]
			if row[i] == 0 {
				t.Errorf("%q: style %d is not for text", line, style)
			}
		}
		got.Write(append(append(line, '\n'), append(bytes.TrimRight(row, " "), '\n')...))
		s = next
	}
	const file = "testdata/colours.golden"
	if *update {
		if err := os.WriteFile(file, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != string(want) {
		t.Errorf("differs from %s (go test -update rewrites it)\ngot:\n%s", file, got.String())
	}
}

func TestAForgottenBracketSpoilsOnlyItsOwnLines(t *testing.T) {
	cases := []struct {
		claim, open, line string
		ends              bool
	}{
		{"a header ends an array", "a = [", "[net.eth0]", true},
		{"a header ends an inline table", "a = {", "[net.eth0] # c", true},
		{"a header of an array of tables", "a = [1, [", "  [[net.eth0.routes]]", true},
		{"a quoted part of a header", "a = [", "[net.\"eth0.1\"]", true},
		{"a key ends an array", "a = [ 1,", "b = 2", true},
		{"a dotted key ends an array", "a = [", "b.\"c d\" = 2", true},
		{"a key belongs to an inline table", "a = {", "b = 2", false},
		{"an array in an array", "a = [", "[1, 2]", false},
		{"an array of one in an array", "a = [", "[-1],", false},
		{"an array of one boolean", "a = [", "[true]", false},
		{"an array of one infinity", "a = [", "[inf]", false},
		{"an array of one string", "a = [", "[\"net\"]", false},
		{"a string", "a = [", "\"b = 2\",", false},
		{"a comment", "a = [", "# b = 2", false},
		{"text in a string of many lines", "a = \"\"\"", "[net]", false},
	}
	for _, c := range cases {
		open := State{}.After([]byte(c.open))
		if open == (State{}) {
			t.Errorf("%s: %q leaves nothing open", c.claim, c.open)
		}
		if got := open.After([]byte(c.line)) == (State{}); got != c.ends {
			t.Errorf("%s: it ends: %v, want %v", c.claim, got, c.ends)
		}
	}
}

// FuzzTOML checks what holds for every text: a style for each byte; the state
// is the same with and without colours, with and without line ends. A valid
// text is coloured as the parser of system.toml understands it.
func FuzzTOML(f *testing.F) {
	for _, pattern := range []string{"testdata/*.toml", "../../examples/*/system.toml", "../../system/testdata/bad/*.toml"} {
		files, _ := filepath.Glob(pattern)
		for _, file := range files {
			src, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(src)
		}
	}
	f.Add([]byte("a=[[[[{b=[\n]}\n{"))
	f.Add([]byte("a = \"\"\"\"\"x\"\"\"\"\" # \n'''\n\\"))
	f.Fuzz(func(t *testing.T, src []byte) {
		var styles []screen.Style
		var s State
		for line := range bytes.Lines(src) {
			row, next := TOML(line, s)
			if len(row) != len(line) {
				t.Fatalf("%q: %d styles", line, len(row))
			}
			bare := bytes.TrimSuffix(line, []byte("\n"))
			if after := s.After(line); after != next || s.After(bare) != next {
				t.Errorf("%q after %v: %v with colours, %v without, %v without line end", line, s, next, after, s.After(bare))
			}
			styles, s = append(styles, row...), next
		}
		var doc map[string]any
		if _, err := toml.Decode(string(src), &doc); err != nil || bytes.HasPrefix(src, []byte("\ufeff")) {
			return
		}
		if s != (State{}) {
			t.Errorf("%q is valid and ends in %v", src, s)
		}
		checkColours(t, src, styles)
	})
}

// checkColours compares colours with where the keys and values of a valid file are.
func checkColours(t *testing.T, src []byte, styles []screen.Style) {
	lines := []int{0}
	for i, c := range src {
		if c == '\n' {
			lines = append(lines, i+1)
		}
	}
	offset := func(p system.Position) int { return lines[p.Line-1] + p.Col - 1 }
	for _, e := range system.Scan(src) {
		key, value, end := offset(e.Key), offset(e.Value), offset(e.ValueEnd)
		if key == value && !strings.HasSuffix(e.Path, "]") {
			continue // a table that only dotted keys name
		}
		if style := styles[key]; key != value && style != screen.Key && style != screen.Header {
			t.Errorf("%q: the key %s has style %d", src, e.Path, style)
		}
		want := screen.Plain
		switch c := src[value]; {
		case c == '"' || c == '\'':
			want = screen.String
		case c >= '0' && c <= '9' || c == '+' || c == '-' || c == 't' || c == 'f' || c == 'i' || c == 'n':
			want = screen.Number
		default:
			continue
		}
		for at := value; at < end && key <= value; at++ {
			if styles[at] != want && !(want == screen.Number && src[at] == ' ') {
				t.Errorf("%q: byte %d of the value of %s has style %d, want %d", src, at-value, e.Path, styles[at], want)
				break
			}
		}
	}
}

func BenchmarkTOML(b *testing.B) {
	for _, c := range []struct{ claim, line string }{
		{"a line of a file", "addresses = [\"192.168.1.2/24\", \"fd00::1/64\"] # of the house"},
		{"1 MB of words", strings.Repeat("word ", 1<<18)},
		{"1 MB of brackets", strings.Repeat("[", 1<<20)},
		{"1 MB of a string", "a = \"" + strings.Repeat("\\\"", 1<<19)},
		{"1 MB of an open string", "a = \"\"\"" + strings.Repeat("\"\"a", 1<<18)},
		{"1 MB of strings", "a = [" + strings.Repeat("\"b\", ", 1<<17)},
		{"1 MB of keys", strings.Repeat("a.", 1<<19)},
		{"1 MB of a header", "[" + strings.Repeat("\"a\".", 1<<17)},
	} {
		for _, s := range []State{{}, State{}.After([]byte("a = [")), State{}.After([]byte("a = \"\"\""))} {
			b.Run(c.claim, func(b *testing.B) {
				b.SetBytes(int64(len(c.line)))
				b.ReportAllocs()
				for b.Loop() {
					TOML([]byte(c.line), s)
				}
			})
		}
	}
}
