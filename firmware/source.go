package firmware

import (
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
)

// A Source is bytes that can be read at any place: a *bytes.Reader, a *strings.Reader, or the *io.SectionReader of a file. Nothing is
// read into memory whole, so that a device with 64 MB handles an image of 60.
type Source interface {
	io.ReaderAt
	Size() int64
}

// ErrOther is what a reader returns of a file that does not even begin (or end) like its format. What does and yet cannot be
// read has another error: it is damaged.
var ErrOther = errors.New("another format")

// A Part is a run of bytes in a file.
type Part struct {
	Name     string // e.g. "kernel"
	At, Size int64  // bytes
}

// End is the byte behind it.
func (p Part) End() int64 { return p.At + p.Size }

// In is the part as a source.
func (p Part) In(f Source) *io.SectionReader { return io.NewSectionReader(f, p.At, p.Size) }

// check refuses a part that is not whole in a file.
func (p Part) check(f Source) error {
	if err := within(f, p.At, p.Size); err != nil {
		return fmt.Errorf("%s: %w", p.Name, err)
	}
	return nil
}

func within(f Source, at, count int64) error {
	if size := f.Size(); at < 0 || count < 0 || at > size || count > size-at {
		return fmt.Errorf("%d bytes from byte %d on are not there: the file ends at byte %d: it is cut off or damaged", count, at, size)
	}
	return nil
}

// header reads what a file begins with; ErrOther if that is not the format's.
func header(f Source, format Format, magic string, size int64) ([]byte, error) {
	if !begins(f, 0, magic) {
		return nil, ErrOther
	}
	b, err := readAt(f, 0, size)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", format, err)
	}
	return b, nil
}

// readAt reads so many bytes. That the file ends before is said with its length.
func readAt(f Source, at, count int64) ([]byte, error) {
	if err := within(f, at, count); err != nil {
		return nil, err
	}
	b := make([]byte, count)
	// A reader may say at the end that it is one and give all the same.
	if n, err := f.ReadAt(b, at); n < len(b) {
		return nil, fmt.Errorf("read byte %d: %w", at+int64(n), err)
	}
	return b, nil
}

// begins tells whether a file has certain bytes at a place.
func begins(f Source, at int64, with string) bool {
	b := make([]byte, len(with))
	n, _ := f.ReadAt(b, at)
	return n == len(b) && string(b) == with
}

// sum passes a part of a file through a checksum.
func sum(h hash.Hash, f Source, at, size int64) error {
	return copySource(h, io.NewSectionReader(f, at, size))
}

// sumCRC is the CRC-32 (IEEE) of a part of a file.
func sumCRC(f Source, at, size int64) (uint32, error) {
	h := crc32.NewIEEE()
	err := sum(h, f, at, size)
	return h.Sum32(), err
}

// jam is a CRC-32 without its last step, the exclusive or with ones: what UBI, TRX and fwtool call CRC-32, known as JAMCRC.
func jam(b []byte) uint32 { return ^crc32.ChecksumIEEE(b) }

// copySource writes all of a source.
func copySource(w io.Writer, s Source) error {
	if n, err := io.Copy(w, io.NewSectionReader(s, 0, s.Size())); err != nil {
		return err
	} else if n < s.Size() {
		return fmt.Errorf("read %d of %d bytes: %w", n, s.Size(), io.ErrUnexpectedEOF)
	}
	return nil
}

// fill writes one byte so many times.
func fill(w io.Writer, value byte, count int64) error {
	block := make([]byte, min(count, 32<<10))
	for i := range block {
		block[i] = value
	}
	for count > 0 {
		n, err := w.Write(block[:min(count, int64(len(block)))])
		if err != nil {
			return err
		}
		count -= int64(n)
	}
	return nil
}

// roundUp is the next multiple of a unit, which need not be a power of two.
func roundUp(n, unit int64) int64 { return (n + unit - 1) / unit * unit }
