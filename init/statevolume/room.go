package statevolume

import (
	"slices"

	"bantam/gpt"
)

// known is the table that the disk's partitions follow from. That is the one it begins with; but where an image was
// written over a disk of ours, the older table at the disk's end still knows what lies behind the image: partitions of
// people, which must neither be written over nor forgotten; they keep their numbers where the image has not taken them. The
// layers and slots of the older image are nobody's any more.
func known(c gpt.Copies) gpt.Table {
	table, imageEnd := c.Table, c.Table.Sectors
	table.Sectors = c.DiskSectors
	if number, _ := c.AtEnd.Find(PartitionType); c.BackupErr != nil || number == 0 || imageEnd >= c.DiskSectors {
		return table
	}
	for i, p := range c.AtEnd.Partitions {
		if p.Type.IsZero() || slices.Contains(ofImages, p.Type) || p.First < imageEnd {
			continue
		}
		table = keepPartition(table, i+1, p)
	}
	return table
}

// ofImages are the types of partitions that are Bantam's own.
var ofImages = []gpt.GUID{PartitionType, gpt.Layers, gpt.BootState, gpt.Slot}

// freePlaces says where a volume may lie in a table of known: where the older table at the end of the disk had one, and
// last the place for a new one.
func freePlaces(c gpt.Copies) []Place {
	table := known(c)
	var places []Place
	if c.BackupErr == nil {
		if number, old := c.AtEnd.Find(PartitionType); number != 0 {
			for _, gap := range gaps(table) {
				if gap.First <= old.First && old.Last <= gap.Last {
					places = append(places, Place{First: old.First, Last: max(old.Last, alignedLast(gap.Last))})
				}
			}
		}
	}
	for _, start := range []uint64{startOn(c.DiskSectors), 0} {
		var best Place
		for _, gap := range gaps(table) {
			first := (max(gap.First, start) + sectorsPerMiB - 1) / sectorsPerMiB * sectorsPerMiB
			last := alignedLast(gap.Last)
			if last >= first+minSectors-1 && last-first > best.Last-best.First {
				best = Place{First: first, Last: last}
			}
		}
		if best.Last != 0 {
			best.First = behindSlots(table, best)
			return append(places, best)
		}
	}
	return places
}

// startOn is where a volume begins on a disk, if there is room behind: at a sixteenth of it, from 64 MiB to 1 GiB.
func startOn(diskSectors uint64) uint64 {
	return min(max(usualStart, diskSectors/16/sectorsPerMiB*sectorsPerMiB), mostStart)
}

// alignedLast shortens a run of sectors to end with a whole MiB; 0: there is none.
func alignedLast(last uint64) uint64 {
	end := (last + 1) / sectorsPerMiB * sectorsPerMiB
	return max(end, 1) - 1
}

// gaps are the runs of free sectors behind the image, in order. The image ends with the first EFI system partition, or if a machine
// starts without any, with slot A.
func gaps(t gpt.Table) (free []Place) {
	first := t.LastUsable() + 1
	for _, p := range t.Partitions {
		if p.Type == gpt.ESP || p.Type == gpt.Slot {
			first = min(first, p.Last+1)
		}
	}
	for first <= t.LastUsable() {
		end, next := t.LastUsable()+1, uint64(0) // of the free run at first; behind the partition that lies there
		for _, p := range t.Partitions {
			switch {
			case p.Type.IsZero() || p.Last < first:
			case p.First <= first:
				next = p.Last + 1
			default:
				end = min(end, p.First)
			}
		}
		if next == 0 {
			free, next = append(free, Place{First: first, Last: end - 1}), end
		}
		first = next
	}
	return free
}
