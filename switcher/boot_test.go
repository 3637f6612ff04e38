package switcher

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"bantam/lifecycle"
	"bantam/system"
)

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

func TestWhatABootMediumCarriedIsFoundWithoutIt(t *testing.T) {
	s, m, dir := bootedMachine(t)
	wantExit(t, switchTo(t, s, VerbSwitch, webText), ExitGood)
	want := image(imageText)
	g, text, err := ImageGeneration(dir, want.KernelVersion())
	if err != nil || g.Digest() != want.Digest() || string(text) != imageText {
		t.Fatalf("%v, %s %q", err, g.Digest(), text)
	}
	options := machineOptions(dir, m)
	options.Booted, options.Text = g, text
	m.powerOff()
	if s, err = open(quickDisk{}, options); err != nil {
		t.Fatal(err)
	}
	wantExit(t, s.Boot(context.Background(), nil), ExitGood)
	wantRuns(t, m, "web [web]")
	if _, _, err := ImageGeneration(dir, "5.10"); err == nil || !strings.Contains(err.Error(), "no image with kernel 5.10 has run here before") {
		t.Errorf("another kernel: %v", err)
	}
	if err := os.Remove(s.store.BlobPath(DigestOf([]byte(imageText)))); err != nil {
		t.Fatal(err)
	}
	if _, _, err := ImageGeneration(dir, want.KernelVersion()); !errors.Is(err, ErrBlobMissing) {
		t.Errorf("without its blob: %v", err)
	}
	if _, _, err := ImageGeneration(t.TempDir(), want.KernelVersion()); err == nil {
		t.Error("found in an empty volume")
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
	m.broken["web"] = exited(1)
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

func TestBootOfAGoodGenerationWritesNothingButItsCount(t *testing.T) {
	d, m, _ := scenario{prepare: toWeb, reboot: true}.begin(t)
	var ops []string
	d.after = func(op string) { ops = append(ops, op) }
	s, err := open(d, machineOptions("/state", m))
	if err != nil {
		t.Fatal(err)
	}
	wantExit(t, boot(s, m), ExitGood)
	wantRuns(t, m, "web [web]")
	once := []string{"overwrite /state/boots", "sync /state/boots"}
	if !slices.Equal(ops, once) {
		t.Errorf("wrote at boot: %q", ops)
	}
	if err := s.StayedUp(); err != nil || !slices.Equal(ops, slices.Concat(once, once)) {
		t.Errorf("wrote when it had stayed up: %q, %v", ops[2:], err)
	}
	if err := s.EndsInOrder(); err != nil || len(ops) != 4 {
		t.Errorf("wrote at the end: %q, %v", ops[4:], err)
	}
}

func TestFailingImageStillRuns(t *testing.T) {
	dir, m := t.TempDir(), newFakeMachine()
	m.broken["web"] = exited(1)
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
	m.broken = map[string]lifecycle.Exit{}
	if s, err = open(quickDisk{}, options); err != nil {
		t.Fatal(err)
	}
	wantExit(t, s.Boot(context.Background(), nil), ExitGood)
	if st := s.Status(); st.Default != 1 {
		t.Errorf("healed, and %+v", st)
	}
}

func TestSwitchNeedNotWaitForAStartThatHangs(t *testing.T) {
	s, m, dir := bootedMachine(t)
	wantExit(t, switchTo(t, s, VerbSwitch, webText), ExitGood)
	m.powerOff()
	m.broken["web"] = exited(1)
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

func TestRefusalOverInitrdSegmentsEndsWithTheReason(t *testing.T) {
	s, m, dir := bootedMachine(t)
	wantExit(t, switchTo(t, s, VerbSwitch, webText), ExitGood)
	m.powerOff()
	options := machineOptions(dir, m)
	options.Booted.Initrd = []Descriptor{
		{MediaType: InitrdType, Digest: DigestOf([]byte("new modules")), Size: 7, Annotations: map[string]string{SegmentAnnotation: "modules"}},
		{MediaType: InitrdType, Digest: DigestOf([]byte("new init")), Size: 4, Annotations: map[string]string{SegmentAnnotation: "init"}},
	}
	s, err := open(quickDisk{}, options)
	if err != nil {
		t.Fatal(err)
	}
	wantExit(t, boot(s, m), ExitGood)
	r := s.Switch(t.Context(), Request{Verb: VerbRollback, Generation: 2}, nil)
	wantExit(t, r, ExitRefused)
	if !strings.Contains(r.Text(), "no boot slots") {
		t.Errorf("%q", r.Text())
	}
}

func TestAFailedBootTrialIsToldUntilASwitchSucceedsOrItIsDeleted(t *testing.T) {
	const told = "generation 2 was tried at a boot (2026-11-22 12:00), and is bad: service web: exit status 1"
	for _, ending := range []struct {
		name string
		act  func(t *testing.T, s *Switcher)
		told bool
	}{
		{"a switch that fails", func(t *testing.T, s *Switcher) { wantExit(t, switchTo(t, s, VerbSwitch, dbText+"broken"), ExitRefused) }, true},
		{"a test", func(t *testing.T, s *Switcher) {
			wantExit(t, switchTo(t, s, VerbTest, "hostname = \"other\"\n"), ExitGood)
		}, true},
		{"a switch that succeeds", func(t *testing.T, s *Switcher) {
			wantExit(t, switchTo(t, s, VerbSwitch, "hostname = \"other\"\n"), ExitGood)
		}, false},
		{"the next trial", func(t *testing.T, s *Switcher) { wantExit(t, switchTo(t, s, VerbBoot, webText), ExitGood) }, false},
		{"its deletion", func(t *testing.T, s *Switcher) {
			if _, err := s.Delete(2); err != nil {
				t.Fatal(err)
			}
		}, false},
	} {
		s, m, dir := bootedMachine(t)
		wantExit(t, switchTo(t, s, VerbBoot, webText), ExitGood)
		m.broken["web"] = exited(1)
		bootAgain(t, dir, m)
		s = bootAgain(t, dir, m) // it outlives a reboot
		wantRuns(t, m, "image []")
		if st := s.Status(); st.FailedTrial != 2 || !slices.Contains(st.Notes, told) {
			t.Errorf("%s: before it: %+v", ending.name, st)
		}
		ending.act(t, s)
		if st := s.Status(); slices.Contains(st.Notes, told) != ending.told || (st.FailedTrial == 2) != ending.told {
			t.Errorf("%s: %+v", ending.name, st)
		}
	}
}

func TestWhatTheStartSaidOfAGenerationIsForgottenOnceAnotherRuns(t *testing.T) {
	s, m, dir := bootedMachine(t)
	wantExit(t, switchTo(t, s, VerbSwitch, webText), ExitGood)
	m.broken["web"] = exited(1)
	s = bootAgain(t, dir, m)
	if notes := strings.Join(s.Status().Notes, "\n"); !strings.Contains(notes, "generation 2 runs, but: ") {
		t.Errorf("notes %q", notes)
	}
	wantExit(t, switchTo(t, s, VerbSwitch, webText+"needs = [\"nothing\"]\n"), ExitRefused)
	if len(s.Status().Notes) != 1 {
		t.Errorf("after a switch that failed: %q", s.Status().Notes)
	}
	wantExit(t, switchTo(t, s, VerbSwitch, "hostname = \"other\"\n"), ExitGood)
	if notes := s.Status().Notes; len(notes) != 0 {
		t.Errorf("after a switch: %q", notes)
	}
}
