package firmware

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"strings"
)

// TreeSize is how long WriteTree makes a tree.
func TreeSize(root Node) int64 {
	names := treeNames{at: map[string]uint32{}}
	structure := names.measure(root)
	return treeHeader + treeReserve + structure + 4 + int64(len(names.all))
}

// WriteTree writes a device tree as dtc does.
func WriteTree(w io.Writer, root Node) error { return writeTree(w, root, 0) }

// writeTree writes a device tree with zeros up to a size of at least so many bytes.
func writeTree(w io.Writer, root Node, room int64) error {
	names := treeNames{at: map[string]uint32{}}
	structure := names.measure(root) + 4
	used := treeHeader + treeReserve + structure + int64(len(names.all))
	size := max(used, room)
	if size > treeMaxWritten {
		return fmt.Errorf("device tree: %d bytes: at most %d", size, treeMaxWritten)
	}
	if err := root.checkNames(0); err != nil {
		return fmt.Errorf("device tree: %w", err)
	}
	at := int64(treeHeader + treeReserve)
	h := []byte(treeMagic)
	for _, v := range []int64{size, at, at + structure, treeHeader, treeVersion, treeOldest, 0, int64(len(names.all)), structure} {
		h = binary.BigEndian.AppendUint32(h, uint32(v))
	}
	if _, err := w.Write(append(h, make([]byte, treeReserve)...)); err != nil {
		return err
	}
	if err := names.write(w, root); err != nil {
		return err
	}
	if _, err := w.Write(append([]byte{0, 0, 0, tokenLast}, names.all...)); err != nil {
		return err
	}
	return fill(w, 0, size-used)
}

// treeNames are those of properties, each once.
type treeNames struct {
	all []byte
	at  map[string]uint32
}

// measure collects the names of a node and all below, and returns how long they are without them.
func (t *treeNames) measure(n Node) int64 {
	size := 4 + roundUp(int64(len(n.Name))+1, 4) + 4
	for _, p := range n.Properties {
		if _, ok := t.at[p.Name]; !ok {
			t.at[p.Name] = uint32(len(t.all))
			t.all = append(append(t.all, p.Name...), 0)
		}
		size += 12 + roundUp(p.Value.Size(), 4)
	}
	for _, child := range n.Children {
		size += t.measure(child)
	}
	return size
}

func (t *treeNames) write(w io.Writer, n Node) error {
	b := append([]byte{0, 0, 0, tokenBegin}, n.Name...)
	if _, err := w.Write(append(b, make([]byte, roundUp(int64(len(n.Name))+1, 4)-int64(len(n.Name)))...)); err != nil {
		return err
	}
	for _, p := range n.Properties {
		size := p.Value.Size()
		b := binary.BigEndian.AppendUint32([]byte{0, 0, 0, tokenProperty}, uint32(size))
		if _, err := w.Write(binary.BigEndian.AppendUint32(b, t.at[p.Name])); err != nil {
			return err
		}
		if err := copySource(w, p.Value); err != nil {
			return fmt.Errorf("device tree: node %q: property %q: %w", n.Name, p.Name, err)
		}
		if err := fill(w, 0, roundUp(size, 4)-size); err != nil {
			return err
		}
	}
	for _, child := range n.Children {
		if err := t.write(w, child); err != nil {
			return err
		}
	}
	_, err := w.Write([]byte{0, 0, 0, tokenEnd})
	return err
}

// checkNames refuses a tree that ReadTree would.
func (n Node) checkNames(depth int) error {
	if depth > treeMaxDepth || len(n.Name) > treeMaxName || strings.ContainsAny(n.Name, "/\x00") || (n.Name == "") != (depth == 0) {
		return fmt.Errorf("a node with the name %q, %d deep", n.Name, depth)
	}
	for _, p := range n.Properties {
		if p.Name == "" || len(p.Name) > treeMaxName || strings.Contains(p.Name, "\x00") {
			return fmt.Errorf("node %q: a property with the name %q", n.Name, p.Name)
		}
	}
	for _, child := range n.Children {
		if err := child.checkNames(depth + 1); err != nil {
			return err
		}
	}
	return nil
}

// TreeWithChosen is a device tree with what a boot loader would tell the kernel in it, in the node of that name.
func TreeWithChosen(tree Source, said ...Property) ([]byte, error) {
	root, _, err := ReadTree(tree)
	if err != nil {
		return nil, err
	}
	chosen, ok := root.Child("chosen")
	if !ok {
		root.Children = append(root.Children, Node{Name: "chosen"})
		chosen = &root.Children[len(root.Children)-1]
	}
	chosen.Properties = slices.DeleteFunc(slices.Clone(chosen.Properties), func(p Property) bool {
		return slices.ContainsFunc(said, func(q Property) bool { return p.Name == q.Name })
	})
	chosen.Properties = append(chosen.Properties, said...)
	var b bytes.Buffer
	err = WriteTree(&b, root)
	return b.Bytes(), err
}
