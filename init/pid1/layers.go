package pid1

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"bantam/init/statevolume"
	"bantam/init/tree"
	"bantam/layer"
	"bantam/switcher"
	"bantam/system"
)

// layers are what the machine has of layers, and the tree of those that its generation has.
type layers struct {
	tree   *tree.Tree
	area   func() (layer.Area, error)              // what the boot medium carries
	find   func() (area statevolume.Area, e error) // and where
	store  string                                  // the blobs that came later, by digest
	memory string                                  // what a machine has that was started from no medium, by digest
	items  switcher.Items                          // of the tree, under mu
	mu     sync.Mutex

	// Under mu, too; see layerFaults.
	inTree     []tree.Layer
	complaints int // of the kernel, when damage was last looked for
	damaged    []string
}

// newLayers makes ready for layers. Nothing is looked for before one is asked for.
func (p *initProcess) newLayers() *layers {
	l := &layers{
		store:  filepath.Join(statePath, "store/blobs/sha256"),
		memory: layer.MemoryPath,
		area: sync.OnceValues(func() (layer.Area, error) {
			text, err := os.ReadFile(layer.AreaPath)
			if errors.Is(err, fs.ErrNotExist) {
				return nil, nil
			}
			if err != nil {
				return nil, err
			}
			return layer.ReadArea(text)
		}),
		find: onceFound(func() (statevolume.Area, error) { return p.volume.Layers(context.Background(), p.volumeOptions()) }),
	}
	l.tree = tree.New(tree.Options{
		Work:     "/run/bantam/tree",
		Commands: func() []string { return p.build.Commands },
		Find:     l.place,
		Load:     p.loadForLayers,
	})
	return l
}

// loadForLayers loads a module that layers need. A layer is read by a block or two at a time: room for 128 requests would
// cost 80 kB of memory for each. Without max_loop the module makes eight loop devices at once, of 69 kB each; more than it says
// are made when they are asked for.
func (p *initProcess) loadForLayers(module string) error {
	if p.loader == nil {
		return nil // what the kernel has, it has built in
	}
	parameters := ""
	if module == "loop" {
		parameters = "hw_queue_depth=4 max_loop=1"
	}
	return p.loader.Modprobe(module, parameters)
}

// onceFound keeps the first answer without an error.
func onceFound[T any](find func() (T, error)) func() (T, error) {
	var mu sync.Mutex
	var known *T
	return func() (found T, err error) {
		mu.Lock()
		defer mu.Unlock()
		if known != nil {
			return *known, nil
		}
		if found, err = find(); err == nil {
			known = &found
		}
		return found, err
	}
}

// onMedium says whether the boot medium carries a layer: a slot's initrd names all of them, whatever its generation uses.
func (p *initProcess) onMedium(d switcher.Digest) bool { return p.machine.layers.onMedium(d) }

func (l *layers) onMedium(d switcher.Digest) bool {
	area, err := l.area()
	return err == nil && slices.ContainsFunc(area, func(e layer.Extent) bool { return e.SHA256 == d.Hex() })
}

// place says where a layer is: in the store, in memory or on the boot medium.
func (l *layers) place(of tree.Layer) (tree.Place, error) {
	file := filepath.Join(l.store, of.Hex)
	if info, err := os.Lstat(file); err == nil && info.Mode().IsRegular() && info.Size() == of.Size {
		return tree.Place{Path: file}, nil
	}
	file = filepath.Join(l.memory, of.Hex)
	if info, err := os.Lstat(file); err == nil && info.Size() == of.Size {
		return tree.Place{Path: file}, nil
	}
	area, err := l.area()
	if err != nil {
		return tree.Place{}, err
	}
	for _, e := range area {
		if e.SHA256 != of.Hex || e.Length != of.Size {
			continue
		}
		medium, err := l.find()
		if err != nil {
			return tree.Place{}, err
		}
		if e.Offset+e.Length > medium.Length {
			return tree.Place{}, fmt.Errorf("it ends behind the %d bytes that the boot medium has of layers", medium.Length)
		}
		return tree.Place{Path: medium.Device, Offset: medium.Offset + e.Offset}, nil
	}
	return tree.Place{}, errors.New("it is neither on the boot medium nor in the store")
}

var errNoLayers = errors.New("this machine has no layers")

func treeLayer(d switcher.Descriptor) tree.Layer {
	return tree.Layer{Name: d.LayerName(), Hex: d.Digest.Hex(), Size: d.Size}
}

// TreeItems are those of what SetTree made last, as long as it is there.
func (m *Machine) TreeItems() (switcher.Items, error) {
	if m.layers == nil {
		return switcher.Items{}, nil
	}
	m.layers.mu.Lock()
	defer m.layers.mu.Unlock()
	if !m.layers.tree.Mounted() {
		return switcher.Items{}, nil
	}
	return m.layers.items, nil
}

// SetTree makes t what lies below /usr.
func (m *Machine) SetTree(t switcher.Tree) error {
	if m.layers == nil {
		return errNoLayers
	}
	var list []tree.Layer
	for _, d := range t.Layers {
		list = append(list, treeLayer(d))
	}
	files := map[string]tree.File{}
	for _, f := range t.Files {
		files[f.Path] = tree.File{Data: f.Data, Mode: f.Mode, UID: f.UID, GID: f.GID}
	}
	var binds []tree.Bind
	for _, b := range t.Binds {
		binds = append(binds, tree.Bind{Path: b.Path, Layer: treeLayer(b.Layer)})
	}
	m.layers.mu.Lock()
	defer m.layers.mu.Unlock()
	if err := m.layers.tree.Set(list, files, binds); err != nil {
		return err
	}
	m.layers.items, m.layers.inTree = t.Items, list
	m.layers.complaints, m.layers.damaged = 0, nil
	return nil
}

// LayerIndex reads the index of a layer.
func (m *Machine) LayerIndex(d switcher.Descriptor) (layer.Index, error) {
	if m.layers == nil {
		return nil, errNoLayers
	}
	return m.layers.tree.Index(treeLayer(d))
}

// LayerFile reads a file of a layer.
func (m *Machine) LayerFile(d switcher.Descriptor, name string) ([]byte, error) {
	if m.layers == nil {
		return nil, errNoLayers
	}
	return m.layers.tree.Read(treeLayer(d), name, system.MaxSize)
}

// ReleaseLayers lets go of what SetTree has left open for LayerFile.
func (m *Machine) ReleaseLayers() error {
	if m.layers != nil {
		m.layers.tree.Release()
	}
	return nil
}

// VerifyLayer reads all of a layer.
func (m *Machine) VerifyLayer(d switcher.Descriptor) error {
	if m.layers == nil {
		return errNoLayers
	}
	return m.layers.tree.Verify(treeLayer(d))
}

// usrProgram says what a program is that inTree may find: known is false of one that lies elsewhere. What is below /usr
// now says nothing of what will be there; Bantam's own commands are, behind all layers, and come first in /bin.
func (m *Machine) usrProgram(file string, inTree switcher.FindInTree) (digest string, known bool) {
	dir, name := path.Split(path.Clean(file))
	own := m.commands[name]
	switch {
	case own && dir == "/bin/":
		return m.binary, true
	case inTree(file):
		return switcher.InTree, true
	case own && (dir == "/sbin/" || dir == "/usr/bin/" || dir == "/usr/sbin/"):
		return m.binary, true
	}
	return "", strings.HasPrefix(dir, "/usr/")
}
