package text

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// spelled is what a tree of pieces of source says.
func spelled(n *node, source []byte) (b []byte) {
	n.each(0, n.length(), func(p piece) bool {
		b = append(b, source[p.off:p.off+p.len]...)
		return true
	})
	return b
}

func TestSpliceEqualsThatOfBytes(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	source := make([]byte, 1000)
	for i := range source {
		source[i] = byte(r.Uint32())
	}
	some := func(n int) (list []piece, b []byte) {
		for range n {
			p := piece{r.IntN(900), 1 + r.IntN(9)}
			list = melt(list, p)
			b = append(b, source[p.off:p.off+p.len]...)
		}
		return list, b
	}
	list, want := some(3000)
	n := build(list)
	tallest := 0
	for i := range 4000 {
		from := r.IntN(len(want) + 1)
		to := from
		list, b := some(r.IntN(4))
		switch i % 50 {
		case 0:
			to = min(len(want), from+r.IntN(5000))
		case 1:
			list, b = some(r.IntN(500))
		default:
			to = min(len(want), from+r.IntN(20))
		}
		old, was := n, want
		n = splice(n, from, to, list)
		want = spliced(want, from, to-from, b)
		if checkTree(t, n); t.Failed() {
			t.Fatalf("after splice %d", i)
		}
		if i%100 < 3 {
			if !bytes.Equal(spelled(n, source), want) {
				t.Fatalf("splice %d: not the same bytes", i)
			}
			if !bytes.Equal(spelled(old, source), was) {
				t.Fatalf("splice %d changed the tree that was there", i)
			}
		}
		if n != nil {
			tallest = max(tallest, n.height)
		}
	}
	if tallest < 6 {
		t.Errorf("the tallest tree had height %d: too low to show anything", tallest)
	}
}

func TestJoinOfTreesOfAnyHeights(t *testing.T) {
	source := bytes.Repeat([]byte("0123456789"), 2000)
	tree := func(n, off int) *node {
		var b builder
		for i := range n {
			b.add(piece{off + 2*i, 1})
		}
		return b.tree()
	}
	for _, l := range []int{0, 1, 31, 32, 33, 100, 1000, 5000} {
		for _, r := range []int{0, 1, 31, 32, 33, 100, 1000, 5000} {
			left, right := tree(l, 0), tree(r, 1)
			n := join(left, right)
			checkTree(t, n)
			if want := append(spelled(left, source), spelled(right, source)...); !bytes.Equal(spelled(n, source), want) {
				t.Errorf("join of %d and %d pieces: not the same bytes", l, r)
			}
		}
	}
}

func TestWhatIsTakenOutAgainLeavesOnePiece(t *testing.T) {
	text := New(Memory("one line"))
	text.Replace(4, 0, []byte("more "))
	text.Replace(4, 5, nil)
	if got := text.Snapshot().Pieces(); len(got) != 1 {
		t.Errorf("pieces are %v, want one", got)
	}
	for i := range 10000 {
		text.Type(i, []byte{'a'})
	}
	if got := text.Snapshot().Pieces(); len(got) != 2 {
		t.Errorf("pieces after typing are %v, want two", got)
	}
}
