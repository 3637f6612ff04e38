package switcher

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestPinnedGenerationsStay(t *testing.T) {
	s, m, dir := bootedMachine(t)
	install(t, s, 2) // 2 and 3
	if err := s.Pin(2, true); err != nil {
		t.Fatal(err)
	}
	install(t, s, keepNewest+4)
	if there := numbers(s); !there[2] || there[3] {
		t.Errorf("generation 2, pinned, is there: %v; generation 3: %v", there[2], there[3])
	}
	s = bootAgain(t, dir, m)
	if g := s.Generations()[1]; g.Number != 2 || !g.Pinned {
		t.Errorf("after a reboot: %+v", g)
	}
	if _, err := s.Delete(2); err == nil || err.Error() != "generation 2 stays: it is pinned; `bantam generations unpin 2` lets it go" {
		t.Error(err)
	}
	if err := s.Pin(2, false); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Delete(2); err != nil {
		t.Error(err)
	}
	if err := s.Pin(2, true); err == nil || !strings.Contains(err.Error(), "there is none") {
		t.Error(err)
	}
}

func TestLabelsArePrintableShortAndLast(t *testing.T) {
	s, m, dir := bootedMachine(t)
	longest := strings.Repeat("ü", LabelLimit)
	for label, fault := range map[string]string{
		"before the move": "", longest: "", "7": "",
		longest + "x": "40 characters at most, this has 41", "a\x1b[2J": "printable", "two\nlines": "printable", "\xff": "printable", " x": "blank", "x ": "blank",
	} {
		err := s.Label(1, label)
		if (fault == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), fault) {
			t.Errorf("label %q: %v, want %q", label, err, fault)
		}
		if got := s.Generations()[0].Label; (got == label) != (fault == "") {
			t.Errorf("label %q: it is %q", label, got)
		}
	}
	if err := s.Label(1, longest); err != nil {
		t.Fatal(err)
	}
	s = bootAgain(t, dir, m)
	sequence := s.recordNow().Sequence
	if err := s.Label(1, longest); err != nil || s.recordNow().Sequence != sequence {
		t.Errorf("the same label again: %v, written: %v", err, s.recordNow().Sequence != sequence)
	}
	if err := s.Label(1, ""); err != nil || s.Generations()[0].Label != "" {
		t.Errorf("%v, label %q", err, s.Generations()[0].Label)
	}
}

func TestLastLinesOfAFailureAreKeptInBounds(t *testing.T) {
	many := make([]string, 30)
	for i := range many {
		many[i] = fmt.Sprintf("web: line %d", i)
	}
	long := "web: " + strings.Repeat("ü", 2000)
	for _, c := range []struct {
		lines []string
		first string
		count int
	}{
		{nil, "", 0},
		{many[:3], "web: line 0", 3},
		{many, "web: line 20", 10},
		{[]string{"old", long, "last"}, "web: ü", 2},
		{[]string{"old", strings.Repeat("x", logKeptSize)}, "xxx", 1},
	} {
		got := lastLines(c.lines)
		size := 0
		for _, l := range got {
			if size += len(l); !utf8.ValidString(l) {
				t.Errorf("%q", l)
			}
		}
		if len(got) != c.count || size > logKeptSize || c.count > 0 && !strings.HasPrefix(got[0], c.first) {
			t.Errorf("%d lines of %d bytes: %.50q", len(got), size, got)
		}
	}
}

func TestADescriptionSurvivesAReboot(t *testing.T) {
	s, m, dir := bootedMachine(t)
	wantExit(t, switchTo(t, s, VerbSwitch, "hostname = \"web\"\n"), ExitGood)
	m.broken["web"] = exited(1)
	wantExit(t, switchTo(t, s, VerbSwitch, webText), ExitReverted)
	wantExit(t, switchTo(t, s, VerbRollback, ""), ExitGood)
	s = bootAgain(t, dir, m)
	d, err := s.Describe(3)
	if err != nil {
		t.Fatal(err)
	}
	if d.State != StateBad || d.Kernel != "6.1.0-40-amd64" || d.Before != 2 || d.Running != 1 || d.Fault != "" || !slices.Equal(d.Log, []string{"web: last words"}) {
		t.Errorf("%+v", d)
	}
	if len(d.Changes) != 1 || !strings.HasPrefix(d.Changes[0], "service.web") {
		t.Errorf("against the one before: %q", d.Changes)
	}
	if len(d.Against) != 2 || !strings.HasPrefix(d.Against[0], `hostname: "image" -> "web"`) {
		t.Errorf("against what runs: %q", d.Against)
	}
	if d, err := s.Describe(0); err != nil || d.Number != 1 || d.Before != 0 || d.Against != nil {
		t.Errorf("what runs: %+v, %v", d, err)
	}
	if _, err := s.Describe(9); err == nil {
		t.Error("generation 9 is described")
	}
	m.broken = nil
	wantExit(t, switchTo(t, s, VerbSwitch, webText), ExitGood)
	if d, err := s.Describe(3); err != nil || d.Log != nil || d.Reason != "" {
		t.Errorf("once it is good: %+v, %v", d, err)
	}
}

// blobBytes is how large all blobs are.
func blobBytes(t *testing.T, s *Switcher) (sum int64) {
	t.Helper()
	files, err := os.ReadDir(s.store.blobDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		info, err := f.Info()
		if err != nil {
			t.Fatal(err)
		}
		sum += info.Size()
	}
	return sum
}

func TestGarbageIsWhatACollectionRemoves(t *testing.T) {
	s, _, _ := bootedMachine(t)
	install(t, s, keepNewest) // all are kept but the last try
	if g, err := s.Garbage(); err != nil || len(g.Generations) != 0 || g.Blobs != 0 || g.Bytes != 0 {
		t.Errorf("%+v, %v", g, err)
	}
	for i := range 3 { // as if an older Bantam had kept more
		to, err := s.compose(made{}, s.image.generation, "system.toml", fmt.Appendf(nil, "hostname = \"more%d\"\n", i))
		if err == nil {
			_, err = s.add(to, VerbBoot, nil)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.store.PutBytes([]byte("of a cut")); err != nil {
		t.Fatal(err)
	}
	before, all := numbers(s), blobBytes(t, s)
	g, err := s.Garbage()
	if err != nil || len(g.Generations) != 3 || g.Blobs != 7 || len(numbers(s)) != len(before) {
		t.Fatalf("%+v, %v", g, err)
	}
	if err := s.Collect(); err != nil {
		t.Fatal(err)
	}
	for _, n := range g.Generations {
		if !before[n] || numbers(s)[n] {
			t.Errorf("generation %d was to go", n)
		}
	}
	if freed := all - blobBytes(t, s); freed != g.Bytes {
		t.Errorf("%d bytes of blobs are gone, %d were announced", freed, g.Bytes)
	}
}

func TestRollbackToGoodGoesToWhatProvedItselfLast(t *testing.T) {
	s, m, _ := bootedMachine(t)
	toGood := Request{Verb: VerbRollback, ToGood: true}
	if r := s.Switch(t.Context(), toGood, nil); r.Exit != ExitRefused || !strings.Contains(r.Reason, "no other generation that can run has proven itself") {
		t.Errorf("with one generation: %s", r.Text())
	}
	wantExit(t, switchTo(t, s, VerbSwitch, webText), ExitGood)            // 2
	wantExit(t, switchTo(t, s, VerbSwitch, dbText), ExitGood)             // 3, the default
	wantExit(t, switchTo(t, s, VerbTest, "hostname = \"x\"\n"), ExitGood) // 4, untried, runs
	wantExit(t, s.Switch(t.Context(), toGood, nil), ExitGood)
	wantRuns(t, m, "db [db web]")
	wantExit(t, s.Switch(t.Context(), toGood, nil), ExitGood) // now 3 runs, and 4, which is not good, ran before it
	wantRuns(t, m, "web [web]")
	if err := s.disk.Remove(filepath.Join(s.store.blobDir(), DigestOf([]byte(dbText)).Hex())); err != nil {
		t.Fatal(err)
	}
	wantExit(t, s.Switch(t.Context(), toGood, nil), ExitGood) // 3 cannot run any more
	wantRuns(t, m, "image []")
}

func TestANumberNamesAGenerationForEveryVerbOfASwitch(t *testing.T) {
	for _, verb := range []string{VerbSwitch, VerbTest, VerbBoot} {
		s, m, dir := bootedMachine(t)
		wantExit(t, switchTo(t, s, VerbSwitch, webText), ExitGood)
		wantExit(t, s.Switch(t.Context(), Request{Verb: VerbRollback}, nil), ExitGood)
		wantExit(t, s.Switch(t.Context(), Request{Verb: verb, Generation: 2}, nil), ExitGood)
		if verb == VerbBoot {
			bootAgain(t, dir, m)
		}
		wantRuns(t, m, "web [web]")
		if r := s.Switch(t.Context(), Request{Verb: verb, Generation: 7}, nil); r.Exit != ExitRefused || r.Reason != "generation 7: there is none" {
			t.Errorf("%s 7: %s", verb, r.Text())
		}
	}
}
