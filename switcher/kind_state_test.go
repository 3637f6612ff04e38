package switcher

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// stateTextOf is a machine whose service keeps folders.
func stateTextOf(uid int, folders string) string {
	return fmt.Sprintf("[user.web]\nuid = %d\n[service.web]\ncommand = [\"httpd\"]\nuser = \"web\"\nstate = [%s]\n", uid, folders)
}

func TestFoldersThatLastAreMountedGivenAndLeft(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"nothing", stateTextOf(80, `"/var/lib/web"`), "nothing to do on the running machine\n"},
		{"another one", stateTextOf(80, `"/srv/web", "/var/lib/web"`), `! stop service web      service.web.state: ["/var/lib/web"] -> ["/srv/web", "/var/lib/web"]
  mount state /srv/web  service.web.state: ["/var/lib/web"] -> ["/srv/web", "/var/lib/web"]
  start service web     service.web.state: ["/var/lib/web"] -> ["/srv/web", "/var/lib/web"]
`},
		{"the user's number", stateTextOf(81, `"/var/lib/web"`), `! stop service web                 user.web.uid: 80 -> 81; user.web.gid: 80 -> 81
  set user web                     user.web.uid: 80 -> 81; user.web.gid: 80 -> 81
  give state /var/lib/web to web   user.web.uid: 80 -> 81; user.web.gid: 80 -> 81
  start service web                user.web.uid: 80 -> 81; user.web.gid: 80 -> 81
`},
		{"none", stateTextOf(80, ""), "! stop service web            service.web.state: [\"/var/lib/web\"] -> (not set)\n" +
			"  unmount state /var/lib/web  service.web.state: [\"/var/lib/web\"] -> (not set)\n" +
			"  start service web           service.web.state: [\"/var/lib/web\"] -> (not set)\n" +
			"  what is in /var/lib/web stays on the state volume; `bantam state remove /var/lib/web` removes it\n"},
		{"the service too", webText[:strings.Index(webText, "[")] + "[user.web]\nuid = 80\n", "! stop service web            service.web removed\n" +
			"  unmount state /var/lib/web  service.web.state: [\"/var/lib/web\"] -> (not set); service.web.user: \"web\" -> (not set)\n" +
			"  set hostname web            hostname: \"bantam\" -> \"web\"\n" +
			"  what is in /var/lib/web stays on the state volume; `bantam state remove /var/lib/web` removes it\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, m, dir := bootedMachine(t)
			wantExit(t, switchTo(t, s, VerbSwitch, stateTextOf(80, `"/var/lib/web"`)), ExitGood)
			before := m.seen()
			p, err := s.Plan(Request{Verb: VerbSwitch, Text: []byte(c.text)})
			if err != nil || len(p.Problems) > 0 || spaced(p.Plan.String()) != spaced(c.want) {
				t.Errorf("%v %q\ngot\n%swant\n%s", err, p.Problems, p.Plan, c.want)
			}
			wantExit(t, switchTo(t, s, VerbSwitch, c.text), ExitGood)
			after := m.seen()
			wantExit(t, s.Switch(t.Context(), Request{Verb: VerbRollback}, nil), ExitGood)
			if m.seen() != before && c.name != "nothing" {
				t.Errorf("before\n%s\nthere and back again\n%s", before, m.seen())
			}
			if c.name == "nothing" {
				return
			}
			wantExit(t, s.Switch(t.Context(), Request{Verb: VerbRollback}, nil), ExitGood)
			bootAgain(t, dir, m)
			if m.seen() != after {
				t.Errorf("before\n%s\nafter a boot\n%s", after, m.seen())
			}
			if m.folders["/var/lib/web"] == "" {
				t.Error("the folder is gone")
			}
		})
	}
}

// spaced is text without what only aligns it.
func spaced(text string) string {
	for strings.Contains(text, "   ") {
		text = strings.ReplaceAll(text, "   ", "  ")
	}
	return text
}

func TestWhatIsInTheWayOfAFolderIsToldBeforeTheFirstStop(t *testing.T) {
	s, m, _ := bootedMachine(t)
	wantExit(t, switchTo(t, s, VerbSwitch, webText), ExitGood)
	calls := len(m.calls)
	m.ways["/var/lib/web"] = " a file"
	r := switchTo(t, s, VerbSwitch, stateTextOf(80, `"/var/lib/web"`))
	wantExit(t, r, ExitRefused)
	if !strings.Contains(r.Reason, "state /var/lib/web: this machine has a file there") || len(m.calls) > calls {
		t.Errorf("%s after %q", r.Reason, m.calls[calls:])
	}
	wantExit(t, switchTo(t, s, VerbBoot, stateTextOf(80, `"/var/lib/web"`)), ExitGood) // the file will be gone
	m.ways["/var/lib/web"] = StateInMemory
	p, err := s.Plan(Request{Verb: VerbSwitch, Text: []byte(stateTextOf(80, `"/var/lib/web"`))})
	if err != nil || !slices.Contains(p.Plan.Notes, "state /var/lib/web: what is there now lies in memory, and is hidden by the folder that lasts") {
		t.Errorf("%v\n%s", err, p.Plan)
	}
	wantExit(t, switchTo(t, s, VerbSwitch, stateTextOf(80, `"/var/lib/web"`)), ExitGood)
	wantExit(t, s.Switch(t.Context(), Request{Verb: VerbRollback}, nil), ExitGood)
	if p, err := s.Plan(Request{Verb: VerbSwitch}); err != nil || len(p.Plan.Steps) > 0 || len(p.Problems) > 0 {
		t.Errorf("what is in the way of nothing is nobody's matter: %v %q\n%s", err, p.Problems, p.Plan)
	}
}

func TestWithoutAStateVolumeItIsToldThatAFolderDoesNotLast(t *testing.T) {
	m := newFakeMachine()
	options := machineOptions(t.TempDir(), m)
	options.Forgets = true
	s, err := open(quickDisk{}, options)
	if err != nil {
		t.Fatal(err)
	}
	wantExit(t, s.Boot(t.Context(), nil), ExitGood)
	const want = "state /var/lib/web lasts until the next boot only: there is no state volume"
	for _, told := range []bool{true, false} {
		p, err := s.Plan(Request{Verb: VerbSwitch, Text: []byte(stateTextOf(80, `"/var/lib/web"`))})
		if err != nil || slices.Contains(p.Plan.Notes, want) != told {
			t.Errorf("%v, want the note %v\n%s", err, told, p.Plan)
		}
		wantExit(t, switchTo(t, s, VerbSwitch, stateTextOf(80, `"/var/lib/web"`)), ExitGood)
	}
}

// A change of owner that ends in its middle, by an error or with the power, is made again by whatever follows.
func TestAFolderIsWhollySomebodys(t *testing.T) {
	s, m, dir := bootedMachine(t)
	wantExit(t, switchTo(t, s, VerbSwitch, stateTextOf(80, `"/var/lib/web"`)), ExitGood)
	broken := true
	m.fail = func(call string) error {
		if broken && strings.HasPrefix(call, "keep") {
			broken = false
			return errors.New("input/output error")
		}
		return nil
	}
	r := switchTo(t, s, VerbSwitch, stateTextOf(81, `"/var/lib/web"`))
	wantExit(t, r, ExitReverted)
	if got := m.folders["/var/lib/web"]; got != "80:80" || !strings.Contains(r.Reason, "give state /var/lib/web to web: input/output error") {
		t.Errorf("after the way back it is %s: %s", got, r.Reason)
	}
	m.folders["/var/lib/web"] = "65535:65535" // the power went in the middle
	bootAgain(t, dir, m)
	if got := m.folders["/var/lib/web"]; got != "80:80" {
		t.Errorf("after a boot it is %s", got)
	}
}
