package switcher

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"bantam/lifecycle"
	"bantam/system"
)

func TestCommentOnlyChangeTouchesNoService(t *testing.T) {
	s, m, _ := bootedMachine(t)
	wantExit(t, switchTo(t, s, VerbSwitch, webText), ExitGood)
	pid := m.services["web"].PID
	wantExit(t, switchTo(t, s, VerbSwitch, "# new\n"+webText), ExitGood)
	if m.services["web"].PID != pid || s.Status().Default != 3 || !strings.HasPrefix(m.text, "# new") {
		t.Errorf("pid %d -> %d, default %d, text %q", pid, m.services["web"].PID, s.Status().Default, m.text)
	}
}

func TestHandStoppedServiceStaysStopped(t *testing.T) {
	s, m, _ := bootedMachine(t)
	wantExit(t, switchTo(t, s, VerbSwitch, dbText), ExitGood)
	m.held("db", true)
	m.services["web"].Phase, m.services["web"].PID, m.services["web"].Reason = lifecycle.PhaseDown, 0, "waits for db"
	r := switchTo(t, s, VerbSwitch, strings.Replace(dbText, `["db"]`+"\n[service.web]", `["db", "-x"]`+"\n[service.web]", 1))
	wantExit(t, r, ExitGood)
	if m.services["db"].Phase == lifecycle.PhaseReady {
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
	m.services["web"].Fingerprint = m.services["web"].Defined // a person restarts it
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

// Nobody knows whether it has changed: it is not restarted again and again for that, and the plan says so.
func TestAProgramThatCannotBeReadIsNotedAndKeepsRunning(t *testing.T) {
	s, m, _ := bootedMachine(t)
	m.versions["httpd"] = "1"
	wantExit(t, switchTo(t, s, VerbSwitch, webText), ExitGood)
	pid := m.services["web"].PID
	const want = "service web: whether its program has changed is not known: not read within 10s"
	for range 2 {
		m.unread = map[string]error{"httpd": errors.New("not read within 10s")}
		p, err := s.Plan(Request{Verb: VerbSwitch, Text: []byte(webText)})
		if err != nil || len(p.Plan.Steps) != 0 || !slices.Contains(p.Plan.Notes, want) {
			t.Errorf("%v\n%s\n%q", err, p.Plan, p.Plan.Notes)
		}
		wantExit(t, switchTo(t, s, VerbSwitch, "# again\n"+webText), ExitGood)
		if stale := s.Status().Stale; m.services["web"].PID != pid || len(stale) != 0 {
			t.Errorf("pid %d -> %d, stale %q", pid, m.services["web"].PID, stale)
		}
		m.unread = nil
		wantExit(t, switchTo(t, s, VerbSwitch, webText), ExitGood)
	}
	m.versions["httpd"] = "2"
	wantExit(t, switchTo(t, s, VerbSwitch, webText), ExitGood)
	if m.services["web"].PID == pid {
		t.Error("a change that is known does not restart it")
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

func TestNetworkStoppedByHandStaysStopped(t *testing.T) {
	s, m, _ := bootedMachine(t)
	m.services[system.NetworkService] = &ServiceState{Name: system.NetworkService, Phase: lifecycle.PhaseDown, ByHand: true}
	m.network = NetworkState{Links: m.network.Links}
	calls := len(m.calls)
	wantExit(t, switchTo(t, s, VerbSwitch, "[net.eth0]\nipv4 = \"off\"\n"+strings.Replace(webText, "hostname = \"web\"\n", "", 1)+"needs = [\"network\"]\n"), ExitGood)
	if text := strings.Join(m.calls[calls:], ";"); strings.Contains(text, "network") {
		t.Error(text)
	}
}

// badText leaves web out and has a service that fails.
const badText = "hostname = \"bad\"\n[service.bad]\ncommand = [\"bad\"]\n"

// wantHeld is the outcome of a way back, or a rollback, to a web that was stopped by hand.
func wantHeld(t *testing.T, m *fakeMachine, r Result, exit int) {
	t.Helper()
	wantExit(t, r, exit)
	wantRuns(t, m, "web []")
	noted := false
	for _, e := range r.Events {
		noted = noted || e.Kind == EventNote && e.Text == "service web was stopped by hand and stays stopped"
		if e.Kind == EventStep && strings.Contains(e.Text, "start service web") || strings.Contains(e.Text, "waiting for service web") {
			t.Errorf("event %q", e.Text)
		}
	}
	if !noted {
		t.Errorf("no note in %+v", r.Events)
	}
}

func TestHandStoppedServiceStaysStoppedOnTheWayBackFromAGenerationWithoutIt(t *testing.T) {
	s, m, _ := bootedMachine(t)
	wantExit(t, switchTo(t, s, VerbSwitch, webText), ExitGood)
	m.held("web", true)
	m.broken["bad"] = exited(1)
	wantHeld(t, m, switchTo(t, s, VerbSwitch, badText), ExitReverted)
}

func TestHandStoppedServiceStaysStoppedOverARollback(t *testing.T) {
	s, m, _ := bootedMachine(t)
	wantExit(t, switchTo(t, s, VerbSwitch, webText), ExitGood)
	m.held("web", true)
	wantExit(t, switchTo(t, s, VerbSwitch, badText), ExitGood)
	m.services["bad"].Phase = lifecycle.PhaseDown // removed with its definition
	wantHeld(t, m, s.Switch(t.Context(), Request{Verb: VerbRollback}, nil), ExitGood)
}

func TestServiceStoppedByHandDuringTheProofIsNotDemanded(t *testing.T) {
	s, m, _ := bootedMachine(t)
	m.onWait = func(m *fakeMachine) {
		if db := m.services["db"]; db != nil && db.Phase == lifecycle.PhaseReady {
			db.Phase, db.PID, db.ByHand, db.Wanted, db.Reason = lifecycle.PhaseDown, 0, true, false, "stopped by hand"
			web := m.services["web"]
			web.Phase, web.PID, web.Stuck, web.Reason = lifecycle.PhaseDown, 0, true, "waits for db"
		}
	}
	wantExit(t, switchTo(t, s, VerbSwitch, dbText), ExitGood)
	if m.services["db"].Phase == lifecycle.PhaseReady {
		t.Error("db was started again")
	}
}
