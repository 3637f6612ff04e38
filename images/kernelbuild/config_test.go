package kernelbuild

import (
	"errors"
	"slices"
	"testing"
	"time"

	"bantam/board"
)

func TestAnOptionThatTheSourceMakesAnotherIsNamed(t *testing.T) {
	got := parseConfig("# comment\nCONFIG_A=y\nCONFIG_B=m\n# CONFIG_C is not set\nCONFIG_TEXT=\"-x\"\nCONFIG_N=5\n")
	ask := func(name, value string) board.Option {
		return board.Option{Name: "CONFIG_" + name, Value: value, From: "net"}
	}
	for _, test := range []struct {
		claim string
		ask   board.Option
		want  []string
	}{
		{"what is set as asked for", ask("A", "y"), nil},
		{"a module stays a module", ask("B", "m"), nil},
		{"a text", ask("TEXT", `"-x"`), nil},
		{"a number", ask("N", "5"), nil},
		{"not set is n", ask("C", "n"), nil},
		{"never heard of is n", ask("NEVER", "n"), nil},
		{"dropped", ask("C", "y"), []string{"net asks for CONFIG_C=y, and this Linux drops it: what it depends on is not set, or there is no such option"}},
		{"built in instead of a module", ask("A", "m"), []string{"net asks for CONFIG_A=m, and this Linux makes it y"}},
		{"a module instead of built in", ask("B", "y"), []string{"net asks for CONFIG_B=y, and this Linux makes it m"}},
		{"wanted by another", ask("A", "n"), []string{"net asks for CONFIG_A=n, and this Linux makes it y: another option that is set wants it"}},
		{"another number", ask("N", "6"), []string{"net asks for CONFIG_N=6, and this Linux makes it 5"}},
	} {
		var dropped *DroppedError
		err := checkConfig([]board.Option{test.ask}, got)
		if errors.As(err, &dropped); (err == nil) != (test.want == nil) || dropped != nil && !slices.Equal(dropped.Faults, test.want) {
			t.Errorf("%s: %v, want %q", test.claim, err, test.want)
		}
	}
	if err := checkConfig([]board.Option{ask("X", "y"), ask("A", "y"), ask("Y", "y")}, got); err == nil || len(err.(*DroppedError).Faults) != 2 {
		t.Errorf("two faults: %v", err)
	}
}

func TestOptionsAreWrittenAsLinuxReadsThem(t *testing.T) {
	got := wanted([]board.Option{{Name: "CONFIG_A", Value: "y", Why: "why"}, {Name: "CONFIG_B", Value: "n"}, {Name: "CONFIG_C", Value: `"x"`}})
	if want := "CONFIG_A=y\n# CONFIG_B is not set\nCONFIG_C=\"x\"\n"; got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if c := parseConfig(got); len(c) != 2 || c.Says("CONFIG_C") != `"x"` || c.hasModules() {
		t.Errorf("read again it is %v", c)
	}
	if !parseConfig("CONFIG_A=m\n").hasModules() {
		t.Error("a module is none")
	}
}

func TestTheEstimateIsOfWhatIsLeft(t *testing.T) {
	for _, test := range []struct {
		steps, expected int
		passed          time.Duration
		want            string
	}{
		{1, 1000, time.Second, "step 1 of about 1000"},
		{100, 1000, time.Minute, "step 100 of about 1000, about 9 min left"},
		{500, 1000, 5 * time.Minute, "step 500 of about 1000, about 5 min left"},
		{950, 1000, 10 * time.Minute, "step 950 of about 1000, less than a minute left"},
		{1100, 1000, 10 * time.Minute, "step 1100 of about 1100, less than a minute left"},
		{1, 1, 0, "step 1 of about 1, less than a minute left"},
	} {
		if got := estimate(test.steps, test.expected, test.passed); got != test.want {
			t.Errorf("estimate(%d, %d, %v) = %q, want %q", test.steps, test.expected, test.passed, got, test.want)
		}
	}
}

func TestTheMeterCountsStepsAndKeepsTheLastLines(t *testing.T) {
	var said []string
	clock := time.Unix(0, 0)
	m := &meter{what: "Linux", expected: 100, start: clock, progress: func(s string) { said = append(said, s) }, now: func() time.Time {
		clock = clock.Add(time.Second)
		return clock
	}}
	for range 100 {
		for _, piece := range []string{"  CC  ", "    a.o\n  not a step\nmake[1]: Entering\n"} { // as a pipe may cut it
			if n, err := m.Write([]byte(piece)); n != len(piece) || err != nil {
				t.Fatal(n, err)
			}
		}
	}
	if m.steps != 100 || len(said) != 51 { // the first, and each fiftieth
		t.Errorf("%d steps, said %d times", m.steps, len(said))
	}
	if said[0] != "building Linux: step 1 of about 100" {
		t.Errorf("first %q", said[0])
	}
	if len(m.last) != mostLines || m.last[mostLines-1] != "make[1]: Entering" || m.last[mostLines-3] != "  CC      a.o" {
		t.Errorf("last lines %q", m.last)
	}
}
