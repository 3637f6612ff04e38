package switcher

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// offering boots the machine once more, with a person who answers number.
func offering(t *testing.T, dir string, m *fakeMachine, number int) (*Switcher, []Offer, Result) {
	t.Helper()
	m.powerOff()
	options := machineOptions(dir, m)
	var offers []Offer
	options.Offer = func(o Offer) int { offers = append(offers, o); return number }
	s, err := open(quickDisk{}, options)
	if err != nil {
		t.Fatal(err)
	}
	return s, offers, boot(s, m)
}

// written is what decides about the next boot, as it is on disk.
func written(t *testing.T, s *Switcher) string {
	t.Helper()
	count, _ := s.bootCount.disk.ReadFile(s.bootCount.path(), bootCountSize)
	record, _ := s.records.read()
	text, err := record.encode()
	if err != nil {
		t.Fatal(err)
	}
	return string(text) + string(count)
}

func TestWhatAPersonPicksAtBootRunsOnceAndLeavesNoTrace(t *testing.T) {
	for _, c := range []struct {
		name  string
		state State // of what is picked
		ends  func(*Switcher) error
	}{
		{"a good one that stays up", StateGood, (*Switcher).StayedUp},
		{"a good one that somebody ends", StateGood, (*Switcher).EndsInOrder},
		{"a bad one that proves itself", StateBad, (*Switcher).StayedUp},
		{"an untried one, and the power goes", StateUntried, func(*Switcher) error { return nil }},
	} {
		s, m, dir := bootedMachine(t)
		wantExit(t, switchTo(t, s, VerbSwitch, webText), ExitGood)
		wantExit(t, switchTo(t, s, VerbSwitch, dbText), ExitGood)
		bootAgain(t, dir, m)
		s = bootAgain(t, dir, m) // two short ones are counted
		if err := s.update(func(r *Record) { r.entry(2).State = c.state }); err != nil {
			t.Fatal(err)
		}
		before := written(t, s)
		s, offers, result := offering(t, dir, m, 2)
		wantExit(t, result, ExitGood)
		wantRuns(t, m, "web [web]")
		if len(offers) != 1 || offers[0].Choice.Generation != 3 || offers[0].Failing() || offers[0].Short != 2 {
			t.Errorf("%s: offered %+v", c.name, offers)
		}
		if err := c.ends(s); err != nil {
			t.Error(err)
		}
		if after := written(t, s); after != before {
			t.Errorf("%s: it was\n%s\nand is\n%s", c.name, before, after)
		}
		if st := s.Status(); st.Running != 2 || st.Default != 3 || st.Next != 3 || st.Previous != 3 ||
			!slices.Contains(st.Notes, "a person chose generation 2 at the boot menu, for this boot only") {
			t.Errorf("%s: %+v", c.name, st)
		}
		bootAgain(t, dir, m)
		wantRuns(t, m, "db [db web]")
	}
}

// As by `reboot` in the rescue shell of the boot menu.
func TestAnEndBeforeAnythingWasStartedTellsNothingOfTheBootsBeforeIt(t *testing.T) {
	s, m, dir := bootedMachine(t)
	wantExit(t, switchTo(t, s, VerbSwitch, webText), ExitGood)
	for range mostShort {
		s = bootAgain(t, dir, m)
	}
	before := written(t, s)
	m.powerOff()
	options := machineOptions(dir, m)
	options.Offer = func(o Offer) int {
		if err := s.EndsInOrder(); err != nil {
			t.Error(err)
		}
		if after := written(t, s); !o.Failing() || after != before {
			t.Errorf("it was\n%s\nand is\n%s; offered %+v", before, after, o)
		}
		return 0
	}
	var err error
	if s, err = open(quickDisk{}, options); err != nil {
		t.Fatal(err)
	}
	wantExit(t, boot(s, m), ExitGood)
	if err := s.EndsInOrder(); err != nil {
		t.Error(err)
	}
	if count, _ := s.bootCount.read(); count.Short != 0 {
		t.Errorf("a start that somebody ended is counted: %+v", count)
	}
}

func TestNothingPickedIsABootLikeAnyOther(t *testing.T) {
	s, m, dir := bootedMachine(t)
	wantExit(t, switchTo(t, s, VerbSwitch, webText), ExitGood)
	s, _, result := offering(t, dir, m, 0)
	wantExit(t, result, ExitGood)
	wantRuns(t, m, "web [web]")
	if count, _ := s.bootCount.read(); count.Short != 1 {
		t.Errorf("counted %+v", count)
	}
}

func TestATrialIsNotUsedUpByAnotherChoice(t *testing.T) {
	s, m, dir := bootedMachine(t)
	wantExit(t, switchTo(t, s, VerbBoot, webText), ExitGood)
	before := written(t, s)
	s, offers, _ := offering(t, dir, m, ItselfFromImage)
	wantRuns(t, m, "image []")
	if !offers[0].Choice.Tried || written(t, s) != before {
		t.Errorf("offered %+v, the record was\n%s\nand is\n%s", offers[0], before, written(t, s))
	}
	bootAgain(t, dir, m)
	wantRuns(t, m, "web [web]")
}

func TestAPickedGenerationIsStartedAsFarAsItCanBe(t *testing.T) {
	s, m, dir := bootedMachine(t)
	wantExit(t, switchTo(t, s, VerbSwitch, webText), ExitGood)
	wantExit(t, switchTo(t, s, VerbSwitch, dbText), ExitGood)
	m.broken["web"] = exited(1)
	s, _, result := offering(t, dir, m, 2)
	wantExit(t, result, ExitDegraded)
	if st := s.Status(); st.Running != 2 || st.Default != 3 || s.Generations()[1].State != StateGood {
		t.Errorf("%+v", st)
	}
}

func TestWhatCannotRunIsNotPicked(t *testing.T) {
	s, m, dir := bootedMachine(t)
	wantExit(t, switchTo(t, s, VerbSwitch, webText), ExitGood)
	for _, number := range []int{7, -2} {
		s, _, result := offering(t, dir, m, number)
		wantExit(t, result, ExitGood)
		wantRuns(t, m, "web [web]")
		if s.pickedForOnce() || !slices.ContainsFunc(result.Events, func(e Event) bool {
			return strings.Contains(e.Text, fmt.Sprintf("generation %d, chosen at the boot menu, cannot run", number))
		}) {
			t.Errorf("%d: %+v", number, result.Events)
		}
	}
}

func TestThreeShortBootsAreFailingAndStaySoWhateverIsPicked(t *testing.T) {
	s, m, dir := bootedMachine(t)
	wantExit(t, switchTo(t, s, VerbSwitch, webText), ExitGood)
	for range mostShort {
		s = bootAgain(t, dir, m)
	}
	before := written(t, s)
	for range 2 {
		s, offers, _ := offering(t, dir, m, 2)
		if !offers[0].Failing() || offers[0].Choice.UsedUp != 2 || offers[0].Choice.Generation != 1 {
			t.Fatalf("offered %+v", offers[0])
		}
		wantRuns(t, m, "web [web]")
		if err := s.StayedUp(); err != nil || written(t, s) != before {
			t.Errorf("it was\n%s\nand is\n%s, %v", before, written(t, s), err)
		}
	}
	s, _, _ = offering(t, dir, m, 0)
	wantRuns(t, m, "image []")
	if !s.Generations()[1].PassedOver {
		t.Error("it is not passed over")
	}
}

func TestASwitchAfterwardsIsOneLikeAnyOther(t *testing.T) {
	s, m, dir := bootedMachine(t)
	wantExit(t, switchTo(t, s, VerbSwitch, webText), ExitGood)
	wantExit(t, switchTo(t, s, VerbSwitch, dbText), ExitGood)
	s, _, _ = offering(t, dir, m, 2)
	wantExit(t, s.Switch(t.Context(), Request{Verb: VerbRollback}, nil), ExitGood)
	wantRuns(t, m, "db [db web]")
	if s.pickedForOnce() {
		t.Error("what runs still counts as picked")
	}
}

func TestOfferedNamesTheLayersThatChange(t *testing.T) {
	m := newFakeMachine()
	one, two := m.layer("package/libc6", "1", "", nil), m.layer("package/web", "1", "", nil)
	changed := m.layer("package/libc6", "2", "", nil)
	for _, c := range []struct {
		name     string
		from, to []Descriptor
		want     string
	}{
		{"nothing", []Descriptor{one, two}, []Descriptor{one, two}, ""},
		{"comes and changes", []Descriptor{one}, []Descriptor{changed, two}, "~libc6 +web"},
		{"goes", []Descriptor{one, two}, []Descriptor{one}, "-web"},
	} {
		if got := strings.Join(changedLayers(layerItems(c.from), layerItems(c.to)), " "); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestOfferedSaysWhatCannotRun(t *testing.T) {
	s, m, dir := bootedMachine(t)
	wantExit(t, switchTo(t, s, VerbSwitch, webText), ExitGood)
	m.powerOff()
	options := machineOptions(dir, m)
	options.Booted, options.Text = newImage(newText), []byte(newText)
	options.Offer = func(Offer) int { return 0 }
	s, err := open(quickDisk{}, options)
	if err != nil {
		t.Fatal(err)
	}
	boot(s, m)
	all := s.Offered()
	if len(all) < 3 || all[0].Fault == "" || all[1].Fault == "" || all[2].Fault != "" || !all[2].Default {
		t.Errorf("%+v", all)
	}
}
