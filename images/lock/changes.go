package lock

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// differences says what a board's inputs become, one change a line.
func differences(old, now *Board) (lines []string) {
	change := func(name, before, after string) {
		switch {
		case before == after:
		case before == "":
			lines = append(lines, fmt.Sprintf("%s: %s", name, after))
		case after == "":
			lines = append(lines, fmt.Sprintf("%s: %s -> none", name, before))
		default:
			lines = append(lines, fmt.Sprintf("%s: %s -> %s", name, before, after))
		}
	}
	change("Debian", old.Release, now.Release)
	change("kernel", cmp.Or(old.Kernel, "the board's own"), cmp.Or(now.Kernel, "the board's own"))
	change("device binary", short(old.Device), short(now.Device))
	both := &Board{Packages: maps.Clone(old.Packages)}
	maps.Copy(both.Packages, now.Packages)
	for _, n := range both.Names() {
		before, after := old.Packages[n], now.Packages[n]
		change(n.Package+" "+n.Arch, before.Version, after.Version)
		if before.Version == after.Version && before != after {
			change(n.Package+" "+n.Arch+" "+after.Version, short(before.SHA256), cmp.Or(short(after.SHA256), "none"))
			carries(n, strings.Fields(before.Carries), strings.Fields(after.Carries), &lines)
			if before.Closure != after.Closure {
				lines = append(lines, fmt.Sprintf("%s %s: closure %s -> %s", n.Package, n.Arch, cmp.Or(before.Closure, "none"), cmp.Or(after.Closure, "none")))
			}
		}
	}
	for _, name := range union(old.Programs, now.Programs) {
		before, after := old.Programs[name], now.Programs[name]
		change("program "+name, before.Go, after.Go)
		if before.Go == after.Go {
			change("program "+name+" tags", before.Tags, after.Tags)
			change("program "+name, before.Toolchain, after.Toolchain)
			sums(name, before.Sums, after.Sums, &lines)
		}
	}
	for _, path := range union(old.Sources, now.Sources) {
		change("source "+path, short(old.Sources[path]), short(now.Sources[path]))
	}
	return lines
}

// carries says which packages are carried for one now that were not, and the other way round.
func carries(n Name, before, after []string, lines *[]string) {
	for _, name := range before {
		if !slices.Contains(after, name) {
			*lines = append(*lines, fmt.Sprintf("%s %s: carries %s no longer", n.Package, n.Arch, name))
		}
	}
	for _, name := range after {
		if !slices.Contains(before, name) {
			*lines = append(*lines, fmt.Sprintf("%s %s: carries %s", n.Package, n.Arch, name))
		}
	}
}

// sums says which modules of a program are others now.
func sums(program string, before, after []string, lines *[]string) {
	for _, sum := range before {
		if !slices.Contains(after, sum) {
			*lines = append(*lines, "program "+program+": no longer "+sum)
		}
	}
	for _, sum := range after {
		if !slices.Contains(before, sum) {
			*lines = append(*lines, "program "+program+": now "+sum)
		}
	}
}

func union[V any](a, b map[string]V) []string {
	all := maps.Clone(a)
	if all == nil {
		all = make(map[string]V)
	}
	maps.Copy(all, b)
	return slices.Sorted(maps.Keys(all))
}

// short is as much of a digest as people compare.
func short(sha256 string) string { return sha256[:min(len(sha256), 12)] }
