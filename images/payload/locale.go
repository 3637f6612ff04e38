package payload

import (
	"maps"
	"slices"
	"strings"

	"bantam/layer"
	"bantam/system"
	"bantam/system/syntax"
)

// localeRemarks are about services that ask libc for a locale that it will not find: programs then count bytes in place of
// letters, or, as tmux, refuse to run.
func (p *present) localeRemarks() (remarks []system.Problem) {
	if p.tree.Library("libc.so.6", nil, layer.Folders(p.Arch)) == nil {
		return nil // what there is knows no locales
	}
	for _, name := range slices.Sorted(maps.Keys(p.System.Services)) {
		env := p.System.Services[name].Env
		for _, variable := range slices.Sorted(maps.Keys(env)) {
			value := env[variable].Text
			if variable != "LANG" && !strings.HasPrefix(variable, "LC_") || value == "" || value == "C" || value == "POSIX" {
				continue
			}
			language, charset, _ := strings.Cut(value, ".")
			folder := language + "." + strings.ToLower(strings.ReplaceAll(charset, "-", "")) // as libc looks for it
			if p.locales[folder] || p.locales[value] || !p.whole {
				continue
			}
			suggestion := "libc knows C, and with \"libc-bin\" in packages C.UTF-8"
			if folder == "C.utf8" {
				suggestion = "add \"libc-bin\" to packages"
			}
			key := syntax.Join("service", name) + ".env." + variable
			remarks = append(remarks, p.problem(key, suggestion, "%s: no layer has locale %s", key, value))
		}
	}
	return remarks
}
