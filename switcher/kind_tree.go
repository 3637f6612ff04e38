package switcher

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"bantam/layer"
)

// KindTree is what lies below /usr, and what sources show elsewhere: the layers of a generation and its own files there,
// which are one read-only tree.
const KindTree Kind = "tree"

type treeKind struct{}

type treeMachine interface {
	// TreeItems are those of what SetTree made last, as long as it is there.
	TreeItems() (Items, error)
	// SetTree makes t what is there, in the place of the tree before, from one moment to the next. What runs keeps the
	// files that it has open.
	SetTree(t Tree) error
	// LayerIndex reads the index of a layer, also of one that is in no tree.
	LayerIndex(l Descriptor) (layer.Index, error)
	// LayerFile reads a file of a layer, e.g. etc/motd. Those of the tree are open for it until ReleaseLayers.
	LayerFile(l Descriptor, name string) ([]byte, error)
	ReleaseLayers() error
	// VerifyLayer reads all of a layer and says whether it is what its digest names.
	VerifyLayer(l Descriptor) error
}

// Tree is what SetTree makes.
type Tree struct {
	Layers []Descriptor // the first one wins
	Files  []TreeFile   // below /usr, before all layers
	Binds  []TreeBind
	Items  Items // what tells it from other trees
}

// TreeFile is a file of the system's own below /usr.
type TreeFile struct {
	Path     string
	Data     []byte
	Mode     uint32
	UID, GID int
}

// TreeBind is a file or folder of a layer that is shown at its own path, outside of /usr.
type TreeBind struct {
	Path  string // e.g. /srv/www
	Layer Descriptor
}

func (m *bounded) TreeItems() (Items, error) {
	return named(m, answerLimit, "look at the tree", m.Machine.TreeItems)
}

func (m *bounded) SetTree(t Tree) error {
	return tell(m, driverLimit, "mount the tree", func() error { return m.Machine.SetTree(t) })
}

func (m *bounded) LayerIndex(l Descriptor) (layer.Index, error) {
	return named(m, driverLimit, "read layer "+l.LayerName(), func() (layer.Index, error) { return m.Machine.LayerIndex(l) })
}

func (m *bounded) LayerFile(l Descriptor, name string) ([]byte, error) {
	return named(m, driverLimit, "read layer "+l.LayerName(), func() ([]byte, error) { return m.Machine.LayerFile(l, name) })
}

func (m *bounded) ReleaseLayers() error {
	return tell(m, answerLimit, "release the layers", m.Machine.ReleaseLayers)
}

func (m *bounded) VerifyLayer(l Descriptor) error {
	return tell(m, programLimit, "verify layer "+l.LayerName(), func() error { return m.Machine.VerifyLayer(l) })
}

// treeError is that of layers that cannot be read or mounted. What has it is a generation with missing blobs.
type treeError struct{ error }

func (e treeError) Unwrap() error { return e.error }

// indexed is a layer with its index.
type indexed struct {
	Descriptor
	index layer.Index
}

// indexes reads those of layers, but for those that are among known.
func (s *Switcher) indexes(layers []Descriptor, known []indexed) (all []indexed, err error) {
	for _, l := range layers {
		if i := slices.IndexFunc(known, func(k indexed) bool { return k.Digest == l.Digest }); i >= 0 {
			all = append(all, indexed{l, known[i].index})
			continue
		}
		index, fault := s.machine.LayerIndex(l)
		if fault != nil {
			err = errors.Join(err, treeError{fault})
		}
		all = append(all, indexed{l, index})
	}
	return all, err
}

// treeOf are the indexes as one tree.
func treeOf(layers []indexed) (t layer.Tree) {
	for _, l := range layers {
		t = append(t, l.index)
	}
	return t
}

// entryAt finds what a layer has at a path itself; links are not followed.
func entryAt(layers []indexed, file string) (*layer.Entry, Descriptor) {
	for _, l := range layers {
		if e := l.index.Find(strings.TrimPrefix(file, "/")); e != nil {
			return e, l.Descriptor
		}
	}
	return nil, Descriptor{}
}

func below(file, folder string) bool { return strings.HasPrefix(file, folder+"/") }

func (treeKind) name() Kind { return KindTree }

func (treeKind) desired(_ Machine, d *Desired) (Items, error) {
	t, err := d.tree()
	return t.Items, err
}

// tree is what d's system and layers make.
func (d *Desired) tree() (Tree, error) {
	t := Tree{Items: Items{}}
	var faults []error
	for _, l := range d.Layers {
		t.Layers = append(t.Layers, l.Descriptor)
		t.Items[l.LayerName()] = string(l.Digest)
	}
	for _, file := range sortedKeys(d.System.Files) {
		f := d.System.Files[file]
		uid, gid := d.System.FileIDs(f)
		switch {
		case f.Source != "" && !below(file, "/usr") && !below(file, "/etc"):
			entry, l := entryAt(d.Layers, file)
			if entry == nil {
				faults = append(faults, fmt.Errorf("%s: no layer of this generation has it", keyPath("file", file)))
				continue
			}
			t.Binds = append(t.Binds, TreeBind{file, l})
			t.Items[file] = "source " + string(l.Digest)
		case f.Source == "" && below(file, "/usr"):
			t.Files = append(t.Files, TreeFile{file, []byte(f.Text.Text), f.Perm(), uid, gid})
			state, err := FileState(f.Perm(), uid, gid, strings.NewReader(f.Text.Text))
			faults = append(faults, err)
			t.Items[file] = state
		}
	}
	return t, errors.Join(faults...)
}

func (treeKind) observe(m Machine, _ *Observed, _ Desired) (Items, error) { return m.TreeItems() }

func (treeKind) plan(p *planner) {
	if p.to.System == nil {
		return // it goes with the memory that it lies in
	}
	have, want := p.from.Items[KindTree], p.to.Items[KindTree]
	for _, name := range bothKeys(have, want) {
		s := Step{Action: ActionSet, Kind: KindTree, Name: name}
		before, after := versionIn(p.from.Layers, name), versionIn(p.to.Layers, name)
		file := path.IsAbs(name)
		switch {
		case have[name] == want[name]:
			continue
		case file:
			s.Text, s.Reason = "write file "+name, p.reason(keyPath("file", name))
			if want[name] == "" {
				s.Action, s.Text = ActionRemove, "remove file "+name
			}
			if s.Reason == "" {
				s.Reason = "what is beside system.toml has changed"
			}
		case want[name] == "":
			s.Action, s.Text, s.Reason = ActionRemove, "remove "+spokenLayer(name)+before, p.reason("packages", "program", "file")
		case have[name] == "":
			s.Text, s.Reason = "add "+spokenLayer(name)+after, p.reason("packages", "program", "file")
		case before != after:
			s.Text, s.Reason = "change "+spokenLayer(name)+before+" to"+after, "another version"
		default:
			s.Text, s.Reason = "change "+spokenLayer(name)+after, "other bytes"
		}
		p.step(s)
	}
}

// versionIn is the version of a layer with a blank before it, "" if it has none.
func versionIn(layers []indexed, name string) string {
	for _, l := range layers {
		if v := l.Annotations[VersionAnnotation]; v != "" && l.LayerName() == name {
			return " " + v
		}
	}
	return ""
}

// check reads the layers that come new: what is damaged must not be found out when the old ones are gone.
func (treeKind) check(c *precheck) (faults []error, notes []string) {
	for _, l := range c.to.generation.Layers {
		if c.observed.Items[KindTree][l.LayerName()] != string(l.Digest) {
			if err := c.machine.VerifyLayer(l); err != nil {
				faults = append(faults, err)
			}
		}
	}
	return faults, nil
}

// joint: the tree is one.
func (treeKind) joint(_, _ Action) bool { return true }

func (treeKind) apply(_ context.Context, o *operation, batch []Step, _ target) error {
	t, err := o.desired.tree()
	if err != nil {
		return err
	}
	if err := o.s.machine.SetTree(t); err != nil {
		return treeError{failed(batch[0], err)}
	}
	return nil
}
