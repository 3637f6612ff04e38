package payload

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"

	"bantam/images"
	"bantam/images/lock"
)

// commonLicence is how a copyright file without format names one of Debian's common licences.
var commonLicence = regexp.MustCompile(`/usr/share/common-licenses/([A-Za-z0-9.+-]*[A-Za-z0-9+])`)

// licences are the names of licences in a package's copyright file, as they stand there, sorted: those of its fields License
// if it has the format for machines, otherwise the common ones that it refers to.
func (c *contents) licences() (names []string) {
	for _, file := range slices.Sorted(maps.Keys(c.Aside)) {
		if path.Base(file) != "copyright" {
			continue
		}
		text := c.Aside[file]
		if all, ok := images.Licences(text); ok {
			for _, l := range all {
				names = append(names, l.Name)
			}
			continue
		}
		for _, m := range commonLicence.FindAllStringSubmatch(text, -1) {
			names = append(names, m[1])
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Copyright is the copyright file of a package that the lock names; "" if it is that of another one of the same source.
func (r Request) Copyright(ctx context.Context, n lock.Name, p lock.Package) (text string, err error) {
	r.Archive.Arch = n.Arch
	file := path.Join("usr/share/doc", n.Package, "copyright")
	record, root, unpacked := r.Archive.Locked(n.Package, p)
	if unpacked { // a kernel is not read through for this
		text, err := os.ReadFile(filepath.Join(root, file))
		if errors.Is(err, fs.ErrNotExist) {
			return "", nil
		}
		return string(text), err
	}
	err = r.Archive.Current(func(a images.Archive) error {
		r.Archive = a
		c, err := r.contents(ctx, record)
		if err == nil {
			text = c.Aside[file]
		}
		return err
	})
	return text, err
}
