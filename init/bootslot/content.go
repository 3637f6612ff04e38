package bootslot

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"

	"bantam/slot"
	"bantam/switcher"
)

// header reads that of a slot, whose checksums must belong to it.
func (l *Loader) header(d disk, name string) (h slot.Header, err error) {
	extent := l.extent(name)
	b := make([]byte, slot.KernelAt*slot.SectorSize)
	if extent.Length < int64(len(b)) {
		return h, errors.New("the slot is not there")
	}
	if _, err := d.ReadAt(b, extent.Offset); err != nil {
		return h, fmt.Errorf("read the header: %w", err)
	}
	if h, err = slot.ParseHeader(b[:slot.HeaderSize]); err != nil {
		return h, err
	}
	if _, err = slot.ParseSums(b[slot.SumsAt:][:slot.SumsSize], h); err != nil {
		return h, err
	}
	if int64(h.Sectors())*slot.SectorSize > extent.Length {
		return h, fmt.Errorf("slot header: it tells of %d sectors, the slot has %d", h.Sectors(), extent.Length/slot.SectorSize)
	}
	return h, nil
}

// content is the blobs of a slot's generation that lie in it, by digest.
func (l *Loader) content(d disk, name string) (map[switcher.Digest]*io.SectionReader, error) {
	h, err := l.header(d, name)
	if err != nil {
		return nil, err
	}
	base := l.extent(name).Offset
	part := func(r slot.Range) *io.SectionReader {
		return io.NewSectionReader(d, base+int64(r.First)*slot.SectorSize, int64(r.Count)*slot.SectorSize)
	}
	initrd := part(h.Initrd)
	c, err := switcher.FindSegment(initrd, switcher.Digest(h.Generation))
	if err != nil {
		return nil, err
	}
	if string(c.BootID()) != h.Boot {
		return nil, errors.New("its header and its generation name other kernels and segments")
	}
	return c.Places(part(h.Kernel), initrd)
}

// Places are where the blobs of a slot's generation lie on the disk. Whoever reads one checks its digest.
func (l *Loader) Places(name string) (path string, offsets map[switcher.Digest]int64, err error) {
	d, blobs, err := l.held(name)
	if err != nil {
		return "", nil, err
	}
	defer d.Close()
	offsets = map[switcher.Digest]int64{}
	for digest, blob := range blobs {
		_, offsets[digest], _ = blob.Outer()
	}
	return l.o.Slots.Disk, offsets, nil
}

// held opens the disk, and is what lies in a slot.
func (l *Loader) held(name string) (disk, map[switcher.Digest]*io.SectionReader, error) {
	if err := l.check(name); err != nil {
		return nil, nil, err
	}
	d, err := l.open(false)
	if err != nil {
		return nil, nil, err
	}
	blobs, err := l.content(d, name)
	if err != nil {
		d.Close()
		return nil, nil, fmt.Errorf("boot slot %s: %w", name, err)
	}
	return d, blobs, nil
}

// Extract stores blobs that lie in a slot, once they are what their digests say. Those that the store has are not written again.
func (l *Loader) Extract(ctx context.Context, name string, wanted []switcher.Descriptor, store *switcher.Store) error {
	d, blobs, err := l.held(name)
	if err != nil {
		return err
	}
	defer d.Close()
	for _, w := range wanted {
		if store.HasBlob(w.Digest) {
			continue
		}
		blob := blobs[w.Digest]
		if blob == nil || blob.Size() != w.Size {
			return fmt.Errorf("boot slot %s: %w: %s", name, switcher.ErrBlobMissing, w.Digest.Short())
		}
		if _, _, err := store.PutBlob(&wholeReader{ctx: ctx, r: blob, sum: sha256.New(), want: w.Digest}); err != nil {
			return fmt.Errorf("boot slot %s: %s: %w", name, w.Digest.Short(), err)
		}
	}
	return nil
}

// A wholeReader ends with ErrBlobCorrupt where what it read is not what the digest says: a store keeps nothing of it then.
type wholeReader struct {
	ctx  context.Context
	r    io.Reader
	sum  hash.Hash
	want switcher.Digest
}

func (w *wholeReader) Read(b []byte) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := w.r.Read(b)
	w.sum.Write(b[:n])
	if errors.Is(err, io.EOF) && digestOf(w.sum) != w.want {
		err = switcher.ErrBlobCorrupt
	}
	return n, err
}
