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

// Fits says why Stage would refuse. Of system.toml the length counts: an import asks before it has the text.
func (l *Loader) Fits(name string, s switcher.Staging) error {
	_, err := l.layOut(name, s)
	return err
}

// Stage writes a slot and reads it back. Until the last write nothing is in it.
func (l *Loader) Stage(ctx context.Context, name string, s switcher.Staging) error {
	if name == l.o.Booted {
		return fmt.Errorf("boot slot %s: %w", name, switcher.ErrBootedSlot)
	}
	if have := switcher.DigestOf(s.System); have != s.Generation.System.Digest {
		return fmt.Errorf("boot slot %s: system.toml is %s, the generation names %s", name, have.Short(), s.Generation.System.Digest.Short())
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
	var sums slot.Sums
	var err error
	if sums.Kernel, err = w.content(h.Kernel, s, nil, s.Generation.Kernel); err != nil {
		return err
	}
	if sums.Initrd, err = w.content(h.Initrd, s, p.segment, s.Generation.Initrd...); err != nil {
		return err
	}
	check, err := sums.Encode(h)
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
	if err := w.verify(p, s.Generation, sums, head, end); err != nil {
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

// content writes blobs one behind the other, and what follows them, padded to whole sectors. It returns the loader's checksum
// of these; whether they are what their digests say is seen when they are read back.
func (w *slotWriter) content(r slot.Range, s switcher.Staging, behind []byte, blobs ...switcher.Descriptor) (sum uint32, err error) {
	at, fill := int64(r.First)*slot.SectorSize, 0
	flush := func() error {
		if err := w.ctx.Err(); err != nil {
			return err
		}
		n := (fill + slot.SectorSize - 1) / slot.SectorSize * slot.SectorSize
		clear(w.buffer[fill:n])
		sum = crc32.Update(sum, crc32.IEEETable, w.buffer[:n])
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
		in, err := s.Blob(d.Digest)
		if err == nil {
			err = errors.Join(add(in, d.Size), in.Close())
		}
		if err != nil {
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
	return sum, nil
}

func digestOf(h hash.Hash) switcher.Digest {
	return switcher.Digest(fmt.Sprintf("sha256:%x", h.Sum(nil)))
}

// errReadBack: the disk does not give what it was given.
var errReadBack = errors.New("it does not read as it was written: the disk may be broken")

// verify reads back everything but the header.
func (w *slotWriter) verify(p layout, g switcher.Generation, sums slot.Sums, head, end []byte) error {
	if err := w.same(head, 0, "checksums"); err != nil {
		return err
	}
	if err := w.verifyRange(p.header.Kernel, sums.Kernel, nil, g.Kernel); err != nil {
		return fmt.Errorf("kernel: %w", err)
	}
	if err := w.verifyRange(p.header.Initrd, sums.Initrd, p.segment, g.Initrd...); err != nil {
		return fmt.Errorf("initrd: %w", err)
	}
	return w.same(end, int64(p.header.Origin())*slot.SectorSize, "origin")
}

// verifyRange reads back what content wrote and says which of the two is to blame, the disk or what it was given.
func (w *slotWriter) verifyRange(r slot.Range, sum uint32, behind []byte, blobs ...switcher.Descriptor) error {
	back := &backReader{ctx: w.ctx, disk: w.disk, at: w.base + int64(r.First)*slot.SectorSize, left: int64(r.Count) * slot.SectorSize, buffer: w.buffer, told: w.progress}
	var corrupt error
	for _, d := range blobs {
		h := sha256.New()
		if _, err := io.CopyN(h, back, d.Size); err != nil {
			return err
		}
		if have := digestOf(h); have != d.Digest && corrupt == nil {
			corrupt = fmt.Errorf("blob %s: %w: its bytes are those of %s", d.Digest.Short(), switcher.ErrBlobCorrupt, have.Short())
		}
	}
	rest, err := io.ReadAll(back)
	switch {
	case err != nil:
		return err
	case back.sum != sum || !bytes.HasPrefix(rest, behind):
		return errReadBack
	}
	return corrupt
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

// A backReader reads sectors of a slot as the disk itself gives them, and sums them up as the boot loader does.
type backReader struct {
	ctx      context.Context
	disk     disk
	at, left int64
	buffer   []byte
	told     func(n int)
	unread   []byte // of the buffer
	sum      uint32
}

func (r *backReader) Read(b []byte) (int, error) {
	if len(r.unread) == 0 {
		if r.left == 0 {
			return 0, io.EOF
		}
		if err := r.ctx.Err(); err != nil {
			return 0, err
		}
		part := r.buffer[:min(r.left, int64(len(r.buffer)))]
		if err := r.disk.ReadBack(part, r.at); err != nil {
			return 0, err
		}
		r.sum = crc32.Update(r.sum, crc32.IEEETable, part)
		r.told(len(part))
		r.at, r.left, r.unread = r.at+int64(len(part)), r.left-int64(len(part)), part
	}
	n := copy(b, r.unread)
	r.unread = r.unread[n:]
	return n, nil
}
