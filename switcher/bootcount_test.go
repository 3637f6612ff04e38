package switcher

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestChoiceAfterShortBoots(t *testing.T) {
	passed := func(numbers ...int) func(*Record) {
		return func(r *Record) {
			for _, n := range numbers {
				r.entry(n).PassedOver = true
			}
		}
	}
	for _, c := range []struct {
		name   string
		change func(*Record)
		of     byte // whose boots are counted
		short  int
		want   int
		usedUp int
		why    string
	}{
		{"the default after two", nil, 3, 2, 3, 0, "it is the default; it has not stayed up for 2m0s in 2 boots"},
		{"the one before after three", nil, 3, 3, 2, 3, "it ran before the default"},
		{"the default after three of another", nil, 2, 3, 3, 0, "it is the default"},
		{"the one before once the record says so", passed(3), 2, 1, 2, 0, "it ran before the default; it has not stayed up for 2m0s in 1 boot"},
		{"the next good one after that", passed(3), 2, 3, 1, 2, "it was good"},
		{"the image's if no other is good", func(r *Record) { r.Entries[0].State, r.Entries[1].State = StateBad, StateBad }, 3, 3, 1, 3, "it is what the boot medium carries"},
		{"the default if the image's boots are short too", passed(2, 3), 1, 3, 3, 1, "it is the default, and boots of no other are longer"},
		{"the default if all are passed over", passed(1, 2, 3), 3, 3, 3, 0, "it is the default, and boots of no other are longer"},
		{"the default if the image's was never good and its boots are short", func(r *Record) { passed(2, 3)(r); r.Entries[0].State = StateBad }, 1, 3, 3, 1,
			"it is the default, and boots of no other are longer"},
		{"one that is being tried has its own count", func(r *Record) { passed(3)(r); r.Trying = &Trying{Generation: 3, Left: 1} }, 3, 3, 3, 0,
			"it is being tried; 1 try left; it has not stayed up for 2m0s in 3 boots"},
	} {
		r := someRecord()
		if c.change != nil {
			c.change(&r)
		}
		got := Choose(r, Journal{}, BootCount{digestN(c.of), c.short}, digestN(1), func(Entry) error { return nil })
		if got.Generation != c.want || got.UsedUp != c.usedUp || got.Why != c.why {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
	// Short boots of what cannot run anyway leave the image's.
	got := Choose(someRecord(), Journal{}, BootCount{digestN(3), 3}, digestN(9), func(Entry) error { return ErrBlobMissing })
	if !got.LastResort || got.UsedUp != 3 {
		t.Errorf("%+v", got)
	}
}

func TestCountOfBootsIsReadBackAndRefusesAnythingElse(t *testing.T) {
	want := BootCount{digestN(3), 2}
	data, err := want.encode()
	if err != nil || len(data) != bootCountSize {
		t.Fatalf("%d bytes, %v", len(data), err)
	}
	if got, err := parseBootCount(data); err != nil || got != want {
		t.Errorf("%+v %v", got, err)
	}
	golden(t, "boots", string(data))
	other, err := BootCount{digestN(4), 0}.encode()
	if err != nil {
		t.Fatal(err)
	}
	for n := 1; n < len(data); n++ {
		if mixed := slices.Concat(other[:n], data[n:]); !slices.Equal(mixed, data) && !slices.Equal(mixed, other) {
			if got, err := parseBootCount(mixed); err == nil {
				t.Errorf("torn after %d bytes: %+v", n, got)
			}
		}
	}
}

// threeGood is a machine with 1 image, 2 web and 3 db, all good; 3 is the default.
func threeGood(t *testing.T) (*Switcher, *fakeMachine, string) {
	t.Helper()
	s, m, dir := bootedMachine(t)
	toWeb(t, s, m)
	wantExit(t, request(VerbSwitch, dbText)(s, m), ExitGood)
	if err := s.StayedUp(); err != nil {
		t.Fatal(err)
	}
	return s, m, dir
}

// crashes boots, and the machine ends soon after.
func crashes(t *testing.T, dir string, m *fakeMachine, wants ...string) *Switcher {
	t.Helper()
	var s *Switcher
	for _, want := range wants {
		s = bootAgain(t, dir, m)
		wantRuns(t, m, want)
	}
	return s
}

const imageRuns, webRuns, dbRuns = "image []", "web [web]", "db [db web]"

func TestDefaultWhoseBootsAreShortIsPassedOverUntilSomebodyGoesBack(t *testing.T) {
	_, m, dir := threeGood(t)
	s := crashes(t, dir, m, dbRuns, dbRuns, dbRuns, webRuns)
	if r, _ := s.Last(); !slices.ContainsFunc(r.Events, func(e Event) bool {
		return e.Kind == EventFail && strings.Contains(e.Text, "`bantam rollback 3` goes back to it")
	}) {
		t.Errorf("events %+v", r.Events)
	}
	if err := s.StayedUp(); err != nil {
		t.Fatal(err)
	}
	s = crashes(t, dir, m, webRuns) // for good
	g := s.Generations()[2]
	if st := s.Status(); st.Running != 2 || st.Default != 3 || st.Next != 2 || st.Previous != 3 || !strings.Contains(strings.Join(st.Notes, ";"), "generation 3 is passed over: 3 boots in a row") {
		t.Errorf("status %+v", st)
	}
	if g.State != StateGood || !g.PassedOver || !strings.Contains(g.Reason, "3 boots in a row ended within 2m0s") {
		t.Errorf("generation %+v", g)
	}
	wantExit(t, s.Switch(t.Context(), Request{Verb: VerbRollback}, nil), ExitGood)
	wantRuns(t, m, dbRuns)
	if st := s.Status(); st.Default != 3 || st.Next != 3 || len(st.Notes) != 0 || s.Generations()[2].Reason != "" {
		t.Errorf("after the rollback: %+v %+v", st, s.Generations()[2])
	}
	crashes(t, dir, m, dbRuns, dbRuns, dbRuns, webRuns) // the count began anew
}

func TestBootOfThePassedOverDefaultIsAskedForByVerb(t *testing.T) {
	_, m, dir := threeGood(t)
	s := crashes(t, dir, m, dbRuns, dbRuns, dbRuns, webRuns)
	wantExit(t, s.Switch(t.Context(), Request{Verb: VerbBoot, Generation: 3}, nil), ExitGood)
	crashes(t, dir, m, dbRuns, dbRuns, dbRuns, webRuns)
}

func TestBootsThatCountForNothing(t *testing.T) {
	for name, end := range map[string]func(*Switcher) error{"one that stayed up": (*Switcher).StayedUp, "one that somebody ended": (*Switcher).EndsInOrder} {
		t.Run(name, func(t *testing.T) {
			_, m, dir := threeGood(t)
			for range mostShort + 1 {
				s := crashes(t, dir, m, dbRuns, dbRuns, dbRuns) // the last of them
				if err := end(s); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// Where the boots of all are short, the mains or the disk is to blame: the default is booted, and when that stays up
// all are trusted again.
func TestWhereAllBootsAreShortTheDefaultIsBooted(t *testing.T) {
	_, m, dir := threeGood(t)
	crashes(t, dir, m, dbRuns, dbRuns, dbRuns, webRuns, webRuns, webRuns, imageRuns, imageRuns, imageRuns)
	s := crashes(t, dir, m, dbRuns, dbRuns, dbRuns, dbRuns, dbRuns)
	if st := s.Status(); st.Default != 3 || st.Running != 3 {
		t.Errorf("%+v", st)
	}
	if err := s.StayedUp(); err != nil {
		t.Fatal(err)
	}
	for _, g := range s.Generations() {
		if g.PassedOver || g.Reason != "" || g.State != StateGood {
			t.Errorf("%+v", g)
		}
	}
	crashes(t, dir, m, dbRuns, dbRuns, dbRuns, webRuns)
}

func TestMachineWithNothingElseBootsItsDefaultForEver(t *testing.T) {
	dir, m := t.TempDir(), newFakeMachine()
	s := crashes(t, dir, m, slices.Repeat([]string{imageRuns}, 3*mostShort)...)
	if st := s.Status(); st.Default != 1 || st.Running != 1 {
		t.Errorf("%+v", st)
	}
}

// A new default that works in its proof and not afterwards is passed over as well: its first boot was of another.
func TestGenerationThatWasTriedIsCountedFromItsFirstBootOn(t *testing.T) {
	s, m, dir := bootedMachine(t)
	wantExit(t, switchTo(t, s, VerbBoot, webText), ExitGood)
	crashes(t, dir, m, webRuns, webRuns, webRuns, imageRuns)
}

func TestBrokenVolumeKeepsNobodyFromBooting(t *testing.T) {
	for n := range 40 {
		d, m, _ := scenario{prepare: toWeb, reboot: true}.begin(t)
		for range mostShort {
			m.powerOff()
			wantExit(t, scenario{act: boot}.run(d, m, nil), ExitGood)
		}
		writes := 0
		d.fault = func(string) error {
			if writes++; writes > n {
				return errFull
			}
			return nil
		}
		m.powerOff()
		wantExit(t, scenario{act: boot}.run(d, m, nil), ExitGood)
		wantRuns(t, m, imageRuns) // also where that could not be recorded
	}
}

func TestThingsThatAreNoCountOfBootsAreReplaced(t *testing.T) {
	for name, put := range map[string]func(path string) error{
		"a folder": func(path string) error { return os.Mkdir(path, 0o700) },
		"a link":   func(path string) error { return os.Symlink("/dev/null", path) },
		"too long": func(path string) error { return os.WriteFile(path, make([]byte, bootCountSize+1), 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			_, m, dir := threeGood(t)
			path := dir + "/" + bootCountName
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			if err := put(path); err != nil {
				t.Fatal(err)
			}
			fourth := webRuns
			if name == "a folder" {
				fourth = dbRuns // what cannot be counted is booted
			}
			crashes(t, dir, m, dbRuns, dbRuns, dbRuns, fourth)
		})
	}
}

func TestBootIsCountedForGoodBeforeAnythingOfItRuns(t *testing.T) {
	d, m, _ := scenario{prepare: toWeb, reboot: true}.begin(t)
	calls := 0
	m.fail = func(call string) error {
		calls++
		d.leftovers(func(tree map[string][]byte) {
			if got, err := parseBootCount(tree["/state/"+bootCountName]); err != nil || got != (BootCount{image(webText).Digest(), 1}) {
				t.Errorf("a power cut at %q leaves %+v, %v", call, got, err)
			}
		})
		return nil
	}
	wantExit(t, scenario{act: boot}.run(d, m, nil), ExitGood)
	if calls == 0 {
		t.Error("nothing was done")
	}
}

// What somebody switched to took the machine down, not what had been booted.
func TestBootThatASwitchEndedCountsForNothing(t *testing.T) {
	_, m, dir := threeGood(t)
	for range mostShort + 1 {
		s := crashes(t, dir, m, dbRuns)
		m.onWait = func(m *fakeMachine) { goDown(m) } // the journal stays without its end
		s.Switch(t.Context(), Request{Verb: VerbSwitch, Text: []byte("hostname = \"new\"\n" + webText[len("hostname = \"web\"\n"):])}, nil)
		m.onWait = nil
	}
	crashes(t, dir, m, dbRuns, dbRuns, dbRuns, webRuns)
}

// recordless takes no new record; the count of boots is written in place.
type recordless struct{ quickDisk }

func (d recordless) Rename(from, to string) error {
	if strings.HasPrefix(filepath.Base(to), recordName) {
		return errFull
	}
	return d.quickDisk.Rename(from, to)
}

// What stays up there is another one: the default is not booted again for that.
func TestTheCountOfAGenerationWhosePassingOverCannotBeRecordedStays(t *testing.T) {
	_, m, dir := threeGood(t)
	crashes(t, dir, m, dbRuns, dbRuns, dbRuns)
	for range 2 {
		m.powerOff()
		s, err := open(recordless{}, machineOptions(dir, m))
		if err != nil {
			t.Fatal(err)
		}
		wantExit(t, boot(s, m), ExitGood)
		wantRuns(t, m, webRuns)
		if err := s.StayedUp(); err != nil {
			t.Fatal(err)
		}
	}
}

// Also where the boot after it is one that is not counted.
func TestBootThatASwitchEndedCountsForNothingHoweverTheNextOneEnds(t *testing.T) {
	_, m, dir := threeGood(t)
	s := crashes(t, dir, m, dbRuns, dbRuns, dbRuns)
	m.onWait = func(m *fakeMachine) { goDown(m) }
	s.Switch(t.Context(), Request{Verb: VerbSwitch, Text: []byte("hostname = \"new\"\n" + webText[len("hostname = \"web\"\n"):])}, nil)
	m.onWait = nil
	offering(t, dir, m, 1)
	wantRuns(t, m, imageRuns)
	crashes(t, dir, m, dbRuns, dbRuns, dbRuns, webRuns)
}
