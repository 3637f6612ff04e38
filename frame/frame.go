// Package frame is a disk image without what an ISO has of it already: from the one that runs, a machine puts the other together
// and installs it to a disk.
//
// Kernel, initrd and layers are the same bytes on both and are on the ISO once; what is left of the disk image, its boot loader,
// partition table, state and the slot's header, is the frame. The image says itself, by its table and its slot's header, where
// the holes are, so that Cut and Fill agree without any further word.
//
// It is pure. Limits: images with one slot, as `bantam build` makes them.
package frame

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"

	"bantam/gpt"
	"bantam/slot"
)

// Most is how many bytes a frame has at most: more is none.
const Most = 16 << 20

// A hole is a part of the image that is not in its frame, in bytes.
type hole struct {
	what       string // layers, kernel or initrd
	at, length int64
}

// Parts are what fills the holes.
type Parts struct {
	Kernel, Initrd, Layers *io.SectionReader // Layers may be nil
}

// part is what fills a hole.
func (p Parts) part(h hole) *io.SectionReader {
	switch h.what {
	case "kernel":
		return p.Kernel
	case "initrd":
		return p.Initrd
	}
	return p.Layers
}

// tableOf is an image's partition table and its slot.
func tableOf(image io.ReaderAt) (t gpt.Table, slotA gpt.Partition, err error) {
	const anySize = 1 << 54
	if t, err = gpt.ReadPrimary(image, anySize); err != nil {
		return t, slotA, fmt.Errorf("partition table: %w", err)
	}
	if _, slotA = t.Find(gpt.Slot); slotA.Type.IsZero() {
		return t, slotA, errors.New("it has no boot slot")
	}
	return t, slotA, nil
}

// layersHole is the hole of the layers; of no length if there are none.
func layersHole(t gpt.Table) (h hole) {
	if _, p := t.Find(gpt.Layers); !p.Type.IsZero() {
		h = hole{"layers", int64(p.First) * gpt.SectorSize, int64(p.Sectors()) * gpt.SectorSize}
	}
	return h
}

// slotHoles are those of an image's slot.
func slotHoles(image io.ReaderAt, p gpt.Partition) ([]hole, error) {
	header := make([]byte, slot.HeaderSize)
	if _, err := image.ReadAt(header, int64(p.First)*gpt.SectorSize); err != nil {
		return nil, fmt.Errorf("read the slot's header: %w", err)
	}
	h, err := slot.ParseHeader(header)
	if err != nil {
		return nil, err
	}
	if h.Sectors() > p.Sectors() {
		return nil, fmt.Errorf("slot header: it tells of %d sectors, the slot has %d", h.Sectors(), p.Sectors())
	}
	part := func(what string, r slot.Range) hole {
		return hole{what, int64(p.First+r.First) * slot.SectorSize, int64(r.Count) * slot.SectorSize}
	}
	return []hole{part("kernel", h.Kernel), part("initrd", h.Initrd)}, nil
}

// Cut is the frame of a disk image.
func Cut(image io.ReaderAt) ([]byte, error) {
	t, p, err := tableOf(image)
	if err != nil {
		return nil, err
	}
	holes, err := slotHoles(image, p)
	if err != nil {
		return nil, err
	}
	holes = append(holes, layersHole(t))
	slices.SortFunc(holes, func(a, b hole) int { return cmp.Compare(a.at, b.at) })
	var frame []byte
	at, size := int64(0), int64(t.Sectors)*gpt.SectorSize
	for _, h := range append(holes, hole{at: size}) {
		if h.at < at && h.length > 0 {
			return nil, fmt.Errorf("the %s lie over what is before them", h.what)
		}
		piece := make([]byte, max(0, h.at-at))
		if len(frame)+len(piece) > Most {
			return nil, fmt.Errorf("a frame of more than %d bytes", Most)
		}
		if _, err := image.ReadAt(piece, at); err != nil && !(err == io.EOF && at+int64(len(piece)) == size) {
			return nil, fmt.Errorf("read the image at byte %d: %w", at, err)
		}
		frame, at = append(frame, piece...), max(at, h.at+h.length)
	}
	return frame, nil
}

// An Image is a disk image that has been put together again.
type Image struct {
	Table gpt.Table
	Slot  gpt.Partition // slot A
	frame []byte
	holes []filled // in their order
}

// filled is a hole and what is in it; behind that, up to its end, there are zeros.
type filled struct {
	hole
	content *io.SectionReader
}

// Fill puts a disk image together. Whether what fills it are the right bytes, the image's own sums tell.
func Fill(frame []byte, parts Parts) (*Image, error) {
	t, p, err := tableOf(bytes.NewReader(frame))
	if err != nil {
		return nil, fmt.Errorf("frame: %w", err)
	}
	i := &Image{Table: t, Slot: p, frame: frame}
	if err := i.fill(parts, layersHole(t)); err != nil {
		return nil, err
	}
	holes, err := slotHoles(i, p)
	if err != nil {
		return nil, fmt.Errorf("frame: %w", err)
	}
	if err := i.fill(parts, holes...); err != nil {
		return nil, err
	}
	if have := int64(len(frame)) + i.missing(i.Size()); have != i.Size() {
		return nil, fmt.Errorf("frame: with what fills it it has %d bytes, and its table tells of %d", have, i.Size())
	}
	return i, nil
}

// fill notes what is in holes.
func (i *Image) fill(parts Parts, holes ...hole) error {
	for _, h := range holes {
		if h.length == 0 {
			continue
		}
		part := parts.part(h)
		if part == nil {
			return fmt.Errorf("the medium has no %s", h.what)
		}
		if short := h.length - part.Size(); short < 0 || short >= gpt.SectorSize {
			return fmt.Errorf("the %s of the medium has %d bytes, its frame has a place of %d for it", h.what, part.Size(), h.length)
		}
		if n := len(i.holes); n > 0 && h.at < i.holes[n-1].at+i.holes[n-1].length {
			return fmt.Errorf("frame: the %s would lie over the %s", h.what, i.holes[n-1].what)
		}
		i.holes = append(i.holes, filled{h, part})
	}
	return nil
}

// Size is that of the disk image in bytes.
func (i *Image) Size() int64 { return int64(i.Table.Sectors) * gpt.SectorSize }

// missing is how many bytes before a byte of the image are not in the frame.
func (i *Image) missing(before int64) (n int64) {
	for _, h := range i.holes {
		if h.at < before {
			n += h.length
		}
	}
	return n
}

// ReadAt reads the disk image. It is io.ReaderAt.
func (i *Image) ReadAt(b []byte, at int64) (n int, err error) {
	for n < len(b) {
		k, err := i.piece(b[n:], at+int64(n))
		if n += k; err != nil {
			return n, err
		}
	}
	return n, nil
}

// piece reads what lies at a byte, up to where something else begins.
func (i *Image) piece(b []byte, at int64) (int, error) {
	if at < 0 || at >= i.Size() {
		return 0, io.EOF
	}
	for _, h := range i.holes {
		switch {
		case at >= h.at+h.length:
			continue
		case at < h.at:
			b = b[:min(int64(len(b)), h.at-at)]
		case at >= h.at+h.content.Size():
			b = b[:min(int64(len(b)), h.at+h.length-at)]
			clear(b)
			return len(b), nil
		default:
			b = b[:min(int64(len(b)), h.at+h.content.Size()-at)]
			n, err := h.content.ReadAt(b, at-h.at)
			if n == len(b) {
				err = nil
			}
			if err != nil {
				err = fmt.Errorf("the medium's %s at byte %d: %w", h.what, at-h.at+int64(n), err)
			}
			return n, err
		}
		break
	}
	in := at - i.missing(at)
	if in >= int64(len(i.frame)) {
		return 0, io.EOF
	}
	return copy(b, i.frame[in:]), nil
}
