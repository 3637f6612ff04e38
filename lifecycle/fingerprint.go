package lifecycle

import "strings"

// A fingerprint names everything that makes a service what it is. It is the
// digest of its definition, a slash, and the digest of its program, or a
// question mark and why that could not be read.
const (
	printPart    = "/"
	printUnknown = "?"
)

// Fingerprint joins the digests of a definition and of the program that it runs, "" if that is nowhere.
func Fingerprint(definition, program string) string { return definition + printPart + program }

// UnknownProgram is the fingerprint where the program's bytes could not be had.
func UnknownProgram(definition string, why error) string {
	return definition + printPart + printUnknown + why.Error()
}

// SameFingerprint compares two fingerprints. doubt is why it is not known
// whether the programs are the same; they count as the same then, because a
// service must not be restarted again and again for what nobody can read.
func SameFingerprint(a, b string) (same bool, doubt string) {
	if a == b && !strings.Contains(a, printPart+printUnknown) {
		return true, ""
	}
	definitionA, programA, _ := strings.Cut(a, printPart)
	definitionB, programB, _ := strings.Cut(b, printPart)
	if definitionA != definitionB {
		return false, ""
	}
	for _, program := range []string{programB, programA} {
		if why, unknown := strings.CutPrefix(program, printUnknown); unknown {
			return true, why
		}
	}
	return programA == programB, ""
}
