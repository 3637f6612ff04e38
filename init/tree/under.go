package tree

import (
	"errors"
	"fmt"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"bantam/init/filetree"
)

// workOptions bound what trees are made from: files of a system.toml, twice while one takes the place of another, and links
// to commands.
const workOptions = "mode=0755,size=4m,nr_inodes=4k"

// begin makes the place where trees are made, and opens the folder that /usr is without a tree, before the first is mounted
// over it. Both are told to the mount namespaces of services, as PID 1 has made the root shared: otherwise these would keep
// each tree that they began with.
func (t *Tree) begin() error {
	if t.begun {
		return nil
	}
	if err := os.MkdirAll(t.o.Work, 0o755); err != nil {
		return err
	}
	if err := unix.Mount("tmpfs", t.o.Work, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, workOptions); err != nil {
		return fmt.Errorf("mount %s: %w", t.o.Work, err)
	}
	under, err := filetree.Here.Folder(usr, false)
	if err != nil {
		return fmt.Errorf("open /usr: %w", err)
	}
	t.under, t.begun = under, true
	return nil
}

// pointTo makes the folder below the mounts one of links to what is in dir.
func (t *Tree) pointTo(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	links := map[string]string{}
	for _, e := range entries {
		links[e.Name()] = path.Join(dir, e.Name())
	}
	return t.link(links)
}

// pointBack makes it what it was.
func (t *Tree) pointBack() error {
	return t.link(map[string]string{"bin": "../bin", "sbin": "../bin"})
}

// link makes the folder below the mounts one of these links alone, each of which takes the place of one before at once.
func (t *Tree) link(links map[string]string) error {
	names, err := t.under.Names()
	if err != nil {
		return err
	}
	for name, target := range links {
		if err := t.under.Relink(target, name); err != nil {
			return fmt.Errorf("link /usr/%s: %w", name, err)
		}
	}
	for _, name := range names {
		if _, kept := links[name]; !kept {
			err = errors.Join(err, t.under.Unlink(name))
		}
	}
	return err
}

// topSource is the source of what is mounted last at a mount point.
func topSource(target string) (source string) {
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		about, of, _ := strings.Cut(line, " - ")
		if fields, sources := strings.Fields(about), strings.Fields(of); len(fields) > 4 && len(sources) > 1 && fields[4] == target {
			source = sources[1]
		}
	}
	return source
}
