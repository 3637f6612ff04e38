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

// addTable adds both copies of a partition table. Spans have their partition's number; one of no bytes is no partition.
func addTable(l *layout, disk gpt.GUID, spans ...span) error {
	table := gpt.Table{Disk: disk, Sectors: uint64(l.size / gpt.SectorSize)}
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
	l.add(gpt.SectorSize, "partition table", Bytes(table.Primary()))
	l.add(l.size-gpt.TableSectors*gpt.SectorSize, "backup of the partition table", Bytes(table.Backup()))
	return nil
}
