package control

import (
	"os"
	"path/filepath"

	"bantam/editor/language"
	"bantam/editor/systemfile"
	"bantam/system"
)

// checker tells the editor about system.toml.
type checker struct{}

// checkerFor is what the editor asks about a file, by its name.
func checkerFor(path string) language.Checker {
	if filepath.Base(path) != "system.toml" {
		return nil
	}
	return checker{}
}

func (checker) Check(text []byte) (faults []language.Fault) {
	_, problems := system.Parse("system.toml", text)
	for _, p := range problems {
		faults = append(faults, language.Fault{Line: p.Line, Col: p.Col, Text: message(p)})
	}
	return faults
}

func (checker) Complete(text []byte, offset int) (from int, items []language.Completion) {
	return systemfile.Complete(text, offset, ports()...)
}

func (checker) Explain(text []byte, offset int) string { return systemfile.Explain(text, offset) }

// ports are the network ports of this machine, but the loopback.
func ports() (names []string) {
	links, _ := os.ReadDir("/sys/class/net") // without it there is less to offer
	for _, l := range links {
		if l.Name() != "lo" {
			names = append(names, l.Name())
		}
	}
	return names
}
