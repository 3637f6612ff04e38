package switcher

import (
	"strings"
	"testing"
	"time"
)

func TestServicesWithoutProgram(t *testing.T) {
	const (
		bad   = "[service.bad]\ncommand = [\"/bin/none\"]\n"
		fault = "service bad cannot start: /bin/none: file does not exist"
	)
	for _, c := range []struct {
		name, text, verb string
		exit             int
		noted            bool
	}{
		{"one that would start now is refused", bad, VerbSwitch, ExitRefused, false},
		{"one that may fail is only told of", bad + "may_fail = true\n", VerbSwitch, ExitGood, true},
		{"one that starts after another may get its program from that", bad + "needs = [\"fetch\"]\n[service.fetch]\ncommand = [\"fetch\"]\nready = \"exited\"\n", VerbSwitch, ExitGood, true},
		{"one that follows what runs already is refused", webText + bad + "after = [\"web\"]\n", VerbSwitch, ExitRefused, false},
		{"one that starts with the next boot may get it until then", bad, VerbBoot, ExitGood, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, m, _ := bootedMachine(t)
			wantExit(t, switchTo(t, s, VerbSwitch, webText), ExitGood)
			m.missing = []string{"/bin/none"}
			calls := len(m.calls)
			preview, err := s.Plan(Request{Verb: c.verb, Text: []byte(c.text)})
			if err != nil {
				t.Fatal(err)
			}
			r := switchTo(t, s, c.verb, c.text)
			wantExit(t, r, c.exit)
			problems, notes := strings.Join(preview.Problems, "\n"), strings.Join(preview.Plan.Notes, "\n")
			if strings.Contains(problems, fault) != (c.exit == ExitRefused) || strings.Contains(notes, fault) != c.noted {
				t.Errorf("problems %q, notes %q", problems, notes)
			}
			if c.exit == ExitRefused && (!strings.Contains(r.Reason, fault) || len(m.calls) > calls) {
				t.Errorf("reason %q, calls %q", r.Reason, m.calls[calls:])
			}
		})
	}
}

func TestMissingProgramOfAServiceThatIsNotTouchedRefusesNothing(t *testing.T) {
	s, m, _ := bootedMachine(t)
	wantExit(t, switchTo(t, s, VerbSwitch, webText), ExitGood)
	m.missing = []string{"httpd"}
	wantExit(t, switchTo(t, s, VerbSwitch, strings.Replace(webText, "\"web\"", "\"other\"", 1)), ExitGood)
}

func TestASecondSwitchIsToldWhatToDo(t *testing.T) {
	s, _, _ := bootedMachine(t)
	var reasons []string
	request := Request{Verb: VerbSwitch, Text: []byte(webText), Confirm: time.Minute}
	s.Switch(t.Context(), request, func(e Event) {
		if len(reasons) == 0 && e.Kind == EventStep || e.Kind == EventWait && strings.Contains(e.Text, "confirm") {
			reasons = append(reasons, s.Switch(t.Context(), request, nil).Reason)
		}
	})
	const busy = "another switch is under way: switch to generation 2, since "
	for i, want := range []string{"; wait, `bantam status` tells how it ends; `bantam switch --abort` goes back", "; `bantam confirm` keeps it; `bantam switch --abort` goes back"} {
		if len(reasons) != 2 || !strings.HasPrefix(reasons[i], busy) || !strings.HasSuffix(reasons[i], want) {
			t.Fatalf("%q, want %s...%s", reasons, busy, want)
		}
	}
}

// What a service's user may not do is found before the first stop, and with the
// users of the generation that is switched to.
func TestAServiceWhoseUserMayNotEnterItsFolderIsRefused(t *testing.T) {
	const web = "[user.web]\nuid = 1000\n[service.site]\ncommand = [\"httpd\"]\ndir = \"/state/data\"\nuser = \"web\"\n"
	const fault = "service site cannot start: dir /state/data: user web may not enter it"
	s, m, _ := bootedMachine(t)
	m.lockedOut = 1000
	m.doubts = map[string][]string{"httpd": {"user web may not read /state/data/conf"}}
	wantExit(t, switchTo(t, s, VerbSwitch, webText), ExitGood)
	calls := len(m.calls)
	preview, err := s.Plan(Request{Verb: VerbSwitch, Text: []byte(web)})
	if err != nil {
		t.Fatal(err)
	}
	r := switchTo(t, s, VerbSwitch, web)
	wantExit(t, r, ExitRefused)
	if problems := strings.Join(preview.Problems, "\n"); !strings.Contains(problems, fault) || !strings.Contains(r.Reason, fault) || len(m.calls) > calls {
		t.Errorf("problems %q, reason %q, calls %q", problems, r.Reason, m.calls[calls:])
	}
	m.lockedOut = 1001
	preview, err = s.Plan(Request{Verb: VerbSwitch, Text: []byte(web)})
	if err != nil {
		t.Fatal(err)
	}
	if notes := strings.Join(preview.Plan.Notes, "\n"); len(preview.Problems) > 0 || !strings.Contains(notes, "service site: user web may not read /state/data/conf") {
		t.Errorf("problems %q, notes %q", preview.Problems, notes)
	}
	wantExit(t, switchTo(t, s, VerbSwitch, web), ExitGood)
}
