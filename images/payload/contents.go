package payload

import (
	"bytes"
	"context"
	"encoding/gob"
	"fmt"
	"path"
	"slices"
	"strings"

	"bantam/images"
	"bantam/layer"
)

// contents reads a package, from the cache if it can.
func (r Request) contents(ctx context.Context, record images.Record) (*contents, error) {
	text, err := r.Cache.Result(contentsKey(record, r.Arch), func() ([]byte, error) {
		var b bytes.Buffer
		err := r.unpacked(ctx, record, func(c *contents) error {
			for i := range c.Tree {
				c.Tree[i].Host = "" // which is gone soon
			}
			return gob.NewEncoder(&b).Encode(c) // names may have any bytes
		})
		return b.Bytes(), err
	})
	var c *contents
	if err == nil {
		c, err = decodeContents(text)
	}
	if err != nil {
		return nil, fmt.Errorf("package %s %s: %w", record.Package, record.Version, err)
	}
	return c, nil
}

// knownContents is what contents keeps in the cache; nil if it has not read the package.
func (r Request) knownContents(record images.Record) *contents {
	text, ok := r.Cache.Known(contentsKey(record, r.Arch))
	if !ok {
		return nil
	}
	c, err := decodeContents(text)
	if err != nil {
		return nil // of another version of this program
	}
	return c
}

func contentsKey(record images.Record, arch string) []string {
	return []string{"package", trimRules, record.SHA256, arch}
}

func decodeContents(text []byte) (*contents, error) {
	c := &contents{}
	if err := gob.NewDecoder(bytes.NewReader(text)).Decode(c); err != nil {
		return nil, err
	}
	c.nameRules()
	return c, nil
}

// empty tells that a package has nothing but folders.
func (c *contents) empty() bool {
	return !slices.ContainsFunc(c.Tree, func(f File) bool { return f.Kind != layer.Folder })
}

// without is a package less some files.
func (c *contents) without(some func(File) bool) *contents {
	less := *c
	less.Tree = slices.DeleteFunc(slices.Clone(c.Tree), some)
	return &less
}

// only is a package with the files that patterns name, and the folders above them; without patterns, all of it.
func (c *contents) only(patterns []string) *contents {
	if len(patterns) == 0 {
		return c
	}
	return c.withFolders(func(name string) bool {
		return slices.ContainsFunc(patterns, func(p string) bool {
			matches, err := path.Match(mergeUsr(strings.TrimPrefix(p, "/")), name)
			return matches && err == nil
		})
	})
}

// withFolders is a package with some files, and the folders above them.
func (c *contents) withFolders(some func(name string) bool) *contents {
	above := make(map[string]bool)
	for _, f := range c.Tree {
		if some(f.Path) {
			for at := f.Path; at != "."; at = path.Dir(at) {
				above[at] = true
			}
		}
	}
	less := *c
	less.Tree = slices.DeleteFunc(slices.Clone(c.Tree), func(f File) bool { return !above[f.Path] })
	return &less
}

// onlyRare is the rare part of a package: those files and the folders above them.
func (c *contents) onlyRare(excluded []string) *contents {
	rare := c.withFolders(func(name string) bool { return isRare(name) && !isExcluded(name, excluded) })
	return &contents{Tree: rare.Tree}
}

func isExcluded(name string, excluded []string) bool {
	return slices.ContainsFunc(excluded, func(e string) bool {
		e = mergeUsr(strings.TrimPrefix(e, "/"))
		return name == e || strings.HasPrefix(name, e+"/")
	})
}
