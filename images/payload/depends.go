package payload

import (
	"slices"
	"strings"

	"bantam/images"
)

// dependency is one name in a Depends field.
type dependency struct {
	name    string
	version string // relation and version, e.g. = 1.0-2; "" for any
}

// parseDepends reads a field of relations, alternatives one after the other: Debian Policy, section 7.1.
func parseDepends(fields ...string) (list []dependency) {
	for _, field := range fields {
		for _, text := range strings.FieldsFunc(field, func(r rune) bool { return r == ',' || r == '|' }) {
			name, version, _ := strings.Cut(strings.TrimSpace(text), " ")
			name, _, _ = strings.Cut(name, ":") // an architecture, or any
			if name != "" {
				list = append(list, dependency{name, strings.Join(strings.Fields(strings.Trim(version, "()")), " ")})
			}
		}
	}
	return list
}

// archiveOf are the packages that a package may take something from: all that it depends on, as apt has resolved it.
type archiveOf struct {
	records map[string]images.Record
	names   map[string][]string // packages by the names that they provide
}

func newArchiveOf(records []images.Record) archiveOf {
	a := archiveOf{make(map[string]images.Record), make(map[string][]string)}
	for _, r := range records {
		a.records[r.Package] = r
		for _, provided := range parseDepends(r.Provides) {
			a.names[provided.name] = append(a.names[provided.name], r.Package)
		}
	}
	return a
}

// depends are the packages that one depends on itself.
func (a archiveOf) depends(name string) (list []string) {
	r := a.records[name]
	for _, d := range parseDepends(r.PreDepends, r.Depends) {
		found := a.names[d.name]
		if _, real := a.records[d.name]; real {
			found = []string{d.name}
		}
		for _, f := range found {
			if f != name && !slices.Contains(list, f) {
				list = append(list, f)
			}
		}
	}
	return list
}

// siblings are the packages built from the same source without which one is not whole. For one that is there for itself, all
// that it depends on; for one that is there for a library, those in the same version, and the data that fits every architecture.
func (a archiveOf) siblings(name string, whole bool) (list []string) {
	r := a.records[name]
	for _, d := range parseDepends(r.PreDepends, r.Depends) {
		other, ok := a.records[d.name]
		if !ok || other.Source != r.Source || d.name == name || slices.Contains(list, d.name) {
			continue
		}
		if whole || strings.HasPrefix(d.version, "= ") || other.Architecture == "all" {
			list = append(list, d.name)
		}
	}
	return list
}

// byNearness lists the packages in which a library may be that one of a package's files needs: those that the package depends
// on come first, as Debian has each package depend on those of its libraries; of them, those called like the library. The
// package itself is the first of all.
func (a archiveOf) byNearness(owner, library string) []string {
	ring, order := []string{owner}, []string{owner}
	for len(ring) > 0 {
		var next []string
		for _, name := range ring {
			for _, d := range a.depends(name) {
				if !slices.Contains(order, d) && !slices.Contains(next, d) {
					next = append(next, d)
				}
			}
		}
		slices.SortStableFunc(next, func(x, y string) int { return likeness(y, library) - likeness(x, library) })
		order, ring = append(order, next...), next
	}
	return order
}

// likeness is how much the name of a package speaks for its having a library, e.g. libssl3 for libssl.so.3: Debian Policy,
// section 8.1.
func likeness(name, library string) int {
	stem, version, _ := strings.Cut(library, ".so")
	version = strings.TrimPrefix(version, ".")
	stem = strings.ToLower(strings.ReplaceAll(stem, "_", "-"))
	plain := strings.TrimSuffix(name, "t64") // those with the time of 64 bits
	switch {
	case plain == stem+version, plain == stem+"-"+version:
		return 3
	case strings.HasPrefix(name, stem):
		return 2
	case strings.HasPrefix(name, "lib"):
		return 1
	}
	return 0
}
