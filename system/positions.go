package system

import "strconv"

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
	t, _ := newText(src).checkBytes()
	root, _ := scan(t)
	var all Positions
	all.collect(t, root, "")
	return all
}

func (p *Positions) collect(t text, n *node, path string) {
	entry := func(kid *node, at string) {
		*p = append(*p, Entry{at, t.position(kid.key), t.position(kid.at), t.position(kid.end)})
		p.collect(t, kid, at)
	}
	for _, name := range n.names {
		entry(n.kids[name], join(path, name))
	}
	for i, item := range n.items {
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
