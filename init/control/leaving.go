package control

import (
	"fmt"
	"strings"

	"bantam/switcher"
	"bantam/system"
)

// leaving is what matters when somebody leaves the draft: what it changes in the
// running system, and whether it could run.
type leaving struct {
	problems []system.Problem // of the text; with any the rest is not known
	changed  bool             // a byte differs from the running system
	diff     []string         // key by key, e.g. hostname: "a" -> "b"
	refused  []string         // why a switch would be refused all the same
	plan     switcher.Plan
}

// noDifference is PID 1's answer where only comments and layout differ.
const noDifference = "no difference"

// leaving asks PID 1 about the draft.
func (c *client) leaving() (l leaving, code int) {
	d, code := c.fetchDraft()
	if code != 0 {
		return l, code
	}
	l.changed = d.Changed
	if _, l.problems = system.Parse(DraftPath, []byte(d.Text)); len(l.problems) > 0 || !d.Changed {
		return l, 0
	}
	if l.diff, code = c.lines(Request{Verb: "diff"}, nil); code != 0 {
		return l, code
	}
	l.refused, code = c.lines(Request{Verb: "plan"}, &l.plan)
	return l, code
}

// lines asks for an answer that consists of lines, and perhaps a reply.
func (c *client) lines(req Request, reply any) ([]string, int) {
	var text strings.Builder
	quiet := *c
	quiet.out = &text
	if last, ok := quiet.ask(req, reply); !ok {
		return nil, max(last.Exit, ExitError)
	}
	if text.Len() == 0 {
		return nil, 0
	}
	return strings.Split(strings.TrimSuffix(text.String(), "\n"), "\n"), 0
}

// choice is what becomes of the draft.
type choice int

const (
	unclear choice = iota
	keep
	editAgain
	switchNow
)

// faultsShown bounds the list of faults: the editor shows them where they are.
const faultsShown = 20

// report is what is shown before the question, line by line.
func (l leaving) report() (lines []string) {
	say := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	switch {
	case len(l.problems) > 0:
		for i, p := range l.problems {
			if i == faultsShown {
				say("and %d more; `bantam check` lists all", len(l.problems)-i)
				break
			}
			say("%v", p)
		}
		say("The draft has %s; it cannot run like this.", count(len(l.problems), "fault"))
		return lines
	case !l.changed:
		say("The draft is the same as the running system.")
		return lines
	case len(l.diff) == 1 && l.diff[0] == noDifference:
		say("The draft is kept. Only comments and layout differ from the running system.")
		return lines
	}
	say("The draft changes:")
	for _, d := range l.diff {
		say("  %s", d)
	}
	say("A switch would:")
	interrupts, network := false, false
	for _, s := range l.plan.Steps {
		interrupts = interrupts || s.Disruptive
		network = network || s.Disruptive && s.Kind == switcher.KindNetwork
	}
	lines = append(lines, strings.Split(strings.TrimSuffix(l.plan.String(), "\n"), "\n")...)
	switch {
	case network:
		say("! interrupts what works now, also the network: a session that comes over it may")
		say("hang or end. The switch goes on without it. To have it taken back unless you")
		say("confirm, keep the draft and say: bantam switch --confirm 60s")
	case interrupts:
		say("! interrupts what works now.")
	}
	for _, why := range l.refused {
		say("%s", why)
	}
	return lines
}

// asks tells whether there is anything to decide, and whether a switch is possible.
func (l leaving) asks() (asks, canSwitch bool) {
	switch {
	case len(l.problems) > 0:
		return true, false
	case !l.changed, len(l.diff) == 1 && l.diff[0] == noDifference:
		return false, false
	}
	return true, len(l.refused) == 0
}

// question is the one question; "" if there is none.
func (l leaving) question() string {
	switch asks, canSwitch := l.asks(); {
	case canSwitch:
		return "s switch now, k keep as draft, e edit again [k]: "
	case asks:
		return "k keep as draft, e edit again [k]: "
	}
	return ""
}

// meaning is what an answer to the question means.
func (l leaving) meaning(answer string) choice {
	_, canSwitch := l.asks()
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "", "k", "keep":
		return keep
	case "e", "edit":
		return editAgain
	case "s", "switch":
		if canSwitch {
			return switchNow
		}
	}
	return unclear
}

// kept is what is said when the draft is kept.
func (l leaving) kept() string {
	if _, canSwitch := l.asks(); canSwitch {
		return "The draft is kept. `bantam plan` shows what it changes, `bantam switch` makes it run."
	}
	return "The draft is kept. Mend it with `bantam edit` before you switch to it."
}

// advice is all that is said where nobody can be asked.
func (l leaving) advice() string {
	lines := l.report()
	if asks, _ := l.asks(); asks {
		lines = append(lines, l.kept())
	}
	return strings.Join(lines, "\n") + "\n"
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
