package payload

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"bantam/layer"
	"bantam/printable"
	"bantam/system"
)

// notes are what the owner of a machine should know of a package that is named in system.toml: what does not come with it as
// Debian has it, and what would not work.
func (p *carried) notes(sys *system.System, tree layer.Tree) (notes []string) {
	for _, said := range slices.Concat(p.Dropped, p.scriptNotes(sys)) {
		notes = append(notes, fmt.Sprintf("package %s: %s", p.Package, said))
	}
	if programs := p.hiddenPrograms(); len(programs) > 0 {
		notes = append(notes, fmt.Sprintf("package %s: %s", p.Package, hidden(programs)))
	}
	return append(notes, p.interpreterNotes(tree)...)
}

// isOwn tells whether a program is one of Bantam's commands wherever a layer has none of that path.
func isOwn(program string) bool {
	return slices.Contains([]string{"/bin", "/sbin", "/usr/bin", "/usr/sbin"}, path.Dir(program)) && system.IsOwnCommand(path.Base(program))
}

// interpreterNotes names what runs scripts of a package and is not there.
func (p *carried) interpreterNotes(tree layer.Tree) (notes []string) {
	scripts := make(map[string][]string)
	for _, f := range p.Tree {
		if f.Kind != layer.RegularFile || f.ELF || f.Interpreter == "" {
			continue
		}
		missing := f.Interpreter
		if isOwn(missing) || tree.Library(missing, nil, nil) != nil {
			if missing = f.Env; missing == "" || system.IsOwnCommand(missing) || tree.Library("/usr/bin/"+missing, nil, nil) != nil || tree.Library("/usr/sbin/"+missing, nil, nil) != nil {
				continue
			}
		}
		scripts[missing] = append(scripts[missing], path.Base(f.Path))
	}
	for _, interpreter := range slices.Sorted(maps.Keys(scripts)) {
		names := scripts[interpreter]
		shown := strings.Join(names[:min(len(names), 3)], ", ")
		if len(names) > 3 {
			shown += fmt.Sprintf(" and %d more", len(names)-3)
		}
		text := "package %s: %s needs %s, which no package brings: it does not run"
		if len(names) > 1 {
			text = "package %s: %s need %s, which no package brings: they do not run"
		}
		notes = append(notes, fmt.Sprintf(text, p.Package, printable.Escape(shown), printable.Escape(interpreter)))
	}
	return notes
}

// scriptNotes are what maintainer scripts would do for which a machine has no place. What they do for users, folders and
// services is asked from system.toml; and where that has a file in their place, somebody knows.
func (c *contents) scriptNotes(sys *system.System) (notes []string) {
	for _, script := range []string{"preinst", "postinst"} {
		for _, command := range shellCommands(c.Scripts[script]) {
			note, of := commandNote(command)
			if note != "" && !slices.Contains(notes, note) && !configures(sys, of) {
				notes = append(notes, note)
			}
		}
	}
	return notes
}

// shellOnly tells of a word that it is something only to a shell.
func shellOnly(word string) bool { return strings.ContainsAny(word, "$`*?") }

// configures says whether the system has that file, or one in that folder if it ends with a slash.
func configures(sys *system.System, of string) bool {
	for name := range sys.Files {
		if name == of || strings.HasSuffix(of, "/") && strings.HasPrefix(name, of) {
			return true
		}
	}
	return false
}

// commandNote is what is to be said of a script's command, and which file of system.toml, or any in which folder, makes that needless; "" if nothing, or
// none.
func commandNote(command []string) (note, of string) {
	if len(command) < 3 {
		return "", ""
	}
	var paths, words []string
	for _, word := range command[1:] {
		if !strings.HasPrefix(word, "-") {
			words = append(words, word)
		}
		if strings.HasPrefix(word, "/") && !shellOnly(word) {
			paths = append(paths, printable.Escape(word))
		}
	}
	last := func(n int) string { return paths[len(paths)-n] }
	leftOut := func(file string) bool { return trimmed(mergeUsr(file[1:])) } // a manual, a completion, a job of cron
	switch name := path.Base(command[0]); {
	case name == "update-alternatives" && len(paths) >= 2 && leftOut(paths[0]), name == "ln" && len(paths) > 0 && leftOut(last(1)):
		return "", ""
	case name == "update-alternatives" && slices.Contains(command, "--install") && len(paths) >= 2:
		return fmt.Sprintf("its script would make %s an alternative that leads to %s: use that path", paths[0], paths[1]), ""
	case name == "update-alternatives" && slices.Contains(command, "--install"):
		return "its script would make alternatives, by names that only a shell finds out: call its programs by their paths", ""
	case name == "dpkg-divert" && slices.Contains(command, "--add") && len(paths) >= 1:
		return fmt.Sprintf("its script would divert another package's %s: not done, so both are not carried together", last(1)), ""
	case name == "setcap" && strings.HasPrefix(command[1], "cap_"):
		program := "a program"
		if shellOnly(command[1]) {
			return "", ""
		}
		if len(paths) > 0 {
			program = last(1)
		}
		return fmt.Sprintf("its script would give %s the capabilities %s: a service gets them by capabilities", program, printable.Escape(command[1])), ""
	case name == "ucf" && strings.HasPrefix(command[len(command)-1], "/etc/") && !shellOnly(command[len(command)-1]):
		from := ""
		if source := command[len(command)-2]; strings.HasPrefix(source, "/") && !shellOnly(source) {
			from = " of " + printable.Escape(source)
		}
		return fmt.Sprintf("its script would make %s%s: write that as a [file]", last(1), from), last(1)
	case name == "dpkg-statoverride" && slices.Contains(command, "--add") && len(words) == 4 && len(paths) == 1 && strings.HasPrefix(last(1), "/etc/") && words[0] != "root":
		return fmt.Sprintf("its script would give %s to %s, with mode %s: write that as a [file] with owner and mode", last(1), printable.Escape(words[0]), printable.Escape(words[2])), last(1)
	case name == "ln" && len(paths) == 2 && len(paths) == len(words) && strings.HasPrefix(last(1), "/etc/"):
		return fmt.Sprintf("its script would make %s a link to %s: a [file] or a line of configuration has to say the same", last(1), paths[0]), strings.Join(strings.SplitAfter(last(1), "/")[:3], "")
	}
	return "", ""
}
