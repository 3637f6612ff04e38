package switcher

import (
	"context"
	"errors"
	"strings"
	"syscall"
	"testing"
	"time"

	"bantam/lifecycle"
	"bantam/system"
)

func TestFailingServiceReturnsByItself(t *testing.T) {
	s, m, dir := bootedMachine(t)
	wantExit(t, switchTo(t, s, VerbSwitch, webText), ExitGood)
	m.broken["db"] = exited(7)
	r := switchTo(t, s, VerbSwitch, dbText)
	wantExit(t, r, ExitReverted)
	if !strings.Contains(r.Reason, "service db: exit status 7") {
		t.Errorf("reason %q", r.Reason)
	}
	wantRuns(t, m, "web [web]")
	g := s.Generations()[2]
	if g.State != StateBad || !strings.Contains(g.Reason, "db") || s.Status().Default != 2 {
		t.Errorf("generation %+v, status %+v", g, s.Status())
	}
	bootAgain(t, dir, m)
	wantRuns(t, m, "web [web]")
}

func TestServiceThatFailsWithinSettleReturns(t *testing.T) {
	s, m, _ := bootedMachine(t)
	m.onWait = func(m *fakeMachine) {
		if w := m.services["web"]; w != nil && w.Wanted {
			w.Fell, w.LastExit, w.Since = m.now, exited(3), m.now
		}
	}
	r := switchTo(t, s, VerbSwitch, webText)
	wantExit(t, r, ExitReverted)
	if !strings.Contains(r.Reason, "exit status 3") {
		t.Error(r.Reason)
	}
}

func TestServiceThatMayFailFailsNothing(t *testing.T) {
	s, m, _ := bootedMachine(t)
	m.broken["web"] = exited(1)
	wantExit(t, switchTo(t, s, VerbSwitch, webText+"may_fail = true\n"), ExitGood)
}

func TestCutNetworkReturns(t *testing.T) {
	s, m, _ := bootedMachine(t)
	m.connect = func(m *fakeMachine, sys *system.System) bool { return sys.Net["eth0"].IPv4 != "off" }
	r := switchTo(t, s, VerbSwitch, "[net.eth0]\nipv4 = \"off\"\n")
	wantExit(t, r, ExitReverted)
	if !strings.Contains(r.Reason, "not online") || !m.network.Online {
		t.Errorf("reason %q, online %v", r.Reason, m.network.Online)
	}
	m.network.Online, m.connect = true, nil
	m.network.IPv4 = Family{true, true}
	r = switchTo(t, s, VerbSwitch, "[net.eth0]\naddresses = [\"192.0.2.1/24\"]\n")
	wantExit(t, r, ExitReverted)
	if !strings.Contains(r.Reason, "has no IPv4 default route any more") {
		t.Error(r.Reason)
	}
	m.network.Online, m.network.IPv4 = false, Family{} // nothing to lose, so nothing is asked for
	wantExit(t, switchTo(t, s, VerbSwitch, "[net.eth0]\nipv4 = \"off\"\n"), ExitGood)
}

// What one family lost, the other does not make up for; at the boot of a trial neither.
func TestLostIPv4GatewayReturnsThoughIPv6IsStillRouted(t *testing.T) {
	s, m, dir := bootedMachine(t)
	both := func() { m.network.IPv6 = Family{true, true} } // a router advertises
	both()
	const text = "[net.eth0]\naddresses = [\"192.0.2.1/24\"]\n" // without a gateway
	r := switchTo(t, s, VerbSwitch, text)
	wantExit(t, r, ExitReverted)
	if !strings.Contains(r.Reason, "network: has no IPv4 default route any more") {
		t.Error(r.Reason)
	}
	wantExit(t, switchTo(t, s, VerbBoot, text), ExitGood)
	m.onWait = func(*fakeMachine) { both() }
	s = bootAgain(t, dir, m)
	if g := s.Generations()[1]; g.State != StateBad || !strings.Contains(g.Reason, "IPv4 default route") || s.Status().Running != 1 {
		t.Errorf("%+v", g)
	}
}

func TestFailingCheckIsRepeatedAndThenReturns(t *testing.T) {
	s, m, _ := bootedMachine(t)
	runs := 0
	m.checks = func(string) error {
		if runs++; runs < 5 {
			return context.DeadlineExceeded
		}
		return nil
	}
	text := "[check.ping]\ncommand = [\"ping\"]\n"
	wantExit(t, switchTo(t, s, VerbSwitch, text), ExitGood)
	if runs != 5 {
		t.Errorf("%d runs, want 5", runs)
	}
	m.checks = func(string) error { return context.DeadlineExceeded }
	wantExit(t, switchTo(t, s, VerbSwitch, text+"timeout = \"3s\"\n"), ExitReverted)
	if s.Status().Default != 2 {
		t.Error(s.Status())
	}
}

// reloadText is a web that is told of its changes, and changes.
const reloadText = webText + "on_change = \"reload\"\n"

func TestServiceThatDiesOfAReloadIsNotProven(t *testing.T) {
	s, m, _ := bootedMachine(t)
	wantExit(t, switchTo(t, s, VerbSwitch, reloadText), ExitGood)
	m.reloaded = func(w *ServiceState) { w.Reloaded = m.now }
	m.onWait = func(m *fakeMachine) { // it takes a moment to notice what it has read
		if w := m.services["web"]; w.Reloaded != 0 && m.now >= w.Reloaded+time.Second {
			w.Phase, w.PID, w.Fell, w.LastExit = lifecycle.PhaseBackoff, 0, m.now, exited(1)
		}
	}
	r := switchTo(t, s, VerbSwitch, strings.Replace(reloadText, "httpd", "nginx", 1))
	if r.Exit == ExitGood || !strings.Contains(r.Reason, "service web: exit status 1") {
		t.Errorf("exit %d, %s", r.Exit, r.Reason)
	}
}

// Each of its processes stays up for longer than settle, and ends well.
func TestServiceThatEndsWellAgainAndAgainIsNotProven(t *testing.T) {
	s, m, _ := bootedMachine(t)
	checks := 0
	m.checks = func(string) error {
		if checks++; checks < 20 {
			return context.DeadlineExceeded
		}
		return nil
	}
	m.onWait = func(m *fakeMachine) {
		if w := m.services["web"]; w != nil && w.Wanted && m.now > w.Since+5*time.Second {
			w.PID, w.Since, w.Fell, w.LastExit = w.PID+1, m.now, m.now, exited(0)
		}
	}
	r := switchTo(t, s, VerbSwitch, webText+"[check.ping]\ncommand = [\"ping\"]\n")
	wantExit(t, r, ExitReverted)
	if !strings.Contains(r.Reason, "service web: exit status 0, and was started again") {
		t.Error(r.Reason)
	}
}

func TestNoRollbackStaysAndKeepsTheDefault(t *testing.T) {
	s, m, _ := bootedMachine(t)
	m.broken["web"] = exited(1)
	r := s.Switch(context.Background(), Request{Verb: VerbSwitch, Text: []byte(webText), NoRollback: true}, nil)
	wantExit(t, r, ExitFailed)
	if st := s.Status(); st.Running != 2 || st.Default != 1 || m.hostname != "web" {
		t.Errorf("status %+v, hostname %s", st, m.hostname)
	}
	m.broken = map[string]lifecycle.Exit{}
	wantExit(t, s.Switch(context.Background(), Request{Verb: VerbRollback}, nil), ExitGood)
	wantRuns(t, m, "image []")
}

// What stayed although it failed is not trusted because it runs by now: its services are asked for though no step
// touches them, and the way back leads to what is trusted.
func TestWhatIsNotGoodIsProvenWholeEachTime(t *testing.T) {
	s, m, _ := bootedMachine(t)
	m.broken["web"] = exited(1)
	for _, verb := range []string{VerbSwitch, VerbTest} {
		r := s.Switch(context.Background(), Request{Verb: VerbSwitch, Text: []byte(webText), NoRollback: true}, nil)
		wantExit(t, r, ExitFailed)
		r = switchTo(t, s, verb, webText)
		wantExit(t, r, ExitReverted)
		if !strings.Contains(r.Reason, "service web: exit status 1") {
			t.Errorf("%s: %s", verb, r.Reason)
		}
		wantRuns(t, m, "image []")
		if st := s.Status(); st.Running != 1 || st.Default != 1 {
			t.Errorf("%s: status %+v", verb, st)
		}
	}
	wantExit(t, s.Switch(context.Background(), Request{Verb: VerbSwitch, Text: []byte(webText), NoRollback: true}, nil), ExitFailed)
	m.broken = map[string]lifecycle.Exit{}
	m.mu.Lock()
	m.run("web") // the supervisor's next try
	m.mu.Unlock()
	wantExit(t, switchTo(t, s, VerbSwitch, webText), ExitGood)
	wantRuns(t, m, "web [web]")
}

// Bad is what a proof said. A fault of the machine during the steps, or a switch that was called off, says nothing
// about a generation.
func TestOnlyItsProofMakesAGenerationBad(t *testing.T) {
	for name, c := range map[string]struct {
		fault  func(s *Switcher, m *fakeMachine, cancel func())
		state  State
		reason string
	}{
		"a step that fails": {func(_ *Switcher, m *fakeMachine, _ func()) {
			m.fail = func(call string) error {
				if call == "hostname web" {
					return syscall.ENOSPC
				}
				return nil
			}
		}, StateInterrupted, "no space left on device"},
		"called off": {func(_ *Switcher, m *fakeMachine, cancel func()) {
			m.fail = func(call string) error {
				if call == "hostname web" {
					cancel()
				}
				return nil
			}
		}, StateInterrupted, "cancelled"},
		"a service that fails": {func(_ *Switcher, m *fakeMachine, _ func()) { m.broken["web"] = exited(1) }, StateBad, "exit status 1"},
	} {
		t.Run(name, func(t *testing.T) {
			s, m, _ := bootedMachine(t)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			c.fault(s, m, cancel)
			wantExit(t, s.Switch(ctx, Request{Verb: VerbSwitch, Text: []byte(webText)}, nil), ExitReverted)
			if g := s.Generations()[1]; g.State != c.state || !strings.Contains(g.Reason, c.reason) {
				t.Errorf("%s: %s", g.State, g.Reason)
			}
			m.fail, m.broken = nil, map[string]lifecycle.Exit{}
			wantExit(t, switchTo(t, s, VerbSwitch, webText), ExitGood)
		})
	}
}

func TestCancelledSwitchGoesBack(t *testing.T) {
	s, m, _ := bootedMachine(t)
	ctx, cancel := context.WithCancel(context.Background())
	r := s.Switch(ctx, Request{Verb: VerbSwitch, Text: []byte(webText)}, func(e Event) {
		if e.Kind == EventStep && e.Step == 1 {
			cancel()
		}
	})
	wantExit(t, r, ExitReverted)
	wantRuns(t, m, "image []")
	r = s.Switch(ctx, Request{Verb: VerbSwitch, Text: []byte(webText)}, nil)
	wantExit(t, r, ExitRefused)
}

func TestFailedWayBackSaysSoAndGoesOnAsFarAsItCan(t *testing.T) {
	s, m, dir := bootedMachine(t)
	wantExit(t, switchTo(t, s, VerbSwitch, webText), ExitGood)
	m.broken["db"] = exited(7)
	m.fail = func(call string) error {
		if call == "hostname web" {
			return context.DeadlineExceeded
		}
		return nil
	}
	r := switchTo(t, s, VerbSwitch, dbText)
	wantExit(t, r, ExitFailed)
	if !strings.Contains(r.Text(), "`reboot` starts") || !strings.Contains(r.Reason, "set hostname web") || r.Reboots {
		t.Error(r.Text()) // it is what web wants nevertheless
	}
	wantRuns(t, m, "web [web]") // the step that failed was not the last
	m.fail, m.broken = nil, map[string]lifecycle.Exit{}
	bootAgain(t, dir, m)
	wantRuns(t, m, "web [web]")
}

func TestStepThatFailsOnTheWayBackHasTheMachineRebootIfItsOutcomeIsMissing(t *testing.T) {
	s, m, _ := bootedMachine(t)
	wantExit(t, switchTo(t, s, VerbSwitch, webText), ExitGood)
	m.broken["db"] = exited(7)
	m.kernel = func(have map[string]string, name, value string) {
		if name == "vm.swappiness" && value == "60" {
			have[name] = "1" // as it was
		}
	}
	m.fail = func(call string) error {
		if call == "sysctl vm.swappiness=60" {
			return syscall.EIO
		}
		return nil
	}
	r := switchTo(t, s, VerbSwitch, dbText+"[sysctl]\n\"vm.swappiness\" = 1\n")
	wantExit(t, r, ExitFailed)
	if !r.Reboots || !strings.Contains(r.Reason, "vm.swappiness") {
		t.Errorf("%+v", r.Text())
	}
}

func TestMachineThatIsAsNoGenerationWantsItReboots(t *testing.T) {
	for name, c := range map[string]struct {
		forgets, stay bool
		reboots       bool
	}{
		"into the default":            {reboots: true},
		"not where that is forgotten": {forgets: true},
		"not where it shall stay":     {stay: true},
	} {
		t.Run(name, func(t *testing.T) {
			s, m, dir := bootedMachine(t)
			s.forgets = c.forgets
			wantExit(t, switchTo(t, s, VerbSwitch, webText), ExitGood)
			m.broken["db"], m.broken["web"] = exited(7), exited(9)
			r := s.Switch(t.Context(), Request{Verb: VerbSwitch, Text: []byte(dbText), NoRollback: c.stay}, nil)
			wantExit(t, r, ExitFailed)
			if r.Reboots != c.reboots || strings.Contains(r.Text(), "reboots into the default generation by itself") != c.reboots {
				t.Error(r.Text())
			}
			if !c.stay && !strings.Contains(r.Reason, "and on the way back to generation 2: ") || !c.stay && !strings.Contains(r.Reason, "service web: exit status 9") {
				t.Error(r.Reason)
			}
			clear(m.broken)
			bootAgain(t, dir, m)
			wantRuns(t, m, webRuns)
		})
	}
}

func TestEveryCallThatFailsIsUndone(t *testing.T) {
	text := dbText + "[sysctl]\n\"net.ipv4.ip_forward\" = 1\n[user.www]\nuid = 80\n"
	text = "modules = [\"nbd\"]\n" + text
	for n := 1; ; n++ {
		s, m, _ := bootedMachine(t)
		wantExit(t, switchTo(t, s, VerbSwitch, webText), ExitGood)
		calls, failed := 0, ""
		m.fail = func(call string) error {
			if calls++; calls == n {
				failed = call
				return context.DeadlineExceeded
			}
			return nil
		}
		r := switchTo(t, s, VerbSwitch, text)
		if failed == "" {
			wantExit(t, r, ExitGood)
			if n < 7 {
				t.Fatalf("only %d calls", n)
			}
			return
		}
		wantExit(t, r, ExitReverted)
		wantRuns(t, m, "web [web]")
		if m.sysctl["net.ipv4.ip_forward"] != "0" || m.text != webText || len(orEmpty(m.users).Users) != 0 {
			t.Errorf("%s failed: sysctl %v, text %q, users %v", failed, m.sysctl, m.text, m.users)
		}
	}
}

func TestPanicOfTheMachineIsAnOutcome(t *testing.T) {
	s, m, _ := bootedMachine(t)
	m.onWait = func(*fakeMachine) { panic("driver") }
	wantExit(t, switchTo(t, s, VerbSwitch, webText), ExitFailed)
	if s.Status().Busy != nil {
		t.Error("still busy")
	}
}

func TestSwitchesThatFailDoNotPileUpGenerations(t *testing.T) {
	s, m, _ := bootedMachine(t)
	m.broken["web"] = exited(1)
	for i := range keepNewest + 10 {
		wantExit(t, switchTo(t, s, VerbSwitch, webText+strings.Repeat("#", i)), ExitReverted)
	}
	if n := len(s.Generations()); n > keepNewest+1 {
		t.Errorf("%d generations are kept", n)
	}
}

// goDown is what the supervisor shows once PID 1 stops everything.
func goDown(m *fakeMachine) {
	m.ending = true
	for _, s := range m.services {
		s.Phase, s.PID, s.Stuck, s.Reason = lifecycle.PhaseStopping, 0, s.Wanted, "shutdown"
	}
}

func TestRebootDuringAProofIsNoFailureOfTheGeneration(t *testing.T) {
	s, m, dir := bootedMachine(t)
	m.onWait = func(m *fakeMachine) {
		if m.services["web"] != nil {
			goDown(m)
		}
	}
	calls := 0
	r := s.Switch(t.Context(), Request{Verb: VerbSwitch, Text: []byte(webText)}, func(e Event) {
		if e.Kind == EventWait {
			calls = len(m.calls)
		}
	})
	wantExit(t, r, ExitFailed)
	if len(m.calls) > calls {
		t.Errorf("a machine that ends was changed: %q", m.calls[calls:])
	}
	m.onWait = nil
	s = bootAgain(t, dir, m)
	if g := s.Generations()[1]; g.State != StateInterrupted || s.Status().Default != 1 {
		t.Errorf("%+v", g)
	}
}

func TestRebootDuringATriedStartIsOneOfItsTries(t *testing.T) {
	s, m, dir := bootedMachine(t)
	wantExit(t, switchTo(t, s, VerbBoot, webText), ExitGood)
	m.onWait = func(m *fakeMachine) { goDown(m) }
	s = bootAgain(t, dir, m)
	if g := s.Generations()[1]; g.State != StateUntried || g.Tries != bootTries-1 {
		t.Errorf("after the first try: %+v", g)
	}
	m.onWait = nil
	s = bootAgain(t, dir, m)
	wantRuns(t, m, "web [web]")
	if st := s.Status(); st.Default != 2 {
		t.Errorf("%+v", st)
	}
}

// What a check said is not lost to a last try that has no time.
func TestTheReasonOfAFailingCheckIsItsOwn(t *testing.T) {
	s, m, _ := bootedMachine(t)
	m.checks = func(string) error { return errors.New("exit status 4: no answer") }
	r := switchTo(t, s, VerbSwitch, "[check.c]\ncommand = [\"c\"]\n[proof]\ntimeout = \"5s\"\n")
	wantExit(t, r, ExitReverted)
	if want := "not proven in time (5s): check c: exit status 4: no answer"; r.Reason != want {
		t.Errorf("got %q, want %q", r.Reason, want)
	}
}

// A service that comes up for a moment is no proof of the way back either.
func TestAWayBackWhoseServiceDiesAtOnceFails(t *testing.T) {
	s, m, _ := bootedMachine(t)
	wantExit(t, switchTo(t, s, VerbSwitch, webText), ExitGood)
	m.onWait = func(m *fakeMachine) {
		if web := m.services["web"]; m.hostname == "web" && web.Phase == lifecycle.PhaseReady {
			m.run("web") // again and again
		}
	}
	m.broken["db"] = exited(7)
	r := switchTo(t, s, VerbSwitch, dbText)
	wantExit(t, r, ExitFailed)
	if !r.Reboots || !strings.Contains(r.Reason, "on the way back to generation 2: ") {
		t.Error(r.Text())
	}
}

func TestWhatAFailedServiceSaidBeforeTheSwitchIsNotShown(t *testing.T) {
	s, m, _ := bootedMachine(t)
	m.now = time.Hour
	m.broken["web"] = exited(1)
	wantExit(t, switchTo(t, s, VerbSwitch, webText), ExitReverted)
	if m.logSince < time.Hour {
		t.Errorf("asked for lines since %v", m.logSince)
	}
}
