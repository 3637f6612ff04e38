package applet

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

func ln(c *call, args []string) int {
	opts, operands, err := parseOptions("sfnvT", map[string]byte{"symbolic": 's', "force": 'f'}, args)
	if err != nil {
		return c.misuse("%v", err)
	}
	if len(operands) == 1 {
		operands = append(operands, ".")
	}
	plain := opts.has('T')
	if opts.has('n') && len(operands) == 2 {
		// -n: a link to a folder is replaced, not filled.
		if info, err := os.Lstat(operands[1]); err == nil && info.Mode()&fs.ModeSymlink != 0 {
			plain = true
		}
	}
	from, to, code := c.destinations(operands, plain)
	if code != 0 {
		return code
	}
	for i := range from {
		if err := c.link(from[i], to[i], opts.has('s'), opts.has('f')); err != nil {
			c.fail(to[i], err)
		}
	}
	return c.status
}

// link makes the new name beside the target and renames it, so that with -f
// there is no moment without the file.
func (c *call) link(from, to string, symbolic, force bool) error {
	make := os.Link
	if symbolic {
		make = os.Symlink
	}
	err := make(from, to)
	if !force || !errors.Is(err, fs.ErrExist) {
		return err
	}
	if info, err := os.Lstat(to); err == nil && info.IsDir() {
		return syscall.EISDIR
	}
	if symbolic {
		// A link in place of its own target would be all that is left of it.
		target := from
		if !filepath.IsAbs(target) {
			target = filepath.Join(filepath.Dir(to), from)
		}
		a, errA := os.Lstat(target)
		b, errB := os.Lstat(to)
		if errA == nil && errB == nil && os.SameFile(a, b) && (stat(b).Nlink == 1 || filepath.Clean(target) == filepath.Clean(to)) {
			return errors.New("is the same file")
		}
	}
	if a, err := os.Lstat(from); err == nil && !symbolic {
		if b, err := os.Lstat(to); err == nil && os.SameFile(a, b) {
			return nil // it is that link already; rename would leave the temporary name
		}
	}
	temporary := fmt.Sprintf("%s.%d", to, os.Getpid())
	if err := make(from, temporary); err != nil {
		return err
	}
	if err := os.Rename(temporary, to); err != nil {
		os.Remove(temporary)
		return err
	}
	return nil
}

func readlink(c *call, args []string) int {
	opts, paths, err := parseOptions("femn", map[string]byte{"canonicalize": 'f'}, args)
	if err != nil {
		return c.misuse("%v", err)
	}
	if len(paths) == 0 {
		return c.misuse("needs a file")
	}
	for _, path := range paths {
		var target string
		if opts.has('f') || opts.has('e') || opts.has('m') {
			target, err = realPath(path, opts.has('e'))
		} else {
			target, err = os.Readlink(path)
		}
		if err != nil {
			c.status = 1 // silent, as everywhere
			continue
		}
		c.printf("%s", target)
		if !opts.has('n') {
			c.printf("\n")
		}
	}
	return c.status
}

func realpath(c *call, args []string) int {
	opts, paths, err := parseOptions("em", nil, args)
	if err != nil {
		return c.misuse("%v", err)
	}
	if len(paths) == 0 {
		return c.misuse("needs a path")
	}
	for _, path := range paths {
		target, err := realPath(path, opts.has('e'))
		if err != nil {
			c.fail(path, err)
			continue
		}
		c.printf("%s\n", target)
	}
	return c.status
}

// realPath resolves all links. Its last part need not exist, unless all must.
func realPath(path string, all bool) (string, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	for range 40 {
		resolved, err := filepath.EvalSymlinks(absolute)
		if err == nil {
			return resolved, nil
		}
		if all || !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
		folder, err := filepath.EvalSymlinks(filepath.Dir(absolute))
		if err != nil {
			return "", err
		}
		absolute = filepath.Join(folder, filepath.Base(absolute))
		target, err := os.Readlink(absolute)
		if err != nil {
			return absolute, nil
		}
		// A dangling link: what it would name.
		if !filepath.IsAbs(target) {
			target = filepath.Join(folder, target)
		}
		absolute = target
	}
	return "", syscall.ELOOP
}
