package payload

import (
	"strings"

	"bantam/printable"
)

// mostGoLines are the first lines of what go says that people are told.
const mostGoLines = 4

// goFaults are known words of go and what helps.
var goFaults = []struct{ said, suggestion string }{
	{"dial tcp", "there is no way to the module proxy; see go env GOPROXY"},
	{"TLS handshake", "there is no way to the module proxy; see go env GOPROXY"},
	{"i/o timeout", "there is no way to the module proxy; see go env GOPROXY"},
	{"module lookup disabled by GOPROXY=off", "see go env GOPROXY"},
	{"unknown revision", "is that its version?"},
	{"invalid version", "is that its version?"},
	{"404 Not Found", "are path and version right?"},
	{"does not contain package", "name a package main of that module"},
	{"requires go >= ", "install a newer go, or let it fetch one: unset GOTOOLCHAIN"},
	{"build constraints exclude all Go files", "it may need C, or not be for this architecture; build it yourself, and name it by file"},
	{"no matching files found", "files that its authors generate are not in the module; build it from its repository, and name it by file"},
	{"undefined: ", "files that its authors generate may not be in the module; build it from its repository, and name it by file"},
	{"SECURITY ERROR", "the module is not what it was; find out why before anything else"},
}

// goFault is a program's fault in go's own words.
func goFault(verb, said string) error {
	var lines []string
	for line := range strings.Lines(said) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "go: downloading ") || strings.HasPrefix(line, "go: added ") || strings.HasPrefix(line, "go: finding ") {
			continue
		}
		if len(lines) == mostGoLines {
			lines = append(lines, "...")
			break
		}
		lines = append(lines, printable.Escape(strings.ReplaceAll(line, "\t", " ")))
	}
	bad := &badProgram{key: "go", message: "go " + verb + ": " + strings.Join(lines, " | ")}
	for _, f := range goFaults {
		if strings.Contains(said, f.said) {
			bad.suggestion = f.suggestion
			break
		}
	}
	return bad
}
