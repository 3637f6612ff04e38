package file

import (
	"cmp"
	"slices"

	"bantam/editor/text"
	"bantam/order"
)

// base says where in the file the bytes of a text's stores are: the text as it
// was when file and text were last the same. In the order of the stores, and
// no byte twice.
type base []placed

type placed struct {
	text.Piece
	at int // in the file
}

func (p placed) end() int { return p.Off + p.Len }

// wholeBase is that of a file just opened: it is the source.
func wholeBase(size int64) base {
	return newBase([]text.Piece{{Len: int(size)}})
}

// baseOf is that of a file to which c is saved: empty if c has no pieces.
func baseOf(c Content) base {
	if t, ok := c.(interface{ Pieces() []text.Piece }); ok {
		return newBase(t.Pieces())
	}
	return nil
}

func newBase(pieces []text.Piece) base {
	all := make(base, 0, len(pieces))
	at := 0
	for _, p := range pieces {
		all = append(all, placed{p, at})
		at += p.Len
	}
	order.By(all, func(a, b placed) int {
		return cmp.Or(compareStores(a.Piece, b.Piece), cmp.Compare(a.Off, b.Off), cmp.Compare(b.Len, a.Len))
	})
	once := all[:0]
	for _, p := range all {
		if n := len(once); n > 0 && once[n-1].Added == p.Added {
			if twice := once[n-1].end() - p.Off; twice > 0 {
				p.Off, p.Len, p.at = p.Off+twice, p.Len-twice, p.at+twice
			}
		}
		if p.Len > 0 {
			once = append(once, p)
		}
	}
	return slices.Clip(once)
}

// compareStores puts the source before what was added.
func compareStores(a, b text.Piece) int {
	switch {
	case a.Added == b.Added:
		return 0
	case b.Added:
		return -1
	}
	return 1
}

// express says a text in terms of the file: pieces of the file, and as added
// what the file does not have. Off of an added one is where it is in the text.
func (b base) express(pieces []text.Piece) []text.Piece {
	var out []text.Piece
	put := func(p text.Piece) {
		if n := len(out); n > 0 && out[n-1].Added == p.Added && out[n-1].Off+out[n-1].Len == p.Off {
			out[n-1].Len += p.Len
			return
		}
		out = append(out, p)
	}
	at := 0
	for _, p := range pieces {
		// The first of the base that ends behind the beginning of p.
		i, _ := slices.BinarySearchFunc(b, p, func(q placed, p text.Piece) int {
			return cmp.Or(compareStores(q.Piece, p), cmp.Compare(q.end(), p.Off+1))
		})
		for p.Len > 0 {
			n := p.Len
			switch {
			case i == len(b) || b[i].Added != p.Added || b[i].Off >= p.Off+p.Len:
				put(text.Piece{Added: true, Off: at, Len: n})
			case b[i].Off > p.Off:
				n = b[i].Off - p.Off
				put(text.Piece{Added: true, Off: at, Len: n})
			default:
				n = min(n, b[i].end()-p.Off)
				put(text.Piece{Off: b[i].at + p.Off - b[i].Off, Len: n})
				i++
			}
			p.Off, p.Len, at = p.Off+n, p.Len-n, at+n
		}
	}
	return out
}
