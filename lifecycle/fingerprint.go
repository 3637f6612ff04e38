package lifecycle

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// A fingerprint names everything that makes a service what it is. It is the
// digest of its definition, a slash, and the digest of its program, or a
// question mark and why that could not be read. Before it, where there are any, stand
// the digest of the files for which it is told to reload, a plus sign, the digest of
// the files for which it is restarted, and a colon.
const (
	printPart    = "/"
	printUnknown = "?"
	printReloads = "+"
	printFiles   = ":"
)

// WithFiles adds to a fingerprint what its files are, in any words: those that it is restarted for, and those that it
// is told to reload for; "" are none.
func WithFiles(print, restarts, reloads string) string {
	if restarts != "" {
		print = digestOf(restarts) + printFiles + print
	}
	if reloads != "" {
		print = digestOf(reloads) + printReloads + print
	}
	return print
}

func digestOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// RestartPart is a fingerprint without that for which a service is only told to reload.
func RestartPart(print string) string {
	reloads, rest, found := strings.Cut(print, printReloads)
	if found && len(reloads) == hex.EncodedLen(sha256.Size) && !strings.Contains(reloads, printPart) { // else it is in somebody's words
		return rest
	}
	return print
}

// Fingerprint joins the digests of a definition and of the program that it runs, "" if that is nowhere.
func Fingerprint(definition, program string) string { return definition + printPart + program }

// ProgramOf is the program that a fingerprint was made with: "" if that is nowhere. It is not known if it could not be read.
func ProgramOf(print string) (program string, known bool) {
	_, program, _ = strings.Cut(print, printPart)
	if strings.HasPrefix(program, printUnknown) {
		return "", false
	}
	return program, true
}

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
