package switcher

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"bantam/spelling"
	"bantam/system"
)

// filesPayload is what the layer of files that come from beside system.toml is for.
const filesPayload = "files"

// made is a generation whose layers others may use.
type made struct {
	number int // 0: what the boot medium carries, or a draft of it
	layers []Descriptor
	system *system.System
}

// A requirement is something in system.toml that takes layers.
type requirement struct {
	key  string // of the layers that are for it, e.g. package/tcpdump, program/sensor, files
	path string // in system.toml, e.g. packages[2]
	what string // for people, e.g. package tcpdump
	name string
	same func(sys, other *system.System) bool // says whether both ask for the same bytes
}

// requirements lists what a system asks to be carried, in the order of its kinds.
func requirements(sys *system.System) []requirement {
	var all []requirement
	needed := sys.NeededPackages()
	for i, name := range sys.AllPackages() {
		path := cmp.Or(needed[name].Path, fmt.Sprintf("packages[%d]", i))
		all = append(all, requirement{"package/" + name, path, "package " + name, name, func(sys, other *system.System) bool {
			a, b := sys.PackageOptions(name), other.PackageOptions(name)
			return slices.Contains(other.AllPackages(), name) && a.Closure == b.Closure && slices.Equal(a.Exclude, b.Exclude) && slices.Equal(a.Only, b.Only)
		}})
	}
	for _, name := range sortedKeys(sys.Programs) {
		all = append(all, requirement{"program/" + name, keyPath("program", name), "program " + name, name, func(sys, other *system.System) bool {
			a, b := sys.Programs[name], other.Programs[name]
			return a.Go == b.Go && a.File == b.File && slices.Equal(a.Tags, b.Tags)
		}})
	}
	for _, name := range sortedKeys(sys.Files) {
		if sys.Files[name].Source == "" {
			continue
		}
		all = append(all, requirement{filesPayload, keyPath("file", name) + ".source", "source " + sys.Files[name].Source, sys.Files[name].Source, func(sys, other *system.System) bool {
			a, b := sys.Files[name], other.Files[name]
			uid, gid := sys.FileIDs(a)
			otherUID, otherGID := other.FileIDs(b)
			return a.Source == b.Source && a.Mode == b.Mode && uid == otherUID && gid == otherGID
		}})
	}
	return all
}

// layersFor finds the layers of what sys asks for, without building anything: they are those of the first generation that
// has all of it, or else those of the first that has each. lacking names what none has, or none that fits the others.
func layersFor(sys *system.System, from []made) (layers []Descriptor, lacking map[string]string) {
	all := requirements(sys)
	has := func(m made, r requirement) bool {
		return r.same(sys, m.system) && slices.ContainsFunc(m.layers, func(l Descriptor) bool { return l.isFor(r.key) })
	}
	for _, m := range from {
		if !slices.ContainsFunc(all, func(r requirement) bool { return !has(m, r) }) {
			return layersOf(all, m), nil
		}
	}
	chosen, lacking := map[string]Descriptor{}, map[string]string{}
	for _, r := range all {
		i := slices.IndexFunc(from, func(m made) bool { return has(m, r) })
		if i < 0 {
			lacking[r.path] = "no generation on this machine has " + r.what
			continue
		}
		for _, l := range layersOf([]requirement{r}, from[i]) {
			before, is := chosen[l.LayerName()]
			if is && before.Digest != l.Digest {
				lacking[r.path] = fmt.Sprintf("%s is in generation %d, with another %s than the rest", r.what, from[i].number, spokenLayer(l.LayerName()))
				break
			}
			chosen[l.LayerName()] = l
		}
	}
	m := made{system: sys}
	for _, name := range slices.Sorted(maps.Keys(chosen)) {
		m.layers = append(m.layers, chosen[name])
	}
	return layersOf(all, m), lacking
}

// layersOf are the layers of m that are for any of the requirements, and say so.
func layersOf(all []requirement, m made) (layers []Descriptor) {
	for _, l := range m.layers {
		var keys []string
		for _, r := range all {
			if l.isFor(r.key) {
				keys = append(keys, r.key)
			}
		}
		if len(keys) == 0 {
			continue
		}
		slices.Sort(keys)
		l.Annotations = maps.Clone(l.Annotations)
		l.Annotations[ForAnnotation] = strings.Join(slices.Compact(keys), " ")
		layers = append(layers, l)
	}
	return layers
}

// isFor says whether what a key names is among what the layer is for.
func (d Descriptor) isFor(key string) bool {
	return slices.Contains(strings.Fields(d.Annotations[ForAnnotation]), key)
}

// spokenLayer is a layer's name for people, e.g. package libc6.
func spokenLayer(name string) string {
	if name == filesPayload {
		return "layer of files"
	}
	return strings.Replace(name, "/", " ", 1)
}

// withLayers gives t the layers that its system asks for, from the generations of this machine.
func (s *Switcher) withLayers(t target, base made, file string) (target, error) {
	all := requirements(t.system)
	if len(all) == 0 {
		t.generation.Layers = nil
		return t, nil
	}
	from := []made{base}
	if layers, lacking := layersFor(t.system, from); len(lacking) == 0 {
		t.generation.Layers = layers
		return t, nil
	}
	from = append(from, s.generationsWithLayers()...)
	layers, lacking := layersFor(t.system, from)
	if len(lacking) == 0 {
		t.generation.Layers = layers
		return t, nil
	}
	positions := system.Scan(t.text)
	var problems problemsError
	for _, r := range all {
		why := lacking[r.path]
		if why == "" {
			continue
		}
		p := system.Problem{File: file, Message: fmt.Sprintf("%s: %s", r.path, why), Suggestion: "a build host can make a generation with it"}
		if at, found := positions.Find(r.path); found {
			p.Line, p.Col = at.Key.Line, at.Key.Col
		}
		if near := spelling.Nearest(r.name, namesLike(r, from)); near != "" && near != r.name {
			p.Suggestion = fmt.Sprintf("did you mean %q?", near)
		}
		problems = append(problems, p)
	}
	return t, problems
}

// namesLike are the names of packages, programs or sources, whatever r is, that generations have.
func namesLike(r requirement, from []made) (names []string) {
	sort, _, _ := strings.Cut(r.key, "/")
	for _, m := range from {
		for _, other := range requirements(m.system) {
			if kind, _, _ := strings.Cut(other.key, "/"); kind == sort {
				names = append(names, other.name)
			}
		}
	}
	return names
}

// generationsWithLayers are the generations of this machine whose layers are all here, the newest first.
func (s *Switcher) generationsWithLayers() (all []made) {
	record := s.recordNow()
	for _, e := range slices.Backward(record.Entries) {
		t, err := s.read(e)
		if err == nil && s.lackingLayer(t.generation) == nil {
			all = append(all, made{e.Number, t.generation.Layers, t.system})
		}
	}
	return append(all, made{0, s.image.generation.Layers, s.image.system})
}

// lackingLayer says which layer of g is neither in the store nor on the boot medium.
func (s *Switcher) lackingLayer(g Generation) error {
	for _, l := range g.Layers {
		if s.onMedium(l.Digest) {
			continue
		}
		if size, err := s.disk.Size(s.store.BlobPath(l.Digest)); err != nil || size != l.Size {
			return fmt.Errorf("%s (%s) is neither on the boot medium nor in the store", spokenLayer(l.LayerName()), l.Digest.Short())
		}
	}
	return nil
}
