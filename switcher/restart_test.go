package switcher

import (
	"strings"
	"testing"

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
