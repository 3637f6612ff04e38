package control

import (
	"os"
	"strings"
	"testing"
	"time"

	"bantam/init/bootmenu"
	"bantam/tty"
	"bantam/tty/ttytest"
)

var menuRows = Menu{Running: 3, Image: 1, Rows: []bootmenu.Row{{Number: 1, State: "good"}, {Number: 2, State: "bad"}, {Number: 3, State: "good"}}}

func TestKeysOfThePersonAtATerminalChoose(t *testing.T) {
	for keys, want := range map[string]int{"\x1b[A\r": 2, "1\r": 1, "f\r": bootmenu.Itself, "\r": 0, "\x03": 0} {
		person, line := ttytest.Open(t)
		restore, err := tty.Set(line, rawKeys)
		if err != nil {
			t.Fatal(err)
		}
		out, err := os.Create(t.TempDir() + "/out")
		if err != nil {
			t.Fatal(err)
		}
		// Until Enter has not come for a while it may be a key that was held before.
		done := make(chan int)
		go func() { done <- menuRows.choose(line, out) }()
		var got int
		for waits := true; waits; {
			person.WriteString(keys)
			select {
			case got = <-done:
				waits = false
			case <-time.After(2 * time.Second):
			}
		}
		restore()
		text, _ := os.ReadFile(out.Name())
		if got != want || !strings.Contains(string(text), "Generations\n") {
			t.Errorf("%q: chose %d, want %d\n%s", keys, got, want, text)
		}
	}
}

func TestATerminalThatIsGoneChoosesNothing(t *testing.T) {
	person, line := ttytest.Open(t)
	person.Close()
	out, err := os.Create(t.TempDir() + "/out")
	if err != nil {
		t.Fatal(err)
	}
	if got := menuRows.choose(line, out); got != 0 {
		t.Errorf("chose %d", got)
	}
}

func TestAnAnswerWithoutATerminalSaysWhatElseToDo(t *testing.T) {
	code, _, errs := runVerb("/none", "menu")
	if code != ExitError || !strings.Contains(errs, "needs a terminal; `bantam generations` lists them") {
		t.Errorf("code %d, %q", code, errs)
	}
}
