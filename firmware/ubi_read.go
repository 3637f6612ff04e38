package firmware

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
)

// ReadUBI reads an image: every header, and the list of volumes. Blocks that are erased may lie anywhere. ErrOther if the file does not begin
// as one.
func ReadUBI(f Source) (u UBI, err error) {
	h, err := header(f, FormatUBI, ubiMagic, ubiHeader)
	if err != nil {
		return u, err
	}
	r := ubiReader{f: f}
	if err := r.geometry(h); err != nil {
		return u, fmt.Errorf("UBI: %w", err)
	}
	blocks := f.Size() / r.u.EraseBlock
	for i := range blocks {
		if err := r.block(i * r.u.EraseBlock); err != nil {
			return u, fmt.Errorf("UBI: erase block %d of %d: %w", i, blocks, err)
		}
	}
	if rest := f.Size() % r.u.EraseBlock; rest != 0 {
		return u, fmt.Errorf("UBI: the file ends %d bytes behind the last whole erase block of %d", rest, r.u.EraseBlock)
	}
	if err := r.volumes(); err != nil {
		return u, fmt.Errorf("UBI: %w", err)
	}
	return r.u, nil
}

type ubiReader struct {
	f      Source
	u      UBI
	blocks map[uint32][]ubiBlock // by volume
}

// A ubiBlock is an erase block in the file that belongs to a volume.
type ubiBlock struct {
	at int64 // its data
	ubiVID
}

// geometry finds, with the first header, how long an erase block is: where the next one begins. The list of volumes alone takes two.
func (r *ubiReader) geometry(h []byte) error {
	if err := checkEC(h); err != nil {
		return fmt.Errorf("erase block 0: %w", err)
	}
	be := binary.BigEndian
	r.u.VIDOffset, r.u.Sequence = int64(be.Uint32(h[16:])), be.Uint32(h[24:])
	data := int64(be.Uint32(h[20:]))
	for size := int64(ubiLeastBlock); size <= ubiMostBlock; size *= 2 {
		if next, err := readAt(r.f, size, ubiHeader); err == nil && checkEC(next) == nil {
			r.u.EraseBlock = size
			break
		}
	}
	if r.u.EraseBlock == 0 {
		return errors.New("there is no second erase block: the file is cut off or damaged")
	}
	// Nobody says how long a page is: one that puts the data where they are.
	for _, r.u.Page = range []int64{1, max(data-r.u.VIDOffset, 1), max(data, 1)} {
		if r.u.check() == nil && r.u.data() == data {
			r.blocks = map[uint32][]ubiBlock{}
			return nil
		}
	}
	return fmt.Errorf("erase blocks of %d bytes with headers at byte %d and data at byte %d", r.u.EraseBlock, r.u.VIDOffset, data)
}

// checkEC refuses a first header that is damaged.
func checkEC(h []byte) error {
	be := binary.BigEndian
	if string(h[:4]) != ubiMagic || be.Uint32(h[60:]) != jam(h[:60]) {
		return errors.New("its first header is damaged")
	}
	if h[4] != ubiVersion {
		return fmt.Errorf("version %d: want %d", h[4], ubiVersion)
	}
	return nil
}

// block reads the headers of an erase block.
func (r *ubiReader) block(at int64) error {
	h, err := readAt(r.f, at, r.u.data())
	if err != nil {
		return err
	}
	if erased(h) {
		return nil // what follows is not looked at: it belongs to nobody
	}
	if err := checkEC(h); err != nil {
		return err
	}
	be := binary.BigEndian
	vidAt, dataAt, sequence := int64(be.Uint32(h[16:])), int64(be.Uint32(h[20:])), be.Uint32(h[24:])
	if vidAt != r.u.VIDOffset || dataAt != r.u.data() || sequence != r.u.Sequence {
		return fmt.Errorf("headers at %d, data at %d, sequence %d: those of the first block are %d, %d, %d", vidAt, dataAt, sequence, r.u.VIDOffset, r.u.data(), r.u.Sequence)
	}
	h = h[vidAt:][:ubiHeader]
	if erased(h) {
		return nil // it has been erased and counted
	}
	v, err := parseVID(h)
	if err != nil {
		return err
	}
	r.blocks[v.volume] = append(r.blocks[v.volume], ubiBlock{at + dataAt, v})
	return nil
}

func erased(b []byte) bool { return len(bytes.Trim(b, "\xFF")) == 0 }

// volumes reads their list and gives each its blocks.
func (r *ubiReader) volumes() error {
	for id, blocks := range r.blocks {
		slices.SortFunc(blocks, byNumber)
		for i := 1; i < len(blocks); i++ {
			if blocks[i].block == blocks[i-1].block {
				return fmt.Errorf("block %d of volume %d is there twice: this is flash that was in use, not an image", blocks[i].block, id)
			}
		}
	}
	table, err := r.table()
	if err != nil {
		return err
	}
	for id := range r.u.records() {
		v, padding, there, err := parseRecord(table[id*ubiRecord:][:ubiRecord])
		if err != nil {
			return fmt.Errorf("list of volumes: record %d: %w", id, err)
		}
		if !there {
			continue
		}
		v.ID = id
		if v.Data, err = r.data(v, padding); err != nil {
			return fmt.Errorf("volume %q: %w", v.Name, err)
		}
		delete(r.blocks, uint32(id))
		r.u.Volumes = append(r.u.Volumes, v)
	}
	for id := range r.blocks {
		return fmt.Errorf("there are blocks of volume %d, which is not in the list", id)
	}
	return nil
}

func byNumber(a, b ubiBlock) int { return cmp.Compare(a.block, b.block) }

// table is the list of volumes, of which there are two copies.
func (r *ubiReader) table() ([]byte, error) {
	size := int64(r.u.records() * ubiRecord)
	blocks := r.blocks[ubiTableVolume]
	if len(blocks) != ubiTableBlocks || blocks[1].block != 1 {
		return nil, errors.New("it does not have two lists of volumes")
	}
	one, err := readAt(r.f, blocks[0].at, size)
	if err != nil {
		return nil, err
	}
	two, err := readAt(r.f, blocks[1].at, size)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(one, two) {
		return nil, errors.New("its two lists of volumes differ: it is damaged")
	}
	delete(r.blocks, ubiTableVolume)
	return one, nil
}

// data checks that a volume's blocks belong together.
func (r *ubiReader) data(v UBIVolume, padding uint32) (Source, error) {
	blocks := r.blocks[uint32(v.ID)]
	if len(blocks) == 0 && v.Static {
		return nil, errors.New("it is static and has no data: the file is cut off")
	}
	if len(blocks) == 0 {
		return nil, nil
	}
	if int64(padding) >= r.u.Usable() {
		return nil, fmt.Errorf("%d bytes of each block are left free, of %d", padding, r.u.Usable())
	}
	last := int64(blocks[len(blocks)-1].block)
	if last >= int64(v.Blocks) {
		return nil, fmt.Errorf("block %d of %d", last, v.Blocks)
	}
	d := &ubiData{f: r.f, usable: r.u.Usable() - int64(padding), blocks: blocks}
	d.size = (last + 1) * d.usable
	for _, b := range blocks {
		switch short := d.usable - int64(b.size); {
		case b.kind != v.kind() || b.padding != padding:
			return nil, fmt.Errorf("block %d is another volume's", b.block)
		case !v.Static:
		case int64(b.blocks) != last+1 || len(blocks) != int(b.blocks):
			return nil, fmt.Errorf("%d of %d blocks are there", len(blocks), b.blocks)
		case b.size == 0 || short < 0 || short > 0 && int64(b.block) != last:
			return nil, fmt.Errorf("block %d has %d of %d bytes", b.block, b.size, d.usable)
		default:
			d.size -= short
		}
	}
	return d, nil
}

// ubiData are those of a volume. Where a dynamic one has no block, it is erased.
type ubiData struct {
	f            Source
	usable, size int64
	blocks       []ubiBlock // by their number
}

func (d *ubiData) Size() int64 { return d.size }

func (d *ubiData) ReadAt(b []byte, at int64) (int, error) {
	for i := 0; i < len(b); {
		if at < 0 || at >= d.size {
			return i, io.EOF
		}
		within := at % d.usable
		part := b[i:][:min(int64(len(b)-i), d.usable-within, d.size-at)]
		number, there := slices.BinarySearchFunc(d.blocks, ubiBlock{ubiVID: ubiVID{block: uint32(at / d.usable)}}, byNumber)
		if !there {
			for j := range part {
				part[j] = 0xFF
			}
		} else if n, err := d.f.ReadAt(part, d.blocks[number].at+within); n < len(part) {
			return i + n, err
		}
		i += len(part)
		at += int64(len(part))
	}
	return len(b), nil
}

// Verify reads the data of static volumes and compares their checksums. Dynamic ones have none. It is for images that were read.
func (u UBI) Verify() error {
	for _, v := range u.Volumes {
		d, read := v.Data.(*ubiData)
		if !read || !v.Static {
			continue
		}
		block := make([]byte, d.usable)
		for _, b := range d.blocks {
			data := block[:b.size]
			if n, err := d.f.ReadAt(data, b.at); n < len(data) {
				return fmt.Errorf("UBI: volume %q: read byte %d: %w", v.Name, b.at+int64(n), err)
			}
			if got := jam(data); got != b.sum {
				return fmt.Errorf("UBI: volume %q: block %d is damaged: checksum %08x, want %08x", v.Name, b.block, got, b.sum)
			}
		}
	}
	return nil
}
