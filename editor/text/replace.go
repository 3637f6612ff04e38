package text

import (
	"bytes"
	"strings"
)

// short is about what a piece takes. A shorter text between two replacements is
// copied, so that they become one piece.
const short = 32

// ReplaceAll replaces the matches of p that are between two offsets, all in one
// undo step, and tells how many there were. See Replacement for what with means.
// It replaces none if the text would get too long for offsets of this machine.
func (t *Text) ReplaceAll(p Pattern, with string, from, to int) (n int) {
	from, to = t.inside(from), t.inside(to)
	t.typed = -1
	r := replacement{t: t, kept: from, with: []byte(with)}
	if p.expr == nil {
		n = r.literals(p, from, to)
	} else {
		n = r.expressions(p, strings.Contains(with, "$"), from, to)
	}
	if n == 0 || r.tooLong {
		return 0
	}
	r.keep(to)
	t.record(from, 0)
	head := splice(t.root, from, t.Len(), nil)
	tail := splice(t.root, 0, to, nil)
	t.become(join(join(head, r.tree()), tail))
	t.unbroken = stretch{}
	return n
}

// replacement builds the new text between two offsets.
type replacement struct {
	builder
	t       *Text
	kept    int // the text up to here is in the tree
	with    []byte
	shared  piece // with, if it is long enough to be there only once
	grown   int
	tooLong bool
}

// keep takes over the text up to an offset.
func (r *replacement) keep(to int) {
	for r.kept < to {
		p, at := r.t.piece(r.kept)
		p = p.cut(r.kept-at, min(p.len, to-at))
		r.add(p)
		r.kept += p.len
	}
}

// put replaces the text from one offset to another by s, or by with if s is nil.
func (r *replacement) put(from, to int, s []byte) {
	shared := s == nil && len(r.with) > short
	if s == nil {
		s = r.with
	}
	if r.grown += len(s) - (to - from); !r.t.fits(r.grown) {
		r.tooLong = true
	}
	if r.tooLong {
		return
	}
	if n := from - r.kept; n > 0 && n < short && r.endsAdded() {
		var gap [short]byte
		r.t.read(gap[:n], r.kept)
		r.write(gap[:n])
	} else {
		r.keep(from)
	}
	switch {
	case !shared:
		r.write(s)
	case r.shared.len == 0:
		r.shared = r.write(s)
	default:
		r.add(r.shared)
	}
	r.kept = to
}

func (r *replacement) write(s []byte) piece {
	p := pieceOfAdded(r.t.added.write(s), len(s))
	r.add(p)
	return p
}

// endsAdded tells whether what is written next continues the last piece.
func (r *replacement) endsAdded() bool {
	n := len(r.last)
	return n > 0 && pieceOfAdded(r.t.added.size, 0).continues(r.last[n-1])
}

func (r *replacement) literals(p Pattern, from, to int) (n int) {
	need := len(p.literal)
	if need == 0 {
		return 0
	}
	var b []byte
	for to-from >= need {
		end := min(to, from+r.t.limits.block+need-1)
		b = r.t.folded(b, p, from, end)
		rest := b
		for {
			i := bytes.Index(rest, p.literal)
			if i < 0 {
				break
			}
			at := end - len(rest) + i
			r.put(at, at+need, nil)
			rest = rest[i+need:]
			n++
		}
		from = max(end-need+1, end-len(rest))
	}
	return n
}

func (r *replacement) expressions(p Pattern, template bool, from, to int) (n int) {
	t := r.t
	var b []byte
	for off := t.lineOf(from); off < to; {
		b = t.wholeLines(b, off)
		for rest := b; len(rest) > 0 && off < to; {
			list, length := t.matches(p, rest, off, -1)
			for _, loc := range list {
				if off+loc[0] < from || off+loc[1] > to {
					continue
				}
				var s []byte
				if template {
					s = p.expr.Expand([]byte{}, r.with, rest, loc)
				}
				r.put(off+loc[0], off+loc[1], s)
				n++
			}
			rest, off = rest[length:], off+length
		}
	}
	return n
}
