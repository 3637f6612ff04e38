package main

import (
	"slices"
	"testing"

	"bantam/system"
)

func TestABuildSaysWhichSecretsTheMachineNeeds(t *testing.T) {
	sys, problems := system.Parse("f", []byte("[service.a]\ncommand = [\"a\"]\nenv = { A = { secret = \"b\" }, B = { secret = \"a\" } }\n[file.\"/etc/a\"]\ntext = { secret = \"b\" }\n"))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	want := []string{"no image holds secret a: once on the machine, `bantam secret set a`", "no image holds secret b: once on the machine, `bantam secret set b`"}
	if got := neededSecrets(sys); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := neededSecrets(system.Default()); len(got) > 0 {
		t.Errorf("an empty file: %q", got)
	}
}
