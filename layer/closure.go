package layer

import (
	"path"
	"slices"
	"strings"
)

// A Tree is the indexes of several layers, which lie over one another as one.
type Tree []Index

// find gives the entry of a path as the kernel would: links are followed, also those of the merged /usr, which no index
// has. name begins with /.
func (t Tree) find(name string) *Entry {
	for range 40 { // as many links as Linux follows
		e, rest := t.along(strings.TrimPrefix(path.Clean(name), "/"))
		switch {
		case e == nil:
			return nil
		case e.Kind != Link:
			if rest != "" {
				return nil // it goes on behind a file
			}
			return e
		}
		to := e.Link
		if !strings.HasPrefix(to, "/") {
			to = path.Join("/", path.Dir(e.Path), to)
		}
		name = path.Join(to, rest)
	}
	return nil
}

// merged are the links of the root into /usr.
var merged = []string{"bin", "lib", "lib32", "lib64", "libx32", "sbin"}

// along goes along a path until it ends or meets a link; rest is what is left behind that.
func (t Tree) along(name string) (e *Entry, rest string) {
	first, _, _ := strings.Cut(name, "/")
	if slices.Contains(merged, first) {
		name = "usr/" + name
	}
	for i := 0; i <= len(name); i++ {
		if i < len(name) && name[i] != '/' {
			continue
		}
		for _, x := range t {
			if e := x.Find(name[:i]); e != nil && (e.Kind == Link || i == len(name)) {
				return e, strings.TrimPrefix(name[i:], "/")
			}
		}
	}
	return nil, ""
}

// Library finds a library by name as the loader does: in the run path of what needs it, then in the folders given, e.g.
// /usr/lib/x86_64-linux-gnu. It returns nil if no layer has it.
func (t Tree) Library(name string, runPath, folders []string) *Entry {
	if strings.Contains(name, "/") {
		return t.find(path.Join("/", name))
	}
	for _, dir := range slices.Concat(runPath, folders) {
		if e := t.find(path.Join("/", dir, name)); e != nil {
			return e
		}
	}
	return nil
}

// Closure lists the entries that a program consists of, itself first: what its links lead to, its interpreter, and the
// libraries that these load. lacking are the names of libraries that no layer has. Both are empty if the program is not in
// the tree.
func (t Tree) Closure(program string, folders []string) (entries []*Entry, lacking []string) {
	start := t.find(program)
	if start == nil {
		return nil, nil
	}
	entries = append(entries, start)
	add := func(e *Entry, name string) {
		switch {
		case e == nil && !slices.Contains(lacking, name):
			lacking = append(lacking, name)
		case e != nil && !slices.Contains(entries, e):
			entries = append(entries, e)
		}
	}
	for i := 0; i < len(entries); i++ {
		e := entries[i]
		if e.Interpreter != "" {
			add(t.find(e.Interpreter), e.Interpreter)
		}
		for _, name := range e.Needs {
			add(t.Library(name, e.RunPath, folders), name)
		}
	}
	return entries, lacking
}

// Folders are where the dynamic loader of Debian looks for libraries on an architecture, by Go's name of it.
func Folders(arch string) []string {
	folders := []string{"/usr/lib"}
	if triplet := triplets[arch]; triplet != "" {
		folders = append([]string{"/usr/lib/" + triplet}, folders...)
	}
	return folders
}

var triplets = map[string]string{
	"amd64": "x86_64-linux-gnu", "arm64": "aarch64-linux-gnu", "arm": "arm-linux-gnueabihf",
	"mips": "mips-linux-gnu", "mipsle": "mipsel-linux-gnu", "riscv64": "riscv64-linux-gnu",
}
