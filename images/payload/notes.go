package payload

import (
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"bantam/layer"
)

// notes are what the owner of a machine should know of a package that is named in system.toml: what does not come with it as
// Debian has it, and what would not work.
func (p *carried) notes(tree layer.Tree) (notes []string) {
	for _, said := range slices.Concat(p.Dropped, p.scriptNotes()) {
		notes = append(notes, fmt.Sprintf("package %s: %s", p.Package, said))
	}
	return append(notes, p.interpreterNotes(tree)...)
}

// interpreterNotes names what runs scripts of a package and is not there. /bin is Bantam's, which has a shell.
func (p *carried) interpreterNotes(tree layer.Tree) (notes []string) {
	scripts := make(map[string][]string)
	for _, f := range p.Tree {
		if f.Kind != layer.RegularFile || f.ELF || f.Interpreter == "" || f.Interpreter == "/bin/sh" || f.Interpreter == "/usr/bin/env" {
			continue
		}
		if tree.Library(f.Interpreter, nil, nil) == nil {
			scripts[f.Interpreter] = append(scripts[f.Interpreter], path.Base(f.Path))
		}
	}
	for _, interpreter := range slices.Sorted(maps.Keys(scripts)) {
		names := scripts[interpreter]
		shown := strings.Join(names[:min(len(names), 3)], ", ")
		if len(names) > 3 {
			shown += fmt.Sprintf(" and %d more", len(names)-3)
		}
		notes = append(notes, fmt.Sprintf("package %s: %s needs %s, which no package brings: it does not run", p.Package, printable(shown), printable(interpreter)))
	}
	return notes
}

// scriptWords are what maintainer scripts do for which a machine has no place. What they do for users, folders and services
// is asked from system.toml.
var scriptWords = []struct {
	command *regexp.Regexp // of a line that goes on behind a backslash as one
	note    string         // with what its groups have found
}{
	{regexp.MustCompile(`update-alternatives\s[^;&|]*--install\s+(\S+)\s+\S+\s+(\S+)`), "its script would make %s an alternative that leads to %s: use that path"},
	{regexp.MustCompile(`dpkg-divert\s[^;&|]*--add\s[^;&|]*?(/\S+)`), "its script would divert another package's %s: not done, so one of the two is refused if both are there"},
	{regexp.MustCompile(`setcap\s+(\S+)\s+(/\S+)`), "its script would give %[2]s the capabilities %[1]s: a service gets them by capabilities"},
	{regexp.MustCompile(`ucf\s[^;&|]*?(/\S+)\s+(/etc/\S+)`), "its script would copy %s to %s: write that as a [file]"},
}

func (p *contents) scriptNotes() (notes []string) {
	for _, name := range []string{"preinst", "postinst"} {
		text := strings.ReplaceAll(p.Scripts[name], "\\\n", " ")
		for line := range strings.Lines(text) {
			if strings.HasPrefix(strings.TrimSpace(line), "#") {
				continue
			}
			for _, word := range scriptWords {
				m := word.command.FindStringSubmatch(line)
				if m == nil {
					continue
				}
				var found []any
				for _, group := range m[1:] {
					found = append(found, printable(strings.Trim(group, `"'`)))
				}
				if note := fmt.Sprintf(word.note, found...); !strings.Contains(note, "$") && !slices.Contains(notes, note) {
					notes = append(notes, note)
				}
			}
		}
	}
	return notes
}
