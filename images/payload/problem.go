package payload

import (
	"fmt"
	"strings"

	"bantam/images"
	"bantam/system"
	"bantam/system/syntax"
)

// problem is a fault of system.toml at a key, e.g. packages[0] or program.sensor; "" is the whole file.
func (r Request) problem(key, suggestion, format string, args ...any) system.Problem {
	p := system.Problem{File: r.File, Message: fmt.Sprintf(format, args...), Suggestion: suggestion}
	if at, ok := system.Scan(r.Text).Find(key); ok && key != "" {
		p.Line, p.Col = at.Key.Line, at.Key.Col
	}
	return p
}

// placed is an error with the place in system.toml of what it hit, though that is no fault of the file.
func (r Request) placed(key, what string, err error) error {
	if r.File == "" {
		return err
	}
	return fmt.Errorf("%s: %w", r.problem(key, "", "%s", what), err)
}

// badSystem is the error of problems; nil if there are none.
func badSystem(problems []system.Problem) error {
	if len(problems) == 0 {
		return nil
	}
	return &images.BadSystem{Problems: problems}
}

// placeOf is the key in system.toml of the first of those that a layer is for.
func (r Request) placeOf(names []string) string {
	if len(names) == 0 {
		return ""
	}
	kind, name, _ := strings.Cut(names[0], "/")
	switch kind {
	case "package":
		return r.packageKey(name)
	case "program":
		return syntax.Join("program", name)
	}
	return "file"
}

// packageKey is the key of a name in the list of packages, or of what needs it.
func (r Request) packageKey(name string) string {
	if needed, is := r.System.NeededPackages()[name]; is {
		return needed.Path
	}
	for i, n := range r.System.Packages {
		if n == name {
			return fmt.Sprintf("packages[%d]", i)
		}
	}
	return "packages"
}
