package firmware

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// ReadTree reads a device tree and returns its root, and its size, which the file may exceed. Values stay in the file. ErrOther
// if the file does not begin as one.
func ReadTree(f Source) (root Node, size int64, err error) {
	h, err := header(f, FormatDeviceTree, treeMagic, treeHeader)
	if err != nil {
		return root, 0, err
	}
	field := func(i int) int64 { return int64(binary.BigEndian.Uint32(h[4*i:])) }
	size = field(1)
	whole := Part{"device tree", 0, size}
	if err := whole.check(f); err != nil {
		return root, 0, err
	}
	if version, oldest := field(5), field(6); version < treeVersion || oldest > treeVersion {
		return root, 0, fmt.Errorf("device tree: version %d, readable as %d: want %d", version, oldest, treeVersion)
	}
	names := Part{"device tree: names", field(3), field(8)}
	structure := Part{"device tree: structure", field(2), field(9)}
	for _, p := range []Part{names, structure} {
		if p.At < treeHeader || p.End() > size {
			return root, 0, fmt.Errorf("%s: %d bytes from byte %d on are not within %d", p.Name, p.Size, p.At, size)
		}
	}
	if names.Size > treeMaxNames {
		return root, 0, fmt.Errorf("%s: %d bytes: at most %d", names.Name, names.Size, treeMaxNames)
	}
	r := treeReader{f: f, at: structure.At, end: structure.End()}
	r.in = bufio.NewReader(structure.In(f))
	if r.names, err = readAt(f, names.At, names.Size); err != nil {
		return root, 0, fmt.Errorf("%s: %w", names.Name, err)
	}
	if root, err = r.tree(); err != nil {
		return Node{}, 0, fmt.Errorf("device tree: byte %d: %w", r.at, err)
	}
	return root, size, nil
}

// treeReader reads the structure of a tree from its beginning to its end.
type treeReader struct {
	f       Source
	in      *bufio.Reader
	names   []byte
	at, end int64 // in the file
	things  int
}

func (r *treeReader) tree() (Node, error) {
	if err := r.expect(tokenBegin, "it does not begin with a node"); err != nil {
		return Node{}, err
	}
	root, err := r.node(0)
	if err != nil {
		return root, err
	}
	if root.Name != "" {
		return root, fmt.Errorf("its root has the name %q", root.Name)
	}
	return root, r.expect(tokenLast, "its root is not the last node")
}

// expect reads a token, or says what another one means.
func (r *treeReader) expect(token uint32, otherwise string) error {
	if got, err := r.token(); err != nil || got == token {
		return err
	}
	return errors.New(otherwise)
}

// node reads what follows the token that begins one.
func (r *treeReader) node(depth int) (n Node, err error) {
	if depth > treeMaxDepth {
		return n, fmt.Errorf("more than %d nodes in each other", treeMaxDepth)
	}
	if n.Name, err = r.name(); err != nil {
		return n, err
	}
	for {
		token, err := r.token()
		if err != nil {
			return n, err
		}
		if r.things++; r.things > treeMaxThings {
			return n, fmt.Errorf("more than %d nodes and properties", treeMaxThings)
		}
		switch token {
		case tokenBegin:
			child, err := r.node(depth + 1)
			if err != nil {
				return n, err
			}
			n.Children = append(n.Children, child)
		case tokenProperty:
			p, err := r.property()
			if err != nil {
				return n, err
			}
			if len(n.Children) > 0 {
				return n, fmt.Errorf("node %q: property %q is behind a node", n.Name, p.Name)
			}
			n.Properties = append(n.Properties, p)
		case tokenEnd:
			return n, nil
		default:
			return n, fmt.Errorf("node %q: unknown token %#x", n.Name, token)
		}
	}
}

// name reads that of a node.
func (r *treeReader) name() (string, error) {
	var name []byte
	for {
		c, err := r.in.ReadByte()
		if err != nil {
			return "", cut(err)
		}
		r.at++
		if c == 0 {
			break
		}
		if name = append(name, c); len(name) > treeMaxName {
			return "", fmt.Errorf("a name of more than %d bytes", treeMaxName)
		}
	}
	return string(name), r.align()
}

func (r *treeReader) property() (p Property, err error) {
	size, err := r.number()
	if err != nil {
		return p, err
	}
	nameAt, err := r.number()
	if err != nil {
		return p, err
	}
	if int64(nameAt) >= int64(len(r.names)) {
		return p, fmt.Errorf("a property's name at byte %d of %d", nameAt, len(r.names))
	}
	name, _, ended := bytes.Cut(r.names[nameAt:], []byte{0})
	if !ended || len(name) == 0 || len(name) > treeMaxName {
		return p, fmt.Errorf("a property's name at byte %d does not end", nameAt)
	}
	p = Property{string(name), io.NewSectionReader(r.f, r.at, int64(size))}
	if int64(size) > r.end-r.at {
		return p, fmt.Errorf("property %q: %d bytes, of which %d are there", p.Name, size, r.end-r.at)
	}
	if err := r.skip(int64(size)); err != nil {
		return p, err
	}
	return p, r.align()
}

func (r *treeReader) token() (uint32, error) {
	for {
		if token, err := r.number(); err != nil || token != tokenNothing {
			return token, err
		}
	}
}

func (r *treeReader) number() (uint32, error) {
	var b [4]byte
	if _, err := io.ReadFull(r.in, b[:]); err != nil {
		return 0, cut(err)
	}
	r.at += 4
	return binary.BigEndian.Uint32(b[:]), nil
}

// align goes to the next token.
func (r *treeReader) align() error { return r.skip(roundUp(r.at, 4) - r.at) }

// skip passes over bytes that are within the structure, without reading those that are many.
func (r *treeReader) skip(count int64) error {
	r.at += count
	if count > int64(r.in.Buffered()) {
		r.in.Reset(io.NewSectionReader(r.f, r.at, max(r.end-r.at, 0)))
		return nil
	}
	_, err := r.in.Discard(int(count))
	return cut(err)
}

// cut says what the end of a reader means here.
func cut(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return errors.New("the structure ends in the middle")
	}
	return err
}
