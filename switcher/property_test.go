package switcher

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"bantam/system"
)

// randomText is some valid system.toml.
func randomText(r *rand.Rand) string {
	var b strings.Builder
	fmt.Fprintf(&b, "hostname = \"h%d\"\n", r.IntN(3))
	fmt.Fprintf(&b, "modules = [%s]\n", []string{"", `"nbd"`, `"nbd", "wireguard"`}[r.IntN(3)])
	for _, k := range []string{"vm.swappiness", "net.ipv4.ip_forward"} {
		if r.IntN(2) == 0 {
			fmt.Fprintf(&b, "[sysctl]\n%q = %d\n", k, r.IntN(3))
			break
		}
	}
	if r.IntN(2) == 0 {
		fmt.Fprintf(&b, "[net.eth%d]\n", r.IntN(2))
	}
	for i := range 2 {
		if r.IntN(2) == 0 {
			fmt.Fprintf(&b, "[user.u%d]\nuid = %d\n", i, 10+10*i+r.IntN(2))
		}
	}
	if r.IntN(4) == 0 {
		fmt.Fprintf(&b, "[file.\"/etc/key\"]\ntext = { secret = \"s%d\" }\n", r.IntN(2))
	}
	if r.IntN(2) == 0 {
		fmt.Fprintf(&b, "[file.\"/etc/x\"]\ntext = \"%d\"\n", r.IntN(3))
	}
	var names []string
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		if r.IntN(4) == 0 {
			continue
		}
		fmt.Fprintf(&b, "[service.%s]\ncommand = [\"%s\", \"%d\"]\n", name, name, r.IntN(2))
		fmt.Fprintf(&b, "on_change = %q\n", []string{"restart", "restart", "reload", "none"}[r.IntN(4)])
		if strings.Contains(b.String(), "[user.u0]") && r.IntN(3) == 0 {
			fmt.Fprintf(&b, "user = \"u0\"\nstate = [\"/var/lib/%s\"]\n", name)
		}
		if r.IntN(4) == 0 {
			fmt.Fprintf(&b, "env = { T = { secret = \"s%d\" } }\n", r.IntN(2))
		}
		for _, relation := range []string{"needs", "wants", "after"} {
			if len(names) > 0 && r.IntN(3) == 0 {
				fmt.Fprintf(&b, "%s = [%q]\n", relation, names[r.IntN(len(names))])
			}
		}
		names = append(names, name)
		if r.IntN(4) == 0 {
			fmt.Fprintf(&b, "[file.\"/etc/%s\"]\ntext = \"%d\"\n%s = [%q]\n", name, r.IntN(2), []string{"restarts", "reloads"}[r.IntN(2)], name)
		}
	}
	return b.String()
}

// seen is a machine as somebody sees it who looks at it from outside, without the modules, which stay.
func (m *fakeMachine) seen() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var services []string
	for _, name := range sortedKeys(m.services) {
		if s := m.services[name]; s.Phase != "down" || s.ByHand {
			knows := s.knows()
			if m.system.Services[name].OnChange == "none" {
				knows = "what it knew when it was started"
			}
			services = append(services, fmt.Sprintf("%s %s, knows %s, held %v", name, s.Phase, knows, s.ByHand))
		}
	}
	state := map[string]string{}
	for path := range m.mounted {
		state[path] = m.folders[path]
	}
	return fmt.Sprintf("%s\nsysctl %v\nusers %v\nfiles %v\nconsole %v\nstate %v\n%s", m.hostname, m.sysctl, Accounts(orEmpty(m.users)), m.files, m.console, state, strings.Join(services, "\n"))
}

// pids are the processes of services, with what each was started with.
func (m *fakeMachine) pids() map[string]ServiceState {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := map[string]ServiceState{}
	for name, s := range m.services {
		if s.runs() {
			all[name] = *s
		}
	}
	return all
}

// seeds are n, or one in five of them on an emulated machine.
func seeds(n uint64) uint64 {
	if testing.Short() {
		return n / 5
	}
	return n
}

func stepsOf(r Result) (steps []string) {
	for _, e := range r.Events {
		if e.Kind == EventStep {
			steps = append(steps, e.Text)
		}
	}
	return steps
}

func TestWhatIsPlannedIsWhatRuns(t *testing.T) {
	for seed := range seeds(100) {
		r := rand.New(rand.NewPCG(seed, 1))
		s, m, _ := bootedMachine(t)
		from, to := randomText(r), randomText(r)
		wantExit(t, switchTo(t, s, VerbSwitch, from), ExitGood)
		if running := sortedKeys(m.pids()); r.IntN(2) == 0 && running[0] != system.NetworkService {
			m.held(running[0], true)
		}
		before, pids := m.seen(), m.pids()
		preview, err := s.Plan(Request{Verb: VerbSwitch, Text: []byte(to)})
		if err != nil || len(preview.Problems) > 0 {
			t.Fatalf("seed %d: %v %q", seed, err, preview.Problems)
		}
		checkOrder(t, seed, preview.Plan, parsed(t, from), parsed(t, to), m)
		result := switchTo(t, s, VerbSwitch, to)
		wantExit(t, result, ExitGood)
		var planned []string
		needed := map[string]bool{}
		for _, step := range preview.Plan.Steps {
			planned = append(planned, step.Text)
			needed[step.Name] = needed[step.Name] || strings.HasPrefix(step.Reason, "needs ")
		}
		if done := stepsOf(result); !slices.Equal(done, planned) {
			t.Fatalf("seed %d: planned %q, done %q", seed, planned, done)
		}
		for name, now := range m.pids() {
			if was := pids[name]; was.Fingerprint == now.Fingerprint && was.PID != now.PID && !needed[name] {
				t.Fatalf("seed %d: %s is the same and was restarted:\n%s", seed, name, preview.Plan)
			}
		}
		calls := len(m.calls)
		wantExit(t, switchTo(t, s, VerbSwitch, to), ExitGood)
		if again := m.calls[calls:]; len(again) > 0 {
			t.Fatalf("seed %d: a second switch to the same does %q after\n%s", seed, again, preview.Plan)
		}
		wantExit(t, switchTo(t, s, VerbSwitch, from), ExitGood)
		if after := m.seen(); after != before && from != to {
			t.Fatalf("seed %d: before\n%s\nthere and back again\n%s\nby\n%s", seed, before, after, preview.Plan)
		}
	}
}

func parsed(t *testing.T, text string) *system.System {
	t.Helper()
	sys, problems := system.Parse("system.toml", []byte(text))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return sys
}

// A machine with all kinds, of whose calls any may fail: it ends as the old or the new generation wants it, or is to be
// rebooted into one of them; and no generation is bad for what was not its fault.
func TestFaultsOfTheMachineLeaveTheOldOrTheNew(t *testing.T) {
	ends := map[int]int{}
	for seed := range seeds(200) {
		r := rand.New(rand.NewPCG(seed, 2))
		s, m, dir := bootedMachine(t)
		from, to := randomText(r), randomText(r)
		wantExit(t, switchTo(t, s, VerbSwitch, from), ExitGood)
		before := m.seen()
		rarely := 2 + r.IntN(20)
		m.fail = func(call string) error {
			if r.IntN(rarely) == 0 {
				return errors.New("a fault")
			}
			return nil
		}
		result := switchTo(t, s, VerbSwitch, to)
		m.fail = nil
		ends[result.Exit]++
		switch result.Exit {
		case ExitGood:
			if m.text != to {
				t.Fatalf("seed %d: good, and %q runs", seed, m.text)
			}
		case ExitReverted:
			if after := m.seen(); after != before {
				t.Fatalf("seed %d: before\n%s\nback again\n%s\n%v", seed, before, after, result.Events)
			}
		case ExitFailed:
			bootAgain(t, dir, m)
			if m.text != from {
				t.Fatalf("seed %d: after the reboot %q runs", seed, m.text)
			}
		}
		for _, g := range s.Generations() {
			if g.State == StateBad {
				t.Fatalf("seed %d: generation %d is bad: %s", seed, g.Number, g.Reason)
			}
		}
	}
	if len(ends) != 3 {
		t.Errorf("not every end was seen: %v", ends)
	}
}

// checkOrder looks whether what needs a service is stopped before it and started after it.
func checkOrder(t *testing.T, seed uint64, plan Plan, from, to *system.System, m *fakeMachine) {
	t.Helper()
	at := func(action Action, name string) int {
		return slices.IndexFunc(plan.Steps, func(s Step) bool {
			return s.Kind == KindService && s.Action == action && s.Name == name
		})
	}
	for name, service := range from.Services {
		for _, need := range service.Needs {
			mine, its := at(ActionStop, name), at(ActionStop, need)
			_, runs := m.pids()[name]
			if its >= 0 && runs && (mine < 0 || mine > its) {
				t.Fatalf("seed %d: %s needs %s, which is stopped first:\n%s", seed, name, need, plan)
			}
		}
	}
	for name, service := range to.Services {
		for _, need := range service.Needs {
			if mine, its := at(ActionStart, name), at(ActionStart, need); its >= 0 && mine >= 0 && mine < its {
				t.Fatalf("seed %d: %s needs %s, which is started later:\n%s", seed, name, need, plan)
			}
		}
	}
	for name, s := range m.services {
		if !s.ByHand {
			continue
		}
		if at(ActionStart, name) >= 0 || at(ActionStop, name) >= 0 {
			t.Fatalf("seed %d: %s was stopped by hand:\n%s", seed, name, plan)
		}
	}
}
