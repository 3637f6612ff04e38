package sigaction

import (
	"os"
	"strings"
	"syscall"
	"testing"
)

func TestASignalIsIgnoredAndPutBack(t *testing.T) {
	for _, n := range []syscall.Signal{33, 34, 40} {
		before := ignored(t)
		if err := Ignore(n); err != nil {
			t.Fatal(err)
		}
		if got := ignored(t); got == before {
			t.Errorf("signal %d: SigIgn stayed %s", n, got)
		}
		if err := syscall.Kill(os.Getpid(), n); err != nil { // would end the test
			t.Fatal(err)
		}
		if err := Default(n); err != nil {
			t.Fatal(err)
		}
		if got := ignored(t); got != before {
			t.Errorf("signal %d: SigIgn is %s, want %s", n, got, before)
		}
	}
	if err := Ignore(syscall.SIGKILL); err == nil {
		t.Error("SIGKILL was ignored")
	}
}

// ignored is the kernel's own word.
func ignored(t *testing.T) string {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(status), "SigIgn:")
	mask, _, _ := strings.Cut(text, "\n")
	return strings.TrimSpace(mask)
}
