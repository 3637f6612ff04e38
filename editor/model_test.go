package editor

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bantam/editor/keys"
	"bantam/editor/language"
	"bantam/editor/text"
)

// named are the keys that press knows between < and >.
var named = map[string]keys.Key{
	"up": {Code: keys.Up}, "down": {Code: keys.Down}, "left": {Code: keys.Left}, "right": {Code: keys.Right},
	"home": {Code: keys.Home}, "end": {Code: keys.End}, "pgup": {Code: keys.PageUp}, "pgdn": {Code: keys.PageDown},
	"top": {Code: keys.Top}, "bottom": {Code: keys.Bottom}, "wleft": {Code: keys.WordLeft}, "wright": {Code: keys.WordRight},
	"bs": {Code: keys.Backspace}, "del": {Code: keys.Delete}, "enter": {Code: keys.Enter}, "tab": {Code: keys.Tab},
	"backtab": {Code: keys.BackTab}, "sdown": {Code: keys.Down, Shift: true}, "sright": {Code: keys.Right, Shift: true},
	"send": {Code: keys.End, Shift: true}, "pasted tab": {Code: keys.Tab, Rune: '\t'}, "paste end": {Code: keys.PasteEnd},
}

// press types what a test says: text as it is, <up>, <^K>, <lt> for <.
func (m *model) press(s string) {
	for len(s) > 0 {
		if s[0] != '<' {
			_, n := decodeOne(s)
			m.key(keys.Key{Code: keys.Text, Text: []byte(s[:n])})
			s = s[n:]
			continue
		}
		name, rest, _ := strings.Cut(s[1:], ">")
		s = rest
		switch k, ok := named[name]; {
		case ok:
			m.key(k)
		case name == "lt":
			m.key(keys.Key{Code: keys.Text, Text: []byte("<")})
		case strings.HasPrefix(name, "paste "):
			m.key(keys.Key{Code: keys.Paste, Text: []byte(name[6:])})
		case name[0] == '^':
			m.key(keys.Key{Code: keys.Ctrl, Rune: rune(name[1])})
		default:
			panic("no key " + name)
		}
		for m.busy != nil { // what the loop does in idle time
			m.work()
		}
	}
}

func decodeOne(s string) (rune, int) {
	for _, r := range s {
		return r, max(len(string(r)), 1)
	}
	return 0, 1
}

// editing is a model of a text without a file, at 24 rows of 80 columns.
func editing(content string) *model {
	d := newDocument("test", text.Memory(content))
	m := newModel([]*document{d}, Options{})
	m.view.rows, m.view.cols = 24, 80
	return m
}

// shown is the text with | where the cursor is.
func (m *model) shown() string {
	d := m.doc()
	return string(d.text.Bytes(0, d.cursor)) + "|" + string(d.text.Bytes(d.cursor, d.text.Len()))
}

func TestKeysDoWhatTheySay(t *testing.T) {
	for _, c := range []struct{ name, before, keys, after string }{
		{"text is typed where the cursor is", "ad", "<right>bc", "abc|d"},
		{"enter breaks the line", "ab", "<right><enter>", "a\n|b"},
		{"backspace and delete take characters, not bytes", "aäe\u0301b", "<right><right><right><bs><bs><del>", "a|"},
		{"an invalid byte is a character", "a\xff\xfeb", "<right><right><bs>", "a|\xfeb"},
		{"home, then the first character", "  ab", "<end><home><home>", "  |ab"},
		{"words", "one two_2  drei", "<wright><wright><wleft>", "one |two_2  drei"},
		{"down keeps the column", "abcd\nx\nabcd", "<end><down><down>", "abcd\nx\nabcd|"},
		{"up from the first line goes to its start", "abc\n", "<end><up>", "|abc\n"},
		{"down from the last line goes to its end", "abc", "<down>", "abc|"},
		{"tabs have columns", "\tx\nabcdefghij", "<right><down>", "\tx\nabcdefgh|ij"},
		{"wide characters have two", "世界x\nabcdef", "<right><right><down>", "世界x\nabcd|ef"},
		{"the ends of the text", "a\nb\nc", "<bottom>x<top>y", "y|a\nb\ncx"},
		{"a line is cut and put twice", "a\nb\nc\n", "<down><^K><^U><^U>", "a\nb\nb\n|c\n"},
		{"lines cut in a row are put together", "a\nb\nc\n", "<^K><^K><down><^U>", "c\na\nb\n|"},
		{"a motion between cuts begins anew", "a\nb\nc\n", "<^K><down><^K><^U><^U>", "b\nc\nc\n|"},
		{"the last line without its end is cut", "a\nb", "<down><^K>", "a\n|"},
		{"a selection is cut", "abcdef", "<right><^^><right><right><^K><end><^U>", "adefbc|"},
		{"a selection is copied by the menu", "abc", "<^^><right><right><^G>c<end><^U>", "abcab|"},
		{"shift selects, typing replaces", "abcdef", "<right><sright><sright>X", "aX|def"},
		{"shift selects, backspace deletes", "ab\ncd", "<right><sdown><bs>", "a|d"},
		{"a motion without shift lets go", "abc", "<sright><right>X", "abX|c"},
		{"undo takes a word back", "", "one two<^Z>", "one |"},
		{"undo and redo", "", "one two<^Z><^Z><^Y>", "one |"},
		{"undo of a cut", "a\nb\n", "<^K><^Z>", "|a\nb\n"},
		{"indent and unindent a line", "a\nb", "<^G>i<down><^G>i<^G>o", "    a\n|b"},
		{"tab indents a selection", "a\n\nb\nc", "<sdown><sdown><sdown><tab>", "    a\n\n    b\n|c"},
		{"back tab takes it away", "    a\n  b\n\tc", "<sdown><sdown><send><backtab>", "a\nb\nc|"},
		{"a comment and back", "  a = 1\n\nb = 2\n", "<sdown><sdown><sdown><^G>#<^G>#", "  a = 1\n\nb = 2\n|"},
		{"comment out", "  a\n\nb", "<sdown><sdown><send><^G>#", "#   a\n\n# b|"},
		{"only some are comments: all become comments", "# a\nb", "<sdown><send><^G>#", "# # a\n# b|"},
		{"find goes to the match, small letters find capitals", "a\nXyz xyz", "<^F>xyz<enter>", "a\n|Xyz xyz"},
		{"an answer is edited in its middle", "a bcde", "<^F>xce<left>d<home><del>b<end><bs>e<enter>", "a |bcde"},
		{"and emptied", "a bc", "<^F>xx<left><^U>bc<enter>", "a |bc"},
		{"a capital is exact", "xyz Xyz", "<^F>Xyz<enter>", "xyz |Xyz"},
		{"find the next and around", "a b a", "<^F>a<enter><^F><^F><^W><^W>", "|a b a"},
		{"find backward", "a b a b", "<bottom><^F>a<enter><^G>b", "a b |a b"},
		{"a cancelled search stays", "a b", "<^F>b<^C>", "|a b"},
		{"an expression", "x1 x22 x333", "<^F><^T>x\\d{3}<enter>", "x1 x22 |x333"},
		{"replace asks for each", "a a a", "<^R>a<enter>bb<enter>yny", "bb a bb|"},
		{"replace all below", "a a a", "<^R>a<enter>b<enter>na", "a |b b"},
		{"replace by groups", "k1=v1\nk2=v2", "<^R><^T>(k.)=(v.)<enter>$2=$1<enter>a", "|v1=k1\nv2=k2"},
		{"an empty match ends", "ab", "<^R><^T>x*<enter>-<enter>yyy", "-a-b-|"},
		{"replace all is one undo", "a a a", "<^R>a<enter>b<enter>a<^Z>", "|a a a"},
		{"replace within a selection", "a a a", "<right><^^><right><right><right><^R>a<enter>b<enter>", "a b |a"},
		{"go to a line", "a\nb\nc", "<^T>3<enter>", "a\nb\n|c"},
		{"beyond the last line is the last", "a\nb", "<^T>99<enter>", "a\n|b"},
		{"a paste is one step and no command", "", "<paste a\n\x13\tb><paste c><paste end><^Z>x", "x|"},
		{"a paste replaces what shift selected", "abc", "<sright><paste X><paste end>", "X|bc"},
		{"a pasted tab is a tab", "", "<pasted tab>", "\t|"},
		{"CRLF goes on", "a\r\nb\r\n", "<end>x<enter>y", "ax\r\ny|\r\nb\r\n"},
		{"CRLF is one character", "a\r\nb\r\n", "<end><right><left><del>", "a|b\r\n"},
		{"LF stays LF where the first line has it", "a\nb\r\n", "<down><end><enter>", "a\nb\r\n|\n"},
		{"a macro", "a\nb\nc\n", "<^G>*- <home><down><^G>*<^G>.<^G>.", "- a\n- b\n- c\n|"},
		{"one undo takes a macro back", "a\nb\n", "<^G>*-<home><down><^G>*<^G>.<^Z>", "-a\n|b\n"},
	} {
		m := editing(c.before)
		m.press(c.keys)
		if got := m.shown(); got != c.after {
			t.Errorf("%s: %q typed into %q gives %q, want %q; message %q", c.name, c.keys, c.before, got, c.after, m.message)
		}
	}
}

func TestEveryCommandHasALetterAndTheLettersDiffer(t *testing.T) {
	letters, ctrls := map[rune]bool{}, map[rune]bool{}
	for _, c := range commands {
		if letters[c.letter] {
			t.Errorf("%q is there twice", c.letter)
		}
		letters[c.letter] = true
		for _, r := range c.ctrl {
			if ctrls[r] || strings.ContainsRune("HIJM[", r) {
				t.Errorf("^%c of %s is taken", r, c.name)
			}
			ctrls[r] = true
		}
	}
	for i, line := range strings.Split(menuText(79), "\n") {
		if len(line) > 79 || i >= 22 {
			t.Errorf("the menu does not fit 24x80: line %d %q", i, line)
		}
	}
}

func TestATextForReadingStaysAsItIs(t *testing.T) {
	for _, c := range commands {
		m := editing("one\ntwo\nthree\n")
		m.doc().readOnly = "only for reading"
		m.clip = []byte("clip")
		m.press("<down>x<paste y><paste end><bs><del><tab><pasted tab><backtab><^G>" + strings.ReplaceAll(string(c.letter), "<", "<lt>") + "<^C><^C>")
		if got := string(m.docs[0].text.Bytes(0, 99)); got != "one\ntwo\nthree\n" {
			t.Errorf("%s changed it to %q", c.name, got)
		}
	}
}

// tester is a Checker for tests: "bad" is a fault, and two keys complete.
type tester struct{}

func (tester) Check(b []byte) (faults []language.Fault) {
	for i, line := range bytes.Split(b, []byte("\n")) {
		if at := bytes.Index(line, []byte("bad")); at >= 0 {
			faults = append(faults, language.Fault{Line: i + 1, Col: at + 1, Text: "this is bad"})
		}
	}
	return faults
}

func (tester) Complete(b []byte, offset int) (int, []language.Completion) {
	from := bytes.LastIndexByte(b[:offset], '\n') + 1
	var items []language.Completion
	for _, key := range []string{"address = ", "after = "} {
		if strings.HasPrefix(key, string(b[from:offset])) {
			items = append(items, language.Completion{Text: key, Doc: "about " + key})
		}
	}
	return from, items
}

func (tester) Explain(b []byte, offset int) string { return fmt.Sprintf("byte %d", offset) }

func TestACheckerHelpsWhileEditing(t *testing.T) {
	for _, c := range []struct{ name, before, keys, after, message string }{
		{"one offer is taken", "", "ad<tab>", "address = |", "about address ="},
		{"offers go round", "", "a<tab><tab>", "after = |", "about after ="},
		{"and round again", "", "a<tab><tab><tab>", "address = |", "about address ="},
		{"backward", "", "a<tab><backtab>", "after = |", "about after ="},
		{"a key takes the offer", "", "a<tab><tab>1", "after = 1|", ""},
		{"undo takes it back whole", "", "a<tab><tab><^Z>", "a|", ""},
		{"nothing to offer", "", "x<tab>", "x|", "Nothing to complete here"},
		{"the next fault", "a\nx bad\nbad\n", "<^V>", "a\nx |bad\nbad\n", "2:3 this is bad"},
		{"and around", "a\nx bad\nbad\n", "<^V><^V><^V>", "a\nx |bad\nbad\n", "2:3 this is bad"},
		{"no faults", "a\n", "<^V>", "|a\n", "No faults"},
		{"explain", "abc", "<right><^]>", "a|bc", "byte 1"},
	} {
		m := editing(c.before)
		m.doc().checker = tester{}
		m.press(c.keys)
		if got := m.shown(); got != c.after || m.message != c.message {
			t.Errorf("%s: %q gives %q and %q, want %q and %q", c.name, c.keys, got, m.message, c.after, c.message)
		}
	}
}

func TestFaultsStayWithTheirLines(t *testing.T) {
	m := editing("a\nbad\nc")
	d := m.doc()
	d.checker = tester{}
	d.check()
	m.press("new<enter>")
	if f, ok := d.faultAt(d.text.LineStart(8)); !ok || d.text.Bytes(f.at, f.at+3)[0] != 'b' {
		t.Errorf("the fault is not on its line: %v %v", f, ok)
	}
	m.press("<down><^K>")
	if _, ok := d.faultAt(d.cursor); ok {
		t.Errorf("a fault without its line in %q", m.shown())
	}
}

// opened is a model of a file in a folder of the test.
func opened(t *testing.T, content string) (m *model, path string) {
	t.Helper()
	dir := t.TempDir()
	path = filepath.Join(dir, "file.txt")
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return reopened(t, path), path
}

func reopened(t *testing.T, path string) *model {
	t.Helper()
	opt := Options{Recovery: filepath.Join(filepath.Dir(path), "recovery")}
	d, err := opt.open(Target{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	m := newModel([]*document{d}, opt)
	m.view.rows, m.view.cols = 24, 80
	m.greet(d)
	t.Cleanup(func() { d.close(true) })
	return m
}

func content(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestSavingAndLeaving(t *testing.T) {
	for _, c := range []struct {
		name, keys, file string
		done             bool
	}{
		{"save", "x<^S>", "xone\n", false},
		{"save with the other key and leave", "x<^O><enter><^X>", "xone\n", true},
		{"nothing changed: no question", "<^Q>", "one\n", true},
		{"leave and save", "x<^X>y", "xone\n", true},
		{"leave and lose", "x<^X>n", "one\n", true},
		{"leave and stay", "x<^X><^C>y", "one\n", false},
		{"^C never leaves", "x<^C><^C><^C>", "one\n", false},
		{"back to the saved text: no question", "x<^S><bs><^Z><^X>", "xone\n", true},
	} {
		m, path := opened(t, "one\n")
		m.press(c.keys)
		if got := content(t, path); got != c.file || m.done != c.done {
			t.Errorf("%s: the file is %q, done %v; want %q, %v; message %q", c.name, got, m.done, c.file, c.done, m.message)
		}
	}
}

func TestAFileThatSomebodyElseChangedIsNotOverwritten(t *testing.T) {
	m, path := opened(t, "one\n")
	if err := os.WriteFile(path, []byte("theirs, longer\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	m.press("x<^S>")
	if m.prompt == nil || content(t, path) != "theirs, longer\n" {
		t.Fatalf("it was overwritten without a question: %q", content(t, path))
	}
	m.press("c")
	if got := string(m.doc().text.Bytes(0, 999)); !strings.Contains(got, "- theirs, longer\n+ xone\n") {
		t.Errorf("the comparison is\n%s", got)
	}
	m.press("q<^S>o")
	if got := content(t, path); got != "xone\n" {
		t.Errorf("after overwriting it is %q", got)
	}

	m.press("y")
	if err := os.WriteFile(path, []byte("theirs again\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	m.press("<^S>r")
	if got := m.shown(); got != "t|heirs again\n" && got != "th|eirs again\n" || m.doc().text.Modified() {
		t.Errorf("read again it is %q, modified %v", got, m.doc().text.Modified())
	}
	m.press("<^Z>")
	if got := m.shown(); got != "xy|one\n" || !m.doc().text.Modified() {
		t.Errorf("reading again is taken back to %q, modified %v", got, m.doc().text.Modified())
	}
	m.press("<^Y>z<^S>")
	if got := content(t, path); got != "thzeirs again\n" {
		t.Errorf("saved after reading again it is %q", got)
	}
}

func TestSaveAsAndSeveralFiles(t *testing.T) {
	m, path := opened(t, "one\n")
	other := filepath.Join(filepath.Dir(path), "other.txt")
	m.press("x<^G>aother.txt<enter>y<^S>")
	if got := content(t, other); got != "xyone\n" {
		t.Errorf("other.txt is %q", got)
	}
	if got := content(t, path); got != "one\n" {
		t.Errorf("file.txt is %q", got)
	}
	m.press("<^G>pfile.txt<enter>z<^G>n<^G>n")
	if got := m.shown(); got != "z|one\n" {
		t.Errorf("the second file shows %q", got)
	}
	m.press("<^X>y")
	if m.done || m.text().name != "other.txt" {
		t.Errorf("after leaving one of two files: done %v, %s", m.done, m.text().name)
	}
	m.press("<^G>afile.txt<enter>n<^X>")
	if got := content(t, path); got != "zone\n" || !m.done {
		t.Errorf("file.txt is %q, done %v", got, m.done)
	}
}

func TestUnsavedTextComesBack(t *testing.T) {
	m, path := opened(t, "one\ntwo\n")
	m.press("new ")
	d := m.doc()
	if err := d.keeper.Keep(d.text.Snapshot(), d.file); err != nil {
		t.Fatal(err)
	}
	d.close(true) // killed

	m = reopened(t, path)
	if m.prompt == nil {
		t.Fatal("it is not offered")
	}
	m.press("<^C>") // later
	m.doc().close(false)
	m = reopened(t, path)
	m.press("c")
	if got := string(m.doc().text.Bytes(0, 999)); !strings.Contains(got, "- one\n+ new one\n") {
		t.Errorf("the comparison is\n%s", got)
	}
	if m.press("q"); m.prompt == nil {
		t.Fatal("after the comparison it is not asked again")
	}
	if m.press("d<^C>"); m.prompt == nil || m.shown() != "|one\ntwo\n" {
		t.Fatal("it was deleted, or taken, without being asked for")
	}
	m.press("dnr")
	if got := m.shown(); got != "|new one\ntwo\n" {
		t.Errorf("the text is %q", got)
	}
	m.press("<^S>")
	m.doc().close(false)
	if m = reopened(t, path); m.prompt != nil {
		t.Error("it is offered after it was saved")
	}
	if got := content(t, path); got != "new one\ntwo\n" {
		t.Errorf("the file is %q", got)
	}
}

func TestWhileUnsavedTextWaitsFurtherTextIsKept(t *testing.T) {
	m, path := opened(t, "one\ntwo\n")
	killed := func(typed string) {
		t.Helper()
		m.press(typed)
		d := m.doc()
		if _, due := d.keepIn(d.touchedAt); !due {
			t.Fatalf("%q is not to be kept", typed)
		}
		if err := d.keeper.Keep(d.text.Snapshot(), d.file); err != nil {
			t.Fatal(err)
		}
		d.close(true)
		m = reopened(t, path)
		if m.prompt == nil {
			t.Fatalf("after %q nothing is offered", typed)
		}
	}
	killed("first ")
	m.press("<^C>") // later
	killed("second ")
	m.press("r")
	if got := m.shown(); got != "second |one\ntwo\n" && got != "|second one\ntwo\n" {
		t.Errorf("the text is %q", got)
	}
	m.press("<^S>")
	m.doc().close(false)
	m = reopened(t, path)
	if m.prompt == nil || !strings.Contains(m.prompt.question, "the file has changed since") {
		t.Fatal("the first is not offered any more")
	}
	m.press("r")
	if got := string(m.doc().text.Bytes(0, 999)); got != "first one\ntwo\n" {
		t.Errorf("the text is %q", got)
	}
}

func TestASearchShowsItselfWhileItIsTyped(t *testing.T) {
	text := strings.Repeat("line\n", 100) + "needle here\n"
	m := editing(text)
	m.press("<^F>need")
	m.atRest()
	if got := m.doc().cursor; got != 500 {
		t.Errorf("the cursor is at %d, want 500", got)
	}
	m.press("x")
	m.atRest()
	if m.prompt.hint != "Not in the text" {
		t.Errorf("it says %q", m.prompt.hint)
	}
	m.press("<^C>")
	if m.doc().cursor != 0 {
		t.Errorf("cancelled, the cursor is at %d", m.doc().cursor)
	}

	m = editing(text)
	m.slow = true // the text does not move for a preview
	m.doc().text.Index(1)
	m.press("<^F>need")
	m.atRest()
	if m.doc().cursor != 0 || m.prompt.hint != "101: needle here" {
		t.Errorf("on a slow line the cursor is at %d, and it says %q", m.doc().cursor, m.prompt.hint)
	}
	m.press("<enter>")
	if m.doc().cursor != 500 {
		t.Errorf("after Enter the cursor is at %d", m.doc().cursor)
	}
}

func TestEscapeLeavesQuestionsAndPages(t *testing.T) {
	m, _ := opened(t, "one\n")
	m.press("x<^F>o")
	if !m.escape() || m.prompt != nil {
		t.Error("the question is still there")
	}
	m.press("<^G>")
	if !m.escape() || m.menu || len(m.over) > 0 {
		t.Error("the menu is still there")
	}
	m.press("<^G>d")
	if !m.escape() || len(m.over) > 0 {
		t.Error("the comparison is still there")
	}
	if m.escape() || m.done {
		t.Error("it did something to the text")
	}
}
