package gpt

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"unicode/utf16"
)

// ErrNone is returned when neither copy begins with the signature of a GUID partition table.
var ErrNone = errors.New("no GUID partition table")

// errGeometry is of a header that is intact and not of a shape that this package knows: the disk stays as somebody made it.
var errGeometry = errors.New("the table's geometry is not the usual one")

// Copies is what was found on a disk.
type Copies struct {
	Table       Table // of the primary if that is intact, else of the backup
	FromBackup  bool  // the primary is damaged
	Foreign     bool  // and what lies in its place is none that a power cut tore: somebody has put something else there
	PrimaryErr  error // why the primary was not taken
	BackupErr   error // why the backup at the end of the disk is not intact
	AtEnd       Table // the backup at the end of the disk; only when BackupErr is nil. After an image was written over a used disk it is the old table
	DiskSectors uint64
}

// Read reads the table of a disk of that many sectors. A damaged primary is replaced by the backup, at the end of the
// disk or, if only the primary's entries are damaged, where its header says.
func Read(disk io.ReaderAt, sectors uint64) (Copies, error) {
	c := Copies{DiskSectors: sectors}
	if sectors < 2*TableSectors+2 {
		return c, fmt.Errorf("%w: %d sectors are too few", ErrNone, sectors)
	}
	primary, alternate, err := readCopy(disk, sectors, 1)
	c.PrimaryErr = err
	c.AtEnd, _, c.BackupErr = readCopy(disk, sectors, sectors-1)
	switch {
	case c.PrimaryErr == nil:
		c.Table = primary
		return c, nil
	case errors.Is(c.PrimaryErr, errGeometry):
		return c, fmt.Errorf("primary partition table: %w", c.PrimaryErr)
	case c.BackupErr == nil:
		c.Table, c.FromBackup, c.Foreign = c.AtEnd, true, foreign(disk, c.AtEnd, sectors)
		return c, nil
	}
	if alternate > 1 && alternate < sectors-1 {
		if table, _, err := readCopy(disk, sectors, alternate); err == nil {
			c.Table, c.FromBackup, c.Foreign = table, true, foreign(disk, table, sectors)
			return c, nil
		}
	}
	if errors.Is(c.PrimaryErr, ErrNone) && errors.Is(c.BackupErr, ErrNone) {
		return c, ErrNone
	}
	return c, fmt.Errorf("primary partition table: %w; backup: %w", c.PrimaryErr, c.BackupErr)
}

// ReadPrimary reads the table at the beginning of a disk alone. The end of a CD may take seconds to say that it cannot be read.
func ReadPrimary(disk io.ReaderAt, sectors uint64) (Table, error) {
	t, _, err := readCopy(disk, sectors, 1)
	return t, err
}

// readCopy reads the header at a sector and its entries. The other copy's place is returned too when the header is
// intact, even if its entries are not.
func readCopy(disk io.ReaderAt, diskSectors, at uint64) (t Table, alternate uint64, err error) {
	h := make([]byte, SectorSize)
	if err := readSectors(disk, h, at); err != nil {
		return t, 0, err
	}
	le := binary.LittleEndian
	if string(h[:8]) != signature {
		return t, 0, ErrNone
	}
	if size := le.Uint32(h[12:]); size != headerSize {
		return t, 0, fmt.Errorf("sector %d: header of %d bytes: want %d", at, size, headerSize)
	}
	sum := le.Uint32(h[16:])
	le.PutUint32(h[16:], 0)
	if crc32.ChecksumIEEE(h[:headerSize]) != sum {
		return t, 0, fmt.Errorf("sector %d: header checksum is wrong", at)
	}
	alternate = le.Uint64(h[32:])
	last, entriesAt := alternate, uint64(0)
	if at != 1 {
		last, entriesAt = at, at-entriesSectors
	}
	if last >= diskSectors || last < 2*TableSectors+1 {
		return t, alternate, fmt.Errorf("sector %d: the table is of a disk of %d sectors, this one has %d", at, last+1, diskSectors)
	}
	// Both headers say what partitions may take, of which the beginning is where the primary's entries end.
	first := le.Uint64(h[40:])
	if first < 1+TableSectors || first > last {
		return t, alternate, fmt.Errorf("sector %d: partitions may begin at sector %d of %d: %w", at, first, last+1, errGeometry)
	}
	t = Table{Sectors: last + 1}
	if first != 1+TableSectors {
		t.EntriesAt = first - entriesSectors
	}
	if at == 1 {
		entriesAt = t.entriesAt()
	}
	copy(t.Disk[:], h[56:72])
	if le.Uint64(h[24:]) != at || (at != 1 && alternate != 1) || le.Uint64(h[72:]) != entriesAt ||
		le.Uint32(h[80:]) != entryCount || le.Uint32(h[84:]) != entrySize ||
		le.Uint64(h[40:]) != t.FirstUsable() || le.Uint64(h[48:]) != t.LastUsable() {
		return t, alternate, fmt.Errorf("sector %d: %w", at, errGeometry)
	}
	entries := make([]byte, entryCount*entrySize)
	if err := readSectors(disk, entries, entriesAt); err != nil {
		return t, alternate, err
	}
	if crc32.ChecksumIEEE(entries) != le.Uint32(h[88:]) {
		return t, alternate, fmt.Errorf("sector %d: checksum of the entries is wrong", at)
	}
	t.Partitions = decodeEntries(entries)
	return t, alternate, t.Verify()
}

// foreign tells a primary that a power cut tore, whose every entry is an old or a new one and before which the protective
// MBR still lies, from the beginning of something else: a file system, LUKS, LVM or RAID over the whole disk leaves the
// backup at its end alone. t is what the backup says.
func foreign(disk io.ReaderAt, t Table, sectors uint64) bool {
	mbr, entries := make([]byte, SectorSize), make([]byte, entryCount*entrySize)
	if readSectors(disk, mbr, 0) != nil || readSectors(disk, entries, t.entriesAt()) != nil || !protective(mbr) {
		return true
	}
	for _, p := range decodeEntries(entries) {
		if !p.Type.IsZero() && (p.First < t.FirstUsable() || p.Last < p.First || p.Last >= sectors) {
			return true
		}
	}
	return false
}

func decodeEntries(b []byte) []Partition {
	var parts []Partition
	le := binary.LittleEndian
	for i := 0; i < entryCount; i++ {
		e := b[i*entrySize : (i+1)*entrySize]
		var p Partition
		copy(p.Type[:], e[0:16])
		if p.Type.IsZero() {
			continue
		}
		copy(p.ID[:], e[16:32])
		p.First, p.Last, p.Attributes = le.Uint64(e[32:]), le.Uint64(e[40:]), le.Uint64(e[48:])
		var units []uint16
		for at := 56; at < entrySize && le.Uint16(e[at:]) != 0; at += 2 {
			units = append(units, le.Uint16(e[at:]))
		}
		p.Name = string(utf16.Decode(units))
		for len(parts) < i {
			parts = append(parts, Partition{})
		}
		parts = append(parts, p)
	}
	return parts
}

func readSectors(disk io.ReaderAt, b []byte, at uint64) error {
	if _, err := disk.ReadAt(b, int64(at)*SectorSize); err != nil {
		return fmt.Errorf("read sector %d: %w", at, err)
	}
	return nil
}
