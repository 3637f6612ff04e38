package text

import (
	"errors"
	"fmt"
	"io"
)

// Snapshot is the text as it was at one time. Any goroutine may read it while
// the Text changes. It takes no memory of its own, but holds what the Text had then.
type Snapshot struct {
	root    *node
	src     Source
	added   added // the Text goes on writing behind its end
	version int
}

// Piece is a stretch of bytes of the source, or of those that were added.
type Piece struct {
	Added    bool
	Off, Len int
}

// Snapshot is the present text.
func (t *Text) Snapshot() Snapshot {
	t.private = false
	return Snapshot{t.root, t.original.src, t.added, t.version}
}

// Len is the length in bytes.
func (s Snapshot) Len() int { return s.root.length() }

// Version is that of the Text then.
func (s Snapshot) Version() int { return s.version }

// ReadAt reads the text, as an io.ReaderAt. Unlike the Text it reports a failed
// read of the source.
func (s Snapshot) ReadAt(p []byte, off int64) (n int, err error) {
	if off < 0 {
		return 0, errors.New("read of a text: negative offset")
	}
	if off >= int64(s.Len()) {
		return 0, io.EOF
	}
	from := int(off)
	s.root.each(from, from+min(len(p), s.Len()-from), func(c piece) bool {
		part := p[n : n+c.len]
		if c.isAdded() {
			s.added.read(part, c.start())
			n += c.len
			return true
		}
		var k int
		k, err = readFull(s.src, part, c.start())
		n += k
		return err == nil
	})
	if err == nil && n < len(p) {
		err = io.EOF
	}
	return n, err
}

// WriteTo writes the whole text to w.
func (s Snapshot) WriteTo(w io.Writer) (written int64, err error) {
	b := make([]byte, min(s.Len(), 64<<10))
	for written < int64(s.Len()) {
		n, err := s.ReadAt(b, written)
		if err != nil && err != io.EOF {
			return written, err
		}
		n, err = w.Write(b[:n])
		written += int64(n)
		if err != nil {
			return written, err
		}
	}
	return written, nil
}

// Pieces is the text as stretches of the source and of Added, in order.
func (s Snapshot) Pieces() []Piece {
	var list []Piece
	s.root.each(0, s.Len(), func(p piece) bool {
		list = append(list, Piece{p.isAdded(), p.start(), p.len})
		return true
	})
	return list
}

// Added is a copy of all that was added up to then, also what is in no piece any more.
func (s Snapshot) Added() []byte {
	b := make([]byte, s.added.size)
	s.added.read(b, 0)
	return b
}

// Restore makes the text what a snapshot of a text of the same source was; one
// undo step. The pieces may come from a file: it checks them first.
func (t *Text) Restore(pieces []Piece, added []byte) error {
	size := 0
	for i, p := range pieces {
		whole, name := t.original.size, "source"
		if p.Added {
			whole, name = len(added), "added bytes"
		}
		if p.Off < 0 || p.Len < 0 || p.Off > whole || p.Len > whole-p.Off {
			return fmt.Errorf("restore piece %d: %d bytes at %d of the %d %s", i, p.Len, p.Off, whole, name)
		}
		if p.Len > longest-size {
			return fmt.Errorf("restore piece %d: the text would have more than %d bytes", i, longest)
		}
		size += p.Len
	}
	t.record(0, 0)
	t.typed = -1
	base := t.added.write(added)
	var b builder
	for _, p := range pieces {
		if p.Added {
			b.add(pieceOfAdded(base+p.Off, p.Len))
		} else {
			b.add(piece{p.Off, p.Len})
		}
	}
	t.become(b.tree())
	t.unbroken = stretch{}
	return nil
}
