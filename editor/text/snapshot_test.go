package text

import (
	"bytes"
	"io"
	"sync"
	"testing"
)

func TestSnapshotsAreReadWhileTheTextChanges(t *testing.T) {
	source := bytes.Repeat([]byte("a line of the source\n"), 200)
	x := newText(pread{source}, tiny)
	var readers sync.WaitGroup
	for i := range 60 {
		x.Type(i, []byte("typed"))
		x.Replace(i*30, 3, []byte("in"))
		want, s := x.Bytes(0, x.Len()), x.Snapshot()
		readers.Go(func() {
			var b bytes.Buffer
			if _, err := s.WriteTo(&b); err != nil || !bytes.Equal(b.Bytes(), want) {
				t.Errorf("snapshot %d wrote other bytes than the text had, %v", i, err)
			}
			if len(s.Pieces()) == 0 || len(s.Added()) == 0 {
				t.Error("a snapshot without pieces")
			}
		})
		x.Type(i+5, []byte("x"))
		x.Type(i+6, []byte("y"))
		x.Index(1)
		x.Lines()
		x.LineNumber(x.Len())
		x.Undo()
	}
	readers.Wait()
}

func TestRestoreChecksBounds(t *testing.T) {
	cases := []struct {
		name  string
		piece Piece
	}{
		{"beyond the source", Piece{false, 8, 3}},
		{"behind the source", Piece{false, 11, 0}},
		{"before the source", Piece{false, -1, 2}},
		{"of negative length", Piece{false, 3, -1}},
		{"beyond what was added", Piece{true, 2, 2}},
		{"so long that the sum overflows", Piece{false, 5, int(^uint(0) >> 1)}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			x := New(Memory("0123456789"))
			err := x.Restore([]Piece{{false, 0, 5}, c.piece}, []byte("abc"))
			if err == nil || say(x) != "0123456789" || x.Modified() || x.Version() != 0 {
				t.Errorf("Restore gives %v and %q", err, say(x))
			}
		})
	}
}

func TestRestoreIsOneStep(t *testing.T) {
	x := New(Memory("0123456789"))
	x.Replace(2, 3, []byte("abc"))
	s := x.Snapshot()
	y := New(Memory("0123456789"))
	y.Type(0, []byte("other"))
	if err := y.Restore(s.Pieces(), s.Added()); err != nil {
		t.Fatal(err)
	}
	if got := say(y); got != "01abc56789" || !y.Modified() {
		t.Errorf("restored %q, modified %v", got, y.Modified())
	}
	y.Undo()
	if got := say(y); got != "other0123456789" {
		t.Errorf("after undo %q", got)
	}
	if err := y.Restore(nil, nil); err != nil || y.Len() != 0 {
		t.Errorf("restoring an empty text: %v, %q", err, say(y))
	}
}

// full is a file on a full disk.
type full struct{ left int }

func (f *full) Write(p []byte) (int, error) {
	n := min(len(p), f.left)
	f.left -= n
	if n < len(p) {
		return n, errBroken
	}
	return n, nil
}

func TestWriteToStopsWhereTheWriterDoes(t *testing.T) {
	s := New(Memory(make([]byte, 200<<10))).Snapshot()
	if n, err := s.WriteTo(&full{100 << 10}); n != 100<<10 || err != errBroken {
		t.Errorf("wrote %d, %v", n, err)
	}
	if n, err := New(Memory(nil)).Snapshot().WriteTo(io.Discard); n != 0 || err != nil {
		t.Errorf("an empty text wrote %d, %v", n, err)
	}
}
