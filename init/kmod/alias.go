package kmod

import (
	"slices"
	"strings"

	"bantam/init/glob"
)

// aliasTable finds patterns by the literal text they begin with: a Debian
// kernel has 20,000 patterns, and a device is compared with the few whose
// beginning is its own.
type aliasTable struct {
	entries []aliasEntry
	last    map[string]int // the last entry of a prefix, the others are linked to it
	lengths []int          // of the prefixes, ascending
}

type aliasEntry struct {
	pattern, module string
	previous        int // with the same prefix, -1 for none
}

// grow makes room for n patterns at once, which halves the time to read them.
func (t *aliasTable) grow(n int) {
	t.entries = slices.Grow(t.entries, n)
	if t.last == nil {
		t.last = make(map[string]int, n)
	}
}

func (t *aliasTable) add(pattern, module string) {
	pattern = underscored(pattern)
	prefix := pattern
	for i := range len(pattern) {
		if c := pattern[i]; c == '*' || c == '?' || c == '[' || c == '\\' {
			prefix = pattern[:i]
			break
		}
	}
	if i, found := slices.BinarySearch(t.lengths, len(prefix)); !found {
		t.lengths = slices.Insert(t.lengths, i, len(prefix))
	}
	previous, found := t.last[prefix]
	if !found {
		previous = -1
	}
	t.last[prefix] = len(t.entries)
	t.entries = append(t.entries, aliasEntry{pattern, module, previous})
}

func (t *aliasTable) match(alias string) (modules []string) {
	alias = underscored(alias)
	for _, n := range t.lengths {
		if n > len(alias) {
			break
		}
		i, found := t.last[alias[:n]]
		for ; found && i >= 0; i = t.entries[i].previous {
			if e := &t.entries[i]; glob.Match(e.pattern, alias) {
				modules = append(modules, e.module)
			}
		}
	}
	return modules
}

// underscored writes - as _ outside of brackets, as modprobe does on both
// sides: platform:bcm2835-wdt and platform:bcm2835_wdt are one device.
func underscored(s string) string {
	if strings.IndexByte(s, '-') < 0 {
		return s
	}
	b := []byte(s)
	inside := false
	for i, c := range b {
		switch {
		case c == '[':
			inside = true
		case c == ']':
			inside = false
		case c == '-' && !inside:
			b[i] = '_'
		}
	}
	return string(b)
}
