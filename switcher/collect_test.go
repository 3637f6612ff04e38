package switcher

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// install makes generations that are newer than all others and never run.
func install(t *testing.T, s *Switcher, n int) {
	t.Helper()
	for i := range n {
		wantExit(t, switchTo(t, s, VerbBoot, fmt.Sprintf("hostname = \"new%d\"\n", i)), ExitGood)
	}
}

func numbers(s *Switcher) map[int]bool {
	there := map[int]bool{}
	for _, g := range s.Generations() {
		there[g.Number] = true
	}
	return there
}

func TestWhatRanBeforeTheDefaultIsKeptHoweverOldItIs(t *testing.T) {
	s, _, _ := bootedMachine(t)
	wantExit(t, switchTo(t, s, VerbSwitch, webText), ExitGood)
	wantExit(t, switchTo(t, s, VerbSwitch, dbText), ExitGood)
	wantExit(t, switchTo(t, s, VerbTest, "hostname = \"tested\"\n"), ExitGood) // now 3 ran before, and 2 before the default
	wantExit(t, switchTo(t, s, VerbBoot, "hostname = \"old\"\n"), ExitGood)
	install(t, s, keepNewest+2)
	there := numbers(s)
	for number, want := range map[int]bool{1: true, 2: true, 3: true, 4: true, 5: false} {
		if there[number] != want {
			t.Errorf("generation %d is there: %v, want %v", number, there[number], want)
		}
	}
	if r := s.recordNow(); r.Previous != 2 {
		t.Errorf("before the default ran generation %d, want 2", r.Previous)
	}
}

func TestADeletionSaysWhatItHasFreed(t *testing.T) {
	s, _, dir := bootedMachine(t)
	wantExit(t, switchTo(t, s, VerbSwitch, webText), ExitGood)
	wantExit(t, switchTo(t, s, VerbSwitch, dbText), ExitGood)
	before := fileBytes(t, filepath.Join(dir, "store", "blobs"))
	g, err := s.Delete(2, 2)
	freed := before - fileBytes(t, filepath.Join(dir, "store", "blobs"))
	if err != nil || fmt.Sprint(g.Generations) != "[2]" || g.Blobs != 2 || g.Bytes != freed || freed < int64(len(webText)) {
		t.Errorf("%+v, %v; %d bytes are free", g, err, freed)
	}
	if g, err := s.Delete(2); err == nil || g.Blobs != 0 {
		t.Errorf("again: %+v, %v", g, err)
	}
}

// fileBytes is the size of all files below dir.
func fileBytes(t *testing.T, dir string) (n int64) {
	t.Helper()
	err := filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err == nil {
			n += info.Size()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestWhatRunsOrWillRunIsNotDeleted(t *testing.T) {
	s, _, _ := bootedMachine(t)
	wantExit(t, switchTo(t, s, VerbSwitch, webText), ExitGood)
	wantExit(t, switchTo(t, s, VerbTest, dbText), ExitGood)
	wantExit(t, switchTo(t, s, VerbBoot, "hostname = \"next\"\n"), ExitGood)
	for number, why := range map[int]string{1: "the boot medium carries it", 2: "it is the default", 3: "it is running", 4: "the next boot tries it"} {
		_, err := s.Delete(number)
		if err == nil || !strings.HasSuffix(err.Error(), why) {
			t.Errorf("generation %d: %v, want %q", number, err, why)
		}
		if !numbers(s)[number] {
			t.Errorf("generation %d is gone", number)
		}
	}
}
