package pid1

import (
	"strings"
	"testing"
)

// Whoever edits a generated file by hand is told there, where a comment can be.
func TestHostsSaysWhatItIsMadeFrom(t *testing.T) {
	first, rest, _ := strings.Cut(hosts("gate"), "\n")
	if !strings.HasPrefix(first, "# ") || !strings.Contains(first, "hostname in system.toml") || !strings.Contains(rest, "127.0.1.1\tgate\n") {
		t.Errorf("%s\n%s", first, rest)
	}
}
