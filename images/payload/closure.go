package payload

import (
	"maps"
	"path"
	"slices"
	"strings"

	"bantam/images"
	"bantam/layer"
)

// plugIns are packages of what a library opens only at run time, by the library. They are taken when they are among what a
// package depends on.
var plugIns = map[string][]string{
	"libpam.so.0":     {"libpam-modules"},
	"libsasl2.so.2":   {"libsasl2-modules-db", "libsasl2-modules"},
	"libgio-2.0.so.0": {"glib-networking"},
	"libcrypto.so.3":  {"openssl-provider-legacy"},
	"libtinfo.so.6":   {"ncurses-base"},
}

// closure is the search for what a package's files load.
type closure struct {
	archive archiveOf
	folders []string                               // where the dynamic loader looks
	fetch   func(names []string)                   // gets packages that load will most likely be asked for, all at once
	load    func(part string) (*contents, error)   // of the archive's packages, with what is excluded left out
	read    func(images.Record) (*contents, error) // a whole package, for load

	spared []string // packages of plug-ins that are not wanted

	chosen  []string // parts of packages in the order in which they came to be needed
	tree    layer.Tree
	reached map[*layer.Entry]bool
	unwinds map[*layer.Entry]bool // those that may come to load unwinder
	queue   []want
	links   []want // of whole packages, to be followed when all libraries are there
	wholes  []string
	lacking []lack
}

// want is a file whose libraries are to be found.
type want struct {
	entry  *layer.Entry
	owner  string // its package
	plugIn bool   // it is for a library that only its own package opens
}

// libraries chooses packages for root: itself and its siblings, and those that have the libraries that their files load.
func (c *closure) libraries(root string) error {
	c.reached, c.unwinds = make(map[*layer.Entry]bool), make(map[*layer.Entry]bool)
	if err := c.whole(root); err != nil {
		return err
	}
	for len(c.queue)+len(c.links) > 0 {
		for len(c.queue) > 0 {
			w := c.queue[0]
			c.queue = c.queue[1:]
			if err := c.follow(w); err != nil {
				return err
			}
		}
		links := c.links
		c.links = nil
		for _, l := range links {
			if err := c.followLink(l); err != nil {
				return err
			}
		}
	}
	return nil
}

// followLink adds the package of what a link leads to, e.g. python3.11-minimal for /usr/bin/python3. Only those that the
// package depends on itself are asked: where links lead that nothing has, as to what a script makes, nobody knows.
func (c *closure) followLink(l want) error {
	target := "/" + l.entry.Path
	if c.tree.Library(target, nil, nil) != nil {
		return nil
	}
	for _, name := range c.archive.depends(l.owner) {
		if slices.Contains(c.chosen, name) {
			continue
		}
		contents, err := c.load(name)
		if err != nil {
			return err
		}
		if slices.Concat(c.tree, layer.Tree{contents.index()}).Library(target, nil, nil) != nil {
			return c.whole(name)
		}
	}
	return nil
}

// depends chooses all packages that root depends on.
func (c *closure) depends(root string) error {
	if err := c.libraries(root); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(c.archive.records)) {
		for _, part := range parts(name) {
			if err := c.add(part); err != nil {
				return err
			}
		}
	}
	return nil
}

// rarePart is what follows a package's name where its rare part is meant.
const rarePart = "/rare"

// parts are the names of what a package may consist of.
func parts(name string) []string { return []string{name, name + rarePart} }

// whole adds a package all of whose files are to work, and its siblings. One without files stands for what it depends on.
func (c *closure) whole(name string) error {
	if slices.Contains(c.wholes, name) {
		return nil
	}
	c.wholes = append(c.wholes, name)
	others, empty := c.archive.siblings(name, true), true
	for _, part := range parts(name) {
		if err := c.add(part); err != nil {
			return err
		}
		contents, err := c.load(part)
		if err != nil {
			return err
		}
		empty = empty && contents.empty()
		c.want(part, contents)
	}
	if empty {
		others = c.archive.depends(name)
	}
	for _, other := range others {
		if err := c.whole(other); err != nil {
			return err
		}
	}
	return nil
}

// want asks for what the files of a package load that has been added. Programs come first, so that what a program lacks
// is told as that.
func (c *closure) want(name string, contents *contents) {
	at := slices.Index(c.chosen, name)
	if at < 0 {
		return // there is no such part
	}
	index := c.tree[at]
	for i, f := range contents.Tree {
		if f.Kind == layer.Link {
			c.links = append(c.links, want{&index[i], name, true})
		}
	}
	for _, plugIns := range []bool{false, true} {
		for i, f := range contents.Tree {
			plugIn := f.Interpreter == "" && !slices.Contains(c.folders, path.Dir("/"+f.Path))
			if f.ELF && plugIn == plugIns {
				c.reach(want{&index[i], name, plugIn})
			}
		}
	}
}

// add chooses a part of a package, and the siblings without which it is not whole.
func (c *closure) add(name string) error {
	if slices.Contains(c.chosen, name) {
		return nil
	}
	contents, err := c.load(name)
	if err != nil {
		return err
	}
	if strings.HasSuffix(name, rarePart) && contents.empty() {
		return nil
	}
	c.fetch(slices.DeleteFunc(c.archive.depends(name), func(d string) bool { return !strings.HasPrefix(d, "lib") }))
	c.chosen = append(c.chosen, name)
	index := contents.index()
	for i, f := range contents.Tree {
		if f.Unwinds {
			c.unwinds[&index[i]] = true
		}
	}
	c.tree = append(c.tree, index)
	for _, sibling := range c.archive.siblings(name, false) {
		if err := c.add(sibling); err != nil {
			return err
		}
	}
	return nil
}

// index lists all files, and not only those that a layer's own index does.
func (c *contents) index() layer.Index {
	x := make(layer.Index, len(c.Tree))
	for i, f := range c.Tree {
		x[i] = f.Entry
	}
	return x
}

func (c *closure) reach(w want) {
	if !c.reached[w.entry] {
		c.reached[w.entry] = true
		c.queue = append(c.queue, w)
	}
}

// follow finds what a file loads.
func (c *closure) follow(w want) error {
	if w.entry.Interpreter != "" {
		if err := c.library(w.entry.Interpreter, w, true); err != nil {
			return err
		}
	}
	if c.unwinds[w.entry] {
		if err := c.library(unwinder, w, false); err != nil {
			return err
		}
	}
	for _, name := range w.entry.Needs {
		if err := c.library(name, w, true); err != nil {
			return err
		}
		for _, other := range plugIns[name] {
			if err := c.addPlugIns(other); err != nil {
				return err
			}
		}
	}
	return nil
}

// addPlugIns adds a package of plug-ins, if it is among what the root depends on.
func (c *closure) addPlugIns(name string) error {
	if _, ok := c.archive.records[name]; !ok || slices.Contains(c.chosen, name) || slices.Contains(c.spared, name) {
		return nil
	}
	contents, err := c.load(name)
	if err == nil {
		err = c.add(name)
	}
	if err == nil {
		c.want(name, contents)
	}
	return err
}
