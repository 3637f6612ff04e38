package images

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"bantam/spelling"
)

// NoPackage says that a release has no package of a name.
type NoPackage struct {
	Release, Arch, Name string // Name may be name=version
	Instead             string // what there is, e.g. it has 6.1.153-1; did you mean "mosquitto"? "" if nothing is near
}

func (e *NoPackage) Error() string {
	text := fmt.Sprintf("Debian %s %s has no package %s", e.Release, e.Arch, e.Name)
	if _, version, pinned := strings.Cut(e.Name, "="); pinned {
		text += " in version " + version
	}
	if e.Instead != "" {
		text += "; " + e.Instead
	}
	return text
}

// noPackage says what there is instead: other versions, packages that are also called so, those whose names differ only in
// numbers, as those of kernels do, or a name that is near.
func (a *Archive) noPackage(ctx context.Context, asked string) *NoPackage {
	e := &NoPackage{Release: a.Release, Arch: a.Arch, Name: asked}
	name, _, pinned := strings.Cut(asked, "=")
	if pinned {
		if out, err := a.apt(ctx, "", "apt-cache", "show", name); err == nil {
			var versions []string
			for _, s := range parseDeb822(out) {
				versions = append(versions, s["version"])
			}
			e.Instead = "it has " + strings.Join(versions, ", ")
			return e
		}
	}
	if names := a.providers(ctx, name); len(names) > 0 {
		e.Instead = "so are called " + strings.Join(names, ", ")
		return e
	}
	pattern := "^" + digits.ReplaceAllString(regexp.QuoteMeta(name), "[0-9]+") + "$"
	if out, err := a.apt(ctx, "", "apt-cache", "search", "--names-only", pattern); err == nil && out != "" {
		var names []string
		for line := range strings.Lines(out) {
			found, _, _ := strings.Cut(line, " ")
			names = append(names, found)
		}
		slices.Sort(names)
		e.Instead = "it has " + strings.Join(names, ", ")
		return e
	}
	if out, err := a.apt(ctx, "", "apt-cache", "pkgnames"); err == nil {
		names := strings.Fields(out)
		slices.Sort(names)
		if near := spelling.Nearest(name, names); near != "" {
			e.Instead = fmt.Sprintf("did you mean %q?", near)
		}
	}
	return e
}

// Lists tells whether the package lists that this host has already name a package.
func (a Archive) Lists(ctx context.Context, name string) bool {
	if a.CacheDir == "" || a.locate() != nil {
		return false
	}
	if _, err := os.Stat(a.path("updated")); err != nil {
		return false
	}
	_, err := a.apt(ctx, "", "apt-cache", "show", "--no-all-versions", name)
	return err == nil
}

// mostProviders bounds a list that is read on one line.
const mostProviders = 8

// providers are the packages that a virtual one stands for.
func (a *Archive) providers(ctx context.Context, name string) (names []string) {
	out, err := a.apt(ctx, "", "apt-cache", "showpkg", name)
	if err != nil {
		return nil
	}
	_, reverse, _ := strings.Cut(out, "\nReverse Provides: \n")
	for line := range strings.Lines(reverse) {
		if provider, _, _ := strings.Cut(line, " "); provider != "" && !slices.Contains(names, provider) {
			names = append(names, provider)
		}
	}
	slices.Sort(names)
	return names[:min(len(names), mostProviders)]
}

var digits = regexp.MustCompile("[0-9]+")
