package text

// node is a part of the text: a leaf with some pieces, or two nodes whose
// heights differ by at most one (an AVL tree with everything in its leaves).
// Nodes are shared between versions of the text and do not change once they are
// in a tree, with two exceptions: lines is filled in when it becomes known, by
// the Text's goroutine, which alone looks at it; and grow.
type node struct {
	left, right *node
	pieces      []piece // of a leaf: 1 to leafMax
	size        int     // bytes
	lines       int     // newlines, -1: not known
	height      int
}

// leafMax trades the bytes that a change copies against those of a text with
// millions of pieces: 20 bytes a piece here, 64 with a node for each.
const leafMax = 32

func (n *node) length() int {
	if n == nil {
		return 0
	}
	return n.size
}

func newLeaf(pieces []piece) *node {
	n := &node{pieces: pieces, lines: -1}
	for _, p := range pieces {
		n.size += p.len
	}
	return n
}

// link is l before r; their heights differ by at most one.
func link(l, r *node) *node {
	n := &node{left: l, right: r, size: l.size + r.size, lines: -1, height: max(l.height, r.height) + 1}
	if l.lines >= 0 && r.lines >= 0 {
		n.lines = l.lines + r.lines
	}
	return n
}

// balance is l before r; their heights differ by at most two.
func balance(l, r *node) *node {
	switch {
	case l.height > r.height+1 && l.left.height >= l.right.height:
		return link(l.left, link(l.right, r))
	case l.height > r.height+1:
		return link(link(l.left, l.right.left), link(l.right.right, r))
	case r.height > l.height+1 && r.right.height >= r.left.height:
		return link(link(l, r.left), r.right)
	case r.height > l.height+1:
		return link(link(l, r.left.left), link(r.left.right, r.right))
	}
	return link(l, r)
}

// join is l before r, whatever their heights. Either may be nil.
func join(l, r *node) *node {
	switch {
	case l == nil:
		return r
	case r == nil:
		return l
	case l.height > r.height+1:
		return balance(l.left, join(l.right, r))
	case r.height > l.height+1:
		return balance(join(l, r.left), r.right)
	case len(l.pieces) > 0 && len(r.pieces) > 0 && len(l.pieces)+len(r.pieces) <= leafMax:
		pieces := append(make([]piece, 0, len(l.pieces)+len(r.pieces)), l.pieces...)
		return newLeaf(append(melt(pieces, r.pieces[0]), r.pieces[1:]...))
	}
	return link(l, r)
}

// splice is n with new pieces in the place of its bytes from one to another.
func splice(n *node, from, to int, pieces []piece) *node {
	switch {
	case n == nil, from == 0 && to == n.size:
		return build(pieces)
	case n.left == nil:
		return n.spliceLeaf(from, to, pieces)
	case to <= n.left.size: // at the seam too: what is typed then finds what it continues
		return join(splice(n.left, from, to, pieces), n.right)
	case from >= n.left.size:
		return join(n.left, splice(n.right, from-n.left.size, to-n.left.size, pieces))
	}
	return join(splice(n.left, from, n.left.size, pieces), splice(n.right, 0, to-n.left.size, nil))
}

func (n *node) spliceLeaf(from, to int, pieces []piece) *node {
	room := make([]piece, 0, leafMax+3) // on the stack as long as few pieces come in
	list, at := room, 0
	put := func(from, to int) { // what n keeps there
		at = 0
		for _, p := range n.pieces {
			if a, b := max(from, at), min(to, at+p.len); a < b {
				list = melt(list, p.cut(a-at, b-at))
			}
			at += p.len
		}
	}
	put(0, from)
	for _, p := range pieces {
		list = melt(list, p)
	}
	put(to, n.size)
	return build(list)
}

// find is the leaf that holds the byte at off, and where that leaf begins.
func (n *node) find(off int) (leaf *node, at int) {
	for n.left != nil {
		if off-at < n.left.size {
			n = n.left
		} else {
			at += n.left.size
			n = n.right
		}
	}
	return n, at
}

// each calls f for what pieces hold of the bytes from one to another, in order,
// until f says no.
func (n *node) each(from, to int, f func(piece) bool) bool {
	if n == nil || from >= to {
		return true
	}
	if n.left != nil {
		l := n.left.size
		return (from >= l || n.left.each(from, min(to, l), f)) && (to <= l || n.right.each(max(from-l, 0), to-l, f))
	}
	at := 0
	for _, p := range n.pieces {
		if a, b := max(from, at), min(to, at+p.len); a < b && !f(p.cut(a-at, b-at)) {
			return false
		}
		at += p.len
	}
	return true
}

// grow makes the piece that ends at off longer, in place. Only for a path of
// nodes that no other tree has.
func (n *node) grow(off, by int) {
	for {
		n.size += by
		n.lines = -1
		if n.left == nil {
			break
		}
		if off <= n.left.size {
			n = n.left
		} else {
			off -= n.left.size
			n = n.right
		}
	}
	at := 0
	for i := range n.pieces {
		if at += n.pieces[i].len; at == off {
			n.pieces[i].len += by
			return
		}
	}
}
