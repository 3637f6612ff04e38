package applet

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"bantam/init/filetree"
)

func rm(c *call, args []string) int {
	opts, paths, err := parseOptions("rRfivd", map[string]byte{"recursive": 'r', "force": 'f'}, args)
	if err != nil {
		return c.misuse("%v", err)
	}
	if len(paths) == 0 && !opts.has('f') {
		return c.misuse("needs a file")
	}
	recursive := opts.has('r') || opts.has('R')
	for _, path := range paths {
		if name := filepath.Base(path); isRoot(path) || name == "." || name == ".." || path == "" {
			c.fail(path, errors.New("refusing to remove it"))
			continue
		}
		c.remove(path, recursive, opts)
	}
	return c.status
}

// isRoot tells whether path is the root folder, whatever it is called. A link to
// it without a slash at its end is only a link.
func isRoot(path string) bool {
	root, err := os.Lstat("/")
	if err != nil {
		return filepath.Clean(path) == "/"
	}
	info, err := os.Lstat(path)
	return err == nil && os.SameFile(root, info)
}

// remove removes a file or a tree. What cannot be removed is told of once, and
// the folders above it stay without another word.
func (c *call) remove(path string, recursive bool, opts options) bool {
	w := filetree.Walk{
		Enter: func(e *filetree.Entry) bool {
			if e.Info.IsDir() && !recursive && !opts.has('d') {
				c.failEntry(e, errors.New("is a directory (use -r)"))
			}
			return recursive
		},
		Leave: func(e *filetree.Entry) {
			if e.Broken || opts.has('i') && !c.confirm("remove %s?", e.Path()) {
				e.Broken = true
				return
			}
			if err := removeEntry(e); err != nil {
				c.failEntry(e, err)
			} else if opts.has('v') {
				c.printf("removed %s\n", e.Path())
			}
		},
		Fail: func(e *filetree.Entry, err error) {
			if e.Depth > 0 || !opts.has('f') || !errors.Is(err, fs.ErrNotExist) {
				c.failEntry(e, err)
			}
		},
	}
	return w.Walk(path)
}

// removeEntry removes what a walk came to, if it still is of its kind.
func removeEntry(e *filetree.Entry) error {
	if e.Info.IsDir() {
		return e.Dir.Rmdir(e.Name)
	}
	return e.Dir.Unlink(e.Name)
}

// failEntry reports what failed on a walk.
func (c *call) failEntry(e *filetree.Entry, err error) {
	e.Broken = true
	c.fail(e.Path(), err)
}

func rmdir(c *call, args []string) int {
	opts, paths, err := parseOptions("p", nil, args)
	if err != nil {
		return c.misuse("%v", err)
	}
	if len(paths) == 0 {
		return c.misuse("needs a folder")
	}
	for _, path := range paths {
		for {
			if err := syscall.Rmdir(path); err != nil {
				c.fail(path, err)
				break
			}
			path = filepath.Dir(path)
			if !opts.has('p') || path == "." || path == "/" {
				break
			}
		}
	}
	return c.status
}
