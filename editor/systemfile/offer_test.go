package systemfile

import (
	"strings"
	"testing"

	"bantam/system"
	"bantam/system/syntax"
)

// A file within the limit of size must not take minutes or gigabytes, whatever it repeats.
func TestNothingIsLookedAtWithoutEnd(t *testing.T) {
	for _, pattern := range []string{"1.", "sysctl.", "a . ", "'a'.", "é.", "a={", "a.b={", "[", "a=[", " "} {
		src := []byte(strings.Repeat(pattern, system.MaxSize/len(pattern)-10) + ".x = 1\n")
		for _, offset := range []int{100, len(src) / 2, len(src) - 7, len(src)} {
			Complete(src, offset)
			Explain(src, offset)
		}
	}
}

// What is offered for completion as a new table must be one that can be.
func TestNamesThatCannotBeAreNeitherSuggestedNorOffered(t *testing.T) {
	for _, name := range []string{"dev/ttyUSB0", "console-ttyS0", "a b", "network", ""} {
		src := "[service.a]\ncommand = [\"a\"]\nneeds = [" + syntax.Quote(name) + "]\nuser = " + syntax.Quote(name) + "\n["
		_, items := Complete([]byte(src), len(src))
		for _, item := range items {
			header := item.Text
			text := header + "\ncommand = [\"x\"]\n"
			if strings.HasPrefix(header, "[user.") {
				text = header + "\nuid = 7\n"
			}
			if !strings.HasPrefix(header, "[service.") && !strings.HasPrefix(header, "[user.") || strings.HasSuffix(header, ".") {
				continue
			}
			if _, problems := system.Parse("f", []byte(text)); len(problems) > 0 {
				t.Errorf("%q: offered %s: %v", name, header, problems)
			}
		}
	}
}

func BenchmarkCompleteAndExplain(b *testing.B) {
	var text strings.Builder
	for text.Len() < 2000*len(machine)/strings.Count(machine, "\n") {
		text.WriteString(machine)
	}
	src := []byte(text.String() + "\nre")
	b.SetBytes(int64(len(src)))
	for b.Loop() {
		Complete(src, len(src))
		Explain(src, len(src))
	}
}
