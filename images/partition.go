package images

import (
	"bantam/gpt"
	"bantam/layer"
)

// behindESP gives the byte at which the layers begin on a medium whose EFI system partition ends at a byte, and that at
// which they end. Without layers nothing lies there.
func behindESP(espEnd int64, layers layout) (at, end int64) {
	if layers.size == 0 {
		return espEnd, espEnd
	}
	at = roundUp(espEnd, layer.AreaUnit)
	return at, at + layers.size
}

// A span is a partition of an image, in bytes of the medium.
type span struct {
	kind          gpt.GUID
	purpose, name string
	at, size      int64
}

func espSpan(at, size int64) span { return span{gpt.ESP, gpt.ESPPurpose, "bantam-esp", at, size} }

func layersSpan(at, size int64) span {
	return span{gpt.Layers, gpt.LayersPurpose, "bantam-layers", at, size}
}

// addTable adds both copies of a partition table. Spans have their partition's number; one of no bytes is no partition. What lies in
// an area at the beginning of so many bytes, 0 for none, stays clear of the table: its entries are at the area's end.
func addTable(l *layout, disk gpt.GUID, area int64, spans ...span) error {
	table := gpt.Table{Disk: disk, Sectors: uint64(l.size / gpt.SectorSize)}
	entriesAt := int64(2)
	if area > 0 {
		entriesAt = area/gpt.SectorSize - (gpt.TableSectors - 1)
		table.EntriesAt = uint64(entriesAt)
	}
	for _, s := range spans {
		if s.size == 0 {
			table.Partitions = append(table.Partitions, gpt.Partition{})
			continue
		}
		table.Partitions = append(table.Partitions, gpt.Partition{
			Type:  s.kind,
			ID:    gpt.DeriveGUID(disk.String(), s.purpose),
			First: uint64(s.at / gpt.SectorSize),
			Last:  uint64((s.at+s.size)/gpt.SectorSize) - 1,
			Name:  s.name,
		})
	}
	if err := table.Verify(); err != nil {
		return err
	}
	primary := table.Primary()
	l.add(gpt.SectorSize, "partition table", Bytes(primary[:gpt.SectorSize]))
	l.add(entriesAt*gpt.SectorSize, "partition table's entries", Bytes(primary[gpt.SectorSize:]))
	l.add(l.size-gpt.TableSectors*gpt.SectorSize, "backup of the partition table", Bytes(table.Backup()))
	return nil
}
