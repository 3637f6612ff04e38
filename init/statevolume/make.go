package statevolume

import (
	"bytes"
	"fmt"
	"io"

	"bantam/gpt"
	"bantam/init/statevolume/sparse"
	"bantam/slot"
)

// A medium is a disk while it is changed. Sync returns when the disk has what was written.
type medium interface {
	io.ReaderAt
	io.WriterAt
	Sync() error
}

const chunk = 1 << 20

// writeImage writes the file system to a place whose content is of no value. Everything that is not in the template becomes
// zeros, because the disk may hold old data. Until all is there the place has the mark and no superblock, so that after
// a power cut it is made again.
func writeImage(disk medium, s sparse.Image, first uint64) error {
	const (
		sector    = gpt.SectorSize
		perChunk  = chunk / sparse.BlockSize
		headBlock = 0
	)
	base := int64(first) * sector
	head := s.Used[headBlock]
	if len(head) != sparse.BlockSize || inspect(head[superblockAt:superblockAt+superblockSize]).Condition != Intact {
		return fmt.Errorf("the template has no usable superblock")
	}
	buffer := make([]byte, chunk)
	for block := 0; block < s.Blocks; block += perChunk {
		n := min(perChunk, s.Blocks-block)
		clear(buffer)
		for i := range n {
			copy(buffer[i*sparse.BlockSize:], s.Used[block+i])
		}
		if block == headBlock {
			copy(buffer, mark())
			clear(buffer[superblockAt : superblockAt+sector])
		}
		if _, err := disk.WriteAt(buffer[:n*sparse.BlockSize], base+int64(block)*sparse.BlockSize); err != nil {
			return fmt.Errorf("write the state volume: %w", err)
		}
	}
	if err := disk.Sync(); err != nil {
		return fmt.Errorf("write the state volume: %w", err)
	}
	for _, at := range []int64{superblockAt, 0} {
		if _, err := disk.WriteAt(head[at:at+sector], base+at); err != nil {
			return fmt.Errorf("write the state volume: %w", err)
		}
		if err := disk.Sync(); err != nil {
			return fmt.Errorf("write the state volume: %w", err)
		}
	}
	return nil
}

// writeTable carries out what gpt planned.
func writeTable(disk medium, writes []gpt.Write) error {
	for _, w := range writes {
		if _, err := disk.WriteAt(w.Bytes, int64(w.Sector)*gpt.SectorSize); err != nil {
			return fmt.Errorf("write the partition table at sector %d: %w", w.Sector, err)
		}
		if w.Sync {
			if err := disk.Sync(); err != nil {
				return fmt.Errorf("write the partition table at sector %d: %w", w.Sector, err)
			}
		}
	}
	return nil
}

// survey reads what Decide needs to know of one disk with our GUID.
func survey(name string, disk io.ReaderAt, c gpt.Copies, readOnly bool, sectorSize int) (Disk, error) {
	d := Disk{Name: name, ReadOnly: readOnly, SectorSize: sectorSize, Copies: c}
	look := func(p *Place) error {
		head := make([]byte, superblockAt+superblockSize)
		if _, err := disk.ReadAt(head, int64(p.First)*gpt.SectorSize); err != nil {
			return fmt.Errorf("read superblock at sector %d: %w", p.First, err)
		}
		if bytes.HasPrefix(head, mark()) {
			p.FileSystem = FileSystem{Condition: Unwanted}
		} else {
			p.FileSystem = inspect(head[superblockAt:])
		}
		return nil
	}
	if number, p := c.Table.Find(PartitionType); number != 0 {
		d.Number, d.State = number, &Place{First: p.First, Last: p.Last}
		if err := look(d.State); err != nil {
			// It is there but cannot be read: that is damage, not absence.
			d.State.FileSystem = FileSystem{Condition: Damaged, Reason: err.Error()}
		}
		return d, nil
	}
	d.Free = freePlaces(c)
	for i := range d.Free {
		if err := look(&d.Free[i]); err != nil {
			return d, err
		}
	}
	return d, nil
}

// prepare carries out on the disk what a.Changes. First the origin gets the disk's own GUID: from then on the disk is known
// by it, whatever its table says. Then the file system and an empty header of slot B, and last the partitions that show them.
func prepare(disk medium, a Action, s sparse.Image) error {
	if !a.Own.IsZero() {
		origin := *a.Disk.Origin
		origin.Disk = a.Own
		if _, err := disk.WriteAt(origin.Archive(), int64(origin.Sector)*gpt.SectorSize); err != nil {
			return fmt.Errorf("write the origin: %w", err)
		}
		if err := disk.Sync(); err != nil {
			return fmt.Errorf("write the origin: %w", err)
		}
	}
	if err := furnish(disk, a, s); err != nil {
		return err
	}
	writes, err := a.Disk.Copies.Rewrite(a.Table)
	if err != nil {
		return err
	}
	return writeTable(disk, writes)
}

// furnish writes what a new table shows: the file system, and an empty header of slot B.
func furnish(disk medium, a Action, s sparse.Image) error {
	if a.Verb == Create {
		if err := writeImage(disk, s, a.Place.First); err != nil {
			return err
		}
	}
	if a.SlotB.Last != 0 { // old data there must not look like a kernel to a boot loader
		if _, err := disk.WriteAt(make([]byte, slot.KernelAt*slot.SectorSize), int64(a.SlotB.First)*gpt.SectorSize); err != nil {
			return fmt.Errorf("empty boot slot B: %w", err)
		}
		if err := disk.Sync(); err != nil {
			return fmt.Errorf("empty boot slot B: %w", err)
		}
	}
	return nil
}
