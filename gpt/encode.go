package gpt

import (
	"encoding/binary"
	"hash/crc32"
	"unicode/utf16"
)

const (
	signature  = "EFI PART"
	revision   = 0x00010000
	headerSize = 92

	// Of the table in sector 0.
	mbrAt          = 446
	mbrEntries     = 4
	mbrEntrySize   = 16
	protectiveType = 0xEE
)

// Primary returns the header, for sector 1, and behind it the entries, for sector 2 or EntriesAt. Call Verify first.
func (t Table) Primary() []byte {
	entries := t.entries()
	return append(t.header(1, t.Sectors-1, t.entriesAt(), entries), entries...)
}

// Backup returns the last 33 sectors of the disk: entries and header. Call Verify first.
func (t Table) Backup() []byte {
	entries := t.entries()
	return append(entries, t.header(t.Sectors-1, 1, t.Sectors-TableSectors, entries)...)
}

// ProtectiveMBR writes the one entry of type 0xEE and the boot signature into a 512-byte sector 0 and leaves the boot
// code alone. Some BIOSes start a disk only when an entry is marked active; UEFI does not look at the mark.
func ProtectiveMBR(sector0 []byte, sectors uint64, active bool) {
	entry := sector0[446:462]
	clear(sector0[446:510])
	if active {
		entry[0] = 0x80
	}
	copy(entry[1:], []byte{0x00, 0x02, 0x00, 0xEE, 0xFF, 0xFF, 0xFF})
	binary.LittleEndian.PutUint32(entry[8:], 1)
	binary.LittleEndian.PutUint32(entry[12:], uint32(min(sectors-1, 0xFFFFFFFF)))
	sector0[510], sector0[511] = 0x55, 0xAA
}

// protective tells a sector 0 whose table says that a GUID partition table is there, maybe beside entries for a boot ROM.
func protective(sector0 []byte) bool {
	for i := range mbrEntries {
		if sector0[mbrAt+i*mbrEntrySize+4] == protectiveType {
			return sector0[510] == 0x55 && sector0[511] == 0xAA
		}
	}
	return false
}

// HybridMBR adds to what ProtectiveMBR wrote a first entry for one partition, of a type of those times, e.g. 0x0C for FAT, for boot
// ROMs that know nothing newer. Protective entries for what is before it and behind it come second and third.
func HybridMBR(sector0 []byte, p Partition, kind byte) {
	le := binary.LittleEndian
	end := le.Uint32(sector0[mbrAt+12:])
	for i, e := range []struct {
		kind        byte
		first, last uint32
	}{{kind, uint32(p.First), uint32(p.Last)}, {protectiveType, 1, uint32(p.First) - 1}, {protectiveType, uint32(p.Last) + 1, end}} {
		entry := sector0[mbrAt+i*mbrEntrySize:][:mbrEntrySize]
		copy(entry, []byte{0, 0xFE, 0xFF, 0xFF, e.kind, 0xFE, 0xFF, 0xFF}) // beyond what cylinders, heads and sectors can say
		le.PutUint32(entry[8:], e.first)
		le.PutUint32(entry[12:], e.last-e.first+1)
	}
}

func (t Table) header(self, other, entriesAt uint64, entries []byte) []byte {
	h := make([]byte, SectorSize)
	le := binary.LittleEndian
	copy(h, signature)
	le.PutUint32(h[8:], revision)
	le.PutUint32(h[12:], headerSize)
	le.PutUint64(h[24:], self)
	le.PutUint64(h[32:], other)
	le.PutUint64(h[40:], t.FirstUsable())
	le.PutUint64(h[48:], t.LastUsable())
	copy(h[56:72], t.Disk[:])
	le.PutUint64(h[72:], entriesAt)
	le.PutUint32(h[80:], entryCount)
	le.PutUint32(h[84:], entrySize)
	le.PutUint32(h[88:], crc32.ChecksumIEEE(entries))
	le.PutUint32(h[16:], crc32.ChecksumIEEE(h[:headerSize]))
	return h
}

func (t Table) entries() []byte {
	b := make([]byte, entryCount*entrySize)
	le := binary.LittleEndian
	for i, p := range t.Partitions {
		if p.Type.IsZero() {
			continue
		}
		e := b[i*entrySize:]
		copy(e[0:], p.Type[:])
		copy(e[16:], p.ID[:])
		le.PutUint64(e[32:], p.First)
		le.PutUint64(e[40:], p.Last)
		le.PutUint64(e[48:], p.Attributes)
		for j, unit := range utf16.Encode([]rune(p.Name)) {
			le.PutUint16(e[56+2*j:], unit)
		}
	}
	return b
}
