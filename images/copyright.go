package images

import (
	"slices"
	"strings"
)

// Licence is one that a copyright file names.
type Licence struct {
	Name string // as it stands there, e.g. GPL-2+ or Artistic
	Text string // what the file says of it; may be ""
}

// Licences are those of a copyright file of Debian, in their order, if it has the format for machines
// (https://www.debian.org/doc/packaging-manuals/copyright-format/1.0); otherwise ok is false.
func Licences(copyright string) (all []Licence, ok bool) {
	stanzas := parseDeb822(copyright)
	if len(stanzas) == 0 || stanzas[0]["format"] == "" {
		return nil, false
	}
	texts := make(map[string]string)
	for _, s := range stanzas {
		name, text, _ := strings.Cut(s["license"], "\n")
		name = strings.Join(strings.Fields(name), " ")
		if name == "" {
			continue
		}
		if text != "" && texts[name] == "" {
			texts[name] = strings.ReplaceAll(text, "\n.\n", "\n\n")
		}
		files := s["files"] != "" || s["format"] != "" // others only give the text of a name
		if files && !slices.ContainsFunc(all, func(l Licence) bool { return l.Name == name }) {
			all = append(all, Licence{Name: name})
		}
	}
	for i := range all {
		all[i].Text = texts[all[i].Name]
	}
	return all, true
}
