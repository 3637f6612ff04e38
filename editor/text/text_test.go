package text

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// pread hides that a source is in memory, so that it is read by pages.
type pread struct{ Memory }

// drive opens source, in memory or paged, whole or in a lot of small pieces, and
// does the operations.
func drive(t *testing.T, source, operations []byte, paged, pieces bool) {
	src := Source(Memory(source))
	if paged {
		src = pread{source}
	}
	x := &machine{t: t, text: newText(src, tiny), model: newModel(source, tiny), bytes: operations}
	if pieces {
		x.mince(source)
	}
	x.check()
	x.run()
	if t.Failed() {
		t.FailNow()
	}
}

// mince makes the text one of many leaves: the source in pieces, backward.
func (x *machine) mince(source []byte) {
	var list []Piece
	var text []byte
	for end := len(source); end > 0; {
		n := min(end, 1+end%3)
		end -= n
		list = append(list, Piece{Off: end, Len: n})
		text = append(text, source[end:end+n]...)
	}
	if err := x.text.Restore(list, nil); err != nil {
		x.t.Fatal(err)
	}
	x.model.record(0, 0)
	x.model.set(text)
}

func TestTextEqualsItsModel(t *testing.T) {
	for seed := range uint64(100) {
		r := rand.New(rand.NewPCG(seed, 1))
		source := randomText(r, r.IntN(600))
		operations := make([]byte, r.IntN(3000))
		for i := range operations {
			operations[i] = byte(r.Uint32())
		}
		drive(t, source, operations, seed%2 == 0, seed%3 == 0)
	}
}

func randomText(r *rand.Rand, n int) []byte {
	var b []byte
	for len(b) < n {
		s := alphabet[r.IntN(len(alphabet))]
		if s == "\n" && r.IntN(4) > 0 { // some lines are long
			continue
		}
		b = append(b, s...)
	}
	return b
}

func TestTypingAtEveryPlace(t *testing.T) {
	source := []byte("0123456789abcdefghijklmnopqrstuvwxyz")
	x := &machine{t: t, text: New(Memory(bytes.Repeat(source, 10))), model: newModel(nil, usual)}
	x.mince(bytes.Repeat(source, 10))
	for off := 0; off <= len(x.model.text); off += 5 {
		for i, s := range []string{"x", "yz", "!"} {
			x.text.Type(off+i, []byte(s))
			x.model.typing(off+i, []byte(s))
			if x.check(); t.Failed() {
				t.Fatalf("at %d", off)
			}
		}
	}
}

func FuzzText(f *testing.F) {
	f.Add([]byte("a\nb\n"), []byte{0, 0, 1, 2, 3, 4, 5}, true, false)
	f.Add(bytes.Repeat([]byte("one two\r\n"), 40), []byte("\x03\x00\x01\x07\x01\x01\x01\x01\x01\x01\x01\x08\x0a\x0e\x0f\x00\x13\x0a\x00\x00\xff\xff\x02"), true, true)
	f.Add([]byte{}, []byte("\x0d\x07\x00\x01\x02\x03\x04\x05\x06\x11\x04\x00\x00\x12\x0c"), false, false)
	f.Fuzz(func(t *testing.T, source, operations []byte, paged, pieces bool) {
		drive(t, source[:min(len(source), 2000)], operations[:min(len(operations), 4000)], paged, pieces)
	})
}
