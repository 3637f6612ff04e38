package images

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"slices"

	"bantam/switcher"
)

// Content is bytes of known length that can be read from any place: a file's, a blob's, or a slice's. Media are written
// from it as a stream, so that a large payload is never held in memory.
type Content = *io.SectionReader

// Bytes makes Content of a slice.
func Bytes(b []byte) Content { return io.NewSectionReader(bytes.NewReader(b), 0, int64(len(b))) }

// FileContent makes Content of an open file of any size.
func FileContent(f *os.File) (Content, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return io.NewSectionReader(f, 0, info.Size()), nil
}

// A region is Content at its place on the medium. Places not covered are zeros.
type region struct {
	at      int64
	content Content
	name    string          // for errors, e.g. "initrd"
	digest  switcher.Digest // that the content must have; "" if it comes from memory
}

// A layout is a whole medium as data: where everything lies, and its size.
type layout struct {
	size    int64
	regions []region
}

func (l *layout) add(at int64, name string, content Content) {
	l.regions = append(l.regions, region{at: at, content: content, name: name})
}

// shifted adds another layout's regions at an offset: a file system becomes part of a disk.
func (l *layout) shifted(at int64, part layout) {
	for _, r := range part.regions {
		r.at += at
		l.regions = append(l.regions, r)
	}
}

// ReadAt reads what the medium shall hold. It is io.ReaderAt.
func (l *layout) ReadAt(b []byte, at int64) (int, error) {
	if at+int64(len(b)) > l.size {
		return 0, io.ErrUnexpectedEOF
	}
	clear(b)
	for _, r := range l.regions {
		from, to := max(at, r.at), min(at+int64(len(b)), r.at+r.content.Size())
		if from >= to {
			continue
		}
		if _, err := r.content.ReadAt(b[from-at:to-at], from-r.at); err != nil && err != io.EOF {
			return 0, fmt.Errorf("read %s: %w", r.name, err)
		}
	}
	return len(b), nil
}

// write streams the medium. Overlapping regions are an error of the layout's maker and are found before the first byte.
func (l *layout) write(w io.Writer) error {
	regions := slices.Clone(l.regions)
	slices.SortStableFunc(regions, func(a, b region) int { return cmp.Compare(a.at, b.at) })
	end, last := int64(0), "start"
	for _, r := range regions {
		if r.at < end {
			return fmt.Errorf("layout: %s at byte %d begins inside %s", r.name, r.at, last)
		}
		end, last = r.at+r.content.Size(), r.name
	}
	if end > l.size {
		return fmt.Errorf("layout: %s ends at byte %d, behind the medium's %d", last, end, l.size)
	}
	at := int64(0)
	for _, r := range regions {
		if err := writeZeros(w, r.at-at); err != nil {
			return err
		}
		// Copied through a reader of its own: the same content may be written twice.
		hash := sha256.New()
		from := io.Reader(io.NewSectionReader(r.content, 0, r.content.Size()))
		if r.digest != "" {
			from = io.TeeReader(from, hash)
		}
		n, err := io.Copy(w, from)
		switch {
		case err == nil && n != r.content.Size():
			err = io.ErrUnexpectedEOF
		case err == nil && r.digest != "" && r.digest.Hex() != hex.EncodeToString(hash.Sum(nil)):
			err = errDamagedLayer
		}
		if err != nil {
			return fmt.Errorf("write %s: %w", r.name, err)
		}
		at = r.at + n
	}
	return writeZeros(w, l.size-at)
}

var zeros [64 << 10]byte

func writeZeros(w io.Writer, n int64) error {
	for n > 0 {
		k, err := w.Write(zeros[:min(n, int64(len(zeros)))])
		if err != nil {
			return err
		}
		n -= int64(k)
	}
	return nil
}

// roundUp gives the next multiple of unit.
func roundUp(n, unit int64) int64 { return (n + unit - 1) / unit * unit }
