package text

// Index counts the newlines of the next pages (of 64 KB) of the source and
// tells whether there are more. Until it is through, line numbers are known
// only as far as it came.
func (t *Text) Index(pages int) (more bool) {
	o := &t.original
	for ; pages > 0 && o.indexed() < o.size; pages-- {
		o.index()
	}
	return o.indexed() < o.size
}

// LineNumber is the number, from 0, of the line that holds off; known once the
// source before off is indexed.
func (t *Text) LineNumber(off int) (n int, known bool) {
	off = t.inside(off)
	for nd := t.root; nd != nil; {
		if nd.left == nil {
			at := 0
			for _, p := range nd.pieces {
				if at >= off {
					break
				}
				c, known := t.count(p.cut(0, min(p.len, off-at)))
				if !known {
					return 0, false
				}
				n += c
				at += p.len
			}
			break
		}
		if off <= nd.left.size {
			nd = nd.left
			continue
		}
		c, known := t.lines(nd.left)
		if !known {
			return 0, false
		}
		n += c
		off -= nd.left.size
		nd = nd.right
	}
	return n, true
}

// Lines is the number of lines, at least 1; known once the source is indexed.
func (t *Text) Lines() (n int, known bool) {
	n, known = t.lines(t.root)
	return n + 1, known
}

// LineOffset is where line n begins, from 0. Beyond the end it is the last
// line. It is known once the source up to there is indexed.
func (t *Text) LineOffset(n int) (off int, known bool) {
	if n <= 0 {
		return 0, true
	}
	n-- // now the number of the newline before the line
	nd := t.root
	for nd != nil && nd.left != nil {
		// In a part that is not counted to its end, what is sought is either
		// before that or not known.
		if c, known := t.lines(nd.left); known && n >= c {
			n -= c
			off += nd.left.size
			nd = nd.right
		} else {
			nd = nd.left
		}
	}
	if nd == nil {
		return 0, true
	}
	for _, p := range nd.pieces {
		have := p.cut(0, max(0, min(p.len, t.indexed(p)-p.start())))
		c, _ := t.count(have)
		if n < c {
			from := have.start()
			return off + afterNewline(t.store(have), from, from+have.len, n) - from, true
		}
		if have.len < p.len {
			return 0, false
		}
		n -= c
		off += p.len
	}
	if off < t.Len() { // a source that changed: its newlines are not where they were
		return off, true
	}
	return t.LineStart(off), true
}

// indexed is how far the newlines in the store of p are known.
func (t *Text) indexed(p piece) int {
	if p.isAdded() {
		return t.added.size
	}
	return t.original.indexed()
}

// count is the number of newlines of p.
func (t *Text) count(p piece) (n int, known bool) {
	from := p.start()
	if from+p.len > t.indexed(p) {
		return 0, false
	}
	return newlinesBetween(t.store(p), from, from+p.len), true
}

// lines is the number of newlines below n.
func (t *Text) lines(n *node) (sum int, known bool) {
	if n == nil {
		return 0, true
	}
	if n.lines >= 0 {
		return n.lines, true
	}
	if n.left != nil {
		l, known := t.lines(n.left)
		if !known {
			return 0, false
		}
		r, known := t.lines(n.right)
		if !known {
			return 0, false
		}
		sum = l + r
	}
	for _, p := range n.pieces {
		c, known := t.count(p)
		if !known {
			return 0, false
		}
		sum += c
	}
	n.lines = sum
	return sum, true
}
