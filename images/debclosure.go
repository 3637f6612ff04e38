package images

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"slices"
	"strings"
)

// Closure resolves a package, by name or as name=version, and all that it depends on, as apt would install it into an empty
// system without what is only recommended. The package itself comes first, the others by name. A name that the release
// does not have is a *NoPackage. Versions are the lock's where it has any.
func (a Archive) Closure(ctx context.Context, name string) ([]Record, error) {
	if err := a.locate(); err != nil {
		return nil, err
	}
	if err := a.Refuse(fmt.Sprintf("all that comes with %s (%s)", name, a.Arch)); err != nil {
		return nil, err
	}
	closures, err := answers(ctx, &a, closuresFile, []string{name}, a.closure)
	if err != nil {
		return nil, err
	}
	all := slices.Clone(closures[name])
	replaced := false
	for i, r := range all {
		p, ok := a.Lock.Says(a.Arch, r.Package)
		if !ok || p.SHA256 == r.SHA256 {
			continue
		}
		if all[i], err = a.complete(ctx, lockedRecord(r.Package, p)); err != nil {
			return nil, err
		}
		replaced = true
	}
	if replaced {
		err = a.fit(ctx, all)
	}
	return all, err
}

// LockedClosure are the records of a package and of those that the lock says are carried for it, found in such a way, e.g.
// libraries; nil if the lock does not say that. The package itself comes first, the others by name.
func (a Archive) LockedClosure(ctx context.Context, name, how string) (records []Record, err error) {
	if err := a.locate(); err != nil {
		return nil, err
	}
	others, ok := a.Lock.Closure(a.Arch, name, how)
	if !ok {
		return nil, nil
	}
	var all []Record
	for _, name := range append([]string{name}, others...) {
		var r Record
		p, ok := a.Lock.Says(a.Arch, name)
		if ok {
			r, err = a.complete(ctx, lockedRecord(name, p))
		} else { // it is to be renewed
			r, err = a.newest(ctx, name)
		}
		if err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return all, a.fit(ctx, all)
}

// newest is what the archive says of a package now.
func (a *Archive) newest(ctx context.Context, name string) (Record, error) {
	if err := a.Refuse(fmt.Sprintf("which %s (%s) to take", name, a.Arch)); err != nil {
		return Record{}, err
	}
	found, err := answers(ctx, a, recordsFile, []string{name}, a.show)
	return found[name], err
}

// Keep tells the lock which packages are carried for the first of them, and how they were found.
func (a Archive) Keep(how string, carried []Record) {
	var names []string
	for i, r := range carried {
		a.Lock.AddPackage(a.Arch, r.Package, r.entry())
		if i > 0 {
			names = append(names, r.Package)
		}
	}
	a.Lock.Carry(a.Arch, carried[0].Package, how, names)
}

// complete fills in what the lock does not keep of a record, from the package itself.
func (a *Archive) complete(ctx context.Context, r Record) (Record, error) {
	if !r.locked {
		return r, nil
	}
	text, err := Cache{a.CacheDir}.Result(controlKey(r), func() ([]byte, error) {
		deb, err := a.Deb(ctx, r)
		if err != nil {
			return nil, err
		}
		out, err := exec.CommandContext(ctx, "dpkg-deb", "-f", deb).Output()
		if err != nil {
			return nil, fmt.Errorf("dpkg-deb -f %s: %w", deb, err)
		}
		return json.Marshal(parseDeb822(string(out)))
	})
	if err != nil {
		return r, err
	}
	var stanzas []map[string]string
	if err := json.Unmarshal(text, &stanzas); err != nil || len(stanzas) != 1 {
		return r, fmt.Errorf("Debian package %s %s: its control file has %d paragraphs, %v", r.Package, r.Version, len(stanzas), err)
	}
	if name, version := stanzas[0]["package"], stanzas[0]["version"]; name != r.Package || version != r.Version {
		return r, fmt.Errorf("%s says that %s %s has SHA-256 %s, but that is %s %s; bantam build --update %s writes it anew", a.Lock.Name(), r.Package, r.Version, r.SHA256, name, version, r.Package)
	}
	r.Depends, r.PreDepends, r.Provides = stanzas[0]["depends"], stanzas[0]["pre-depends"], stanzas[0]["provides"]
	return r, nil
}

func controlKey(r Record) []string { return []string{"control 1", r.SHA256} }

// fit makes sure that versions of different days go together: what a package demands of another's version holds.
func (a *Archive) fit(ctx context.Context, all []Record) error {
	version := make(map[string]Record)
	for _, r := range all {
		version[r.Package] = r
	}
	for _, r := range all {
		for _, group := range strings.Split(r.PreDepends+", "+r.Depends, ",") {
			if strings.Contains(group, "|") {
				continue // another alternative may hold
			}
			name, relation, _ := strings.Cut(strings.TrimSpace(group), " ")
			name, _, _ = strings.Cut(name, ":")
			operator, wanted, _ := strings.Cut(strings.Trim(relation, "()"), " ")
			other, known := version[name]
			if !known || wanted == "" || r.locked == other.locked { // those of one day do go together
				continue
			}
			if exec.CommandContext(ctx, "dpkg", "--compare-versions", other.Version, operator, wanted).Run() != nil {
				if ctx.Err() != nil {
					return ctx.Err()
				}
				renew := cmp.Or(map[bool]string{true: other.Package}[other.locked], r.Package)
				return fmt.Errorf("%s %s depends on %s %s, but version %s is to be taken; bantam build --update %s takes the newest",
					r.Package, r.Version, name, strings.Trim(relation, "()"), other.Version, renew)
			}
		}
	}
	return nil
}
