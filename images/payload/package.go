package payload

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"bantam/images"
	"bantam/layer"
	"bantam/system"
	"bantam/system/syntax"
)

// carried is a package of Debian that a machine carries.
type carried struct {
	images.Record
	Part string // its name, or that of a part of it, e.g. libc6/rare
	*contents
	For   []string // names of packages in system.toml that brought it, sorted
	Whole bool     // it is there for itself, not for a library
}

// packageLayers makes the layers of Debian packages, one for each binary package that has something to carry.
func packageLayers(ctx context.Context, r Request) (layers []built, notes []string, err error) {
	if len(r.System.AllPackages()) == 0 {
		return nil, nil, nil
	}
	err = r.Archive.Current(func(a images.Archive) error {
		r.Archive, layers = a, nil
		all, said, err := r.packages(ctx)
		if err != nil {
			return err
		}
		notes = append(said, r.wishes(all)...)
		for _, p := range all {
			if p.empty() {
				continue
			}
			b, err := r.packageLayer(ctx, p)
			if err != nil {
				return err
			}
			layers = append(layers, b)
		}
		return nil
	})
	return layers, notes, err
}

// packages are all that are to be carried, sorted by name, and what is to be known of them.
func (r Request) packages(ctx context.Context) (all []*carried, notes []string, err error) {
	byName := make(map[string]*carried)
	var problems []system.Problem
	var lacking []lack
	var tree layer.Tree
	for _, root := range r.System.AllPackages() {
		c, err := r.closureOf(ctx, root)
		var missing *images.NoPackage
		if errors.As(err, &missing) {
			problems = append(problems, r.problem(r.packageKey(root), missing.Instead, "packages: Debian %s %s has no package %s", missing.Release, missing.Arch, root))
			continue
		}
		if err != nil {
			return nil, nil, r.placed(r.packageKey(root), "package "+root, err)
		}
		for _, name := range c.chosen {
			p := byName[name]
			if p == nil {
				contents, err := c.load(name)
				if err != nil {
					return nil, nil, err
				}
				p = &carried{Record: c.archive.records[strings.TrimSuffix(name, rarePart)], Part: name, contents: contents}
				byName[name], all = p, append(all, p)
				tree = append(tree, contents.index())
			}
			p.For = append(p.For, root)
			p.Whole = p.Whole || slices.Contains(c.wholes, p.Package) && slices.Contains(r.System.Packages, root) // what is needed of another its owner has not to think of
		}
		if p := r.nothing(root, c, byName); p != nil {
			problems = append(problems, *p)
		}
		lacking = append(lacking, c.lacking...)
	}
	unknown, err := r.unknownExcludes(ctx, byName)
	if err != nil {
		return nil, nil, err
	}
	problems = append(problems, unknown...)
	for i, l := range lacking {
		if tree.Library(l.library, nil, layer.Folders(r.Arch)) != nil {
			continue // another package has it that is named, too
		}
		if slices.ContainsFunc(lacking[:i], func(other lack) bool { return other.library == l.library && other.plugIn == l.plugIn }) {
			continue // said
		}
		if !l.fatal() {
			notes = append(notes, l.String())
			continue
		}
		problems = append(problems, r.problem(r.packageKey(byName[l.owner].For[0]), "add the package that has it to packages, or leave the file out by exclude", "%v", l))
	}
	if err := badSystem(problems); err != nil {
		return nil, nil, err
	}
	for _, p := range all {
		slices.Sort(p.For)
		if p.Whole && p.Part == p.Package { // of libraries nobody starts or misses the rest
			notes = append(notes, p.notes(r.System, tree)...)
		}
	}
	slices.SortFunc(all, func(a, b *carried) int { return strings.Compare(a.Part, b.Part) })
	return all, notes, nil
}

// closureOf finds what is to be carried for a package: among what the lock says was carried for it, or if that does not
// say it, or there is something to be found that it does not name, among all that the package depends on.
func (r Request) closureOf(ctx context.Context, root string) (*closure, error) {
	how := r.System.PackageOptions(root).Closure
	search := func(records []images.Record) (*closure, error) {
		c := r.newClosure(ctx, records)
		c.spared = r.System.PackageOptions(root).Without
		if how == system.ClosureDepends {
			return c, c.depends(root)
		}
		return c, c.libraries(root)
	}
	records, err := r.Archive.LockedClosure(ctx, root, how)
	if err != nil {
		return nil, err
	}
	var c *closure
	if records != nil {
		if c, err = search(records); err != nil {
			return nil, err
		}
	}
	if c == nil || len(c.lacking) > 0 { // as when something is no longer excluded
		records, err = r.Archive.Closure(ctx, root)
		switch {
		case err == nil:
			if c, err = search(records); err != nil {
				return nil, err
			}
		case c == nil || slices.ContainsFunc(c.lacking, lack.fatal):
			return nil, err
		}
	}
	r.Archive.Keep(how, c.records(root))
	return c, nil
}

// errUnread is that of a package whose contents this host has not read yet.
var errUnread = errors.New("not read yet")

// knownClosure is what is carried for a package as far as this host knows without asking anybody; nil if it has never been
// asked for it. An error says that more may come than was found.
func (r Request) knownClosure(root string) (*closure, error) {
	records := r.Archive.KnownClosure(root)
	if len(records) == 0 {
		return nil, errUnread
	}
	c := r.newClosure(context.Background(), records)
	c.spared = r.System.PackageOptions(root).Without
	c.fetch = func([]string) {}
	c.read = func(record images.Record) (*contents, error) {
		if known := r.knownContents(record); known != nil {
			return known, nil
		}
		return nil, errUnread
	}
	if r.System.PackageOptions(root).Closure == system.ClosureDepends {
		return c, c.depends(root)
	}
	return c, c.libraries(root)
}

// records are those of what was chosen, root first.
func (c *closure) records(root string) []images.Record {
	all := []images.Record{c.archive.records[root]}
	for _, part := range c.chosen {
		name := strings.TrimSuffix(part, rarePart)
		if !slices.ContainsFunc(all, func(r images.Record) bool { return r.Package == name }) {
			all = append(all, c.archive.records[name])
		}
	}
	return all
}

// nothing is the problem of a package that brings no file, itself or by what it stands for; nil if it brings some.
func (r Request) nothing(root string, c *closure, all map[string]*carried) *system.Problem {
	var why []string
	for _, name := range c.wholes {
		if p := all[name]; p != nil && !p.empty() {
			return nil
		} else if p != nil {
			why = append(why, p.Dropped...)
		}
	}
	p := r.problem(r.packageKey(root), "remove it", "package %s has nothing that a machine carries", root)
	if len(why) > 0 {
		p.Message += ": " + why[0]
	}
	return &p
}

// newClosure is a search among the packages of records.
func (r Request) newClosure(ctx context.Context, records []images.Record) *closure {
	c := &closure{archive: newArchiveOf(records), folders: layer.Folders(r.Arch)}
	loaded := make(map[string]*contents)
	c.fetch = func(names []string) {
		var unread []images.Record
		for _, name := range names {
			record := c.archive.records[name]
			if _, known := r.Cache.Known(contentsKey(record, r.Arch)); loaded[name] == nil && !known {
				unread = append(unread, record)
			}
		}
		r.Archive.Prefetch(ctx, unread...)
	}
	c.read = func(record images.Record) (*contents, error) { return r.contents(ctx, record) }
	c.load = func(part string) (*contents, error) {
		if loaded[part] == nil {
			name, _ := strings.CutSuffix(part, rarePart)
			all, err := c.read(c.archive.records[name])
			if err != nil {
				return nil, err
			}
			options := r.System.PackageOptions(name)
			excluded := options.Exclude
			loaded[name] = all.without(func(f File) bool { return isRare(f.Path) || isExcluded(f.Path, excluded) }).only(options.Only)
			loaded[name+rarePart] = all.onlyRare(excluded)
		}
		return loaded[part], nil
	}
	return c
}

// unpacked does something with a package while its files are there.
func (r Request) unpacked(ctx context.Context, record images.Record, do func(*contents) error) error {
	deb, err := r.Archive.Deb(ctx, record)
	if err != nil {
		return err
	}
	unlock, err := r.Cache.Lock(ctx, "unpack", r.Progress)
	if err != nil {
		return err
	}
	defer unlock()
	spool := filepath.Join(r.Cache.Dir, "unpack") // what it holds before is of a build that was killed
	if err := errors.Join(os.RemoveAll(spool), os.MkdirAll(spool, 0o700)); err != nil {
		return err
	}
	defer os.RemoveAll(spool)
	r.Progress.Step("reading %s %s", record.Package, record.Version)
	c, err := readDeb(ctx, deb, spool, r.Arch)
	if err != nil {
		return err
	}
	return do(c)
}

// packageLayer makes the layer of one package.
func (r Request) packageLayer(ctx context.Context, p *carried) (built, error) {
	l := images.Layer{Name: "package/" + p.Part, Version: p.Version}
	for _, name := range p.For {
		l.For = append(l.For, "package/"+name)
	}
	return r.pack(ctx, l, p.Tree, func(tree []File, do func() error) error {
		return r.unpacked(ctx, p.Record, func(c *contents) error {
			hosts := make(map[string]string)
			for _, f := range c.Tree {
				hosts[f.Path] = f.Host
			}
			for i, f := range tree {
				if f.Kind == layer.RegularFile && f.Data == nil {
					tree[i].Host = hosts[f.Path]
				}
			}
			return do()
		})
	})
}

// unknownExcludes are the paths to exclude that their package does not have, and that no rule leaves out either.
func (r Request) unknownExcludes(ctx context.Context, all map[string]*carried) (problems []system.Problem, err error) {
	for _, name := range slices.Sorted(maps.Keys(all)) {
		for i, excluded := range r.System.PackageOptions(name).Exclude {
			whole, err := r.contents(ctx, all[name].Record)
			if err != nil {
				return nil, err
			}
			if trimmed(mergeUsr(excluded[1:])) || slices.ContainsFunc(whole.Tree, func(f File) bool { return isExcluded(f.Path, []string{excluded}) }) {
				continue
			}
			key := fmt.Sprintf("%s.exclude[%d]", syntax.Join("package", name), i)
			problems = append(problems, r.problem(key, "bantam package "+name+" lists what there is", "%s: package %s has no %s", key, name, excluded))
		}
	}
	return problems, nil
}
