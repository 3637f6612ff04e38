package applet

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
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

func (c *call) remove(path string, recursive bool, opts options) bool {
	info, err := os.Lstat(path)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) && opts.has('f') {
			return true
		}
		c.fail(path, err)
		return false
	}
	if info.IsDir() && !recursive && !opts.has('d') {
		c.fail(path, errors.New("is a directory (use -r)"))
		return false
	}
	if info.IsDir() && recursive {
		entries, err := os.ReadDir(path)
		if err != nil {
			c.fail(path, err)
			return false
		}
		empty := true
		for _, entry := range entries {
			empty = c.remove(filepath.Join(path, entry.Name()), true, opts) && empty
		}
		if !empty {
			return false
		}
	}
	if opts.has('i') && !c.confirm("remove %s?", path) {
		return false
	}
	if info.IsDir() {
		err = syscall.Rmdir(path)
	} else {
		err = syscall.Unlink(path)
	}
	if err != nil {
		c.fail(path, err)
		return false
	}
	if opts.has('v') {
		c.printf("removed %s\n", path)
	}
	return true
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
