package file

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"math"
	"time"

	"bantam/editor/text"
)

// ErrDamaged: a recovery file is not as it was written.
var ErrDamaged = errors.New("the recovery file is damaged")

// record is what a recovery file holds: the text as pieces of the file that it
// was saved to, and what is only in the text.
//
//	"bantam recovery 1\n"
//	path             length, bytes     (numbers are signed varints)
//	when             nanoseconds since 1970
//	size, mtime      of the file; nanoseconds
//	pieces           count, then for each added 0 or 1, offset, length
//	added            length, bytes
//	CRC-32 (IEEE)    of all before, 4 bytes, big endian
type record struct {
	path   string
	when   time.Time
	stamp  stamp
	pieces []text.Piece
	added  []byte
}

// stamp tells versions of a file apart, also after another mount: vfat has new
// inode numbers then. That of a file that is not there is zero.
type stamp struct {
	size, mtime int64 // mtime in nanoseconds since 1970
}

func (f *File) stamp() stamp {
	if !f.Exists {
		return stamp{}
	}
	return stamp{f.state.size, f.state.mtime.UnixNano()}
}

const recordMagic = "bantam recovery 1\n"

// encoder writes the fields of a record.
type encoder struct {
	w   *bufio.Writer
	sum hash.Hash32
	err error

	scratch [binary.MaxVarintLen64]byte
}

func newEncoder(w io.Writer) *encoder {
	return &encoder{w: bufio.NewWriterSize(w, block), sum: crc32.NewIEEE()}
}

func (e *encoder) Write(p []byte) (int, error) {
	e.sum.Write(p)
	n, err := e.w.Write(p)
	e.err = cmp.Or(e.err, err)
	return n, err
}

func (e *encoder) number(n int64) {
	e.Write(binary.AppendVarint(e.scratch[:0], n))
}

func (e *encoder) close() error {
	e.Write(binary.BigEndian.AppendUint32(nil, e.sum.Sum32()))
	return cmp.Or(e.err, e.w.Flush())
}

// writeRecord writes r; what was added comes from the text, at the offsets
// that the added pieces tell.
func writeRecord(w io.Writer, r record, t io.ReaderAt) error {
	e := newEncoder(w)
	io.WriteString(e, recordMagic)
	e.number(int64(len(r.path)))
	io.WriteString(e, r.path)
	e.number(r.when.UnixNano())
	e.number(r.stamp.size)
	e.number(r.stamp.mtime)
	e.number(int64(len(r.pieces)))
	added := 0
	for _, p := range r.pieces {
		if p.Added {
			e.number(1)
			e.number(int64(added))
			added += p.Len
		} else {
			e.number(0)
			e.number(int64(p.Off))
		}
		e.number(int64(p.Len))
	}
	e.number(int64(added))
	for _, p := range r.pieces {
		if !p.Added || e.err != nil {
			continue
		}
		n, err := io.Copy(e, io.NewSectionReader(t, int64(p.Off), int64(p.Len)))
		if err == nil && n != int64(p.Len) {
			err = io.ErrUnexpectedEOF
		}
		e.err = cmp.Or(e.err, err)
	}
	return e.close()
}

// readRecord takes any bytes; those of a whole record are one.
func readRecord(data []byte) (*record, error) {
	body, good := bytes.CutPrefix(data, []byte(recordMagic))
	if !good || len(body) < 4 {
		return nil, fmt.Errorf("%w: it does not begin as one", ErrDamaged)
	}
	body = body[:len(body)-4]
	if crc32.ChecksumIEEE(data[:len(data)-4]) != binary.BigEndian.Uint32(data[len(data)-4:]) {
		return nil, fmt.Errorf("%w: its checksum is another", ErrDamaged)
	}
	d := decoder{rest: body}
	r := &record{
		path:  string(d.bytes()),
		when:  time.Unix(0, d.number()),
		stamp: stamp{d.number(), d.number()},
	}
	d.bad = d.bad || r.stamp.size < 0
	count := d.number()
	if count < 0 || count > int64(len(d.rest))/3 { // each takes three bytes or more
		d.bad = true
		count = 0
	}
	r.pieces = make([]text.Piece, 0, count)
	for range count {
		kind, from, n := d.number(), d.number(), d.number()
		if kind&^1 != 0 || from < 0 || n <= 0 || from > math.MaxInt-n {
			d.bad = true
			break
		}
		r.pieces = append(r.pieces, text.Piece{Added: kind == 1, Off: int(from), Len: int(n)})
	}
	r.added = d.bytes()
	for _, p := range r.pieces {
		end := int64(p.Off) + int64(p.Len)
		if p.Added && end > int64(len(r.added)) || !p.Added && end > r.stamp.size {
			d.bad = true
		}
	}
	if d.bad || len(d.rest) > 0 {
		return nil, fmt.Errorf("%w: its parts do not fit together", ErrDamaged)
	}
	return r, nil
}

// decoder reads the fields of a record; bad stays true once one was.
type decoder struct {
	rest []byte
	bad  bool
}

func (d *decoder) number() int64 {
	n, size := binary.Varint(d.rest)
	if size <= 0 {
		d.bad, d.rest = true, nil
		return 0
	}
	d.rest = d.rest[size:]
	return n
}

func (d *decoder) bytes() []byte {
	n := d.number()
	if n < 0 || n > int64(len(d.rest)) {
		d.bad, d.rest = true, nil
		return nil
	}
	var b []byte
	b, d.rest = d.rest[:n:n], d.rest[n:]
	return b
}

// whole says whether the record needs nothing of the file.
func (r *record) whole() bool {
	for _, p := range r.pieces {
		if !p.Added {
			return false
		}
	}
	return true
}

// restore makes the kept text that of t. behind: t is of another file.
func (r *record) restore(t *text.Text, behind bool) error {
	if r.whole() {
		replace(t, 0, t.Len(), r.added)
		return nil
	}
	if behind {
		return errors.New("the file has changed since, and of a large one only the changes are kept")
	}
	return t.Restore(r.pieces, r.added)
}
