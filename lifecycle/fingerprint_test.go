package lifecycle

import (
	"errors"
	"testing"
)

func TestFingerprintsAreTheSameUnlessADifferenceIsKnown(t *testing.T) {
	slow, gone := errors.New("not read within 10s"), errors.New("input/output error")
	for _, c := range []struct {
		name, a, b string
		same       bool
		doubt      string
	}{
		{"all the same", Fingerprint("d", "p"), Fingerprint("d", "p"), true, ""},
		{"another definition", Fingerprint("d", "p"), Fingerprint("e", "p"), false, ""},
		{"another program", Fingerprint("d", "p"), Fingerprint("d", "q"), false, ""},
		{"a program that has appeared", Fingerprint("d", ""), Fingerprint("d", "p"), false, ""},
		{"a program that cannot be read any more", Fingerprint("d", "p"), UnknownProgram("d", slow), true, "not read within 10s"},
		{"a program that can be read now", UnknownProgram("d", slow), Fingerprint("d", "p"), true, "not read within 10s"},
		{"a program that never can be read", UnknownProgram("d", slow), UnknownProgram("d", slow), true, "not read within 10s"},
		{"for another reason: the newer one is told", UnknownProgram("d", slow), UnknownProgram("d", gone), true, "input/output error"},
		{"another definition of what cannot be read", UnknownProgram("d", slow), UnknownProgram("e", slow), false, ""},
		{"nothing runs", "", Fingerprint("d", "p"), false, ""},
	} {
		if same, doubt := SameFingerprint(c.a, c.b); same != c.same || doubt != c.doubt {
			t.Errorf("%s: %v, %q, want %v, %q", c.name, same, doubt, c.same, c.doubt)
		}
	}
}
