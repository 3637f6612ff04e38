package system

import (
	"strconv"

	"bantam/system/syntax"
)

// Position is a place in the file.
type Position = syntax.Position

// Entry is one key of a file and where it stands.
type Entry struct {
	Path     string   // e.g. net.eth0.addresses, net.eth0.addresses[0]
	Key      Position // of the key; of an array's element, the element
	Value    Position // of the value; of a table, its header
	ValueEnd Position // just behind the value
}

// Positions says where the keys of a file are, in the order of the file within
// each table. It is there for files with faults as well.
type Positions []Entry

// Scan finds every key that can be recognised. It never fails.
func Scan(src []byte) Positions {
	t, _ := syntax.NewText(src).CheckBytes()
	root, _ := syntax.Scan(t)
	var all Positions
	all.collect(t, root, "")
	return all
}

func (p *Positions) collect(t syntax.Text, n *syntax.Node, path string) {
	entry := func(kid *syntax.Node, at string) {
		*p = append(*p, Entry{at, t.Position(kid.Key), t.Position(kid.At), t.Position(kid.End)})
		p.collect(t, kid, at)
	}
	for _, name := range n.Names {
		entry(n.Kids[name], syntax.Join(path, name))
	}
	for i, item := range n.Items {
		entry(item, path+"["+strconv.Itoa(i)+"]")
	}
}

// Find is the entry of a path.
func (p Positions) Find(path string) (Entry, bool) {
	for _, e := range p {
		if e.Path == path {
			return e, true
		}
	}
	return Entry{}, false
}
