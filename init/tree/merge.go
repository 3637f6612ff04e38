package tree

import (
	"errors"
	"os"
	"path"
	"strings"
)

// commands makes the folder that lies below all layers: Bantam's commands where scripts look for them. All names are one
// link: the device binary goes by the name that it is called with.
func (t *Tree) commands() (string, error) {
	own := t.o.Work + "/own"
	if t.own {
		return own, nil
	}
	if err := os.RemoveAll(own); err != nil { // of a try that failed
		return "", err
	}
	for _, dir := range []string{"bin", "sbin"} {
		if err := os.MkdirAll(path.Join(own, dir), 0o755); err != nil {
			return "", err
		}
	}
	first := path.Join(own, "command")
	if err := os.Symlink("/bin/bantam", first); err != nil {
		return "", err
	}
	for _, name := range t.o.Commands() {
		for _, dir := range []string{"bin", "sbin"} {
			if err := os.Link(first, path.Join(own, dir, name)); err != nil {
				return "", err
			}
		}
	}
	t.own = true
	return own, os.Remove(first)
}

// merge makes the rest of the root as the merged /usr of Debian has it: what is below /usr is also found at /lib64, /lib,
// and /bin, where Bantam's own come first.
func (t *Tree) merge() error {
	for _, dir := range []string{"lib32", "lib64", "libx32"} {
		if err := t.setLink("/"+dir, usr[1:]+"/"+dir, isDir(usr+"/"+dir)); err != nil {
			return err
		}
	}
	for _, dir := range []string{"bin", "lib"} {
		if err := t.fill(dir); err != nil {
			return err
		}
	}
	return nil
}

// setLink makes a link, or removes it. Something else of that name stays.
func (t *Tree) setLink(name, target string, wanted bool) error {
	now, err := os.Readlink(name)
	switch {
	case err == nil && now == target && wanted:
		return nil
	case err == nil && now == target:
		return os.Remove(name)
	case wanted && errors.Is(err, os.ErrNotExist):
		return os.Symlink(target, name)
	}
	return nil
}

// fill has a folder of the root hold links to what is below /usr and not in it, and no other links of that kind.
func (t *Tree) fill(dir string) error {
	at, into := "/"+dir, "../usr/"+dir+"/"
	var below []os.DirEntry
	if t.source != "" {
		below, _ = os.ReadDir(usr + "/" + dir) // no folder: nothing
	}
	wanted := map[string]bool{}
	for _, e := range below {
		wanted[e.Name()] = true
	}
	entries, err := os.ReadDir(at)
	if err != nil && len(wanted) == 0 {
		return nil
	}
	for _, e := range entries {
		if e.Type()&os.ModeSymlink == 0 {
			delete(wanted, e.Name())
			continue
		}
		target, err := os.Readlink(path.Join(at, e.Name()))
		if err != nil {
			return err
		}
		if strings.HasPrefix(target, into) && !wanted[e.Name()] {
			if err := os.Remove(path.Join(at, e.Name())); err != nil {
				return err
			}
		}
		delete(wanted, e.Name())
	}
	if err := os.MkdirAll(at, 0o755); err != nil {
		return err
	}
	for name := range wanted {
		if err := os.Symlink(into+name, path.Join(at, name)); err != nil {
			return err
		}
	}
	return nil
}
