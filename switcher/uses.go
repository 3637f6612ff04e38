package switcher

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"bantam/layer"
	"bantam/lifecycle"
	"bantam/system"
)

// What a service has of the tree: its program with all that this loads, and what its command names.

// InTree is the digest of a program that a layer has: what it consists of is told by the indexes.
const InTree = "layer"

// FindInTree finds a program as a service would be started with it, in what a generation has below /usr. It is what
// Fingerprints is given.
type FindInTree func(program string) bool

// finder finds programs in d's tree.
func (d *Desired) finder() FindInTree {
	tree := treeOf(d.Layers)
	return func(program string) bool {
		_, own := d.Items[KindTree][program]
		entries, _ := tree.Closure(program, nil)
		return own && path.IsAbs(program) || len(entries) > 0
	}
}

// uses lists what a service, by its fingerprint, has of the tree, each with a digest: its program with all that this loads,
// and what its command names. lacking are libraries that are nowhere.
func (d *Desired) uses(name, print string) (digests Items, lacking []string) {
	files := pathsIn(d.System.Services[name].Command)
	if program := programInTree(print); program != "" {
		files = append(files, program)
	}
	return usesOf(d.System, d.Layers, d.Arch, files)
}

// programInTree is the program of a fingerprint, if a layer has it.
func programInTree(print string) string {
	program, _ := lifecycle.ProgramOf(print)
	if program, found := strings.CutSuffix(program, " "+InTree); found {
		return program
	}
	return ""
}

func usesOf(sys *system.System, layers []indexed, arch string, files []string) (digests Items, lacking []string) {
	digests = Items{}
	tree, folders := treeOf(layers), layer.Folders(arch)
	for _, file := range files {
		entries, absent := tree.Closure(file, folders)
		if len(entries) == 0 {
			entries = sourceOf(layers, file)
		}
		for _, e := range entries {
			if !hides(sys, "/"+e.Path) {
				digests["/"+e.Path] = entryState(e) + e.SHA256
			}
		}
		lacking = append(lacking, absent...)
	}
	slices.Sort(lacking)
	return digests, slices.Compact(lacking)
}

// hides says whether the system has a text of its own in the place of a layer's file.
func hides(sys *system.System, file string) bool {
	f, ours := sys.Files[file]
	return ours && f.Source == ""
}

// stateIn is what usesOf says of a file that the tree has, whoever uses it.
func stateIn(sys *system.System, layers []indexed, file string) string {
	if hides(sys, file) {
		return "system.toml"
	}
	if e, _ := entryAt(layers, file); e != nil {
		return entryState(e) + e.SHA256
	}
	return ""
}

// changedUses says which files that a service has of the tree have changed.
func (p *planner) changedUses(name string) string {
	program := ""
	for _, print := range []string{p.from.Items[KindService][name], p.to.Items[KindService][name]} {
		program = cmp.Or(programInTree(print), program)
	}
	before, _ := usesOf(p.fromSystem, p.from.Layers, p.to.Arch, append(pathsIn(p.fromSystem.Services[name].Command), program))
	after, _ := usesOf(p.toSystem, p.to.Layers, p.to.Arch, append(pathsIn(p.toSystem.Services[name].Command), program))
	var changed, gone, new []string
	for _, file := range bothKeys(before, after) {
		// What the service has no more, or not yet, may be there all the same, for others.
		was := cmp.Or(before[file], stateIn(p.fromSystem, p.from.Layers, file))
		switch is := cmp.Or(after[file], stateIn(p.toSystem, p.to.Layers, file)); {
		case was == is:
		case is == "":
			gone = append(gone, file)
		case was == "":
			new = append(new, file)
		default:
			changed = append(changed, file)
		}
	}
	var said []string
	for _, s := range []struct {
		files     []string
		one, many string
	}{{gone, " is gone", " are gone"}, {changed, " has changed", " have changed"}, {new, " is new", " are new"}} {
		switch n := len(s.files); {
		case n > 3:
			said = append(said, fmt.Sprintf("%s and %d more%s", strings.Join(s.files[:3], ", "), n-3, s.many))
		case n > 1:
			said = append(said, strings.Join(s.files, ", ")+s.many)
		case n == 1:
			said = append(said, s.files[0]+s.one)
		}
	}
	return strings.Join(said, ", ")
}

// canStart says why a service cannot be started once the plan has made the tree.
func (c *precheck) canStart(name string, service system.Service) (notes []string, err error) {
	print := c.desired.Items[KindService][name]
	_, lacking := c.desired.uses(name, print)
	for _, library := range lacking {
		if path.IsAbs(library) && strings.HasSuffix(path.Dir(library), "bin") {
			continue // the interpreter of a script, which may be a command of Bantam's own
		}
		notes = append(notes, "no layer has "+library)
	}
	doubts, err := c.machine.CanStart(service, c.to.system)
	notes = append(notes, doubts...)
	if !slices.ContainsFunc(c.plan.Steps, func(s Step) bool { return s.Kind == KindTree }) {
		return notes, err
	}
	program, known := lifecycle.ProgramOf(print)
	switch {
	case programInTree(print) != "" && errors.Is(err, fs.ErrNotExist):
		return notes, nil // it comes
	case err == nil && known && program == "": // it is there now, and goes
		err = fmt.Errorf("%s: no layer of this generation has it", service.Command[0])
		if entry, l := entryAt(c.observed.Layers, service.Command[0]); entry != nil {
			err = fmt.Errorf("%w; it is of %s, which goes", err, spokenLayer(l.LayerName()))
		}
		return notes, err
	}
	return notes, err
}

// sourceOf is the folder of a source that a file lies in.
func sourceOf(layers []indexed, file string) []*layer.Entry {
	for ; len(file) > 1; file = path.Dir(file) {
		if e, _ := entryAt(layers, file); e != nil && e.Kind == layer.Folder && e.SHA256 != "" {
			return []*layer.Entry{e}
		}
	}
	return nil
}

// pathsIn lists the paths that the words of a command have in them.
func pathsIn(command []string) (paths []string) {
	for _, word := range command {
		for i := 0; i < len(word); i++ {
			if word[i] != '/' || i > 0 && system.PathByte(word[i-1]) {
				continue
			}
			end := i
			for end < len(word) && system.PathByte(word[end]) {
				end++
			}
			if file := path.Clean(word[i:end]); file != "/" {
				paths = append(paths, file)
			}
			i = end
		}
	}
	return paths
}
