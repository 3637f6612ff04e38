package flashing

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"slices"

	"bantam/firmware"
	"bantam/gpt"
	"bantam/layer"
	"bantam/slot"
	"bantam/switcher"
)

// An Image is a disk image that `bantam build` has made. It carries one generation, of which all but the manifest's own bytes lie in it.
type Image struct {
	switcher.Carried
	parts  []crcPart
	places map[switcher.Digest]*io.SectionReader
}

// crcPart is kernel or initrd, with the checksum by which the boot loader knows it.
type crcPart struct {
	name string
	data *io.SectionReader
	sum  uint32
}

// errNotOurs: a disk image, and none of ours.
var errNotOurs = errors.New("it has no boot slot of Bantam's")

// ReadImage reads what a disk image says of itself: partition tables, header and checksums of its slot, the generation there. Whether the
// rest is whole Verify tells.
func ReadImage(f firmware.Source) (*Image, error) {
	table, err := imageTable(f)
	if err != nil {
		return nil, err
	}
	_, p := table.Find(gpt.Slot)
	if p.Type.IsZero() {
		return nil, errNotOurs
	}
	part := partition(f, p)
	header, sums, err := readHeader(part)
	if err != nil {
		return nil, err
	}
	section := func(r slot.Range) *io.SectionReader {
		return io.NewSectionReader(f, int64(p.First+r.First)*slot.SectorSize, int64(r.Count)*slot.SectorSize)
	}
	kernel, initrd := section(header.Kernel), section(header.Initrd)
	origin := make([]byte, slot.SectorSize)
	if _, err := part.ReadAt(origin, int64(header.Origin())*slot.SectorSize); err != nil {
		return nil, fmt.Errorf("read the origin: %w", err)
	}
	if o, ok := gpt.ReadOrigin(origin); !ok || o.Sector != p.First+header.Origin() {
		return nil, errors.New("the last sector of its initrd, the origin, is damaged")
	}
	c, err := switcher.FindSegment(initrd, switcher.Digest(header.Generation))
	if err != nil {
		return nil, err
	}
	if string(c.BootID()) != header.Boot {
		return nil, errors.New("its slot's header and its generation name other kernels and segments")
	}
	image := &Image{Carried: c, parts: []crcPart{{"kernel", kernel, sums.Kernel}, {"initrd", initrd, sums.Initrd}}}
	if image.places, err = c.Places(kernel, initrd); err != nil {
		return nil, err
	}
	return image, image.placeLayers(f, table)
}

// imageTable is the partition table of all of a file: its two copies are whole and say the same.
func imageTable(f firmware.Source) (gpt.Table, error) {
	const anySize = 1 << 54 // that its end is missing shall be told
	table, err := gpt.ReadPrimary(f, anySize)
	if err != nil {
		return table, fmt.Errorf("partition table: %w", err)
	}
	whole := int64(table.Sectors) * gpt.SectorSize
	switch size := f.Size(); {
	case size < whole:
		return table, fmt.Errorf("it is cut off: by its partition table it has %d bytes, and there are %d", whole, size)
	case size > whole:
		return table, fmt.Errorf("it has %d bytes behind its end, which its partition table knows nothing of", size-whole)
	}
	copies, err := gpt.Read(f, table.Sectors)
	if err == nil {
		err = copies.BackupErr
	}
	if err == nil && (copies.AtEnd.Disk != table.Disk || !slices.Equal(copies.AtEnd.Partitions, table.Partitions)) {
		err = errors.New("it differs from the one at the beginning")
	}
	if err != nil {
		return table, fmt.Errorf("the partition table at its end: %w", err)
	}
	return table, nil
}

func partition(f firmware.Source, p gpt.Partition) *io.SectionReader {
	return io.NewSectionReader(f, int64(p.First)*gpt.SectorSize, int64(p.Sectors())*gpt.SectorSize)
}

// readHeader reads what a slot says of itself.
func readHeader(part *io.SectionReader) (h slot.Header, sums slot.Sums, err error) {
	b := make([]byte, slot.KernelAt*slot.SectorSize)
	if _, err := part.ReadAt(b, 0); err != nil {
		return h, sums, fmt.Errorf("read the header of its slot: %w", err)
	}
	if h, err = slot.ParseHeader(b[:slot.HeaderSize]); err != nil {
		return h, sums, err
	}
	if sums, err = slot.ParseSums(b[slot.SumsAt:][:slot.SumsSize], h); err != nil {
		return h, sums, err
	}
	if have := uint64(part.Size()) / slot.SectorSize; h.Sectors() > have {
		return h, sums, fmt.Errorf("slot header: it tells of %d sectors, the slot has %d", h.Sectors(), have)
	}
	return h, sums, nil
}

// placeLayers finds the layers of the generation, which are all on the medium.
func (i *Image) placeLayers(f firmware.Source, table gpt.Table) error {
	if len(i.Layers) == 0 {
		return nil
	}
	_, p := table.Find(gpt.Layers)
	if p.Type.IsZero() {
		return errors.New("it has no partition of layers, and its generation names some")
	}
	length := int64(p.Sectors()) * gpt.SectorSize
	for _, d := range i.Layers {
		at := slices.IndexFunc(i.Area, func(e layer.Extent) bool { return e.SHA256 == d.Digest.Hex() })
		if at < 0 || i.Area[at].Length != d.Size || i.Area[at].Offset+d.Size > length {
			return fmt.Errorf("layer %s (%s) does not lie in its partition of layers", d.LayerName(), d.Digest.Short())
		}
		i.places[d.Digest] = io.NewSectionReader(f, int64(p.First)*gpt.SectorSize+i.Area[at].Offset, d.Size)
	}
	return nil
}

// Blob is where one lies in the image; nil: it is none of its generation's.
func (i *Image) Blob(d switcher.Digest) *io.SectionReader {
	if d == i.System.Digest {
		return io.NewSectionReader(bytes.NewReader(i.Text), 0, int64(len(i.Text)))
	}
	if place := i.places[d]; place != nil {
		return io.NewSectionReader(place, 0, place.Size()) // with a place to read from of its own
	}
	return nil
}

// Verify reads all that would be taken of the image and compares it: kernel and initrd with the boot loader's checksums, every blob with
// its digest. told, which may be nil, is called with how many bytes of how many have been read.
func (i *Image) Verify(ctx context.Context, told func(done, total int64)) error {
	v := verifier{ctx: ctx, told: told, buffer: make([]byte, 128<<10)}
	blobs := i.Blobs()
	for _, p := range i.parts {
		v.total += p.data.Size()
	}
	for _, d := range blobs {
		v.total += d.Size
	}
	for _, p := range i.parts {
		crc := crc32.NewIEEE()
		if err := v.read(p.data, crc); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		if have := crc.Sum32(); have != p.sum {
			return fmt.Errorf("its %s is damaged: checksum %08x, its slot says %08x", p.name, have, p.sum)
		}
	}
	for _, d := range blobs {
		sum := sha256.New()
		if err := v.read(i.Blob(d.Digest), sum); err != nil {
			return fmt.Errorf("%s: %w", d.Spoken(), err)
		}
		if have := fmt.Sprintf("%x", sum.Sum(nil)); have != d.Digest.Hex() {
			return fmt.Errorf("its %s is damaged: its digest is %.12s, its manifest says %.12s", d.Spoken(), have, d.Digest.Hex())
		}
	}
	return nil
}

// A verifier reads parts of a firmware one after the other.
type verifier struct {
	ctx         context.Context
	told        func(done, total int64)
	done, total int64
	buffer      []byte
}

func (v *verifier) read(r *io.SectionReader, into hash.Hash) error {
	for at := int64(0); at < r.Size(); {
		if err := v.ctx.Err(); err != nil {
			return err
		}
		n, err := r.ReadAt(v.buffer[:min(int64(len(v.buffer)), r.Size()-at)], at)
		into.Write(v.buffer[:n])
		at, v.done = at+int64(n), v.done+int64(n)
		if err != nil && at < r.Size() {
			return fmt.Errorf("read byte %d of %d: %w", at, r.Size(), err)
		}
		if v.told != nil {
			v.told(v.done, v.total)
		}
	}
	return nil
}
