package kmod

import (
	"iter"
	"slices"
	"strings"
)

// Index is what depmod knows about the modules in one folder. It is read-only
// after OpenDir, so any number of goroutines may use it.
type Index struct {
	Dir     string // e.g. /lib/modules/6.1.0-40-amd64
	modules map[string]*module
	builtin map[string]bool
	aliases aliasTable
}

type module struct {
	file  string   // below Dir, e.g. kernel/drivers/net/ethernet/intel/e1000/e1000.ko
	needs []string // names
	pre   []string // soft dependencies: names or aliases, missing ones do not matter
	post  []string
}

// File is the module's file below Dir; "" when there is none of that name.
func (x *Index) File(name string) string {
	if m := x.modules[Name(name)]; m != nil {
		return m.file // "" for a name that only modules.softdep knows
	}
	return ""
}

// Names are those of all modules that have a file, sorted.
func (x *Index) Names() []string {
	var names []string
	for name, m := range x.modules {
		if m.file != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// Builtin says whether the kernel itself contains the module.
func (x *Index) Builtin(name string) bool { return x.builtin[Name(name)] }

// Resolve gives the modules that claim an alias, e.g. that of a device
// (pci:v00008086d0000100Esv...) or of a function (fs-ext4), sorted and without
// duplicates. The name of a module resolves to itself.
func (x *Index) Resolve(alias string) []string {
	names := x.aliases.match(alias)
	if x.File(alias) != "" {
		names = append(names, Name(alias))
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func lines(text string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for line := range strings.Lines(text) {
			line = strings.TrimSpace(line)
			if line != "" && line[0] != '#' && !yield(line) {
				return
			}
		}
	}
}

func (x *Index) parseDep(text string) {
	for line := range lines(text) {
		file, needs, ok := strings.Cut(line, ":")
		if !ok {
			continue
		}
		m := x.at(Name(file))
		m.file = file
		for need := range strings.FieldsSeq(needs) {
			m.needs = append(m.needs, Name(need))
		}
	}
}

func (x *Index) parseAlias(text string) {
	x.aliases.grow(strings.Count(text, "\n"))
	for line := range lines(text) {
		rest, ok := strings.CutPrefix(line, "alias ")
		if !ok {
			continue
		}
		// The pattern may hold blanks (DMI), the module name never does.
		if i := strings.LastIndexByte(rest, ' '); i > 0 {
			x.aliases.add(strings.TrimSpace(rest[:i]), Name(rest[i+1:]))
		}
	}
}

func (x *Index) parseSoftdep(text string) {
	for line := range lines(text) {
		words := strings.Fields(line)
		if len(words) < 2 || words[0] != "softdep" {
			continue
		}
		m := x.at(Name(words[1]))
		var list *[]string
		for _, word := range words[2:] {
			switch {
			case word == "pre:":
				list = &m.pre
			case word == "post:":
				list = &m.post
			case list != nil:
				*list = append(*list, word)
			}
		}
	}
}

func (x *Index) parseBuiltin(text string) {
	for line := range lines(text) {
		x.builtin[Name(line)] = true
	}
}

// at gives the entry of a module, made when it is new: the files may be read in any order.
func (x *Index) at(name string) *module {
	m := x.modules[name]
	if m == nil {
		m = &module{}
		x.modules[name] = m
	}
	return m
}
