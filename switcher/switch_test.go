package switcher

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bantam/system"
)

const (
	webText = `hostname = "web"
[service.web]
command = ["httpd"]
`
	dbText = `hostname = "db"
[service.db]
command = ["db"]
[service.web]
command = ["httpd", "-v"]
needs = ["db"]
[check.ok]
command = ["true"]
`
)

func switchTo(t *testing.T, s *Switcher, verb, text string) Result {
	t.Helper()
	return s.Switch(context.Background(), Request{Verb: verb, Text: []byte(text)}, nil)
}

func wantExit(t *testing.T, r Result, exit int) {
	t.Helper()
	if r.Exit != exit {
		t.Fatalf("exit %d, want %d: %s\n%+v", r.Exit, exit, r.Text(), r.Events)
	}
}

func wantRuns(t *testing.T, m *fakeMachine, want string) {
	t.Helper()
	if got := m.runs(); got != want {
		t.Errorf("runs %s, want %s", got, want)
	}
}

func TestFirstBootMakesTheImageGenerationOneAndTheDefault(t *testing.T) {
	s, m, _ := bootedMachine(t)
	wantRuns(t, m, "image []")
	st := s.Status()
	if st.Running != 1 || st.Default != 1 || st.Booted != 1 || st.Trying != nil {
		t.Errorf("status %+v", st)
	}
	if g := s.Generations(); len(g) != 1 || g[0].State != StateGood || g[0].Verb != "image" || !g[0].Image {
		t.Errorf("generations %+v", g)
	}
}

func TestSwitchProvesCommitsAndOutlivesThePower(t *testing.T) {
	s, m, dir := bootedMachine(t)
	r := switchTo(t, s, VerbSwitch, webText)
	wantExit(t, r, ExitGood)
	wantRuns(t, m, "web [web]")
	if st := s.Status(); st.Running != 2 || st.Default != 2 || st.Previous != 1 {
		t.Errorf("status %+v", st)
	}
	s = bootAgain(t, dir, m)
	wantRuns(t, m, "web [web]")
	if st := s.Status(); st.Running != 2 || st.Default != 2 || st.Previous != 1 || st.Booted != 2 {
		t.Errorf("status after boot %+v", st)
	}
}

func TestSecondSwitchToTheSameGenerationDoesNothing(t *testing.T) {
	s, m, _ := bootedMachine(t)
	wantExit(t, switchTo(t, s, VerbSwitch, webText), ExitGood)
	calls := len(m.calls)
	wantExit(t, switchTo(t, s, VerbSwitch, webText), ExitGood)
	if got := m.calls[calls:]; len(got) > 0 {
		t.Errorf("calls %q", got)
	}
	if st := s.Status(); st.Previous != 1 {
		t.Errorf("previous %d, want 1", st.Previous)
	}
}

func TestCommentOnlyChangeTouchesNoService(t *testing.T) {
	s, m, _ := bootedMachine(t)
	wantExit(t, switchTo(t, s, VerbSwitch, webText), ExitGood)
	pid := m.services["web"].PID
	wantExit(t, switchTo(t, s, VerbSwitch, "# new\n"+webText), ExitGood)
	if m.services["web"].PID != pid || s.Status().Default != 3 || !strings.HasPrefix(m.text, "# new") {
		t.Errorf("pid %d -> %d, default %d, text %q", pid, m.services["web"].PID, s.Status().Default, m.text)
	}
}

func TestFailingServiceReturnsByItself(t *testing.T) {
	s, m, dir := bootedMachine(t)
	wantExit(t, switchTo(t, s, VerbSwitch, webText), ExitGood)
	m.broken["db"] = "exit status 7"
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
			w.Restarts, w.LastExit, w.Since = 1, "exit status 3", m.now
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
	m.broken["web"] = "exit status 1"
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
	m.network.Routed = true
	r = switchTo(t, s, VerbSwitch, "[net.eth0]\naddresses = [\"192.0.2.1/24\"]\n")
	wantExit(t, r, ExitReverted)
	if !strings.Contains(r.Reason, "default route") {
		t.Error(r.Reason)
	}
	m.network.Online, m.network.Routed = false, false // nothing to lose, so nothing is asked for
	wantExit(t, switchTo(t, s, VerbSwitch, "[net.eth0]\nipv4 = \"off\"\n"), ExitGood)
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

func TestTestLeavesTheDefaultAlone(t *testing.T) {
	s, m, dir := bootedMachine(t)
	wantExit(t, switchTo(t, s, VerbTest, webText), ExitGood)
	wantRuns(t, m, "web [web]")
	if st := s.Status(); st.Default != 1 || st.Running != 2 || st.Previous != 1 || s.Generations()[1].State != StateUntried {
		t.Errorf("status %+v %+v", st, s.Generations())
	}
	bootAgain(t, dir, m)
	wantRuns(t, m, "image []")
}

func TestTestedGenerationCanBeMadeTheDefault(t *testing.T) {
	s, _, _ := bootedMachine(t)
	wantExit(t, switchTo(t, s, VerbTest, webText), ExitGood)
	wantExit(t, switchTo(t, s, VerbSwitch, webText), ExitGood)
	if st := s.Status(); st.Default != 2 || st.Running != 2 || st.Previous != 1 {
		t.Errorf("status %+v", st)
	}
}

func TestBootVerbTriesAtTheNextBoot(t *testing.T) {
	s, m, dir := bootedMachine(t)
	wantExit(t, switchTo(t, s, VerbBoot, webText), ExitGood)
	wantRuns(t, m, "image []")
	s = bootAgain(t, dir, m)
	wantRuns(t, m, "web [web]")
	if st := s.Status(); st.Default != 2 || st.Previous != 1 || st.Trying != nil {
		t.Errorf("status %+v", st)
	}
}

func TestBootVerbFallsBackInTheSameBoot(t *testing.T) {
	s, m, dir := bootedMachine(t)
	wantExit(t, switchTo(t, s, VerbBoot, webText), ExitGood)
	m.broken["web"] = "exit status 1"
	s = bootAgain(t, dir, m)
	wantRuns(t, m, "image []")
	if st := s.Status(); st.Default != 1 || st.Running != 1 || st.Trying != nil || s.Generations()[1].State != StateBad {
		t.Errorf("status %+v %+v", st, s.Generations())
	}
}

func TestGenerationThatHangsAtBootIsTriedTwice(t *testing.T) {
	s, m, dir := bootedMachine(t)
	wantExit(t, switchTo(t, s, VerbBoot, webText), ExitGood)
	for try := 1; try <= 2; try++ {
		m.powerOff()
		s, err := open(quickDisk{}, machineOptions(dir, m))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		m.onWait = func(m *fakeMachine) { cancel() } // the power goes while it is being proven
		s.Boot(ctx, nil)
		wantRuns(t, m, "web [web]")
		m.onWait = nil
	}
	s = bootAgain(t, dir, m)
	wantRuns(t, m, "image []")
	if g := s.Generations()[1]; g.State == StateGood || g.State == StateUntried {
		t.Errorf("generation %+v", g)
	}
}

func TestRollbackTwiceIsBackAgain(t *testing.T) {
	s, m, dir := bootedMachine(t)
	wantExit(t, switchTo(t, s, VerbSwitch, webText), ExitGood)
	wantExit(t, switchTo(t, s, VerbSwitch, dbText), ExitGood)
	for _, want := range []string{"web [web]", "db [db web]", "web [web]"} {
		wantExit(t, s.Switch(context.Background(), Request{Verb: VerbRollback}, nil), ExitGood)
		wantRuns(t, m, want)
	}
	s = bootAgain(t, dir, m)
	wantRuns(t, m, "web [web]")
	wantExit(t, s.Switch(context.Background(), Request{Verb: VerbRollback, Generation: 1}, nil), ExitGood)
	wantRuns(t, m, "image []")
}

func TestConfirmKeepsAndSilenceReturns(t *testing.T) {
	s, m, dir := bootedMachine(t)
	request := Request{Verb: VerbSwitch, Text: []byte(webText), Confirm: time.Minute}
	r := s.Switch(context.Background(), request, nil)
	wantExit(t, r, ExitReverted)
	if !strings.Contains(r.Reason, "nobody confirmed") {
		t.Error(r.Reason)
	}
	wantRuns(t, m, "image []")
	r = s.Switch(context.Background(), request, func(e Event) {
		if e.Kind == EventWait && strings.Contains(e.Text, "confirm") {
			if d := s.recordNow().Default; d != 1 {
				t.Errorf("default %d before the confirmation, want 1", d)
			}
			if err := s.Confirm(); err != nil {
				t.Error(err)
			}
		} else if s.Confirm() == nil {
			t.Errorf("confirmed at %q, before the proof", e.Text)
		}
	})
	wantExit(t, r, ExitGood)
	bootAgain(t, dir, m)
	wantRuns(t, m, "web [web]")
}

func TestServiceThatDiesWhileConfirmationIsAwaitedReturns(t *testing.T) {
	s, m, _ := bootedMachine(t)
	r := s.Switch(context.Background(), Request{Verb: VerbSwitch, Text: []byte(webText), Confirm: time.Hour}, func(e Event) {
		if strings.Contains(e.Text, "bantam confirm") {
			m.mu.Lock()
			m.services["web"].Phase, m.services["web"].LastExit = PhaseBackoff, "signal 11"
			m.mu.Unlock()
		}
	})
	wantExit(t, r, ExitReverted)
	if r.Ended-r.Started > time.Minute || !strings.Contains(r.Reason, "signal 11") {
		t.Errorf("%v %s", r.Ended-r.Started, r.Reason)
	}
}

func TestNoRollbackStaysAndKeepsTheDefault(t *testing.T) {
	s, m, _ := bootedMachine(t)
	m.broken["web"] = "exit status 1"
	r := s.Switch(context.Background(), Request{Verb: VerbSwitch, Text: []byte(webText), NoRollback: true}, nil)
	wantExit(t, r, ExitFailed)
	if st := s.Status(); st.Running != 2 || st.Default != 1 || m.hostname != "web" {
		t.Errorf("status %+v, hostname %s", st, m.hostname)
	}
	m.broken = map[string]string{}
	wantExit(t, s.Switch(context.Background(), Request{Verb: VerbRollback}, nil), ExitGood)
	wantRuns(t, m, "image []")
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

func TestSecondSwitchIsRefusedNamingTheFirst(t *testing.T) {
	s, _, _ := bootedMachine(t)
	var second Result
	wantExit(t, s.Switch(context.Background(), Request{Verb: VerbSwitch, Text: []byte(webText)}, func(e Event) {
		if e.Kind == EventStep && e.Step == 1 {
			second = switchTo(t, s, VerbTest, dbText)
		}
	}), ExitGood)
	wantExit(t, second, ExitRefused)
	if !strings.Contains(second.Reason, "switch to generation 2, since") {
		t.Error(second.Reason)
	}
	if last, ok := s.Last(); !ok || last.Exit != ExitGood || last.To != 2 {
		t.Errorf("last %+v", last)
	}
}

func TestFailedWayBackSaysSoAndGoesOnAsFarAsItCan(t *testing.T) {
	s, m, dir := bootedMachine(t)
	wantExit(t, switchTo(t, s, VerbSwitch, webText), ExitGood)
	m.broken["db"] = "exit status 7"
	m.fail = func(call string) error {
		if call == "hostname web" {
			return context.DeadlineExceeded
		}
		return nil
	}
	r := switchTo(t, s, VerbSwitch, dbText)
	wantExit(t, r, ExitFailed)
	if !strings.Contains(r.Text(), "reboot") || !strings.Contains(r.Reason, "set hostname web") {
		t.Error(r.Text())
	}
	wantRuns(t, m, "web [web]") // the step that failed was not the last
	m.fail, m.broken = nil, map[string]string{}
	bootAgain(t, dir, m)
	wantRuns(t, m, "web [web]")
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
		if m.sysctl["net.ipv4.ip_forward"] != "0" || m.text != webText || len(m.users) != 0 {
			t.Errorf("%s failed: sysctl %v, text %q, users %v", failed, m.sysctl, m.text, m.users)
		}
	}
}

func TestHandStoppedServiceStaysStopped(t *testing.T) {
	s, m, _ := bootedMachine(t)
	wantExit(t, switchTo(t, s, VerbSwitch, dbText), ExitGood)
	m.held("db", true)
	m.services["web"].Phase, m.services["web"].PID, m.services["web"].Reason = PhaseDown, 0, "waits for db"
	r := switchTo(t, s, VerbSwitch, strings.Replace(dbText, `["db"]`+"\n[service.web]", `["db", "-x"]`+"\n[service.web]", 1))
	wantExit(t, r, ExitGood)
	if m.services["db"].Phase == PhaseReady {
		t.Error("db was started")
	}
}

func TestServiceWithPolicyNoneKeepsItsProcessAndIsListed(t *testing.T) {
	s, m, _ := bootedMachine(t)
	wantExit(t, switchTo(t, s, VerbSwitch, webText+"on_change = \"none\"\n"), ExitGood)
	pid := m.services["web"].PID
	changed := strings.Replace(webText, "httpd", "nginx", 1) + "on_change = \"none\"\n"
	wantExit(t, switchTo(t, s, VerbSwitch, changed), ExitGood)
	if m.services["web"].PID != pid {
		t.Error("web was restarted")
	}
	if stale := s.Status().Stale; len(stale) != 1 || stale[0] != "web" {
		t.Errorf("stale %v", stale)
	}
	m.services["web"].PID++ // a person restarts it
	if stale := s.Status().Stale; len(stale) != 0 {
		t.Errorf("stale %v after the restart", stale)
	}
}

func TestChangedProgramBytesRestartTheService(t *testing.T) {
	s, m, _ := bootedMachine(t)
	wantExit(t, switchTo(t, s, VerbSwitch, webText), ExitGood)
	m.versions["httpd"] = "2"
	p, err := s.Plan(Request{Verb: VerbSwitch, Text: []byte(webText)})
	if err != nil || len(p.Plan.Steps) != 2 {
		t.Errorf("%v\n%s", err, p.Plan)
	}
}

func TestRemovedSysctlGetsItsOldValueBack(t *testing.T) {
	s, m, _ := bootedMachine(t)
	wantExit(t, switchTo(t, s, VerbSwitch, "[sysctl]\n\"vm.swappiness\" = 1\n"), ExitGood)
	wantExit(t, switchTo(t, s, VerbSwitch, "[sysctl]\n\"vm.swappiness\" = 2\n"), ExitGood)
	wantExit(t, switchTo(t, s, VerbSwitch, ""), ExitGood)
	if got := m.sysctl["vm.swappiness"]; got != "60" {
		t.Errorf("vm.swappiness %s, want 60", got)
	}
}

func TestGoodGenerationIsKeptAtBootWhateverTheCableDoes(t *testing.T) {
	s, m, dir := bootedMachine(t)
	wantExit(t, switchTo(t, s, VerbSwitch, webText+"[proof]\nnetwork = \"required\"\n"), ExitGood)
	m.connect = func(*fakeMachine, *system.System) bool { return false }
	s = bootAgain(t, dir, m)
	wantRuns(t, m, "web [web]")
	if r, _ := s.Last(); r.Exit != ExitDegraded || !strings.Contains(r.Reason, "not online") {
		t.Errorf("%+v", r)
	}
	if st := s.Status(); st.Default != 2 || st.Running != 2 {
		t.Errorf("%+v", st)
	}
}

func TestNewImageIsTriedOnceItIsBooted(t *testing.T) {
	s, m, dir := bootedMachine(t)
	wantExit(t, switchTo(t, s, VerbSwitch, webText), ExitGood)
	m.powerOff()
	options := machineOptions(dir, m)
	options.Text = []byte("hostname = \"new\"\n")
	options.Booted = image(string(options.Text))
	options.Booted.Kernel.Digest = DigestOf([]byte("another kernel"))
	s, err := open(quickDisk{}, options)
	if err != nil {
		t.Fatal(err)
	}
	wantExit(t, s.Boot(context.Background(), nil), ExitGood)
	wantRuns(t, m, "new []")
	if st := s.Status(); st.Default != 3 || st.Running != 3 {
		t.Errorf("%+v", st)
	}
	r := s.Switch(context.Background(), Request{Verb: VerbRollback}, nil)
	wantExit(t, r, ExitRefused)
	for _, want := range []string{string(DigestOf([]byte("kernel"))), string(DigestOf([]byte("another kernel"))), "6.1.0-40-amd64", "boot slots"} {
		if !strings.Contains(r.Reason, want) {
			t.Errorf("%q is not in %q", want, r.Reason)
		}
	}
}

func TestFailingImageStillRuns(t *testing.T) {
	dir, m := t.TempDir(), newFakeMachine()
	m.broken["web"] = "exit status 1"
	options := machineOptions(dir, m)
	options.Text = []byte(webText)
	options.Booted = image(webText)
	s, err := open(quickDisk{}, options)
	if err != nil {
		t.Fatal(err)
	}
	wantExit(t, s.Boot(context.Background(), nil), ExitDegraded)
	if st := s.Status(); st.Default != 0 || st.Running != 1 || m.hostname != "web" || s.Generations()[0].State != StateBad {
		t.Errorf("%+v", st)
	}
	m.powerOff()
	m.broken = map[string]string{}
	if s, err = open(quickDisk{}, options); err != nil {
		t.Fatal(err)
	}
	wantExit(t, s.Boot(context.Background(), nil), ExitGood)
	if st := s.Status(); st.Default != 1 {
		t.Errorf("healed, and %+v", st)
	}
}

func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		name, text, want string
	}{
		{"an unknown key", "hostnam = \"x\"\n", "hostnam"},
		{"a module that the image does not have", "modules = [\"zfs\"]\n", "module zfs is not in this image"},
		{"a port that does not exist", "[net.eth7]\n", "net.eth7: this machine has no such port, it has eth0, eth1, lo"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, m, _ := bootedMachine(t)
			calls := len(m.calls)
			r := switchTo(t, s, VerbSwitch, c.text)
			wantExit(t, r, ExitRefused)
			if !strings.Contains(r.Reason, c.want) {
				t.Errorf("reason %q", r.Reason)
			}
			if len(m.calls) != calls || len(s.Generations()) != 1 {
				t.Error("something was changed")
			}
		})
	}
	t.Run("an optional port may come later", func(t *testing.T) {
		s, _, _ := bootedMachine(t)
		wantExit(t, switchTo(t, s, VerbSwitch, "[net.eth7]\noptional = true\n"), ExitGood)
	})
}

func TestDraftIsTheRunningTextUntilItIsEdited(t *testing.T) {
	s, m, _ := bootedMachine(t)
	d, err := s.Draft()
	if err != nil || string(d.Text) != imageText || !d.Same || d.Saved {
		t.Fatalf("%+v %v", d, err)
	}
	if err := os.MkdirAll(filepath.Dir(d.Path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := WriteFileAtomic(d.Path, []byte(webText), 0o644); err != nil {
		t.Fatal(err)
	}
	if d, err = s.Draft(); err != nil || d.Same || !d.Saved {
		t.Errorf("%+v %v", d, err)
	}
	changes, err := s.Compare(1, 0)
	if err != nil || len(changes) != 2 || changes[0].String() != `hostname: "image" -> "web"` {
		t.Errorf("%v %v", changes, err)
	}
	wantExit(t, s.Switch(context.Background(), Request{Verb: VerbSwitch}, nil), ExitGood)
	wantRuns(t, m, "web [web]")
	if d, err = s.Draft(); err != nil || !d.Same {
		t.Errorf("%+v %v", d, err)
	}
}

func TestNetworkStoppedByHandStaysStopped(t *testing.T) {
	s, m, _ := bootedMachine(t)
	m.services[system.NetworkService] = &ServiceState{Name: system.NetworkService, Phase: PhaseDown, ByHand: true}
	m.network = NetworkState{Links: m.network.Links}
	calls := len(m.calls)
	wantExit(t, switchTo(t, s, VerbSwitch, "[net.eth0]\nipv4 = \"off\"\n"+strings.Replace(webText, "hostname = \"web\"\n", "", 1)+"needs = [\"network\"]\n"), ExitGood)
	if text := strings.Join(m.calls[calls:], ";"); strings.Contains(text, "network") {
		t.Error(text)
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

func TestSwitchNeedNotWaitForAStartThatHangs(t *testing.T) {
	s, m, dir := bootedMachine(t)
	wantExit(t, switchTo(t, s, VerbSwitch, webText), ExitGood)
	m.powerOff()
	m.broken["web"] = "exit status 1"
	s, err := open(quickDisk{}, machineOptions(dir, m))
	if err != nil {
		t.Fatal(err)
	}
	var second Result
	begun, ended := false, make(chan struct{})
	start := s.Boot(context.Background(), func(e Event) {
		if e.Kind == EventWait && !begun {
			begun = true
			m.onWait = func(m *fakeMachine) { time.Sleep(time.Millisecond); m.now = 2 * time.Second } // it would wait for ever
			go func() {
				defer close(ended)
				second = switchTo(t, s, VerbSwitch, imageText)
			}()
		}
	})
	<-ended
	wantExit(t, start, ExitDegraded)
	wantExit(t, second, ExitGood)
	wantRuns(t, m, "image []")
}

func TestQuestionsAreAnsweredDuringASwitch(t *testing.T) {
	s, _, _ := bootedMachine(t)
	stop, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-stop:
				return
			default:
			}
			s.Status()
			s.Generations()
			s.Last()
			if _, err := s.Plan(Request{Verb: VerbSwitch, Text: []byte(dbText)}); err != nil {
				t.Error(err)
			}
		}
	}()
	for range 5 {
		wantExit(t, switchTo(t, s, VerbSwitch, webText), ExitGood)
		wantExit(t, switchTo(t, s, VerbSwitch, dbText), ExitGood)
	}
	close(stop)
	<-ended
}
