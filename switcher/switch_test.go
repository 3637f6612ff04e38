package switcher

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bantam/atomicfile"
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

func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		name, text, want string
	}{
		{"an unknown key", "hostnam = \"x\"\n", "hostnam"},
		{"a module that the image does not have", "modules = [\"zfs\"]\n", "module zfs is not in this image"},
		{"a port that does not exist", "[net.eth7]\n", "net.eth7: this machine has no port eth7, it has eth0, eth1, lo"},
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

func TestProblemsOfAFileAreToldUnderItsName(t *testing.T) {
	s, _, _ := bootedMachine(t)
	r := s.Switch(t.Context(), Request{Verb: VerbSwitch, File: "/tmp/new.toml", Text: []byte("hostnam = \"x\"\n")}, nil)
	wantExit(t, r, ExitRefused)
	if !strings.HasPrefix(r.Reason, "/tmp/new.toml:1:1: ") {
		t.Errorf("reason %q", r.Reason)
	}
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
	if err := atomicfile.Write(d.Path, []byte(webText), 0o644); err != nil {
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

func TestPlanOfAnInvalidDraftListsEveryProblem(t *testing.T) {
	s, _, _ := bootedMachine(t)
	_, err := s.Plan(Request{Verb: VerbSwitch, Text: []byte("hostnam = \"x\"\nmodule = []\n")})
	if err == nil || strings.Count(err.Error(), "system.toml:") != 2 {
		t.Errorf("%v", err)
	}
	r := switchTo(t, s, VerbSwitch, "hostnam = \"x\"\nmodule = []\n")
	wantExit(t, r, ExitRefused)
	if len(r.Events) != 3 || r.Reason != "system.toml has 2 problems" {
		t.Errorf("%+v", r)
	}
}

func TestWhatRanBeforeATestIsStillKnownAfterAReboot(t *testing.T) {
	s, m, dir := bootedMachine(t)
	wantExit(t, switchTo(t, s, VerbTest, webText), ExitGood)
	wantExit(t, switchTo(t, s, VerbSwitch, webText), ExitGood)
	s = bootAgain(t, dir, m)
	wantExit(t, s.Switch(t.Context(), Request{Verb: VerbRollback}, nil), ExitGood)
	wantRuns(t, m, "image []")
}

func TestEveryFaultThatRefusesASwitchIsToldWhole(t *testing.T) {
	s, _, _ := bootedMachine(t)
	r := switchTo(t, s, VerbSwitch, "modules = [\"zfs\", \"xfs\"]\n")
	wantExit(t, r, ExitRefused)
	const want = "module zfs is not in this image; module xfs is not in this image"
	if !strings.Contains(r.Text(), want) {
		t.Errorf("%q does not contain %q", r.Text(), want)
	}
}

// deletingDisk runs during when a blob with that text is in its place.
type deletingDisk struct {
	quickDisk
	text   string
	during func()
}

func (d *deletingDisk) Rename(from, to string) error {
	err := d.quickDisk.Rename(from, to)
	if filepath.Base(to) == DigestOf([]byte(d.text)).Hex() {
		d.during()
	}
	return err
}

func TestDeletingMeanwhileTakesNothingFromAGenerationThatIsBeingMade(t *testing.T) {
	const third = "hostname = \"third\"\n"
	d, m := &deletingDisk{text: third}, newFakeMachine()
	s, err := open(d, machineOptions(t.TempDir(), m))
	if err != nil {
		t.Fatal(err)
	}
	wantExit(t, boot(s, m), ExitGood)
	toWeb(t, s, m)
	wantExit(t, switchTo(t, s, VerbSwitch, dbText), ExitGood)
	wantExit(t, s.Switch(t.Context(), Request{Verb: VerbRollback, Generation: 1}, nil), ExitGood)
	deleted := make(chan error, 1)
	d.during = func() {
		go func() {
			_, err := s.Delete(2)
			deleted <- err
		}()
		for range 50 { // it is done, or it waits
			if time.Sleep(time.Millisecond); len(deleted) > 0 {
				break
			}
		}
	}
	wantExit(t, switchTo(t, s, VerbSwitch, third), ExitGood)
	if err := <-deleted; err != nil {
		t.Error(err)
	}
	for _, e := range s.recordNow().Entries {
		if _, err := s.load(e, Now); err != nil || e.Number == 2 {
			t.Errorf("generation %d: %v", e.Number, err)
		}
	}
}

func TestRollbackAfterWhatRanBeforeWasDeletedSaysWhatToDo(t *testing.T) {
	s, _, _ := bootedMachine(t)
	wantExit(t, switchTo(t, s, VerbSwitch, webText), ExitGood)
	wantExit(t, switchTo(t, s, VerbSwitch, dbText), ExitGood)
	if _, err := s.Delete(2); err != nil {
		t.Fatal(err)
	}
	r := s.Switch(t.Context(), Request{Verb: VerbRollback}, nil)
	wantExit(t, r, ExitRefused)
	if !strings.Contains(r.Reason, "`bantam rollback NUMBER`") {
		t.Error(r.Reason)
	}
}
