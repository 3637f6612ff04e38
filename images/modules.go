package images

import (
	"bytes"
	"compress/gzip"
	"context"
	"debug/elf"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// module is what one kernel module says of itself in its .modinfo section.
type module struct {
	Name    string   // with underscores, e.g. usb_storage
	Path    string   // below the modules folder, e.g. kernel/drivers/usb/storage/usb-storage.ko
	Depends []string // names of modules whose symbols it uses
	Aliases []string // patterns of what it drives or provides, e.g. pci:v00008086d0000100E*, crypto-crc32c
	Pre     []string // softdeps: names or aliases wanted before it, if they exist
	Post    []string // softdeps wanted after it
}

// moduleIndex is all that a kernel's modules say of themselves. depmod would read the same, but it
// wants a tree of its own to write into, and Debian's packages carry nothing that it made.
type moduleIndex struct {
	Modules []module // in the order of modules.order, which decides between two drivers for one device
	Builtin []string // names of what is built in
}

// readModules reads the modules below dir.
func readModules(ctx context.Context, dir string) (*moduleIndex, error) {
	order, err := readLines(filepath.Join(dir, "modules.order"))
	if err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	rank := make(map[string]int)
	for i, line := range order {
		rank[moduleName(line)] = i + 1
	}
	index := &moduleIndex{}
	err = filepath.WalkDir(filepath.Join(dir, "kernel"), func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !isModule(file) {
			return err
		}
		rel, err := filepath.Rel(dir, file)
		if err != nil {
			return err
		}
		info, err := readModinfo(ctx, file)
		if err != nil {
			return fmt.Errorf("module %s: %w", file, err)
		}
		index.Modules = append(index.Modules, parseModinfo(rel, info))
		return ctx.Err()
	})
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(index.Modules, func(a, b module) int {
		ra, rb := rank[a.Name], rank[b.Name]
		switch {
		case ra == rb:
			return strings.Compare(a.Path, b.Path)
		case ra == 0:
			return 1 // modules that modules.order does not know come last
		case rb == 0:
			return -1
		}
		return ra - rb
	})
	builtin, err := readLines(filepath.Join(dir, "modules.builtin"))
	if err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	for _, line := range builtin {
		index.Builtin = append(index.Builtin, moduleName(line))
	}
	return index, nil
}

func readLines(file string) ([]string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var lines []string
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return lines, nil
}

// moduleSuffixes are what kernels call modules, compressed or not.
var moduleSuffixes = []string{".ko", ".ko.xz", ".ko.gz", ".ko.zst"}

func isModule(file string) bool {
	return slices.ContainsFunc(moduleSuffixes, func(suffix string) bool { return strings.HasSuffix(file, suffix) })
}

// moduleName turns a file name into the name that the kernel uses.
func moduleName(file string) string {
	name, _, _ := strings.Cut(path.Base(file), ".ko")
	return strings.ReplaceAll(name, "-", "_")
}

// plainPath is the path of a module once it is no longer compressed.
func plainPath(file string) string {
	base, _, _ := strings.Cut(file, ".ko")
	return base + ".ko"
}

// readModule returns a module's ELF file, uncompressed.
func readModule(ctx context.Context, file string) ([]byte, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	switch path.Ext(file) {
	case ".gz":
		r, err := gzip.NewReader(bytes.NewReader(data))
		if err != nil {
			return nil, err
		}
		return io.ReadAll(r)
	case ".xz":
		return filter(ctx, data, "xz", "-dc")
	case ".zst":
		return filter(ctx, data, "zstd", "-dc")
	}
	return data, nil
}

// filter runs data through a command.
func filter(ctx context.Context, data []byte, name string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	// What the user set for xz by environment would change our bytes.
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.HasPrefix(v, "XZ_") || strings.HasPrefix(v, "ZSTD_") || strings.HasPrefix(v, "GZIP=")
	})
	var stderr bytes.Buffer
	cmd.Stdin, cmd.Stderr = bytes.NewReader(data), &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %s", strings.Join(cmd.Args, " "), err, bytes.TrimSpace(stderr.Bytes()))
	}
	return out, nil
}

// readModinfo returns the key=value strings of a module.
func readModinfo(ctx context.Context, file string) ([]string, error) {
	var f *elf.File
	var err error
	if strings.HasSuffix(file, ".ko") {
		f, err = elf.Open(file) // without reading all of it
	} else {
		var data []byte
		if data, err = readModule(ctx, file); err == nil {
			f, err = elf.NewFile(bytes.NewReader(data))
		}
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	section := f.Section(".modinfo")
	if section == nil {
		return nil, nil
	}
	data, err := section.Data()
	if err != nil {
		return nil, err
	}
	return strings.FieldsFunc(string(data), func(r rune) bool { return r == 0 }), nil
}

func parseModinfo(rel string, info []string) module {
	m := module{Name: moduleName(rel), Path: rel}
	for _, entry := range info {
		key, value, _ := strings.Cut(entry, "=")
		switch key {
		case "depends":
			for _, name := range strings.Split(value, ",") {
				if name != "" {
					m.Depends = append(m.Depends, strings.ReplaceAll(name, "-", "_"))
				}
			}
		case "alias":
			m.Aliases = append(m.Aliases, value)
		case "softdep":
			list := &m.Pre
			for _, word := range strings.Fields(value) {
				switch word {
				case "pre:":
					list = &m.Pre
				case "post:":
					list = &m.Post
				default:
					*list = append(*list, word)
				}
			}
		}
	}
	return m
}

// closure returns the modules that the wanted ones need, themselves included, in the order of the
// index. A wanted name may be a module's, an alias, or a pattern of module names, e.g. virtio_*.
// What is built in needs nothing. The unknown names come back as well.
func (x *moduleIndex) closure(wanted []string) (chosen []module, unknown []string) {
	byName := make(map[string]int)
	for i, m := range x.Modules {
		byName[m.Name] = i
	}
	taken := make([]bool, len(x.Modules))
	var take func(i int)
	take = func(i int) {
		if taken[i] {
			return
		}
		taken[i] = true
		m := x.Modules[i]
		for _, name := range m.Depends {
			if j, ok := byName[name]; ok {
				take(j)
			}
		}
		for _, name := range slices.Concat(m.Pre, m.Post) {
			for _, j := range x.find(byName, name) {
				take(j)
			}
		}
	}
	for _, name := range wanted {
		found := x.find(byName, name)
		if len(found) == 0 && !x.builtin(name) {
			unknown = append(unknown, name)
		}
		for _, i := range found {
			take(i)
		}
	}
	for i, m := range x.Modules {
		if taken[i] {
			chosen = append(chosen, m)
		}
	}
	return chosen, unknown
}

// find resolves a name, a pattern of names or an alias.
func (x *moduleIndex) find(byName map[string]int, name string) []int {
	under := strings.ReplaceAll(name, "-", "_")
	if i, ok := byName[under]; ok {
		return []int{i}
	}
	var found []int
	pattern := strings.ContainsAny(name, "*?[")
	for i, m := range x.Modules {
		if pattern {
			if ok, _ := path.Match(under, m.Name); ok {
				found = append(found, i)
			}
		} else if slices.Contains(m.Aliases, name) {
			found = append(found, i)
		}
	}
	return found
}

func (x *moduleIndex) builtin(name string) bool {
	under := strings.ReplaceAll(name, "-", "_")
	return slices.ContainsFunc(x.Builtin, func(b string) bool {
		ok, err := path.Match(under, b)
		return ok || (err != nil && under == b)
	})
}

// names lists every module, those that are built in included.
func (x *moduleIndex) names() []string {
	names := slices.Clone(x.Builtin)
	for _, m := range x.Modules {
		names = append(names, m.Name)
	}
	return names
}
