package switcher

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"bantam/lifecycle"
)

// fileText is a machine whose service reads three files: one that its command names, one by restarts, one by reloads.
func fileText(named, restarts, reloads string) string {
	return fmt.Sprintf(`[service.web]
command = ["httpd", "-c/etc/other", "--conf=/etc/web.conf"]
[file."/etc/web.conf"]
text = %q
[file."/etc/web.d/more"]
text = %q
restarts = ["web"]
[file."/etc/users"]
text = %q
mode = "0600"
reloads = ["web"]
[file."/etc/motd"]
text = "hello"
`, named, restarts, reloads)
}

func TestAFileRestartsOrReloadsWhoReadsIt(t *testing.T) {
	for _, c := range []struct {
		name, text, want string
	}{
		{"nothing", fileText("a", "a", "a"), ""},
		{"the one that the command names", fileText("b", "a", "a"), "stop service web; write file /etc/web.conf; start service web"},
		{"the one that restarts it", fileText("a", "b", "a"), "stop service web; write file /etc/web.d/more; start service web"},
		{"the one that it is told of", fileText("a", "a", "b"), "write file /etc/users; reload service web"},
		{"both", fileText("a", "b", "b"), "stop service web; write file /etc/users; write file /etc/web.d/more; start service web"},
		{"one that it does not read", strings.Replace(fileText("a", "a", "a"), "hello", "hi", 1), "write file /etc/motd"},
		{"its rights alone", strings.Replace(fileText("a", "a", "a"), "0600", "0640", 1), "write file /etc/users; reload service web"},
		{"they all go", "[service.web]\ncommand = [\"httpd\", \"-c/etc/other\", \"--conf=/etc/web.conf\"]\n",
			"stop service web; remove file /etc/motd; remove file /etc/users; remove file /etc/web.conf; remove file /etc/web.d/more; start service web"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, m, dir := bootedMachine(t)
			wantExit(t, switchTo(t, s, VerbSwitch, fileText("a", "a", "a")), ExitGood)
			before := m.seen()
			r := switchTo(t, s, VerbSwitch, c.text)
			wantExit(t, r, ExitGood)
			if got := strings.Join(stepsOf(r), "; "); got != c.want {
				t.Errorf("steps %s, want %s", got, c.want)
			}
			if stale := s.Status().Stale; len(stale) > 0 {
				t.Errorf("stale %q", stale)
			}
			wantExit(t, s.Switch(t.Context(), Request{Verb: VerbRollback}, nil), ExitGood)
			if after := m.seen(); c.want != "" && after != before {
				t.Errorf("before\n%s\nthere and back again\n%s", before, after)
			}
			bootAgain(t, dir, m)
			if c.want != "" && len(m.files) == 0 {
				t.Error("a boot makes no files")
			}
		})
	}
}

func TestTheReasonOfAStepNamesTheFile(t *testing.T) {
	s, _, _ := bootedMachine(t)
	wantExit(t, switchTo(t, s, VerbSwitch, fileText("a", "a", "a")), ExitGood)
	p, err := s.Plan(Request{Verb: VerbSwitch, Text: []byte(fileText("b", "a", "b"))})
	if err != nil {
		t.Fatal(err)
	}
	want := `! stop service web          file."/etc/web.conf".text: "a" -> "b"; file."/etc/users".text: "a" -> "b"
  write file /etc/users     file."/etc/users".text: "a" -> "b"
  write file /etc/web.conf  file."/etc/web.conf".text: "a" -> "b"
  start service web         file."/etc/web.conf".text: "a" -> "b"; file."/etc/users".text: "a" -> "b"
`
	if got := p.Plan.String(); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestAFileThatSomebodyChangedIsMadeAgain(t *testing.T) {
	s, m, _ := bootedMachine(t)
	wantExit(t, switchTo(t, s, VerbSwitch, fileText("a", "a", "a")), ExitGood)
	want := m.files["/etc/motd"]
	m.files["/etc/motd"] = "no file of a system"
	delete(m.files, "/etc/users")
	r := switchTo(t, s, VerbSwitch, fileText("a", "a", "a"))
	wantExit(t, r, ExitGood)
	if got := stepsOf(r); !slices.Equal(got, []string{"write file /etc/motd", "write file /etc/users", "reload service web"}) || m.files["/etc/motd"] != want {
		t.Errorf("%q, %q", got, m.files)
	}
	m.files["/etc/web.conf"] = "somebody's" // which web may have read since
	r = switchTo(t, s, VerbSwitch, fileText("a", "a", "a"))
	wantExit(t, r, ExitGood)
	if got := stepsOf(r); !slices.Equal(got, []string{"stop service web", "write file /etc/web.conf", "start service web"}) {
		t.Errorf("%q", got)
	}
	m.files["/etc/motd"] = " a folder"
	r = switchTo(t, s, VerbSwitch, fileText("b", "a", "a"))
	wantExit(t, r, ExitRefused)
	if !strings.Contains(r.Reason, `file."/etc/motd": this machine has a folder there`) {
		t.Error(r.Reason)
	}
}

func TestWhatSomebodyDoesInEtcIsToldAndUndoneByTheNextSwitch(t *testing.T) {
	s, m, dir := bootedMachine(t)
	wantExit(t, switchTo(t, s, VerbSwitch, fileText("a", "a", "a")), ExitGood)
	if changes, err := s.HandChanges(); len(changes) > 0 || err != nil {
		t.Fatalf("%q, %v", changes, err)
	}
	m.files["/etc/users"] = "0777 0:0 mine"
	m.files["/etc/mine"] = "0644 0:0 mine"
	m.files["/srv/mine"] = "0644 0:0 mine"
	delete(m.files, "/etc/motd")
	changes, err := s.HandChanges()
	want := "/etc/mine is nobody's; the next switch removes it|/etc/motd is gone; the next switch makes it again|somebody has changed /etc/users; the next switch makes it what it was"
	if got := strings.Join(changes, "|"); got != want || err != nil {
		t.Errorf("%s, %v", got, err)
	}
	r := switchTo(t, s, VerbSwitch, fileText("a", "a", "a")+"# a comment\n")
	wantExit(t, r, ExitGood)
	if got := strings.Join(stepsOf(r), "; "); got != "remove file /etc/mine; write file /etc/motd; write file /etc/users; reload service web" {
		t.Error(got)
	}
	if changes, _ := s.HandChanges(); len(changes) > 0 || m.files["/etc/mine"] != "" || m.files["/srv/mine"] == "" {
		t.Errorf("%q, %v", changes, m.files)
	}
	s = bootAgain(t, dir, m)
	if changes, err := s.HandChanges(); len(changes) > 0 || err != nil {
		t.Errorf("after a boot: %q, %v", changes, err)
	}
}

func TestAServiceThatKeepsGoingDownIsStartedAnewWhenFilesChange(t *testing.T) {
	s, m, _ := bootedMachine(t)
	const text = "[service.web]\ncommand = [\"httpd\"]\nmay_fail = true\n"
	wantExit(t, switchTo(t, s, VerbSwitch, text), ExitGood)
	loops := func() {
		m.services["web"].Looping, m.services["web"].Phase = true, lifecycle.PhaseBackoff
	}
	loops()
	if r := switchTo(t, s, VerbSwitch, text+"# a comment\n"); len(stepsOf(r)) > 0 {
		t.Errorf("a comment: %q", stepsOf(r))
	}
	m.services["web"].Phase, m.services["web"].Looping = lifecycle.PhaseReady, true
	r := switchTo(t, s, VerbSwitch, text+"[file.\"/etc/web.conf\"]\ntext = \"a\"\n")
	if got := strings.Join(stepsOf(r), "; "); got != "stop service web; write file /etc/web.conf; start service web" {
		t.Error(got)
	}
}

// /etc/passwd is no file of a system, and somebody may remove it all the same.
func TestAccountsThatSomebodyHasChangedAreToldAndMadeAgain(t *testing.T) {
	s, m, _ := bootedMachine(t)
	text := "[user.a]\nuid = 1001\n[user.b]\nuid = 1002\n[user.c]\nuid = 1003\n[user.d]\nuid = 1004\n"
	wantExit(t, switchTo(t, s, VerbSwitch, text), ExitGood)
	if changes, err := s.HandChanges(); len(changes) > 0 || err != nil {
		t.Fatalf("%q, %v", changes, err)
	}
	m.users = nil
	changes, err := s.HandChanges()
	if want := "somebody has changed /etc/passwd, group or shadow (a, b, c, 1 more); the next switch makes them what they were"; err != nil || len(changes) != 1 || changes[0] != want {
		t.Errorf("%q, %v", changes, err)
	}
	wantExit(t, switchTo(t, s, VerbSwitch, text+"# a comment\n"), ExitGood)
	if changes, err := s.HandChanges(); len(changes) > 0 || err != nil || len(m.users.Users) != 4 {
		t.Errorf("%q, %v, users %v", changes, err, m.users)
	}
}

// The kernel's log has room for some hundred lines.
func TestVeryManyStepsAreNotToldOneByOne(t *testing.T) {
	s, m, _ := bootedMachine(t)
	var text strings.Builder
	for i := range 3 * mostAnnounced {
		fmt.Fprintf(&text, "[file.\"/etc/f%03d\"]\ntext = \"x\"\n", i)
	}
	r := switchTo(t, s, VerbSwitch, text.String())
	wantExit(t, r, ExitGood)
	steps := stepsOf(r)
	if len(steps) > mostAnnounced+2 || !slices.Contains(steps, "and 80 more of this kind") {
		t.Errorf("%d steps: %q", len(steps), steps)
	}
	if m.files["/etc/f119"] == "" {
		t.Error("not all were done")
	}
}
