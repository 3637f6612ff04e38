package switcher

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"bantam/lifecycle"
)

// motdKind is a kind that no other file knows: the line that greets people, made of the host name.
type motdKind struct {
	unchecked
	separate
	line *string
	fail *bool
}

func (motdKind) name() Kind { return "motd" }

func (motdKind) desired(_ Machine, d *Desired) (Items, error) {
	return Items{"line": "this is " + d.System.Hostname}, nil
}

func (k motdKind) observe(Machine, *Observed, Desired) (Items, error) {
	return Items{"line": *k.line}, nil
}

func (motdKind) plan(p *planner) {
	have, want := p.from.Items["motd"]["line"], p.to.Items["motd"]["line"]
	if have != want && p.to.System != nil {
		p.step(Step{Action: ActionSet, Kind: "motd", Name: "line", Value: want, Text: "greet with " + want, Reason: p.reason("hostname")})
	}
}

func (k motdKind) apply(_ context.Context, _ *operation, batch []Step, _ target) error {
	if *k.fail {
		*k.fail = false
		return errors.New("out of ink")
	}
	*k.line = batch[0].Value
	return nil
}

func TestAFurtherKindIsOneFileAndALineOfTheTable(t *testing.T) {
	var line string
	var fail bool
	defer func(old []kind) { kinds = old }(kinds)
	kinds = slices.Insert(slices.Clone(kinds), 1, kind(motdKind{line: &line, fail: &fail}))
	s, m, dir := bootedMachine(t)
	r := switchTo(t, s, VerbSwitch, webText)
	wantExit(t, r, ExitGood)
	if steps := stepsOf(r); line != "this is web" || steps[0] != "greet with this is web" {
		t.Errorf("%q by %q", line, steps)
	}
	fail = true
	r = switchTo(t, s, VerbSwitch, dbText)
	wantExit(t, r, ExitReverted)
	if line != "this is web" || !strings.Contains(r.Reason, "out of ink") {
		t.Errorf("%q, %s", line, r.Reason)
	}
	line = "somebody's"
	if p, err := s.Plan(Request{Verb: VerbSwitch, Text: []byte(webText)}); err != nil || len(p.Plan.Steps) != 1 {
		t.Errorf("%v\n%s", err, p.Plan)
	}
	wantExit(t, s.Switch(t.Context(), Request{Verb: VerbRollback}, nil), ExitGood)
	if line != "this is image" {
		t.Error(line)
	}
	bootAgain(t, dir, m)
}

func TestWhatHasFailedIsStartedByTheNextSwitch(t *testing.T) {
	failed := func(m *fakeMachine) {
		m.mu.Lock()
		defer m.mu.Unlock()
		s := m.services["web"]
		s.Phase, s.PID, s.Stuck, s.LastExit, s.Reason, s.Fingerprint = lifecycle.PhaseFailed, 0, true, exited(1), "exit status 1", ""
	}
	s, m, _ := bootedMachine(t)
	wantExit(t, switchTo(t, s, VerbSwitch, webText), ExitGood)
	failed(m)
	r := switchTo(t, s, VerbSwitch, webText)
	wantExit(t, r, ExitGood)
	if got := stepsOf(r); !slices.Equal(got, []string{"start service web"}) {
		t.Errorf("steps %q", got)
	}
	failed(m)
	m.broken["web"] = exited(2)
	r = switchTo(t, s, VerbSwitch, webText)
	wantExit(t, r, ExitFailed)
	if g := s.Generations()[1]; g.State != StateGood || !g.Default || !strings.Contains(r.Reason, "exit status 2") {
		t.Errorf("%+v: %s", g, r.Reason)
	}
	if slices.ContainsFunc(r.Events, func(e Event) bool { return strings.HasPrefix(e.Text, "going back") }) {
		t.Errorf("there is nothing to go back to: %v", r.Events)
	}
}

// A definition that was mended is used, though the policy would keep the process of the old one: there is none.
func TestAServiceThatIsDownTakesItsNewDefinition(t *testing.T) {
	for _, policy := range []string{"none", "reload"} {
		s, m, _ := bootedMachine(t)
		m.broken["web"] = exited(1)
		text := webText + fmt.Sprintf("on_change = %q\nmay_fail = true\n", policy)
		wantExit(t, switchTo(t, s, VerbSwitch, text), ExitGood)
		m.broken = map[string]lifecycle.Exit{}
		r := switchTo(t, s, VerbSwitch, strings.Replace(text, `"httpd"`, `"httpd", "-mended"`, 1))
		wantExit(t, r, ExitGood)
		wantRuns(t, m, "web [web]")
		if st := s.Status(); len(st.Stale) > 0 {
			t.Errorf("%s: stale %q", policy, st.Stale)
		}
	}
}

func TestAParameterThatTheKernelDoesNotHaveIsToldBeforeTheFirstStop(t *testing.T) {
	s, m, _ := bootedMachine(t)
	text := webText + "[sysctl]\n\"net.nosuch.thing\" = 1\n"
	calls := len(m.calls)
	r := switchTo(t, s, VerbSwitch, text)
	wantExit(t, r, ExitRefused)
	if len(m.calls) > calls || !strings.Contains(r.Reason, "sysctl net.nosuch.thing: ") {
		t.Errorf("%s after %q", r.Reason, m.calls[calls:])
	}
	if p, err := s.Plan(Request{Verb: VerbSwitch, Text: []byte(text)}); err != nil || len(p.Problems) != 1 {
		t.Errorf("%v, problems %q", err, p.Problems)
	}
	m.sysctl["net.nosuch.thing"] = "0"
	wantExit(t, switchTo(t, s, VerbSwitch, text), ExitGood)
	delete(m.sysctl, "net.nosuch.thing") // its port was pulled: no switch is refused for that
	wantExit(t, switchTo(t, s, VerbSwitch, "# more\n"+text), ExitGood)
	delete(m.sysctl, "net.nosuch.thing")
	// A module that comes with the generation may bring it.
	r = switchTo(t, s, VerbTest, "modules = [\"nbd\"]\n"+strings.ReplaceAll(text, "net.nosuch.thing", "net.nosuch.other"))
	if r.Exit == ExitRefused {
		t.Error(r.Reason)
	}
}
