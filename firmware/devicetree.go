package firmware

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"strings"
)

// A Node is one of a flattened device tree (Devicetree Specification, chapter 5), in which FIT images are written, too.
type Node struct {
	Name       string // "" is the root's
	Properties []Property
	Children   []Node
}

// A Property is bytes with a name. Those that were read are still in the file: of a FIT image they are the kernel.
type Property struct {
	Name  string
	Value Source
}

// Text is a property of one line of text.
func Text(name, value string) Property { return Property{name, strings.NewReader(value + "\x00")} }

// Texts is a property of several.
func Texts(name string, values ...string) Property { return Text(name, strings.Join(values, "\x00")) }

// Cells is a property of 32-bit numbers.
func Cells(name string, values ...uint32) Property {
	var b []byte
	for _, v := range values {
		b = binary.BigEndian.AppendUint32(b, v)
	}
	return Property{name, bytes.NewReader(b)}
}

const (
	treeMagic   = "\xD0\x0D\xFE\xED"
	treeHeader  = 40
	treeReserve = 16 // the end of the list of reserved memory
	treeVersion = 17
	treeOldest  = 16 // that can read what we write

	tokenBegin, tokenEnd, tokenProperty, tokenNothing, tokenLast = 1, 2, 3, 4, 9

	// What a tree may have, so that a damaged one does not take all memory: Linux' largest have a third of it.
	treeMaxNames   = 1 << 20 // bytes
	treeMaxThings  = 1 << 16 // nodes and properties
	treeMaxDepth   = 64
	treeMaxName    = 256
	treeMaxSmall   = 64 << 10 // of a value that is read into memory
	treeMaxWritten = math.MaxInt32
)

// Child finds a node below by its name.
func (n *Node) Child(name string) (*Node, bool) {
	for i := range n.Children {
		if n.Children[i].Name == name {
			return &n.Children[i], true
		}
	}
	return nil, false
}

// Property finds a value by its name.
func (n *Node) Property(name string) (Source, bool) {
	for _, p := range n.Properties {
		if p.Name == name {
			return p.Value, true
		}
	}
	return nil, false
}

// bytes reads a property that is not large; nil if there is none.
func (n *Node) bytes(name string) ([]byte, error) {
	v, ok := n.Property(name)
	if !ok {
		return nil, nil
	}
	if v.Size() > treeMaxSmall {
		return nil, fmt.Errorf("node %q: property %q: %d bytes: at most %d", n.Name, name, v.Size(), treeMaxSmall)
	}
	b, err := readAt(v, 0, v.Size())
	if err != nil {
		return nil, fmt.Errorf("node %q: property %q: %w", n.Name, name, err)
	}
	return b, nil
}

// texts reads a property of lines of text; none if there is none.
func (n *Node) texts(name string) ([]string, error) {
	b, err := n.bytes(name)
	if err != nil || b == nil {
		return nil, err
	}
	text, ended := strings.CutSuffix(string(b), "\x00")
	if !ended {
		return nil, fmt.Errorf("node %q: property %q: %q is no text", n.Name, name, b)
	}
	return strings.Split(text, "\x00"), nil
}

// text reads a property of one line of text; "" if there is none.
func (n *Node) text(name string) (string, error) {
	list, err := n.texts(name)
	if err != nil || len(list) == 0 {
		return "", err
	}
	if len(list) > 1 {
		return "", fmt.Errorf("node %q: property %q: want one text, not %q", n.Name, name, list)
	}
	return list[0], nil
}

// number reads a property of one or two cells.
func (n *Node) number(name string) (value uint64, there bool, err error) {
	b, err := n.bytes(name)
	switch {
	case err != nil || b == nil:
		return 0, false, err
	case len(b) == 4:
		return uint64(binary.BigEndian.Uint32(b)), true, nil
	case len(b) == 8:
		return binary.BigEndian.Uint64(b), true, nil
	}
	return 0, false, fmt.Errorf("node %q: property %q: a number of %d bytes", n.Name, name, len(b))
}
