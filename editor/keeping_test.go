package editor

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// The recovery folder goes while the text is being edited.
func TestAFailedKeepIsToldAtOnceAndWhy(t *testing.T) {
	path, opt := fileOf(t, "one\n")
	err := edited(t, []Target{{Path: path}}, opt, func(person *os.File, seen func(string)) {
		seen("one")
		if err := os.RemoveAll(opt.Recovery); err != nil {
			t.Fatal(err)
		}
		person.WriteString("x")
		seen("cannot be kept: ")
		person.WriteString("\x18n")
	})
	if err != nil {
		t.Error(err)
	}
}

func TestAFailedKeepIsNotTriedAgainAtOnce(t *testing.T) {
	m, _ := opened(t, "one\n")
	m.press("x")
	d := m.doc()
	long := time.Now().Add(-time.Minute)
	d.touchedAt, d.changed = long, long
	if wait, due := d.keepIn(time.Now()); !due || wait > 0 {
		t.Fatalf("the recovery file is not due: %v %v", wait, due)
	}
	d.afterKeeping(keptText{d, d.text.Version(), errors.New("no space left on device")})
	if wait, due := d.keepIn(time.Now()); !due || wait < time.Second {
		t.Errorf("after a failure it is due %v, in %v", due, wait)
	}
}

// The recovery file of what is saved, or lost on purpose, must not come after that.
func TestWhatIsSavedIsNotKeptAfterwards(t *testing.T) {
	for _, leave := range []string{"<^S>", "<^X>n", "<^X>y", "<^G>aother<enter>"} {
		for range 10 {
			m, path := opened(t, "one\n")
			s := newSession(m, &terminal{})
			m.press("x")
			long := time.Now().Add(-time.Minute)
			m.text().touchedAt, m.text().changed = long, long
			s.inBackground(false)
			if !s.keeping {
				t.Fatal("nothing is kept")
			}
			m.press(leave)
			<-s.kept
			left, err := filepath.Glob(filepath.Join(filepath.Dir(path), "recovery", "*.kept*"))
			if err != nil || len(left) > 0 {
				t.Fatalf("after %s: %q %v", leave, left, err)
			}
		}
	}
}

// Keep reads of the file what a save changes: one after the other. The race
// detector tells.
func TestSavingWhileTheTextIsKept(t *testing.T) {
	m, path := opened(t, "one\n")
	s := newSession(m, &terminal{})
	for range 20 {
		m.press("x")
		long := time.Now().Add(-time.Minute)
		m.text().touchedAt, m.text().changed = long, long
		s.inBackground(false)
		m.press("<^S>")
		s.keeping = false
		<-s.kept
	}
	if got := content(t, path); len(got) != 24 {
		t.Errorf("the file is %q", got)
	}
}

func TestARecoveryTextOfTheOtherNameIsOffered(t *testing.T) {
	m, path := opened(t, "one\n")
	other := filepath.Join(filepath.Dir(path), "other.txt")
	if err := os.WriteFile(other, []byte("other\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	killed := reopened(t, other)
	killed.press("unsaved ")
	d := killed.doc()
	if err := d.keeper.Keep(d.text.Snapshot(), d.file); err != nil {
		t.Fatal(err)
	}
	d.close(true)

	m.press("x<^G>aother.txt<enter>y")
	if m.prompt == nil {
		t.Fatalf("nothing is kept of it from now on, and nobody said so: %q", m.message)
	}
	m.press("r")
	if got := m.shown(); got != "u|nsaved other\n" {
		t.Errorf("the text is %q", got)
	}
}

func TestAFileIsOpenOnlyOnce(t *testing.T) {
	m, _ := opened(t, "one\n")
	m.press("x<^G>pfile.txt<enter>y")
	if got := m.shown(); len(m.docs) != 1 || got != "xy|one\n" {
		t.Errorf("%d documents, %q", len(m.docs), got)
	}
}

func TestAnotherChangeBySomebodyElseIsSaidAgain(t *testing.T) {
	m, path := opened(t, "one\n")
	for _, theirs := range []string{"theirs\n", "theirs again\n"} {
		if err := os.WriteFile(path, []byte(theirs), 0o644); err != nil {
			t.Fatal(err)
		}
		if !m.look() {
			t.Errorf("%q is not said", theirs)
		}
		m.press("x<^S>o")
	}
}

func TestSaveAsBeneathAPageSavesTheText(t *testing.T) {
	m, path := opened(t, "one\n")
	m.press("x<^G>d<^G>aother.txt<enter>")
	if got := content(t, filepath.Join(filepath.Dir(path), "other.txt")); got != "xone\n" {
		t.Errorf("saved is %q", got)
	}
}

func TestAPipeThatIsSavedGoesOn(t *testing.T) {
	m, path := opened(t, "")
	s := newSession(m, &terminal{})
	d, err := m.opt.open(Target{Path: "(pipe)", Pipe: os.Stdin})
	if err != nil {
		t.Fatal(err)
	}
	m.docs = []*document{d}
	s.takePipe(pipedText{d, []byte("one\n"), nil})
	m.press("<^G>a" + filepath.Join(filepath.Dir(path), "pipe.txt") + "<enter>")
	s.takePipe(pipedText{d, []byte("two\n"), nil})
	if !d.text.Modified() {
		t.Error("what came after the save would be lost without a question")
	}
	m.press("<^S>")
	if got := content(t, filepath.Join(filepath.Dir(path), "pipe.txt")); got != "one\ntwo\n" {
		t.Errorf("saved is %q", got)
	}
	d.close(false)
}
