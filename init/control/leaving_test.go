package control

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"reflect"
	"strings"
	"testing"

	"bantam/editor"
	"bantam/switcher"
	"bantam/system"
)

var (
	faulty = leaving{changed: true, problems: []system.Problem{
		{File: DraftPath, Line: 3, Col: 1, Message: `unknown key "hostnme"`, Suggestion: `did you mean "hostname"?`},
	}}
	same     = leaving{}
	comments = leaving{changed: true, diff: []string{noDifference}}
	harmless = leaving{changed: true, diff: []string{`hostname: "a" -> "gate"`}, plan: switcher.Plan{Steps: []switcher.Step{
		{Action: switcher.ActionSet, Kind: switcher.KindHostname, Name: "gate", Text: "set hostname gate", Reason: `hostname: "a" -> "gate"`}}}}
	restart = leaving{changed: true, diff: []string{`service.web.dir: (not set) -> "/srv"`}, plan: switcher.Plan{Steps: []switcher.Step{
		{Action: switcher.ActionStop, Kind: switcher.KindService, Name: "web", Text: "stop service web", Reason: "r", Disruptive: true},
		{Action: switcher.ActionStart, Kind: switcher.KindService, Name: "web", Text: "start service web", Reason: "r"}}}}
	network = leaving{changed: true, diff: []string{`net.eth0.ipv4: "dhcp" -> "off"`}, plan: switcher.Plan{Steps: []switcher.Step{
		{Action: switcher.ActionReload, Kind: switcher.KindNetwork, Name: "network", Text: "reload network", Reason: "r", Disruptive: true}}}}
	refused = leaving{changed: true, diff: []string{"x"}, refused: []string{"a switch would be refused: no program /bin/x"}}
)

const (
	threeWays = "s switch now, k keep as draft, e edit again [k]: "
	twoWays   = "k keep as draft, e edit again [k]: "
)

func TestLeavingTheDraftShowsWhatItMeansAndAsksOneQuestion(t *testing.T) {
	for _, c := range []struct {
		claim    string
		leaving  leaving
		report   string
		question string
	}{
		{"faults are listed, a switch is not offered", faulty,
			DraftPath + `:3:1: unknown key "hostnme"; did you mean "hostname"?
The draft has 1 fault; it cannot run like this.
`, twoWays},
		{"without a change there is no question", same, "The draft is the same as the running system.\n", ""},
		{"nor with comments alone", comments, "The draft is kept. Only comments and layout differ from the running system.\n", ""},
		{"a change is shown key by key and as a plan", harmless, `The draft changes:
  hostname: "a" -> "gate"
A switch would:
  set hostname gate  hostname: "a" -> "gate"
`, threeWays},
		{"what interrupts is explained", restart, `The draft changes:
  service.web.dir: (not set) -> "/srv"
A switch would:
! stop service web   r
  start service web  r
! interrupts what works now.
`, threeWays},
		{"the network most of all", network, `The draft changes:
  net.eth0.ipv4: "dhcp" -> "off"
A switch would:
! reload network  r
! interrupts what works now, also the network: a session that comes over it may
hang or end. The switch goes on without it. To have it taken back unless you
confirm, keep the draft and say: bantam switch --confirm 60s
`, threeWays},
		{"what a switch would refuse is not offered", refused, `The draft changes:
  x
A switch would:
nothing to do on the running machine
a switch would be refused: no program /bin/x
`, twoWays},
	} {
		if got := strings.Join(c.leaving.report(), "\n") + "\n"; got != c.report {
			t.Errorf("%s:\n%s\nwant\n%s", c.claim, got, c.report)
		}
		if got := c.leaving.question(); got != c.question {
			t.Errorf("%s: asks %q, want %q", c.claim, got, c.question)
		}
	}
}

func TestAHundredFaultsDoNotFloodASlowLine(t *testing.T) {
	l := leaving{changed: true, problems: make([]system.Problem, 100)}
	if lines := l.report(); len(lines) != faultsShown+2 || lines[faultsShown] != "and 80 more; `bantam check` lists all" {
		t.Errorf("%d lines: %q", len(lines), lines)
	}
}

func TestEnterAloneKeepsAndOnlyAClearAnswerSwitches(t *testing.T) {
	for _, c := range []struct {
		answer           string
		draft, withFault choice
	}{
		{"", keep, keep}, {" ", keep, keep}, {"k", keep, keep}, {"keep", keep, keep},
		{"e", editAgain, editAgain}, {"E", editAgain, editAgain},
		{"s", switchNow, unclear}, {"S ", switchNow, unclear}, {"switch", switchNow, unclear},
		{"bantam switch", unclear, unclear}, {"yes", unclear, unclear}, {"ss", unclear, unclear}, {"q", unclear, unclear},
	} {
		if got := harmless.meaning(c.answer); got != c.draft {
			t.Errorf("%q means %v, want %v", c.answer, got, c.draft)
		}
		if got := faulty.meaning(c.answer); got != c.withFault {
			t.Errorf("with a fault %q means %v, want %v", c.answer, got, c.withFault)
		}
	}
}

func TestOnlyTypedCharactersAreAnAnswer(t *testing.T) {
	for line, want := range map[string]string{
		"s\n": "s", "  k \n": "k", "\x1b[24;80R\n": "", "\x1b[24;80Rs\n": "s",
		"\x1b[200~switch\x1b[201~\n": "", "\x1b[As\n": "s", "\x03\n": "", "\x1b[24;8\n": "",
	} {
		if got := typed(line); got != want {
			t.Errorf("%q is the answer %q, want %q", line, got, want)
		}
	}
}

func TestPagesFitTheTerminalAndLoseNothing(t *testing.T) {
	for _, c := range []struct {
		claim      string
		lines      []string
		rows, cols int
		want       []int // lines on each page
	}{
		{"what fits is one page", make([]string, 23), 24, 80, []int{23}},
		{"one line more is on a second", make([]string, 24), 24, 80, []int{23, 1}},
		{"a wide line takes several rows", []string{strings.Repeat("x", 81), "", strings.Repeat("世", 41), "", ""}, 6, 80, []int{3, 2}},
		{"a line larger than the terminal is a page of its own", []string{"a", strings.Repeat("x", 1000), "b"}, 5, 20, []int{1, 1, 1}},
		{"nothing is no page", nil, 24, 80, nil},
	} {
		var got []int
		var all []string
		for _, p := range pages(c.lines, c.rows, c.cols) {
			got = append(got, len(p))
			all = append(all, p...)
		}
		if !reflect.DeepEqual(got, c.want) || !reflect.DeepEqual(all, c.lines) {
			t.Errorf("%s: pages of %v lines, want %v", c.claim, got, c.want)
		}
	}
}

// sitting is a person with a terminal of 10 rows.
func sitting(in io.Reader, out io.Writer, interrupted chan os.Signal) *person {
	return &person{in: bufio.NewReader(in), out: out, rows: 10, cols: 80, interrupted: interrupted}
}

func TestAPersonChooses(t *testing.T) {
	long := harmless
	long.diff = nil
	for i := range 20 {
		long.diff = append(long.diff, fmt.Sprintf("key%d: 1 -> 2", i))
	}
	const more = "-- Enter: more, q: to the question "
	for _, c := range []struct {
		claim, typed string
		leaving      leaving
		want         choice
		shown, never string
	}{
		{"s switches", "s\n", harmless, switchNow, threeWays, "is kept"},
		{"e edits again", "e\n", harmless, editAgain, threeWays, "is kept"},
		{"Enter keeps", "\n", harmless, keep, threeWays + "The draft is kept. `bantam plan` shows", ""},
		{"what is not understood asks again", "what\nbantam switch\ns\n", harmless, switchNow, threeWays + threeWays + threeWays, ""},
		{"a line that is gone keeps", "", harmless, keep, "The draft is kept.", ""},
		{"half an answer is none", "s", harmless, keep, "The draft is kept.", ""},
		{"with faults s asks again", "s\nk\n", faulty, keep, twoWays + twoWays + "The draft is kept. Mend it", threeWays},
		{"without a change nothing is asked", "s\n", same, keep, "the same", "[k]"},
		{"a long plan pauses", "\n\ns\n", long, switchNow, "key7: 1 -> 2\n" + more + "  key8", ""},
		{"q goes to the question", "q\ns\n", long, switchNow, "key7: 1 -> 2\n" + more + threeWays, "key8"},
		{"a line that is gone at the pause keeps", "", long, keep, more + "\nThe draft is kept.", threeWays},
	} {
		var out strings.Builder
		got := sitting(strings.NewReader(c.typed), &out, nil).choose(c.leaving)
		if got != c.want || !strings.Contains(out.String(), c.shown) || c.never != "" && strings.Contains(out.String(), c.never) {
			t.Errorf("%s: chose %v, want %v; shown:\n%s", c.claim, got, c.want, out.String())
		}
	}
}

func TestControlCKeepsTheDraft(t *testing.T) {
	interrupted := make(chan os.Signal, 1)
	interrupted <- os.Interrupt
	never, _ := io.Pipe()
	var out strings.Builder
	if got := sitting(never, &out, interrupted).choose(harmless); got != keep || !strings.HasSuffix(out.String(), threeWays+"\nThe draft is kept. `bantam plan` shows what it changes, `bantam switch` makes it run.\n") {
		t.Errorf("chose %v, shown:\n%s", got, out.String())
	}
}

// pid1 answers as PID 1 does to the verbs that leaving asks.
func pid1(t *testing.T, draft Draft, plan switcher.Plan, lines map[string][]string) string {
	return serveOn(t, func(req Request, c *Client) Frame {
		for _, l := range lines[req.Verb] {
			c.Write(Frame{Line: l})
		}
		switch req.Verb {
		case "draft":
			return Reply(draft)
		case "plan":
			return Reply(plan)
		}
		return Frame{}
	})
}

func TestPID1IsAskedForWhatLeavingShows(t *testing.T) {
	for _, c := range []struct {
		claim string
		draft Draft
		plan  switcher.Plan
		lines map[string][]string
		want  leaving
	}{
		{"a draft without a change is not compared", Draft{Text: "hostname = \"a\"\n"}, switcher.Plan{}, nil, same},
		{"a change is", Draft{Text: "hostname = \"gate\"\n", Changed: true}, harmless.plan, map[string][]string{"diff": harmless.diff}, harmless},
		{"what would be refused is known", Draft{Changed: true}, switcher.Plan{}, map[string][]string{"diff": refused.diff, "plan": refused.refused}, refused},
	} {
		l, code := (&client{out: io.Discard, errOut: io.Discard, socket: pid1(t, c.draft, c.plan, c.lines)}).leaving()
		if code != 0 || !reflect.DeepEqual(l, c.want) {
			t.Errorf("%s: code %d, %+v, want %+v", c.claim, code, l, c.want)
		}
	}
	l, code := (&client{out: io.Discard, errOut: io.Discard, socket: pid1(t, Draft{Text: "hostnme = 1\n", Changed: true}, switcher.Plan{}, nil)}).leaving()
	if code != 0 || len(l.problems) != 1 || l.diff != nil {
		t.Errorf("a draft with a fault: code %d, %+v", code, l)
	}
}

func TestWithoutPID1LeavingSaysSo(t *testing.T) {
	var errs strings.Builder
	if _, code := (&client{errOut: &errs, socket: "/nonexistent"}).leaving(); code != ExitError || !strings.Contains(errs.String(), "PID 1 does not answer") {
		t.Errorf("code %d, %q", code, errs.String())
	}
}

func TestFilesAndLinesOnTheCommandLine(t *testing.T) {
	there := func(path string) bool { return path == "odd:7" || path == "here" }
	for arg, want := range map[string]editor.Target{
		"here": {Path: "here"}, "here:12": {Path: "here", Line: 12}, "here:12:5": {Path: "here", Line: 12}, "here:12:": {Path: "here", Line: 12},
		"new:3": {Path: "new", Line: 3}, "new:3:4": {Path: "new", Line: 3}, "odd:7": {Path: "odd:7"}, "odd:7:2": {Path: "odd:7", Line: 2},
		"a:b": {Path: "a:b"}, "a:0": {Path: "a:0"}, "a:-1": {Path: "a:-1"}, ":5": {Path: ":5"}, "a:": {Path: "a:"}, "-": {Path: "-"},
	} {
		if got := target(arg, there); got != want {
			t.Errorf("%s is %+v, want %+v", arg, got, want)
		}
	}
	c := &client{errOut: io.Discard}
	got, code := c.targets([]string{"+7", "/nonexistent/a", "/nonexistent/b:9", "--", "-x"})
	want := []editor.Target{{Path: "/nonexistent/a", Line: 7}, {Path: "/nonexistent/b", Line: 9}, {Path: "-x"}}
	if code != 0 || !reflect.DeepEqual(got, want) {
		t.Errorf("code %d, %+v, want %+v", code, got, want)
	}
}

func TestOnlySystemTomlIsChecked(t *testing.T) {
	if checkerFor("/etc/profile") != nil || checkerFor("/x/other.toml") != nil {
		t.Error("another file is checked as a system.toml")
	}
	c := checkerFor(DraftPath)
	faults := c.Check([]byte("\nhostnme = \"x\"\n"))
	if len(faults) != 1 || faults[0].Line != 2 || faults[0].Col != 1 || !strings.Contains(faults[0].Text, `did you mean "hostname"`) {
		t.Errorf("faults %+v", faults)
	}
	if from, items := c.Complete([]byte("hostn"), 5); from != 0 || len(items) == 0 || !strings.HasPrefix(items[0].Text, "hostname") || items[0].Doc == "" {
		t.Errorf("completion from %d: %+v", from, items)
	}
	if text := c.Explain([]byte("hostname = \"x\"\n"), 0); !strings.Contains(text, "hostname") {
		t.Errorf("explanation %q", text)
	}
}
