package payload

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"bantam/layer"
	"bantam/printable"
)

// library finds a library, or an interpreter by its path, for a file, and chooses the package that has it. If it is needed
// and nothing has it, that is kept in lacking.
func (c *closure) library(name string, w want, needed bool) error {
	if e := c.tree.Library(name, w.entry.RunPath, c.folders); e != nil {
		c.reachLibrary(e, w)
		return nil
	}
	owner, _ := strings.CutSuffix(w.owner, rarePart)
	for _, candidate := range c.archive.byNearness(owner, path.Base(name)) {
		for _, part := range parts(candidate) {
			if slices.Contains(c.chosen, part) {
				continue
			}
			contents, err := c.load(part)
			if err != nil {
				return err
			}
			if slices.Concat(c.tree, layer.Tree{contents.index()}).Library(name, w.entry.RunPath, c.folders) == nil {
				continue
			}
			if err := c.add(part); err != nil {
				return err
			}
			c.reachLibrary(c.tree.Library(name, w.entry.RunPath, c.folders), w)
			return nil
		}
	}
	if !needed {
		return nil
	}
	l := lack{library: name, file: "/" + w.entry.Path, owner: w.owner, plugIn: w.plugIn}
	if !strings.Contains(name, "/") {
		found, err := c.elsewhere(name, owner, w)
		if err != nil {
			return err
		}
		l.elsewhere = found
	}
	c.lacking = append(c.lacking, l)
	return nil
}

// elsewhere finds a library in a folder in which the loader looks only when somebody tells it to, and chooses the package: its
// script would have had ldconfig write the folder down.
func (c *closure) elsewhere(name, owner string, w want) (folder string, err error) {
	for _, candidate := range c.archive.byNearness(owner, name) {
		contents, err := c.load(candidate)
		if err != nil {
			return "", err
		}
		i := slices.IndexFunc(contents.Tree, func(f File) bool { return path.Base(f.Path) == name && (f.ELF || f.Kind == layer.Link) })
		if i < 0 {
			continue
		}
		if err := c.add(candidate); err != nil {
			return "", err
		}
		found := "/" + contents.Tree[i].Path
		if e := c.tree.Library(found, nil, nil); e != nil {
			c.reachLibrary(e, w)
			return path.Dir(found), nil
		}
	}
	return "", nil
}

func (c *closure) reachLibrary(e *layer.Entry, w want) {
	c.reach(want{e, c.ownerOf(e), w.plugIn})
}

// ownerOf is the package that has an entry of the tree.
func (c *closure) ownerOf(e *layer.Entry) string {
	for i, x := range c.tree {
		if x.Find(e.Path) == e {
			return c.chosen[i]
		}
	}
	return ""
}

// lack is a library that nothing provides.
type lack struct {
	library, file, owner string // the file that needs it, and its package
	plugIn               bool
	elsewhere            string // folder where it lies and the loader does not look; "" if it is nowhere
}

// fatal tells whether a program of a package cannot run for it.
func (l lack) fatal() bool { return !l.plugIn && l.elsewhere == "" }

func (l lack) String() string {
	if l.elsewhere != "" {
		return fmt.Sprintf("%s of package %s needs library %s, which lies in %s, where the loader does not look: its service finds it with env = { LD_LIBRARY_PATH = %q }",
			printable.Escape(l.file), l.owner, l.library, l.elsewhere, l.elsewhere)
	}
	what := "library " + l.library
	if strings.HasPrefix(l.library, "/") {
		what = l.library
	}
	return fmt.Sprintf("nothing provides %s, which %s of package %s needs", what, printable.Escape(l.file), l.owner)
}
