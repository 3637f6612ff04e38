package editor

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const sample = "hostname = \"gate\"\n\n[net.eth0]\nipv4 = \"dhcp\"\n\n[service.web]\ncommand = [\"sh\", \"-c\", \"sleep 60\"]\n"

func modelOf(text string, rows, cols int) *model {
	m := newModel(&file{path: "/state/system.toml", text: []byte(text)}, Options{})
	m.rows, m.cols = rows, cols
	return m
}

// press feeds what a person types; ^X is Ctrl-X, <name> a named key.
func press(t *testing.T, m *model, keys string) {
	t.Helper()
	var d Decoder
	for _, k := range d.Feed([]byte(keys)) {
		m.key(k)
	}
	if d.Pending() {
		t.Fatalf("keys %q end in the middle", keys)
	}
}

func TestWhatIsTypedIsInTheText(t *testing.T) {
	for _, c := range []struct{ name, text, keys, want string }{
		{"typing inserts at the cursor", "ab", "\x1b[Cx", "axb"},
		{"enter splits a line", "ab", "\x1b[C\r", "a\nb"},
		{"backspace joins lines", "a\nb", "\x1b[B\x7f", "ab"},
		{"delete takes a whole UTF-8 character", "äb", "\x1b[3~", "b"},
		{"backspace takes one invalid byte", "\xff\xfeb", "\x1b[C\x1b[C\x7f", "\xffb"},
		{"end and type", "ab\ncd", "\x05!", "ab!\ncd"},
		{"cut two lines and paste them below", "1\n2\n3\n", "\x0b\x0b\x1b[B\x15", "3\n1\n2\n"},
		{"undo takes back a word", "x", "one two\x1a", "one x"},
		{"undo twice and redo once", "x", "one two\x1a\x1a\x19", "one x"},
		{"undo of a cut", "1\n2\n", "\x0b\x1a", "1\n2\n"},
		{"find and type", "alpha\nbeta\n", "\x06beta\rX", "alpha\nXbeta\n"},
		{"find without regard to case", "a\nBETA\n", "\x06beta\rX", "a\nXBETA\n"},
		{"find next wraps around", "b a b", "\x06b\r\x07X", "Xb a b"},
		{"go to line", "1\n2\n3\n", "\x143\rX", "1\n2\nX3\n"},
		{"a cancelled prompt changes nothing", "ab", "\x06zz\x03X", "Xab"},
		{"down keeps the column over a short line", "abcdef\nx\nabcdef", "\x05\x1b[B\x1b[BX", "abcdef\nx\nabcdefX"},
		{"word motion", "one two", "\x1b[1;5CX", "one Xtwo"},
		{"control bytes in a paste are no commands", "", "\x1b[200~a\x11b\r\n\x1b[201~", "ab\n\n"},
	} {
		m := modelOf(c.text, 24, 80)
		press(t, m, c.keys)
		if got := string(m.text.Bytes()); got != c.want {
			t.Errorf("%s: text %q, want %q", c.name, got, c.want)
		}
	}
}

func TestUntouchedBytesStayAsTheyWere(t *testing.T) {
	for _, text := range []string{"", "\n", "no newline", "a\r\nb\n", "\x00\xff\xfe\n\n", "\xf0\x9f", strings.Repeat("x", 5000)} {
		m := modelOf(text, 24, 80)
		press(t, m, "\x1b[Bzz\x7f\x7f\x1a\x1a\x1a")
		if got := string(m.text.Bytes()); got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
}

func TestModifiedIsTrueExactlyWhenTheTextDiffersFromTheSavedOne(t *testing.T) {
	b := NewBuffer([]byte("a"))
	step := func(what string, want bool) {
		t.Helper()
		if b.Modified() != want {
			t.Errorf("after %s: modified %v", what, !want)
		}
	}
	b.Replace(1, 0, []byte("b"), 1, true)
	step("typing", true)
	b.MarkSaved()
	step("saving", false)
	b.Replace(2, 0, []byte("c"), 2, true)
	step("typing on", true)
	b.Undo()
	step("undoing that", false)
	b.Undo()
	step("undoing what was saved", true)
	b.Redo()
	step("redoing it", false)
	b.Undo()
	b.Replace(0, 0, []byte("z"), 0, false)
	step("another edit instead", true)
}

// The oracle: whatever happens, the terminal shows what a fresh drawing would.
func TestTheScreenAlwaysEqualsAFullDrawing(t *testing.T) {
	keys := []string{"a", "=", " ", "\r", "\t", "\x7f", "\x1b[3~", "\x1b[A", "\x1b[B", "\x1b[B", "\x1b[C", "\x1b[D",
		"\x1b[5~", "\x1b[6~", "\x1b[H", "\x1b[F", "\x1b[1;5C", "\x1b[1;5D", "\x0b", "\x15", "\x1a", "\x19", "ä", "世", "\xff", "e\u0301",
		"\x06o\r", "\x07", "\x06ab\x03", "\x14" + "9\r", "\x02"}
	size := [][2]int{{24, 80}, {5, 20}, {6, 11}, {3, 10}, {1, 5}, {2, 4}, {40, 132}}
	for seed := range uint64(60) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		sz := size[seed%uint64(len(size))]
		insert := seed%3 != 0
		text := strings.Repeat(sample, 1+rnd.IntN(8)) + strings.Repeat("a long line 世界 ", rnd.IntN(20))
		m := modelOf(text, sz[0], sz[1])
		e := newEmulator(t, sz[0], sz[1], insert)
		s := NewScreen(sz[0], sz[1], insert)
		e.feed(s.Draw(m.picture(true)))
		for i := range 400 {
			k := keys[rnd.IntN(len(keys))]
			press(t, m, k)
			p := m.picture(rnd.IntN(4) == 0)
			e.feed(s.Draw(p))
			e.mustShow(p, fmt.Sprintf("seed %d, step %d, %q", seed, i, k))
		}
		e.feed(s.Leave())
	}
}

func TestEachActionCostsFewBytes(t *testing.T) {
	var lines []string
	for i := range 200 {
		lines = append(lines, fmt.Sprintf("key%03d = \"value %d\" # comment", i, i))
	}
	m := modelOf(strings.Join(lines, "\n"), 24, 80)
	s := NewScreen(24, 80, true)
	s.Draw(m.picture(true))
	for _, c := range []struct {
		name, keys string
		most       int
	}{
		{"a character within a line", "x", 4},
		{"cursor down", "\x1b[B", 1},
		{"cursor up", "\x1b[A", 2},
		{"cursor right", "\x1b[C", 3},
		{"backspace", "\x1b[C\x7f", 8},
		{"deleting a line", "\x0b", 60},
	} {
		press(t, m, c.keys)
		if got := len(s.Draw(m.picture(false))); got > c.most {
			t.Errorf("%s: %d bytes, want at most %d", c.name, got, c.most)
		}
	}
	press(t, m, "\x14"+"100\r")
	s.Draw(m.picture(true))
	for range 30 {
		press(t, m, "\x1b[B")
		if got := len(s.Draw(m.picture(false))); got > 45 {
			t.Errorf("scrolling by a line: %d bytes", got)
		}
	}
}

func TestKeysArriveWholeHoweverTheyAreSplit(t *testing.T) {
	in := "a\x1b[A\x1bOB\x1b[1;5Cä\x1b[24;80R世\x7f\x1b[3~\x1b[200~x\x1b[201~\x03"
	var whole Decoder
	want := whole.Feed([]byte(in))
	var pieces Decoder
	var got []Key
	for i := range len(in) {
		got = append(got, pieces.Feed([]byte{in[i]})...)
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("byte by byte %v, at once %v", got, want)
	}
}

func FuzzDecoder(f *testing.F) {
	f.Add([]byte("a\x1b[A\x1b[99999999999;5~\x1b\x1b[\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var d Decoder
		for _, c := range b {
			for _, k := range d.Feed([]byte{c}) {
				if k.Code == KeyText && len(k.Text) == 0 {
					t.Fatalf("empty %s", describe(k))
				}
			}
			if len(d.held) > maxSequence+1 {
				t.Fatalf("%d bytes held back", len(d.held))
			}
		}
	})
}

func FuzzBufferAgainstPlainText(f *testing.F) {
	f.Add([]byte("a\nb"), []byte{0, 1, 'x', 2, 3, '\n'})
	f.Fuzz(func(t *testing.T, text, ops []byte) {
		b := NewBuffer(text)
		plain := bytes.Clone(text)
		var history [][]byte
		for i := 0; i+2 < len(ops); i += 3 {
			off := int(ops[i]) % (len(plain) + 1)
			n := int(ops[i+1]) % (len(plain) - off + 1)
			s := ops[i+2 : i+3]
			history = append(history, bytes.Clone(plain))
			b.Replace(off, n, s, 0, false)
			plain = append(append(bytes.Clone(plain[:off]), s...), plain[off+n:]...)
			var lines [][]byte
			for l := range b.Lines() {
				lines = append(lines, b.Line(l))
			}
			if joined := bytes.Join(lines, []byte("\n")); !bytes.Equal(b.Bytes(), plain) || !bytes.Equal(joined, plain) {
				t.Fatalf("text %q, lines %q, want %q", b.Bytes(), joined, plain)
			}
		}
		for i := len(history) - 1; i >= 0; i-- {
			if _, ok := b.Undo(); !ok || !bytes.Equal(b.Bytes(), history[i]) {
				t.Fatalf("undo gives %q, want %q", b.Bytes(), history[i])
			}
		}
	})
}

func TestFaultsAreShownAndFound(t *testing.T) {
	m := modelOf("a\nb\nc\n", 24, 80)
	m.check = func(text []byte) []Fault {
		if bytes.Contains(text, []byte("fixed")) {
			return nil
		}
		return []Fault{{Line: 2, Col: 1, Text: "unknown key"}}
	}
	p := m.picture(true)
	if got := strings.Join(p.Rows[22], ""); !strings.Contains(got, "line 2: unknown key") || strings.Join(p.Rows[23], "") != help {
		t.Errorf("status row %q", got)
	}
	press(t, m, "\x16")
	if line, _ := m.text.Position(m.cursor); line != 1 {
		t.Errorf("^V went to line %d", line+1)
	}
	press(t, m, "fixed\x16")
	if m.message != "No faults" {
		t.Errorf("message %q", m.message)
	}
}

func TestALongFaultGoesOnInTheLastRow(t *testing.T) {
	m := modelOf("a\n", 24, 80)
	long := strings.Repeat("reason ", 15) + "remedy"
	m.check = func([]byte) []Fault { return []Fault{{Line: 1, Col: 1, Text: long}} }
	p := m.picture(true)
	if got := strings.Join(p.Rows[22], "") + strings.Join(p.Rows[23], ""); !strings.HasSuffix(got, long) {
		t.Errorf("status rows %q", got)
	}
}

func TestEscapeBeforeAControlKeyIsForgiven(t *testing.T) {
	m := modelOf("a", 24, 80)
	press(t, m, "x\x1b\x11")
	if m.prompt == nil {
		t.Error("ESC swallowed ^Q")
	}
}

func TestSaveKeepsModeAndLinkAndLeavesNothingBehind(t *testing.T) {
	dir := t.TempDir()
	real, link := filepath.Join(dir, "real"), filepath.Join(dir, "link")
	if err := os.WriteFile(real, []byte("old"), 0o640); err != nil {
		t.Fatal(err)
	}
	os.Chown(real, 12, 34)
	if err := os.Symlink("real", link); err != nil {
		t.Fatal(err)
	}
	f, err := open(link)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.save([]byte("new")); err != nil {
		t.Fatal(err)
	}
	info, err := os.Lstat(real)
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(real); string(got) != "new" || info.Mode() != 0o640 {
		t.Errorf("%q mode %v", got, info.Mode())
	}
	if to, err := os.Readlink(link); err != nil || to != "real" {
		t.Errorf("link %q, %v", to, err)
	}
	if changed, err := f.changedOnDisk(); changed || err != nil {
		t.Errorf("after our own save: changed %v, %v", changed, err)
	}
	os.WriteFile(real, []byte("other"), 0o640)
	if changed, _ := f.changedOnDisk(); !changed {
		t.Error("a change by somebody else was not seen")
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 2 {
		t.Errorf("left behind: %v", entries)
	}
}

func TestAFullDiskLeavesFileAndTextWhole(t *testing.T) {
	mount := tinyFileSystem(t)
	path := filepath.Join(mount, "system.toml")
	if err := os.WriteFile(path, []byte(sample), 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := open(path)
	if err != nil {
		t.Fatal(err)
	}
	m := newModel(f, Options{})
	m.rows, m.cols = 24, 80
	m.text.Replace(0, 0, bytes.Repeat([]byte("x"), 1<<20), 0, false)
	press(t, m, "\x13")
	if !strings.Contains(m.message, "NOT saved") || !strings.Contains(m.message, "no space") {
		t.Errorf("message %q", m.message)
	}
	if got, _ := os.ReadFile(path); string(got) != sample {
		t.Errorf("the file became %q", got)
	}
	if !m.text.Modified() || m.text.Len() != 1<<20+len(sample) {
		t.Error("the text was lost")
	}
	if entries, _ := os.ReadDir(mount); len(entries) != 1 {
		t.Errorf("left behind: %v", entries)
	}
}

func TestQuitAsksBeforeChangesAreLost(t *testing.T) {
	m := modelOf("a", 24, 80)
	press(t, m, "x\x11")
	if m.done || m.prompt == nil {
		t.Fatal("left without asking")
	}
	press(t, m, "\x03y")
	if m.done || string(m.text.Bytes()) != "xya" {
		t.Errorf("^C did not go back to the text: %q", m.text.Bytes())
	}
	press(t, m, "\x11n")
	if !m.done {
		t.Error("n did not leave")
	}
}

func TestALostSessionKeepsItsTextBesideEarlierOnes(t *testing.T) {
	dir := t.TempDir()
	f := &file{path: filepath.Join(dir, "f")}
	for i, want := range []string{"f.save", "f.save2"} {
		name, err := f.keep([]byte{byte('0' + i)})
		if err != nil || filepath.Base(name) != want {
			t.Errorf("kept in %s, %v; want %s", name, err, want)
		}
	}
	if got, _ := os.ReadFile(filepath.Join(dir, "f.save")); string(got) != "0" {
		t.Errorf("the first copy is %q", got)
	}
}
