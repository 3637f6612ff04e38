// Package gpt reads and writes GUID partition tables (UEFI specification, section 5.3), on the host into images and on
// the device onto the disk it runs from.
//
// It is pure: it encodes, decodes and plans writes, and leaves the writing to its caller. Limits: 512-byte sectors, and
// 128 entries of 128 bytes. The backup's lie straight before its header; the primary's at sector 2, or behind an area of a boot
// ROM's, and what partitions may take begins straight behind them. A table of another shape is an error and stays untouched.
package gpt

import (
	"errors"
	"fmt"
	"slices"
	"unicode/utf16"
)

const (
	SectorSize = 512

	entryCount     = 128
	entrySize      = 128
	entriesSectors = entryCount * entrySize / SectorSize // 32
	entriesLBA     = 2                                   // where the primary's lie unless Table.EntriesAt says otherwise

	// TableSectors is what the backup takes at the end of the disk. The primary takes one more, for the protective MBR.
	TableSectors = 1 + entriesSectors
)

// A Partition is one entry. First and Last are inclusive sectors.
type Partition struct {
	Type       GUID // zero: the entry is unused
	ID         GUID
	First      uint64
	Last       uint64
	Attributes uint64
	Name       string // at most 36 UTF-16 units
}

// Sectors is the partition's length.
func (p Partition) Sectors() uint64 { return p.Last - p.First + 1 }

// A Table is what both copies say. Partitions[i] is partition i+1, as Linux numbers them; unused entries are zero.
type Table struct {
	Disk       GUID
	Sectors    uint64 // of the disk as the table knows it: the backup header is in the last one
	Partitions []Partition

	// EntriesAt is the sector of the primary's entries; 0: the usual one, 2. The boot ROMs of some boards start what lies in a
	// sector near the beginning of an SD card, where the entries would be. Behind it they are in nobody's way, and what is before
	// them is none of a partition's.
	EntriesAt uint64
}

func (t Table) entriesAt() uint64 { return max(t.EntriesAt, entriesLBA) }

// FirstUsable is the first sector that a partition may have.
func (t Table) FirstUsable() uint64 { return t.entriesAt() + entriesSectors }

// LastUsable is the last sector that a partition may have.
func (t Table) LastUsable() uint64 { return t.Sectors - 1 - TableSectors }

// Verify says what is wrong with the table: too small a disk, partitions outside it or over each other, names too long.
func (t Table) Verify() error {
	if t.Sectors < 2*TableSectors+2 || t.Sectors > 1<<55 || t.EntriesAt >= t.Sectors || t.FirstUsable() > t.LastUsable() {
		return fmt.Errorf("a disk of %d sectors cannot hold a GUID partition table", t.Sectors)
	}
	if len(t.Partitions) > entryCount {
		return fmt.Errorf("%d partitions: at most %d", len(t.Partitions), entryCount)
	}
	for i, p := range t.Partitions {
		if p.Type.IsZero() {
			continue
		}
		switch {
		case p.First > p.Last:
			return fmt.Errorf("partition %d: ends at sector %d, before its start %d", i+1, p.Last, p.First)
		case p.First < t.FirstUsable() || p.Last > t.LastUsable():
			return fmt.Errorf("partition %d: sectors %d-%d are outside %d-%d", i+1, p.First, p.Last, t.FirstUsable(), t.LastUsable())
		case len(utf16.Encode([]rune(p.Name))) > 36:
			return fmt.Errorf("partition %d: name %q is longer than 36 characters", i+1, p.Name)
		}
		for j, q := range t.Partitions[:i] {
			if !q.Type.IsZero() && p.First <= q.Last && q.First <= p.Last {
				return fmt.Errorf("partitions %d and %d overlap", j+1, i+1)
			}
		}
	}
	return nil
}

// ErrFull is returned by Add when all entries are used.
var ErrFull = errors.New("the partition table has no free entry")

// Add returns the table with p in the first unused entry that is not reserved, and its number. The old table is not changed.
func (t Table) Add(p Partition, reserved ...int) (Table, int, error) {
	number := 1
	for number <= len(t.Partitions) && !t.Partitions[number-1].Type.IsZero() || slices.Contains(reserved, number) {
		number++
	}
	if number > entryCount {
		return t, 0, ErrFull
	}
	next, err := t.Put(number, p)
	return next, number, err
}

// Put returns the table with p as partition number, whose entry must be unused. The old table is not changed.
func (t Table) Put(number int, p Partition) (Table, error) {
	parts := slices.Clone(t.Partitions)
	for len(parts) < number {
		parts = append(parts, Partition{})
	}
	if !parts[number-1].Type.IsZero() {
		return t, fmt.Errorf("partition %d is there already", number)
	}
	parts[number-1] = p
	t.Partitions = parts
	return t, t.Verify()
}

// WithDisk returns the table with another GUID of the disk. Those of partitions that were derived from the old one follow.
func (t Table) WithDisk(disk GUID) Table {
	t.Partitions = slices.Clone(t.Partitions)
	for i := range t.Partitions {
		for _, purpose := range purposes {
			if p := &t.Partitions[i]; p.ID == DeriveGUID(t.Disk.String(), purpose) {
				p.ID = DeriveGUID(disk.String(), purpose)
			}
		}
	}
	t.Disk = disk
	return t
}

// Find returns the number of the first partition of a type, or 0.
func (t Table) Find(typ GUID) (int, Partition) {
	for i, p := range t.Partitions {
		if p.Type == typ && !typ.IsZero() {
			return i + 1, p
		}
	}
	return 0, Partition{}
}
