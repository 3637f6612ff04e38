package system

import (
	"path"
	"slices"
	"strings"

	"bantam/spelling"
	"bantam/system/syntax"
)

// Closures of a package.
const (
	ClosureLibraries = "libraries"
	ClosureDepends   = "depends"
)

// neededPackages are the packages that links of a kind need, with what is needed of each.
var neededPackages = map[string]map[string]Package{
	// pppd and its part for PPPoE. PAM it has for who logs in over a line, which is nobody.
	"pppoe": {"ppp": {Only: []string{"/usr/sbin/pppd", "/usr/lib/pppd/*/pppoe.so"}, Without: []string{"libpam-modules"}}},
	// A station's key exchange, or an access point, and the rules of countries.
	"station": {"wpasupplicant": {Only: []string{"/sbin/wpa_supplicant"}}, "wireless-regdb": {Only: regulatory}},
	"ap":      {"hostapd": {Only: []string{"/usr/sbin/hostapd"}}, "wireless-regdb": {Only: regulatory}},
}

var regulatory = []string{"/lib/firmware/regulatory.db", "/lib/firmware/regulatory.db.p7s", "/lib/firmware/regulatory.db*-debian"}

// NeededPackage is a package of Debian that a system needs without naming it.
type NeededPackage struct {
	Package
	Path string // the key that asks for it, e.g. net.wan.pppoe
}

// NeededPackages are the packages that a system needs and does not name.
func (s *System) NeededPackages() map[string]NeededPackage {
	needed := map[string]NeededPackage{}
	for _, net := range sortedKeys(s.Net) {
		kind := s.Net[net].Kind()
		what := kind
		if w := s.Net[net].Wifi; w != nil {
			what = w.Mode
		}
		for name, p := range neededPackages[what] {
			if _, known := needed[name]; !known && !slices.Contains(s.Packages, name) {
				needed[name] = NeededPackage{p, syntax.Join("net", net) + "." + kind}
			}
		}
	}
	return needed
}

// AllPackages are those that a system names, in the order of the file, and those that it needs.
func (s *System) AllPackages() []string {
	return append(slices.Clone(s.Packages), sortedKeys(s.NeededPackages())...)
}

// PackageOptions is what system.toml says of a package, defaults filled in, or what is needed of one that it does not name.
func (s *System) PackageOptions(name string) Package {
	p := s.Package[name]
	if needed, is := s.NeededPackages()[name]; is {
		p = needed.Package
	}
	if p.Closure == "" {
		p.Closure = ClosureLibraries
	}
	return p
}

func (r *reader) checkPackages() {
	s, list := &r.system, r.root.Get("packages")
	for i, name := range s.Packages {
		n := list.Item(i)
		switch {
		case !ok(n):
		case !isPackageName(name):
			r.fail(n, packageSuggestion(name), "packages: %q is not the name of a Debian package", name)
		case slices.Index(s.Packages, name) < i:
			r.fail(n, "remove it", "packages: %q is there twice", name)
		}
	}
	for _, name := range sortedKeys(s.Package) {
		n, at := r.root.Get("package", name), syntax.Join("package", name)
		if n.Kind != syntax.TableKind || onlyDotted(n) {
			continue
		}
		if !slices.Contains(s.Packages, name) {
			suggestion := "add " + syntax.Quote(name) + " to packages"
			if near := spelling.Nearest(name, s.Packages); near != "" {
				suggestion = "did you mean " + syntax.Quote(near) + "?"
			}
			r.failKey(n, suggestion, "%s: packages does not name it", at)
		}
		for i, file := range s.Package[name].Exclude {
			if item := n.Get("exclude").Item(i); ok(item) && (!strings.HasPrefix(file, "/") || file == "/" || path.Clean(file) != file) {
				r.fail(item, "write a path as the package has it, e.g. \"/usr/share/fonts\"", "%s.exclude: %q is no path of a file or folder", at, file)
			}
		}
	}
}

// isPackageName says whether Debian may have a package of that name (Debian Policy, section 5.6.1).
func isPackageName(name string) bool {
	return len(name) >= 2 && len(name) < 128 && name == strings.ToLower(name) && consists(name, "-+.") && consists(name[:1], "")
}

func packageSuggestion(name string) string {
	stem, _, _ := strings.Cut(name, "=")
	stem, _, _ = strings.Cut(stem, ":")
	if stem = strings.ToLower(stem); stem != name && isPackageName(stem) {
		return "write " + syntax.Quote(stem) + "; system.lock keeps its version"
	}
	return "write a name as apt shows it, e.g. \"tcpdump\""
}

func (r *reader) checkPrograms() {
	for _, name := range sortedKeys(r.system.Programs) {
		n, p, at := r.root.Get("program", name), r.system.Programs[name], syntax.Join("program", name)
		if n.Kind != syntax.TableKind || onlyDotted(n) {
			continue
		}
		if !isProgramName(name) {
			r.failKey(n, "use letters, digits and _ - . +, starting with a letter or digit", "%s: %q is no name for a program", at, name)
		}
		if file := "/usr/bin/" + name; r.root.Get("file", file) != nil {
			r.failKey(n, "leave one of them out", "%s: %s is there already", at, syntax.Join("file", file))
		}
		from, file := n.Get("go"), n.Get("file")
		switch {
		case from == nil && file == nil:
			r.failAt(n, n.Key, "add file = \"...\"", "%s: it has neither go nor file", at)
		case from != nil && ok(file):
			r.fail(file, "leave one of them out", "%s.file: go says already where the program comes from", at)
		case ok(from):
			if why := goProgramFault(p.Go); why != "" {
				r.fail(from, "write e.g. \"github.com/prometheus/node_exporter@v1.12.1\"", "%s.go: %q %s", at, p.Go, why)
			}
		case ok(file):
			r.checkBeside(file, at+".file", p.File)
		}
		tags := n.Get("tags")
		if ok(tags) && from == nil {
			r.fail(tags, "remove it", "%s.tags: only a program with go has any", at)
		}
		for i, tag := range p.Tags {
			if item := tags.Item(i); ok(item) && (tag == "" || !consists(tag, "_.")) {
				r.fail(item, "use letters, digits, _ and .", "%s.tags: %q is not a build tag", at, tag)
			}
		}
	}
}

func isProgramName(name string) bool {
	return name != "" && len(name) <= mostName && consists(name, "_-.+") && name[0] != '-' && strings.Trim(name, ".") != ""
}

// goProgramFault says what is wrong with the name of a Go program and its version, "" if nothing is.
func goProgramFault(name string) string {
	module, version, found := strings.Cut(name, "@")
	first, _, _ := strings.Cut(module, "/")
	switch {
	case !found:
		return "has no @version"
	case version == "latest" || version == "upgrade" || version == "patch":
		return "is another program tomorrow; name its version"
	case !strings.HasPrefix(version, "v") || !consists(version, ".-+"):
		return "has no version like v1.2.3"
	case !strings.Contains(first, ".") || !consists(module, "/._-~") || path.Clean(module) != module || strings.HasPrefix(module, "/"):
		return "is not the path of a Go package"
	}
	return ""
}

// checkBeside: a file that the build reads lies beside system.toml or below, so that both go together.
func (r *reader) checkBeside(n *syntax.Node, at, name string) {
	clean := path.Clean(name)
	switch {
	case name == "":
		r.fail(n, "write its path from the folder of system.toml", "%s: it names nothing", at)
	case strings.HasPrefix(name, "/"), clean == "..", strings.HasPrefix(clean, "../"):
		r.fail(n, "move it there, and write its path from that folder", "%s: %q is not in the folder of system.toml", at, name)
	case strings.ContainsFunc(name, func(c rune) bool { return c < ' ' || c == 0x7f }):
		r.fail(n, "", "%s: the path has control characters", at)
	}
}
