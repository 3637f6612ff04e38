package images

import (
	"path"
	"slices"
	"strings"

	"bantam/layer"
	"bantam/switcher"
)

// search finds how files come to be loaded.
type search struct {
	layers  []stored
	tree    layer.Tree
	folders []string              // where the dynamic loader looks
	layerOf map[*layer.Entry]int  // of entries of indexes
	loads   map[*layer.Entry][]by // what an entry loads, as far as it was asked
}

// by is an entry, and how it was named by what loads it.
type by struct {
	name  string
	entry *layer.Entry
}

func newSearch(layers []stored, folders []string) *search {
	s := &search{layers: layers, folders: folders, layerOf: make(map[*layer.Entry]int), loads: make(map[*layer.Entry][]by)}
	for i, l := range layers {
		s.tree = append(s.tree, l.index)
		for j := range l.index {
			s.layerOf[&l.index[j]] = i
		}
	}
	return s
}

// programFolders are where programs are found by name.
var programFolders = []string{"/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin"}

// reason is that of a file of a layer.
func (s *search) reason(at int, file string) Reason {
	l := s.layers[at]
	r := Reason{Path: "/" + file, Layer: l.LayerName(), Version: l.Annotations[switcher.VersionAnnotation]}
	target := l.index.Find(file)
	if target != nil && target.Kind == layer.Link {
		target = s.tree.Library("/"+file, nil, nil)
		if target != nil {
			r.Link = "/" + target.Path
		} else if to := l.index.Find(file).Link; path.IsAbs(to) {
			r.Link = to
		} else {
			r.Link = path.Join("/", path.Dir(file), to)
		}
	}
	r.Program = target != nil && target.Kind == layer.RegularFile && target.Mode&0o111 != 0 && slices.Contains(programFolders, path.Dir("/"+file))
	for _, entry := range strings.Fields(l.Annotations[switcher.ForAnnotation]) {
		r.For = append(r.For, Asked{Entry: entry, Chain: s.chain(entry, at, target)})
	}
	return r
}

// chain is the shortest way from a file of what system.toml names to another: by interpreters and libraries. If none leads
// there from the package itself, one from another package that came for it is taken; the file's own layer needs none.
func (s *search) chain(asked string, at int, target *layer.Entry) []Step {
	if target == nil || s.is(at, asked) {
		return nil
	}
	own := func(i int) bool { return s.is(i, asked) }
	others := func(i int) bool {
		return i != at && slices.Contains(strings.Fields(s.layers[i].Annotations[switcher.ForAnnotation]), asked)
	}
	for _, begins := range []func(int) bool{own, others} {
		if steps := s.shortest(begins, target); steps != nil {
			return steps
		}
	}
	return nil
}

// is tells whether a layer is that of an entry, or a part of it, e.g. package/libc6/rare.
func (s *search) is(at int, entry string) bool {
	name := s.layers[at].LayerName()
	return name == entry || strings.HasPrefix(name, entry+"/")
}

// shortest searches in breadth, so that the first way is the shortest; of equal ones it is the first by name.
func (s *search) shortest(begins func(layer int) bool, target *layer.Entry) []Step {
	from := make(map[*layer.Entry]*layer.Entry)
	name := make(map[*layer.Entry]string)
	var queue []*layer.Entry
	for i, l := range s.layers {
		for j := range l.index {
			if e := &l.index[j]; begins(i) && e.Kind == layer.RegularFile && (e.Interpreter != "" || len(e.Needs) > 0) {
				from[e] = nil
				queue = append(queue, e)
			}
		}
	}
	for len(queue) > 0 {
		e := queue[0]
		queue = queue[1:]
		if e == target && from[e] != nil {
			var steps []Step
			for at := e; from[at] != nil; at = from[at] {
				steps = append(steps, Step{"/" + from[at].Path, s.layers[s.layerOf[from[at]]].LayerName(), name[at]})
			}
			slices.Reverse(steps)
			return steps
		}
		for _, next := range s.loadedBy(e) {
			if _, seen := from[next.entry]; !seen {
				from[next.entry], name[next.entry] = e, next.name
				queue = append(queue, next.entry)
			}
		}
	}
	return nil
}

// loadedBy is what an entry loads itself.
func (s *search) loadedBy(e *layer.Entry) []by {
	list, known := s.loads[e]
	if known {
		return list
	}
	add := func(name string) {
		if next := s.tree.Library(name, e.RunPath, s.folders); next != nil {
			list = append(list, by{name, next})
		}
	}
	if e.Interpreter != "" {
		add(e.Interpreter)
	}
	for _, name := range e.Needs {
		add(name)
	}
	s.loads[e] = list
	return list
}
