package gpt

import "errors"

// A Write is one step of changing a table on a disk. After a step with Sync the disk must have been told to keep what it
// has before the next step begins.
type Write struct {
	Sector uint64
	Bytes  []byte
	Sync   bool
}

// Repair plans how a damaged primary is restored from the backup. There is nothing to do if it is intact, and nothing may
// be done if something else lies in its place.
func (c Copies) Repair() []Write {
	if !c.FromBackup || c.Foreign {
		return nil
	}
	return primaryWrites(c.Table)
}

// Rewrite plans how the disk's table becomes next, whose backup moves to the real end of the disk. A power cut at any
// point leaves a disk on which firmware and kernel find the old or the new table: one copy is always intact while the
// other is written. For that the primary must be intact, so Repair comes first. Sector 0 is not touched: it holds the
// boot code, and its entry already says all that is needed.
func (c Copies) Rewrite(next Table) ([]Write, error) {
	if c.FromBackup {
		return nil, errors.New("the primary partition table is damaged and must be repaired first")
	}
	next.Sectors = c.DiskSectors
	if err := next.Verify(); err != nil {
		return nil, err
	}
	backup := next.Backup()
	split := entriesSectors * SectorSize
	return append([]Write{
		{Sector: next.Sectors - TableSectors, Bytes: backup[:split], Sync: true},
		{Sector: next.Sectors - 1, Bytes: backup[split:], Sync: true},
	}, primaryWrites(next)...), nil
}

func primaryWrites(t Table) []Write {
	primary := t.Primary()
	return []Write{
		{Sector: t.entriesAt(), Bytes: primary[SectorSize:], Sync: true},
		{Sector: 1, Bytes: primary[:SectorSize], Sync: true},
	}
}
