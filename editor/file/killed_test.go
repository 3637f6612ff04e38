// Programs for another machine cannot be started as a child by an emulator of one
// process, so this is for the machine that runs the tests.

//go:build !mips && !mipsle

package file

import (
	"bufio"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A process that is killed at any moment leaves the last text that it said
// was kept, or the one it was just keeping.
func TestAKilledEditorLosesAtMostWhatItWasKeeping(t *testing.T) {
	state := folder(t)
	path := created(t, filepath.Join(folder(t), "f"), "old")
	for round := range 20 {
		c := child("keep", state, path)
		out, err := c.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		last := -1
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if _, err := fmt.Sscan(lines.Text(), &last); err != nil {
				t.Fatalf("it said %s", lines.Text())
			}
			if last == round%7 {
				// Some way into the next one.
				go func() { time.Sleep(time.Duration(round*197%1500) * time.Microsecond); c.Process.Kill() }()
			}
		}
		c.Wait()
		s := begin(t, state, path)
		if s.found == nil {
			t.Fatalf("round %d: nothing was found after %d", round, last)
		}
		if err := s.found.Restore(s.text); err != nil {
			t.Fatal(err)
		}
		if got := s.all(); got != numbered(last) && got != numbered(last+1) {
			t.Fatalf("round %d: after %d the text begins with %.9q and is of %d bytes", round, last, got, len(got))
		}
		s.lost()
	}
	if got := list(t, state); strings.Contains(got, suffixLock) {
		t.Errorf("in the folder: %s", got)
	}
}
