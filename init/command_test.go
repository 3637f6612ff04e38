package main

import (
	"slices"
	"strings"
	"testing"

	"bantam/system"
)

// The host judges commands of services by the list that system has.
func TestCommandsAreThoseThatTheHostKnows(t *testing.T) {
	want := []string{"bantam"}
	for _, name := range commands() {
		if !strings.HasPrefix(name, "bantam-") { // those are for PID 1 alone
			want = append(want, name)
		}
	}
	slices.Sort(want)
	if got := system.OwnCommands(); !slices.Equal(got, want) {
		t.Errorf("system says %q\nthis binary has %q", got, want)
	}
}
