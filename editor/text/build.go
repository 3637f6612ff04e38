package text

import "slices"

// build is a tree of pieces; nil for none. It keeps no hold of the slice.
func build(pieces []piece) *node {
	if len(pieces) == 0 {
		return nil
	}
	leaves := make([]*node, (len(pieces)+leafMax-1)/leafMax)
	for i := range leaves {
		a, b := i*len(pieces)/len(leaves), (i+1)*len(pieces)/len(leaves)
		leaves[i] = newLeaf(slices.Clone(pieces[a:b]))
	}
	return above(leaves)
}

// above is the tree over at least one leaf.
func above(leaves []*node) *node {
	if len(leaves) == 1 {
		return leaves[0]
	}
	half := len(leaves) / 2
	return link(above(leaves[:half]), above(leaves[half:]))
}

// builder makes a tree of pieces that come one by one.
type builder struct {
	leaves []*node
	last   []piece
	size   int
}

func (b *builder) add(p piece) {
	if p.len == 0 {
		return
	}
	if len(b.last) == leafMax && !p.continues(b.last[leafMax-1]) {
		b.flush()
	}
	b.last = melt(b.last, p)
	b.size += p.len
}

func (b *builder) flush() {
	b.leaves = append(b.leaves, newLeaf(slices.Clone(b.last)))
	b.last = b.last[:0]
}

func (b *builder) tree() *node {
	if len(b.last) > 0 {
		b.flush()
	}
	if len(b.leaves) == 0 {
		return nil
	}
	return above(b.leaves)
}
