package text

import (
	"bytes"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
)

var errBroken = errors.New("input/output error")

// faulty is a source that goes wrong from some byte on.
type faulty struct {
	Memory
	good int // bytes
	how  func(p []byte) (int, error)
}

func (f faulty) ReadAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) <= int64(f.good) {
		return f.Memory.ReadAt(p, off)
	}
	return f.how(p)
}

func TestASourceThatFails(t *testing.T) {
	ways := []struct {
		name string
		how  func(p []byte) (int, error)
		want error
	}{
		{"a failed read", func(p []byte) (int, error) { return 0, errBroken }, errBroken},
		{"a short read with an error", func(p []byte) (int, error) { p[0] = 'x'; return 1, errBroken }, errBroken},
		{"a file that was cut off", func(p []byte) (int, error) { return 0, io.EOF }, io.ErrUnexpectedEOF},
		{"a short read without an error", func(p []byte) (int, error) { return len(p) / 2, nil }, io.ErrUnexpectedEOF},
		{"a count below zero", func(p []byte) (int, error) { return -5, errBroken }, errBroken},
		{"a count beyond all", func(p []byte) (int, error) { return len(p) + 9, nil }, io.ErrUnexpectedEOF},
	}
	content := bytes.Repeat([]byte("line\n"), 100)
	for _, w := range ways {
		t.Run(w.name, func(t *testing.T) {
			text := newText(faulty{content, 100, w.how}, tiny)
			if got := text.Bytes(0, 80); !bytes.Equal(got, content[:80]) || text.Err() != nil {
				t.Fatalf("the good part is %q, %v", got, text.Err())
			}
			everything(t, text)
			if !errors.Is(text.Err(), w.want) {
				t.Errorf("Err is %v, want %v", text.Err(), w.want)
			}
			if !strings.Contains(text.Err().Error(), "of the source") {
				t.Errorf("Err is %v, which does not say of what", text.Err())
			}
			if got := text.Bytes(text.Len()-3, text.Len()); len(got) != 3 || got[2] != 0 {
				t.Errorf("the bad part is %q, want 3 bytes, zero where nothing was read", got)
			}
			if n, err := text.Snapshot().WriteTo(io.Discard); !errors.Is(err, w.want) || n >= int64(text.Len()) {
				t.Errorf("a snapshot wrote %d bytes, %v; want fewer than %d and %v", n, err, text.Len(), w.want)
			}
		})
	}
}

// counted is a source that knows what was read of it.
type counted struct {
	Memory
	reads map[int64]int
}

func (c counted) ReadAt(p []byte, off int64) (int, error) {
	c.reads[off]++
	return c.Memory.ReadAt(p, off)
}

func TestPagesThatAreLookedAtStay(t *testing.T) {
	c := counted{bytes.Repeat([]byte("x"), 20*tiny.page), map[int64]int{}}
	text := newText(c, tiny)
	for off := 0; off < text.Len(); off += 2 {
		text.Byte(0)
		text.Byte(off)
	}
	for at, n := range c.reads {
		if n > 1 {
			t.Errorf("page at %d was read %d times", at, n)
		}
	}
	if len(c.reads) != 20 {
		t.Errorf("%d pages were read, want 20", len(c.reads))
	}
}

// everything does everything once; nothing may panic.
func everything(t *testing.T, text *Text) {
	t.Helper()
	ask := func() {
		for off := -1; off <= text.Len()+1; off += 7 {
			text.LineStart(off)
			text.LineEnd(off)
			text.LineNumber(off)
			text.LineOffset(off)
			text.Byte(off)
			text.Bytes(off, off+30)
		}
		text.Lines()
	}
	ask()
	text.Index(3)
	ask()
	text.Replace(50, 3, []byte("a\nb"))
	text.Index(1 << 20)
	ask()
	for _, p := range patterns {
		for _, backward := range []bool{false, true} {
			for s := text.Find(p, 60, backward); !s.Step(10); {
			}
		}
		text.ReplaceAll(p, "x", 0, text.Len())
		ask()
	}
	for _, ok := text.Undo(); ok; _, ok = text.Undo() {
	}
	ask()
}

// fickle is a source whose bytes are others each time that they are read.
type fickle struct {
	size  int
	reads *int
}

func (f fickle) Size() int64 { return int64(f.size) }

func (f fickle) ReadAt(p []byte, off int64) (int, error) {
	*f.reads++
	for i := range p {
		p[i] = "\naab\r\n  "[(*f.reads*7+i*(*f.reads%3))%8]
	}
	return len(p), nil
}

func TestASourceThatChanges(t *testing.T) {
	for n := range 40 {
		reads := n
		everything(t, newText(fickle{400 + n, &reads}, tiny))
	}
}

func TestASourceOfImpossibleSize(t *testing.T) {
	for _, size := range []int64{-1, math.MinInt64, math.MaxInt64} {
		text := New(sized(size))
		if text.Err() == nil || text.Len() != 0 {
			t.Errorf("a source of %d bytes: length %d, Err %v", size, text.Len(), text.Err())
		}
	}
}

type sized int64

func (s sized) Size() int64                             { return int64(s) }
func (s sized) ReadAt(p []byte, off int64) (int, error) { return len(p), nil }

func TestAChangeTooLongIsNotMade(t *testing.T) {
	text := New(sized(longest))
	text.Replace(0, 0, []byte("x"))
	text.Type(0, []byte("x"))
	text.Append([]byte("x"))
	if text.Len() != longest || text.Version() != 0 || text.Modified() {
		t.Errorf("length %d, version %d", text.Len(), text.Version())
	}
	text.Replace(5, 1, []byte("x"))
	if text.Len() != longest || text.Version() != 1 {
		t.Errorf("after a change that fits: length %d, version %d", text.Len(), text.Version())
	}
	if err := text.Restore([]Piece{{false, 0, longest}, {false, 0, 1}}, nil); err == nil {
		t.Error("Restore of more than can be counted")
	}
}
