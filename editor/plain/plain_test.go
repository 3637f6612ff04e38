package plain

import (
	"bytes"
	"strings"
	"testing"

	"bantam/editor/language"
	"bantam/editor/text"
)

// talkTo edits content with a stream of commands and returns the text after it.
func talkTo(t *testing.T, content, commands string, opt Options) (after, answers string) {
	t.Helper()
	var out bytes.Buffer
	txt := text.New(text.Memory(content))
	Edit(nil, txt, strings.NewReader(commands), &out, opt)
	return string(txt.Bytes(0, txt.Len())), out.String()
}

const five = "one\ntwo\nthree\nfour\nfive\n"

func TestCommandsDoWhatTheirLettersSay(t *testing.T) {
	for _, c := range []struct{ claim, before, commands, after, answer string }{
		{"a number goes there", five, "3", five, "   3  three\n"},
		{"Enter alone shows the next line", five, "\n\n", five, "   1  one\n   2  two\n"},
		{"Enter at the end says so", five, "$\n\n", five, "? that was the last line\n"},
		{"p prints lines", five, "2,3p", five, "   2  two\n   3  three\n"},
		{"a comma alone is the whole text", "a\nb\n", ",p", "a\nb\n", "   1  a\n   2  b\n"},
		{"so is %", "a\nb\n", "%p", "a\nb\n", "   1  a\n   2  b\n"},
		{"a comma before a number begins at the top", five, ",2p", five, "   1  one\n   2  two\n"},
		{"a comma behind a number is that line, as in ed", five, "4,p", five, "   4  four\n"},
		{"addresses count from each other", five, "2+2p", five, "   4  four\n"},
		{"and back from the end", five, "$-1p", five, "   4  four\n"},
		{"+ and - count from here", five, "3\n-p\n+2p", five, "   2  two\n   4  four\n"},
		{"blanks between them do not matter", five, " 2 , 3 p", five, "   2  two\n   3  three\n"},
		{"a colon from habit is forgiven", five, ":2p", five, "   2  two\n"},
		{"z shows a page", five, "z", five, "   1  one\n   2  two\n   3  three\n   4  four\n   5  five\n"},
		{"a adds behind a line", five, "2a\nx\ny\n.", "one\ntwo\nx\ny\nthree\nfour\nfive\n", "2 lines added; line 4 of 7"},
		{"i adds before a line", five, "2i\nx\n.", "one\nx\ntwo\nthree\nfour\nfive\n", "1 line added; line 2 of 6"},
		{"a at line 0 is the top", "b\n", "0a\na\n.", "a\nb\n", "1 line added; line 1 of 2"},
		{"a TEXT adds one line, blanks and all", "b\n", "a  x y", "b\n x y\n", "1 line added"},
		{"a begins an empty text", "", "a\nx\n.", "x\n", "1 line added; line 1 of 1"},
		{"c changes lines", five, "2,4c\nx\n.", "one\nx\nfive\n", "1 line in place of 3 lines; line 2 of 3"},
		{"c TEXT changes one", five, "2c x", "one\nx\nthree\nfour\nfive\n", "1 line in place of 1 line"},
		{"two dots enter one", "a\n", "a\n..\n...\n.x\n.\n", "a\n.\n..\n.x\n", "3 lines added"},
		{"d deletes", five, "2,4d", "one\nfive\n", "3 lines deleted; line 2 of 2"},
		{"d of all leaves nothing", five, "%d", "", "5 lines deleted; the text is empty"},
		{"m moves down", five, "1,2m4", "three\nfour\none\ntwo\nfive\n", "2 lines moved; line 4 of 5"},
		{"m moves to the top", five, "4,5m0", "four\nfive\none\ntwo\nthree\n", "2 lines moved; line 2 of 5"},
		{"m into itself is refused", five, "1,3m2", five, "? lines 1 to 3 cannot go into themselves\n"},
		{"m to where they are changes nothing", five, "2,3m3", five, "they are there already"},
		{"t copies", "a\nb\n", "1t$", "a\nb\na\n", "1 line copied; line 3 of 3"},
		{"t without a place says how", five, "2t", five, "? t needs the line to go behind: 2,2t$ or t0 for the top\n"},
		{"s replaces the first in a line", "a a\na a\n", "s/a/b/", "b a\na a\n", "   1  b a\n"},
		{"g replaces each in a line", "a a\na a\n", "s/a/b/g", "b b\na a\n", "2 replaced"},
		{"%s replaces in all lines", "a a\na a\n", "%s/a/b/", "b a\nb a\n", "2 replaced; line 2 of 2"},
		{"s stays in its lines", "a\na\na\n", "2s/a/b/", "a\nb\na\n", "   2  b\n"},
		{"s with g stays in its lines", "aa\naa\naa\n", "2s/a/b/g", "aa\nbb\naa\n", "2 replaced; line 2 of 3"},
		{"s alone does it again", "a\na\n", "s/a/b/\n2s", "b\nb\n", "   2  b\n"},
		{"s takes another character for /", "a/b\n", "s,a/b,/,", "/\n", "   1  /\n"},
		{"a backslash keeps the character", "a/b\n", `s/a\/b/\//`, "/\n", "   1  /\n"},
		{"s is literal", "a.c abc\n", "s/a.c/x/g", "x abc\n", "   1  x abc\n"},
		{"and takes the case as it is", "A a\n", "s/a/x/", "A x\n", "   1  A x\n"},
		{"with r it is an expression", "key = 1\n", `s/(\w+) = (\d+)/$2=$1/r`, "1=key\n", "   1  1=key\n"},
		{"r and g", "a1b2\n", `s/\d/<$0>/rg`, "a<1>b<2>\n", "2 replaced"},
		{"s says what is not there", "a\n", "s/x/y/", "a\n", "? x is not in line 1\n"},
		{"a wrong expression is explained", "a\n", "s/(/y/r", "a\n", "? regular expression ("},
		{"and not mended", "b\n", "s/a)|(b/y/r", "b\n", "? regular expression a)|(b"},
		{"/ finds forward", five, "/thr", five, "   3  three\n"},
		{"/TEXT/ as in ed", five, "/thr/", five, "   3  three\n"},
		{"/ alone finds the next", "a\nb\na\n", "/a\n/", "a\nb\na\n", "   3  a\n"},
		{"and begins at the top again", "a\nb\na\n", "$\n/a", "a\nb\na\n", "   1  a  (around the end)\n"},
		{"small letters find capitals", "x\nABC\n", "/abc", "x\nABC\n", "   2  ABC\n"},
		{"? finds backward", five, "$\n?o", five, "   4  four\n"},
		{"/ with r is an expression", five, "/^f.v/r", five, "   5  five\n"},
		{"what is not there is said", five, "/six", five, "? six is not in the text\n"},
		{"u takes back", five, "2d\nu", five, "undone; line 1 of 5"},
		{"r does it again", five, "2d\nu\nr", "one\nthree\nfour\nfive\n", "done again"},
		{"one u takes back a whole s", "a\na\n", "%s/a/b/\nu", "a\na\n", "undone"},
		{"u at the beginning says so", five, "u", five, "? nothing to undo\n"},
		{"f says how things are", five, "1d\nf", "two\nthree\nfour\nfive\n", "(no file): 4 lines, 20 bytes, not saved\n"},
		{"h helps", five, "h", five, "find; ?TEXT finds backwards"},
		{"words do too", five, "help", five, "find; ?TEXT finds backwards"},
		{"an unknown letter is named", five, "y", five, "? no command y; h lists them\n"},
		{"what follows d is not ignored", five, "d5", five, "? 5 means nothing behind d"},
		{"a line that is not there", five, "7p", five, "? there is no line 7; the last is 5\n"},
		{"line 0 is none for d", five, "0d", five, "? there is no line 0\n"},
		{"lines the wrong way round", five, "3,2d", five, "? line 3 is behind line 2\n"},
		{"a huge number is only a line that is not there", five, "99999999999999999999+99999999999999999999d", five, "? there is no line"},
		{"an empty text has no lines", "", "p", "", "? the text is empty; a adds lines\n"},
		{"an arrow key is shown, not obeyed", five, "\x1b[A", five, "? no command ^[[A; h lists them\n"},
		{"the end of the input ends the entering", "a\n", "a\nx", "a\nx\n", "1 line added"},
	} {
		after, answers := talkTo(t, c.before, c.commands+"\n", Options{})
		if after != c.after {
			t.Errorf("%s: the text is %q, want %q", c.claim, after, c.after)
		}
		if !strings.Contains(answers, c.answer) {
			t.Errorf("%s: no %q in the answers:\n%s", c.claim, c.answer, answers)
		}
	}
}

func TestBytesOfOtherLinesStay(t *testing.T) {
	for _, c := range []struct{ claim, before, commands, after string }{
		{"a missing last line end", "a\nb", "1c x", "x\nb"},
		{"a missing last line end when the last line is changed", "a\nb", "2c x", "a\nx"},
		{"a line added behind a last one without end", "a\nb", "$a x", "a\nb\nx"},
		{"deleting the last line without end", "a\nb", "2d", "a\n"},
		{"moving the last line without end up", "a\nb", "2m0", "b\na\n"},
		{"moving a line behind the last without end", "a\nb", "1m2", "b\na"},
		{"copying the last line without end", "a\nb", "2t2", "a\nb\nb"},
		{"a text of one line without end", "a", "a b", "a\nb"},
		{"invalid UTF-8, NUL and control bytes", "\xff\x00\x1b\nb\n", "2c x", "\xff\x00\x1b\nx\n"},
		{"CRLF in a text that has it everywhere", "a\r\nb\r\n", "1a x", "a\r\nx\r\nb\r\n"},
		{"CRLF and no last line end", "a\r\nb", "2a x", "a\r\nb\r\nx"},
		{"CRLF in a text that has it somewhere", "a\r\nb\n", "1a x", "a\r\nx\nb\n"},
		{"the CR of a replaced text", "a\r\na\r\n", "%s/a/b/g", "b\r\nb\r\n"},
		{"$ of an expression before the CR", "a\r\n", "s/a$/b/r", "b\r\n"},
		{"a CR that a terminal sends goes with the ending", "a\r\n", "a\nx\r\n.\r", "a\r\nx\r\n"},
	} {
		if after, answers := talkTo(t, c.before, c.commands+"\n", Options{}); after != c.after {
			t.Errorf("%s: %q, want %q; answers:\n%s", c.claim, after, c.after, answers)
		}
	}
}

func TestWhatATerminalWouldObeyIsShown(t *testing.T) {
	long := strings.Repeat("x", 5000)
	_, answers := talkTo(t, "\x1b[2J\xff\t|\u200b\r\n\ue000世\n"+long+"\n", "%p\n", Options{})
	for _, want := range []string{"   1  ^[[2J<ff>       |<200b>^M\n", "世\n", strings.Repeat("x", lineMost) + "... (3000 bytes more) and 1000\n"} {
		if !strings.Contains(answers, want) {
			t.Errorf("no %q in\n%q", want, answers)
		}
	}
	for _, b := range []byte(answers) {
		if b < ' ' && b != '\n' {
			t.Fatalf("control byte %#x in %q", b, answers)
		}
	}
}

func TestAPersonIsPromptedAndReadsPageByPage(t *testing.T) {
	content := strings.Repeat("line\n", 9)
	_, answers := talkTo(t, content, "%p\n\nq\na\nx\n.\nq\nn\n", Options{Person: true, Rows: 5})
	want := `(no file): 9 lines, 45 bytes
h lists the commands, q leaves
1>    1  line
   2  line
   3  line
   4  line
-- Enter: more, q: enough    5  line
   6  line
   7  line
   8  line
-- Enter: more, q: enough 8>    9  x`
	want = strings.Replace(want, "   9  x", "   9    10  1 line added; line 9 of 10\n9> ", 1)
	if answers != want {
		t.Errorf("got:\n%s\nwant:\n%s", answers, want)
	}
}

func TestInAPipeThereAreNoPages(t *testing.T) {
	_, answers := talkTo(t, strings.Repeat("line\n", 500), "%p\n", Options{Rows: 5})
	if n := strings.Count(answers, "  line\n"); n != 500 {
		t.Errorf("%d lines of 500", n)
	}
}

func TestAViewChangesNothing(t *testing.T) {
	for _, command := range []string{"d", "a x", "c x", "1m2", "1t2", "s/o/x/", "u", "r", "w", "w! x"} {
		after, answers := talkTo(t, five, command+"\n", Options{ReadOnly: true})
		if after != five || !strings.Contains(answers, "? this is a view") {
			t.Errorf("%s: %q, %s", command, after, answers)
		}
	}
}

func TestEveryCommandIsInTheHelpAndItFitsAScreen(t *testing.T) {
	lines := strings.Split(strings.TrimSuffix(help, "\n"), "\n")
	if len(lines) > 22 {
		t.Errorf("%d lines", len(lines))
	}
	words := map[string]bool{}
	for _, l := range lines {
		if len(l) > 79 {
			t.Errorf("%d columns: %s", len(l), l)
		}
		for _, w := range strings.Fields(l) {
			words[w] = true
		}
	}
	for _, c := range commands {
		name := c.names[0]
		switch name {
		case "":
			name = "Enter"
		case "s":
			name = "s/OLD/NEW/"
		case "/":
			name = "/TEXT"
		case "h": // one has found it
			continue
		}
		if !words[name] {
			t.Errorf("%s is not in the help", name)
		}
	}
}

// checker finds fault with every line that says bad.
type checker struct{}

func (checker) Check(b []byte) (faults []language.Fault) {
	for n, line := range strings.Split(string(b), "\n") {
		if i := strings.Index(line, "bad"); i >= 0 {
			faults = append(faults, language.Fault{Line: n + 1, Col: i + 1, Text: "this is bad"})
		}
	}
	return faults
}

func (checker) Complete([]byte, int) (int, []language.Completion) { return 0, nil }

func (checker) Explain(b []byte, off int) string {
	word, _, _ := strings.Cut(string(b[off:]), "\n")
	return "about " + word
}

func TestFaultsAreToldWhenTheyComeAndGo(t *testing.T) {
	_, answers := talkTo(t, "a\nb\n", "2c bad\n1c x\ne\n2s/bad/good/\ne\n", Options{Checker: checker{}})
	want := `(no file): 2 lines, 4 bytes
1 line in place of 1 line; line 2 of 2; 1 fault, e shows the next
1 line in place of 1 line; line 1 of 2
   2  bad
2:1 this is bad
   2  good; no faults any more
no faults
`
	if answers != want {
		t.Errorf("got:\n%s\nwant:\n%s", answers, want)
	}
}

func TestEGoesFromFaultToFault(t *testing.T) {
	_, answers := talkTo(t, "bad\nx\nbad\n", "e\ne\n2\ne\n", Options{Checker: checker{}})
	if want := "3:1 this is bad\n   1  bad\n1:1 this is bad\n   2  x\n   3  bad\n3:1 this is bad\n"; !strings.HasSuffix(answers, want) {
		t.Errorf("got:\n%s\nwant at its end:\n%s", answers, want)
	}
}

func TestAQuestionMarkExplainsTheLine(t *testing.T) {
	_, answers := talkTo(t, "a\n  key = 1\n", "2?\n", Options{Checker: checker{}})
	if !strings.Contains(answers, "about key = 1\n") {
		t.Errorf("answers:\n%s", answers)
	}
}
