package switcher

import (
	"fmt"
	"strings"
	"testing"
)

// A package brings two dozen libraries: a line for each is more than a terminal shows.
func TestManyPackagesAreOneStepForPeople(t *testing.T) {
	steps := func(verb, reason string, names ...string) (list []Step) {
		for _, name := range names {
			list = append(list, Step{Kind: KindTree, Name: "package/" + name, Text: verb + " package " + name, Reason: reason})
		}
		return list
	}
	var many []string
	for i := range 12 {
		many = append(many, fmt.Sprintf("lib%d 1.%d-1", i, i))
	}
	p := Plan{Steps: append(append(steps("remove", "other", "a", "b", "c"), steps("add", `packages: + "broker"`, many...)...),
		Step{Kind: KindTree, Name: "program/x", Text: "add program x", Reason: `packages: + "broker"`}, Step{Kind: KindService, Text: "start service broker", Disruptive: true})}
	want := `  remove package a      other
  remove package b      other
  remove package c      other
  add 12 packages       packages: + "broker"
      lib0 1.0-1, lib1 1.1-1, lib2 1.2-1, lib3 1.3-1, lib4 1.4-1, lib5 1.5-1,
      lib6 1.6-1, lib7 1.7-1, lib8 1.8-1, lib9 1.9-1, lib10 1.10-1,
      lib11 1.11-1
  add program x         packages: + "broker"
! start service broker  ` + "\n"
	if got := p.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if len(p.Steps) != 17 {
		t.Error("the plan itself has changed")
	}
}

func TestARefusalTellsEachProblemOnce(t *testing.T) {
	for text, want := range map[string][]string{
		"hostnam = \"x\"\n":        {`refused, nothing was changed: system.toml:1:1: unknown key "hostnam"; did you mean "hostname"?`},
		"hostname = 1\nmodule=1\n": {"system.toml:1:12: ", "system.toml:2:1: ", "refused, nothing was changed: system.toml has 2 problems"},
	} {
		s, _, _ := bootedMachine(t)
		var said []string
		r := s.Switch(t.Context(), Request{Verb: VerbSwitch, Text: []byte(text)}, func(e Event) { said = append(said, e.Text) })
		if r.Exit != ExitRefused || len(said) != len(want) {
			t.Fatalf("exit %d, said\n%s\nwant\n%s", r.Exit, strings.Join(said, "\n"), strings.Join(want, "\n"))
		}
		for i := range want {
			if !strings.HasPrefix(said[i], want[i]) {
				t.Errorf("said %q, want %q", said[i], want[i])
			}
		}
	}
}
