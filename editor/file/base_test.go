package file

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"bantam/editor/text"
)

// A text, saved at any time, is expressed by the file and what is added so
// that it comes out as it is.
func TestATextInTermsOfItsFileIsTheText(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		random := func(most int) []byte {
			b := make([]byte, r.IntN(most))
			for i := range b {
				b[i] = "abc\n"[r.IntN(4)]
			}
			return b
		}
		source := random(200)
		tx := text.New(text.Memory(source))
		file, placed := source, wholeBase(int64(len(source)))
		for range 40 {
			saved := false
			switch r.IntN(5) {
			case 0:
				tx.Undo()
			case 1:
				file, placed, saved = tx.Bytes(0, tx.Len()), baseOf(tx.Snapshot()), true
			default:
				at := r.IntN(tx.Len() + 1)
				tx.Replace(at, r.IntN(min(20, tx.Len()-at)+1), random(10))
			}
			now, literal := tx.Bytes(0, tx.Len()), 0
			var got []byte
			for _, p := range placed.express(tx.Snapshot().Pieces()) {
				if p.Added {
					got = append(got, now[p.Off:p.Off+p.Len]...)
					literal += p.Len
				} else {
					got = append(got, file[p.Off:p.Off+p.Len]...)
				}
			}
			if !bytes.Equal(got, now) {
				t.Fatalf("seed %d: got %q, want %q", seed, got, now)
			}
			if saved && literal > 0 {
				t.Fatalf("seed %d: %d bytes are added to a file that is the text", seed, literal)
			}
		}
	}
}

// Replace all inserts the same added bytes at many places.
func TestABaseWithTheSameBytesTwiceIsUsedOnce(t *testing.T) {
	b := newBase([]text.Piece{{Off: 10, Len: 5}, {Added: true, Off: 3, Len: 4}, {Added: true, Off: 3, Len: 4}, {Added: true, Off: 5, Len: 6}, {Off: 0, Len: 3}})
	pieces := []text.Piece{{Added: true, Off: 0, Len: 12}, {Off: 2, Len: 10}}
	got := b.express(pieces)
	want := []text.Piece{
		{Added: true, Off: 0, Len: 3}, {Off: 5, Len: 4}, {Off: 15, Len: 4}, {Added: true, Off: 11, Len: 1},
		{Off: 21, Len: 1}, {Added: true, Off: 13, Len: 7}, {Off: 0, Len: 2},
	}
	if len(got) != len(want) {
		t.Fatalf("got %v, want %v", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("got %v, want %v", got, want)
		}
	}
}
