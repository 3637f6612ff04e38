package images

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Record is what the archive says of a package.
type Record struct {
	Package, Version, Architecture, SHA256 string
	Depends, PreDepends                    string // as they stand there
	Provides                               string `json:",omitempty"`
	Source, SourceVersion                  string // what it was built from
	Filename                               string // below the archive's root
	Size                                   int64  // of the .deb, bytes

	locked bool   // the lock says so
	kernel string // of a meta package in the lock: name=version of the kernel
}

// fileName is what files of a package are called. A version may hold ':' and '~', which are fine there.
func (r Record) fileName() string {
	return fmt.Sprintf("%s_%s_%s_%.12s", r.Package, r.Version, r.Architecture, r.SHA256)
}

// Answers of apt are kept beside the lists until those are updated, because loading the lists takes apt longer than all
// of a warm build. The names change with what a Record holds.
const recordsFile, closuresFile = "records-2.json", "closures-2.json"

// records resolves names, or names=versions: by the lock, and what that does not say against apt's lists.
func (a *Archive) records(ctx context.Context, names []string) (map[string]Record, error) {
	all, missing, err := a.lockedRecords(names)
	if err != nil || len(missing) == 0 {
		return all, err
	}
	found, err := answers(ctx, a, recordsFile, missing, a.show)
	if err != nil {
		return nil, err
	}
	for _, name := range missing {
		all[name] = found[name]
		a.Lock.AddPackage(a.Arch, name, found[name].entry())
	}
	return all, nil
}

// answers are what ask says of each name, or has said since the lists were updated.
func answers[T any](ctx context.Context, a *Archive, file string, names []string, ask func(context.Context, string) (T, error)) (map[string]T, error) {
	if err := a.locate(); err != nil {
		return nil, err
	}
	unlock, err := Cache{a.CacheDir}.Lock(ctx, "apt-"+a.Release+"-"+a.Arch, a.Progress)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err := a.fresh(ctx); err != nil {
		return nil, err
	}
	known := keptAnswers[T](a, file)
	changed := false
	for _, name := range names {
		if _, ok := known[name]; ok {
			continue
		}
		answer, err := ask(ctx, name)
		if err != nil {
			return nil, err
		}
		known[name], changed = answer, true
	}
	if !changed {
		return known, nil
	}
	text, err := json.MarshalIndent(known, "", "\t")
	if err != nil {
		return nil, err
	}
	return known, writeText(a.path(file), string(text)+"\n")
}

// keptAnswers are those that are kept beside the lists.
func keptAnswers[T any](a *Archive, file string) map[string]T {
	known := make(map[string]T)
	if text, err := os.ReadFile(a.path(file)); err == nil && json.Unmarshal(text, &known) != nil {
		return make(map[string]T) // damaged: ask apt again
	}
	return known
}

// KnownClosure is Closure as far as this host remembers it: it asks nobody, and is nil for a package that it was not asked for.
func (a Archive) KnownClosure(name string) []Record {
	if a.locate() != nil {
		return nil
	}
	return keptAnswers[[]Record](&a, closuresFile)[name]
}

// locate fills in the release, and makes the cache's path one that apt understands.
func (a *Archive) locate() (err error) {
	if a.Release, err = a.Lock.Release(a.Release); err != nil && a.fixed == "" {
		return err
	}
	a.Release = cmp.Or(a.fixed, a.Release, a.Default)
	if a.Release == "" {
		if a.Release, err = hostRelease("/etc/os-release"); err != nil {
			return err
		}
	}
	if strings.Trim(a.Release, "abcdefghijklmnopqrstuvwxyz-") != "" { // it is part of paths, too
		return noRelease(a.Release)
	}
	if a.fixed == "" {
		a.Lock.SetRelease(a.Release)
	}
	dir, err := filepath.Abs(a.CacheDir) // apt knows no working directory
	a.CacheDir = dir
	return err
}

// show asks apt for the newest version of a package, or for the one that name=version names.
func (a *Archive) show(ctx context.Context, name string) (Record, error) {
	out, err := a.apt(ctx, "", "apt-cache", "show", "--no-all-versions", name)
	if err != nil && !strings.Contains(err.Error(), "No packages found") {
		return Record{}, err
	}
	stanzas := parseDeb822(out)
	if len(stanzas) == 0 {
		return Record{}, a.noPackage(ctx, name)
	}
	return newRecord(stanzas[0])
}

// newRecord reads a stanza of a Packages file, https://wiki.debian.org/DebianRepository/Format.
func newRecord(s map[string]string) (Record, error) {
	if s["sha256"] == "" {
		return Record{}, fmt.Errorf("apt-cache show %s: no SHA256 in its answer", s["package"])
	}
	r := Record{
		Package: s["package"], Version: s["version"], Architecture: s["architecture"], SHA256: s["sha256"],
		Depends: s["depends"], PreDepends: s["pre-depends"], Provides: s["provides"],
		Source: s["package"], SourceVersion: s["version"], Filename: s["filename"],
	}
	if source, version, _ := strings.Cut(s["source"], " "); source != "" {
		r.Source, r.SourceVersion = source, cmp.Or(strings.Trim(version, "()"), r.Version)
	}
	r.Size, _ = strconv.ParseInt(s["size"], 10, 64)
	return r, nil
}

// installLine is apt-get's, e.g. Inst libc6:arm64 (2.36-9 Debian:12.15/oldstable [arm64]).
var installLine = regexp.MustCompile(`^Inst ([^ :]+)(?::[^ ]+)? \(([^ ]+) `)

// essential is a package that every Debian has, so that none says that it depends on it: what programs know of terminals.
const essential = "ncurses-base"

// closure asks apt what it would install, into a system that has what is essential.
func (a *Archive) closure(ctx context.Context, name string) ([]Record, error) {
	first, err := a.show(ctx, name) // which knows what to say of a name that is wrong
	if err != nil {
		return nil, err
	}
	a.Progress.Step("resolving %s", name)
	said, err := a.apt(ctx, "", "apt-get", "install", "--simulate", "--no-install-recommends", name, essential)
	if err != nil {
		return nil, err
	}
	var others []string
	for line := range strings.Lines(said) {
		if m := installLine.FindStringSubmatch(line); m != nil && m[1] != first.Package {
			others = append(others, m[1]+"="+m[2])
		}
	}
	all := []Record{first}
	if len(others) == 0 {
		return all, nil
	}
	if said, err = a.apt(ctx, "", "apt-cache", append([]string{"show"}, others...)...); err != nil {
		return nil, err
	}
	for _, stanza := range parseDeb822(said) {
		r, err := newRecord(stanza)
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(all, func(other Record) bool { return other.Package == r.Package }) { // two sources may have it
			all = append(all, r)
		}
	}
	if len(all) != 1+len(others) {
		return nil, fmt.Errorf("apt-get install --simulate %s: wants %d packages, apt-cache knows %d of them", name, 1+len(others), len(all))
	}
	slices.SortFunc(all[1:], func(a, b Record) int { return cmp.Compare(a.Package, b.Package) })
	return all, nil
}
