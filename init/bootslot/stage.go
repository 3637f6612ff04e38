package bootslot

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"

	"bantam/gpt"
	"bantam/slot"
	"bantam/switcher"
)

// A layout is all that is known of a slot before anything is written to it.
type layout struct {
	header  slot.Header
	encoded []byte // the header's
	segment []byte // the last of the initrd, which names the generation
}

// layOut says what a slot shall hold, or why it cannot.
func (l *Loader) layOut(name string, s switcher.Staging) (p layout, err error) {
	if err := l.check(name); err != nil {
		return p, err
	}
	g := s.Generation
	if have := switcher.DigestOf(s.System); have != g.System.Digest {
		return p, fmt.Errorf("boot slot %s: system.toml is %s, the generation names %s", name, have.Short(), g.System.Digest.Short())
	}
	area, err := l.o.Area()
	if err != nil {
		return p, fmt.Errorf("boot slot %s: %w", name, err)
	}
	if p.segment, err = g.Segment(s.System, area); err != nil {
		return p, fmt.Errorf("boot slot %s: %w", name, err)
	}
	initrd := int64(len(p.segment))
	for _, d := range g.Initrd {
		initrd += d.Size
	}
	p.header = slot.NewHeader(g.Kernel.Size, initrd)
	p.header.Generation, p.header.Boot = string(g.Digest()), string(g.BootID())
	if p.header.Args, err = l.args(s.Cmdline); err != nil {
		return p, fmt.Errorf("boot slot %s: %w", name, err)
	}
	if p.encoded, err = p.header.Encode(); err != nil {
		return p, fmt.Errorf("boot slot %s: %w", name, err)
	}
	if need, have := int64(p.header.Sectors())*slot.SectorSize, l.extent(name).Length; need > have {
		return p, fmt.Errorf("boot slot %s: kernel and initrd take %d bytes, the slot has %d: %d too few", name, need, have, need-have)
	}
	return p, nil
}

// args are the words for the kernel: the board's and the disk, or those of the booted slot.
func (l *Loader) args(board string) (string, error) {
	d, err := l.open(false)
	if err != nil {
		return "", err
	}
	defer d.Close()
	booted, err := l.header(d, l.o.Booted)
	if err != nil {
		return "", fmt.Errorf("the booted one says no words for the kernel: %w", err)
	}
	if board == "" {
		return booted.Args, nil
	}
	const key = "bantam.disk"
	if disk := argument(booted.Args, key); argument(board, key) == "" && disk != "" {
		board += " " + key + "=" + disk
	}
	return board, nil
}

// Fits says why Stage would refuse.
func (l *Loader) Fits(name string, s switcher.Staging) error {
	_, err := l.layOut(name, s)
	return err
}

// Stage writes a slot and reads it back. Until the last write nothing is in it.
func (l *Loader) Stage(ctx context.Context, name string, s switcher.Staging) error {
	if name == l.o.Booted {
		return fmt.Errorf("boot slot %s: %w", name, switcher.ErrBootedSlot)
	}
	p, err := l.layOut(name, s)
	if err != nil {
		return err
	}
	if l.o.Slots.ReadOnly {
		return fmt.Errorf("boot slot %s: %s is read-only", name, l.o.Slots.Disk)
	}
	d, err := l.open(true)
	if err != nil {
		return err
	}
	defer d.Close()
	origin, err := l.origin(d, l.extent(name).Offset/slot.SectorSize+int64(p.header.Origin()))
	if err != nil {
		return fmt.Errorf("boot slot %s: %w", name, err)
	}
	w := &slotWriter{ctx: ctx, disk: d, base: l.extent(name).Offset, total: 2 * int64(p.header.Sectors()) * slot.SectorSize, told: s.Progress}
	if err := w.stage(p, s, origin); err != nil {
		return fmt.Errorf("boot slot %s: %w", name, err)
	}
	return nil
}

// origin is that of a slot whose last sector lies at a sector of the disk: with what the booted slot says of the disk, that
// has its own GUID by now.
func (l *Loader) origin(d disk, sector int64) (gpt.Origin, error) {
	h, err := l.header(d, l.o.Booted)
	if err != nil {
		return gpt.Origin{}, err
	}
	b := make([]byte, slot.SectorSize)
	if _, err := d.ReadAt(b, l.extent(l.o.Booted).Offset+int64(h.Origin())*slot.SectorSize); err != nil {
		return gpt.Origin{}, fmt.Errorf("read the origin of slot %s: %w", l.o.Booted, err)
	}
	o, ok := gpt.ReadOrigin(b)
	if !ok {
		return o, fmt.Errorf("the origin of slot %s, which tells this disk from others, is damaged", l.o.Booted)
	}
	o.Sector = uint64(sector)
	return o, nil
}

// A slotWriter fills one slot.
type slotWriter struct {
	ctx         context.Context
	disk        disk
	base        int64 // of the slot, in bytes
	buffer      []byte
	done, total int64
	told        func(done, total int64)
}

func (w *slotWriter) progress(n int) {
	if w.done += int64(n); w.told != nil {
		w.told(w.done, w.total)
	}
}

// put writes whole sectors at a byte of the slot.
func (w *slotWriter) put(b []byte, at int64) error {
	if _, err := w.disk.WriteAt(b, w.base+at); err != nil {
		return fmt.Errorf("write %d bytes at %d of the disk: %w", len(b), w.base+at, err)
	}
	return nil
}

// putNow is put that returns when the disk has it.
func (w *slotWriter) putNow(b []byte, at int64) error {
	err := w.put(b, at)
	if err == nil {
		err = w.disk.Sync()
	}
	return err
}

func (w *slotWriter) stage(p layout, s switcher.Staging, origin gpt.Origin) error {
	h := p.header
	w.buffer = make([]byte, chunk)
	none := make([]byte, slot.SectorSize)
	// The first sector alone makes a header: without it there is none, whatever a power cut leaves of the rest.
	for _, at := range []int64{0, slot.SectorSize} {
		if err := w.putNow(none, at); err != nil {
			return err
		}
	}
	kernel, err := w.content(h.Kernel, s, nil, s.Generation.Kernel)
	if err != nil {
		return err
	}
	initrd, err := w.content(h.Initrd, s, p.segment, s.Generation.Initrd...)
	if err != nil {
		return err
	}
	check, err := slot.Sums{Kernel: kernel.crc, Initrd: initrd.crc}.Encode(h)
	if err != nil {
		return err
	}
	head := append(make([]byte, slot.HeaderSize), check...) // all in front of the kernel, without the header
	end := origin.Archive()
	if err := w.put(head[slot.SumsAt:], slot.SumsAt); err != nil {
		return err
	}
	if err := w.putNow(end, int64(h.Origin())*slot.SectorSize); err != nil {
		return err
	}
	if err := w.verify(h, kernel, initrd, head, end); err != nil {
		return err
	}
	if err := w.ctx.Err(); err != nil {
		return err
	}
	copy(head, p.encoded)
	for _, at := range []int64{slot.SectorSize, 0} {
		if err := w.putNow(head[at:at+slot.SectorSize], at); err != nil {
			return err
		}
	}
	if err := w.same(head, 0, "header"); err != nil {
		return errors.Join(err, w.putNow(none, 0))
	}
	return nil
}

// A rangeSum is what is compared of sectors: the loader looks at the first alone.
type rangeSum struct {
	crc    uint32
	sha256 switcher.Digest
}

// summed is a hash of both.
type summed struct {
	crc    hash.Hash32
	sha256 hash.Hash
}

func newSummed() summed { return summed{crc32.NewIEEE(), sha256.New()} }

func (s summed) add(b []byte) {
	s.crc.Write(b)
	s.sha256.Write(b)
}

func (s summed) sum() rangeSum { return rangeSum{s.crc.Sum32(), digestOf(s.sha256)} }

// content writes blobs one behind the other, and what follows them, padded to whole sectors.
func (w *slotWriter) content(r slot.Range, s switcher.Staging, behind []byte, blobs ...switcher.Descriptor) (sum rangeSum, err error) {
	all := newSummed()
	at, fill := int64(r.First)*slot.SectorSize, 0
	flush := func() error {
		if err := w.ctx.Err(); err != nil {
			return err
		}
		n := (fill + slot.SectorSize - 1) / slot.SectorSize * slot.SectorSize
		clear(w.buffer[fill:n])
		all.add(w.buffer[:n])
		if err := w.put(w.buffer[:n], at); err != nil {
			return err
		}
		w.progress(n)
		at, fill = at+int64(n), 0
		return nil
	}
	add := func(in io.Reader, size int64) error {
		for size > 0 {
			n, err := io.ReadFull(in, w.buffer[fill:min(int64(chunk), int64(fill)+size)])
			if err != nil {
				return err
			}
			size -= int64(n)
			if fill += n; fill == chunk {
				if err := flush(); err != nil {
					return err
				}
			}
		}
		return nil
	}
	for _, d := range blobs {
		if err := addBlob(add, s, d); err != nil {
			return sum, fmt.Errorf("blob %s: %w", d.Digest.Short(), err)
		}
	}
	if err := add(bytes.NewReader(behind), int64(len(behind))); err != nil {
		return sum, err
	}
	if fill > 0 {
		if err := flush(); err != nil {
			return sum, err
		}
	}
	return all.sum(), nil
}

// addBlob passes a blob on and checks that it is what its digest says.
func addBlob(add func(in io.Reader, size int64) error, s switcher.Staging, d switcher.Descriptor) error {
	in, err := s.Blob(d.Digest)
	if err != nil {
		return err
	}
	defer in.Close()
	digest := sha256.New()
	if err := add(io.TeeReader(in, digest), d.Size); err != nil {
		return err
	}
	if have := digestOf(digest); have != d.Digest {
		return fmt.Errorf("%w: its bytes are those of %s", switcher.ErrBlobCorrupt, have.Short())
	}
	return nil
}

func digestOf(h hash.Hash) switcher.Digest {
	return switcher.Digest(fmt.Sprintf("sha256:%x", h.Sum(nil)))
}

// errReadBack: the disk does not give what it was given.
var errReadBack = errors.New("it does not read as it was written: the disk may be broken")

// verify reads back everything but the header.
func (w *slotWriter) verify(h slot.Header, kernel, initrd rangeSum, head, end []byte) error {
	if err := w.same(head, 0, "checksums"); err != nil {
		return err
	}
	for _, part := range []struct {
		name string
		r    slot.Range
		want rangeSum
	}{{"kernel", h.Kernel, kernel}, {"initrd", h.Initrd, initrd}} {
		have, err := sumOnDisk(w.ctx, w.disk, w.base, part.r, w.buffer, w.progress)
		if err != nil {
			return err
		}
		if have != part.want {
			return fmt.Errorf("%s: %w", part.name, errReadBack)
		}
	}
	return w.same(end, int64(h.Origin())*slot.SectorSize, "origin")
}

// same reads back whole sectors and compares them.
func (w *slotWriter) same(want []byte, at int64, what string) error {
	have := make([]byte, len(want))
	if err := w.disk.ReadBack(have, w.base+at); err != nil {
		return err
	}
	if !bytes.Equal(have, want) {
		return fmt.Errorf("%s: %w", what, errReadBack)
	}
	return nil
}

// sumOnDisk is that of sectors of a slot, as the disk itself gives them.
func sumOnDisk(ctx context.Context, d disk, base int64, r slot.Range, buffer []byte, told func(n int)) (rangeSum, error) {
	all := newSummed()
	at, left := base+int64(r.First)*slot.SectorSize, int64(r.Count)*slot.SectorSize
	for left > 0 {
		if err := ctx.Err(); err != nil {
			return rangeSum{}, err
		}
		part := buffer[:min(left, int64(len(buffer)))]
		if err := d.ReadBack(part, at); err != nil {
			return rangeSum{}, err
		}
		all.add(part)
		told(len(part))
		at, left = at+int64(len(part)), left-int64(len(part))
	}
	return all.sum(), nil
}
