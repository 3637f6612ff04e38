package plain

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"bantam/editor/file"
	"bantam/editor/language"
	"bantam/editor/text"
)

// onFile edits a file in a folder of the test's own.
type onFile struct {
	t        *testing.T
	path     string
	recovery string
	opt      Options
}

func newOnFile(t *testing.T, content string) *onFile {
	dir := t.TempDir()
	o := &onFile{t: t, path: filepath.Join(dir, "file"), recovery: filepath.Join(dir, "recovery")}
	if err := os.WriteFile(o.path, []byte(content), 0o640); err != nil {
		t.Fatal(err)
	}
	return o
}

func (o *onFile) edit(in io.Reader) (saved bool, answers string, err error) {
	o.t.Helper()
	f, err := file.Open(o.path)
	if err != nil {
		o.t.Fatal(err)
	}
	defer f.Close()
	opt := o.opt
	if opt.Keeper, opt.Found, err = file.OpenKeeper(o.recovery, o.path); err != nil {
		o.t.Fatal(err)
	}
	defer opt.Keeper.Close()
	var out bytes.Buffer
	saved, err = Edit(f, text.New(f.Source()), in, &out, opt)
	return saved, out.String(), err
}

func (o *onFile) content() string {
	o.t.Helper()
	b, err := os.ReadFile(o.path)
	if err != nil {
		o.t.Fatal(err)
	}
	return string(b)
}

func TestWritingSavesAndLeavingAsks(t *testing.T) {
	for _, c := range []struct {
		claim, commands, content, answer string
		saved                            bool
	}{
		{"w saves", "1d\nw\nq\n", "b\n", "saved 2 bytes\n", true},
		{"wq saves and leaves", "1d\nwq\nthis is not read\n", "b\n", "saved 2 bytes\n", true},
		{"w without a change does nothing", "w\nq\n", "a\nb\n", "nothing to save\n", false},
		{"q asks, y saves", "1d\nq\ny\n", "b\n", "y saves, n loses the changes", true},
		{"q asks, n loses", "1d\nq\nn\n", "a\nb\n", "y saves, n loses the changes", false},
		{"q asks, Enter goes on", "1d\nq\n\nu\nq\n", "a\nb\n", "undone", false},
		{"q without a change leaves at once", "q\n1d\nw\n", "a\nb\n", "2 lines, 4 bytes\n", false},
		{"q! leaves at once", "1d\nq!\n", "a\nb\n", "1 line deleted", false},
	} {
		o := newOnFile(t, "a\nb\n")
		saved, answers, err := o.edit(strings.NewReader(c.commands))
		if err != nil || saved != c.saved || o.content() != c.content || !strings.Contains(answers, c.answer) {
			t.Errorf("%s: saved %v, %v, the file is %q, answers:\n%s", c.claim, saved, err, o.content(), answers)
		}
	}
}

func TestAFileThatSomebodyElseChangedIsNotOverwritten(t *testing.T) {
	o := newOnFile(t, "a\nb\nc\n")
	in, commands := io.Pipe()
	go func() {
		io.WriteString(commands, "2c mine\n")
		if err := os.WriteFile(o.path, []byte("a\nb\nc\ntheirs\n"), 0o640); err != nil {
			t.Error(err)
		}
		io.WriteString(commands, "w\nD\nw!\n")
		commands.Close()
	}()
	_, answers, _ := o.edit(in)
	want := "? NOT saved: somebody else has changed the file; D compares, w! replaces it\n" +
		"- is on the disk, + is here:\n-   2  b\n+   2  mine\n-   4  theirs\nsaved 9 bytes\n"
	if !strings.HasSuffix(answers, want) {
		t.Errorf("got:\n%s\nwant at its end:\n%s", answers, want)
	}
	if o.content() != "a\nmine\nc\n" {
		t.Errorf("the file is %q", o.content())
	}
}

func TestACopyGoesElsewhereAndReplacesNothingUnasked(t *testing.T) {
	o := newOnFile(t, "a\n")
	other := filepath.Join(filepath.Dir(o.path), "other")
	_, answers, err := o.edit(strings.NewReader("1c x\nw " + other + "\nw " + other + "\nw! " + other + "\nq!\n"))
	if got, _ := os.ReadFile(other); string(got) != "x\n" || o.content() != "a\n" {
		t.Errorf("the copy is %q, the file %q", got, o.content())
	}
	if !strings.Contains(answers, "? NOT saved: "+other+" is there already; w! "+other+" replaces it\n") || err == nil {
		t.Errorf("%v, answers:\n%s", err, answers)
	}
}

func TestTheEndOfTheInputKeepsUnsavedTextAndTheNextStartOffersIt(t *testing.T) {
	o := newOnFile(t, "a\n")
	saved, _, err := o.edit(strings.NewReader("a new\n"))
	if saved || err == nil || err.Error() != "the input ended; the unsaved text is kept and will be offered at the next start" {
		t.Fatalf("saved %v, %v", saved, err)
	}
	_, answers, err := o.edit(strings.NewReader("y\n1p\nn\nq\n")) // the lines of a script are no answers
	if o.content() != "a\n" || !strings.Contains(answers, "it stays where it is") || err == nil {
		t.Fatalf("a script: %v, %q, answers:\n%s", err, o.content(), answers)
	}
	o.opt.Person = true
	_, answers, err = o.edit(strings.NewReader("y\nu\nr\nwq\n"))
	if err != nil || o.content() != "a\nnew\n" || !strings.Contains(answers, "there is text of 20") {
		t.Fatalf("%v, %q, answers:\n%s", err, o.content(), answers)
	}
	if _, answers, _ := o.edit(strings.NewReader("q\n")); strings.Contains(answers, "there is text of") {
		t.Errorf("offered again after it was saved:\n%s", answers)
	}
}

func TestUnwantedTextOfAnEarlierSessionGoes(t *testing.T) {
	o := newOnFile(t, "a\n")
	o.edit(strings.NewReader("a new\n"))
	o.opt.Person = true
	if _, _, err := o.edit(strings.NewReader("n\nq\n")); err != nil || o.content() != "a\n" {
		t.Fatalf("%v, %q", err, o.content())
	}
	if _, answers, _ := o.edit(strings.NewReader("q\n")); strings.Contains(answers, "there is text of") {
		t.Errorf("offered again:\n%s", answers)
	}
}

// broken is a terminal that is gone.
type broken struct{ err error }

func (b broken) Read([]byte) (int, error)  { return 0, b.err }
func (b broken) Write([]byte) (int, error) { return 0, b.err }

func TestALostTerminalKeepsTheText(t *testing.T) {
	gone := errors.New("input/output error")
	o := newOnFile(t, "a\n")
	o.opt.Person = true
	_, _, err := o.edit(io.MultiReader(strings.NewReader("a new\n"), broken{gone}))
	if !errors.Is(err, gone) || !strings.Contains(err.Error(), "the unsaved text is kept") {
		t.Fatalf("error %v", err)
	}
	if _, answers, _ := o.edit(strings.NewReader("y\nwq\n")); o.content() != "a\nnew\n" {
		t.Errorf("%q, answers:\n%s", o.content(), answers)
	}
}

func TestAnOutputThatIsGoneEndsTheSession(t *testing.T) {
	gone := errors.New("broken pipe")
	if _, err := Edit(nil, text.New(text.Memory("a\n")), strings.NewReader("p\n"), broken{gone}, Options{}); !errors.Is(err, gone) {
		t.Errorf("error %v", err)
	}
}

func TestAtATerminalTheEndOfInputAsksFirst(t *testing.T) {
	o := newOnFile(t, "a\n")
	o.opt.Person = true
	in := &pieces{"1c x\n", "", "y\n"}
	if saved, answers, err := o.edit(in); !saved || err != nil || o.content() != "x\n" {
		t.Errorf("saved %v, %v, %q, answers:\n%s", saved, err, o.content(), answers)
	}
}

// pieces is a terminal in its usual mode: each read gives a line, or ^D.
type pieces []string

func (p *pieces) Read(b []byte) (int, error) {
	if len(*p) == 0 {
		return 0, io.EOF
	}
	next := (*p)[0]
	*p = (*p)[1:]
	if next == "" {
		return 0, io.EOF
	}
	return copy(b, next), nil
}

func TestAScriptWhoseCommandsFailFails(t *testing.T) {
	if _, _, err := newOnFile(t, "a\n").edit(strings.NewReader("s/x/y/\nq\n")); err == nil || err.Error() != "1 command not done" {
		t.Errorf("error %v", err)
	}
}

func TestControlCEndsWhatGoesOnNeverTheSession(t *testing.T) {
	for _, c := range []struct{ claim, commands, after, answer string }{
		{"at the prompt", "", "a\n", "\nq leaves\n"},
		{"while lines are entered they are taken", "a\nx\n", "a\nx\n", "1 line added"},
		{"before any line nothing changes", "c\n", "a\n", "nothing changed\n"},
		{"at the question of q", "a x\nq\n", "a\nx\n", ""},
	} {
		var out bytes.Buffer
		txt := text.New(text.Memory("a\n"))
		s := newSession(nil, txt, bufio.NewWriter(&out), Options{Person: true})
		for _, l := range strings.SplitAfter(c.commands, "\n") {
			if l != "" {
				s.line([]byte(l))
			}
		}
		s.interrupt()
		s.out.Flush()
		if got := string(txt.Bytes(0, txt.Len())); got != c.after || !strings.Contains(out.String(), c.answer) || s.answer != nil {
			t.Errorf("%s: %q, answers:\n%s", c.claim, got, out.String())
		}
	}
}

// watched is an output that tells what was written.
type watched chan string

func (w watched) Write(b []byte) (int, error) {
	w <- string(b)
	return len(b), nil
}

// hanging edits with a person who types a line and then nothing, and returns when
// it has been answered.
func (o *onFile) hanging(typed string) (ended chan error) {
	o.t.Helper()
	f, err := file.Open(o.path)
	if err != nil {
		o.t.Fatal(err)
	}
	opt := o.opt
	if opt.Keeper, opt.Found, err = file.OpenKeeper(o.recovery, o.path); err != nil {
		o.t.Fatal(err)
	}
	in, keyboard := io.Pipe()
	out := make(watched, 100)
	ended = make(chan error, 1)
	go func() {
		_, err := Edit(f, text.New(f.Source()), in, out, opt)
		opt.Keeper.Close()
		f.Close()
		ended <- err
	}()
	io.WriteString(keyboard, typed)
	for !strings.Contains(<-out, "added") {
	}
	return ended
}

func TestASignalThatEndsTheEditorKeepsTheText(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGHUP, syscall.SIGTERM, syscall.SIGQUIT} {
		o := newOnFile(t, "a\n")
		o.opt.Person = true
		ended := o.hanging("a new\n")
		syscall.Kill(os.Getpid(), sig)
		if err := <-ended; err == nil || !strings.Contains(err.Error(), "the unsaved text is kept") {
			t.Errorf("%v: %v", sig, err)
		}
		if _, answers, _ := o.edit(strings.NewReader("y\nwq\n")); o.content() != "a\nnew\n" {
			t.Errorf("%v: %q, answers:\n%s", sig, o.content(), answers)
		}
	}
}

// What a killed process leaves is what it wrote before.
func TestUnsavedTextIsKeptBeforeAnythingGoesWrong(t *testing.T) {
	defer func(d time.Duration) { keepAfter = d }(keepAfter)
	keepAfter = time.Millisecond
	o := newOnFile(t, "a\n")
	ended := o.hanging("a new\n")
	for {
		if kept, _ := filepath.Glob(filepath.Join(o.recovery, "*.kept")); len(kept) == 1 {
			break
		}
		select {
		case err := <-ended:
			t.Fatalf("it ended: %v", err)
		case <-time.After(time.Millisecond):
		}
	}
	syscall.Kill(os.Getpid(), syscall.SIGTERM)
	<-ended
}

// panicking is a checker with a fault of its own.
type panicking struct{ checker }

func (panicking) Check([]byte) []language.Fault { panic("index out of range") }

func TestAPanicKeepsTheText(t *testing.T) {
	o := newOnFile(t, "a\n")
	o.opt.Checker = panicking{}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was hidden")
			}
		}()
		o.edit(strings.NewReader("a new\n"))
	}()
	o.opt.Checker, o.opt.Person = nil, true
	if _, answers, _ := o.edit(strings.NewReader("y\nwq\n")); o.content() != "a\nnew\n" {
		t.Errorf("%q, answers:\n%s", o.content(), answers)
	}
}
