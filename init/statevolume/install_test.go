package statevolume

import (
	"testing"

	"bantam/gpt"
	"bantam/slot"
)

// installed is the table of an image whose slot A ends with a sector.
func installed(end uint64) gpt.Table {
	return gpt.Table{Disk: testGUID, Sectors: end + 1 + gpt.TableSectors, Partitions: []gpt.Partition{
		{Type: gpt.ESP, ID: gpt.DeriveGUID("i", "1"), First: 500, Last: 1999},
		{Type: gpt.BIOSBoot, ID: gpt.DeriveGUID("i", "2"), First: 34, Last: 390},
		{Type: gpt.BootState, ID: gpt.DeriveGUID("i", "3"), First: 400, Last: 407},
		{Type: gpt.BootState, ID: gpt.DeriveGUID("i", "4"), First: 408, Last: 415},
		{},
		{Type: gpt.Slot, ID: gpt.DeriveGUID("i", "6"), First: 2000, Last: end}}}
}

func TestADiskOfAnySizeIsLaidOutOrRefused(t *testing.T) {
	for _, end := range []uint64{2048 - 1, 2048, 2049, 30_000, 12*sectorsPerMiB - 1, 40 * sectorsPerMiB} {
		image := installed(end)
		if err := image.Verify(); err != nil {
			t.Fatal(err)
		}
		least := Least(image)
		for _, sectors := range []uint64{0, 1, image.Sectors - 1, image.Sectors, least - 1} {
			if a, err := Lay(image, sectors); err == nil {
				t.Errorf("slot A to sector %d: %d sectors are enough, %d should be the least: %+v", end, sectors, least, a)
			}
		}
		for _, sectors := range []uint64{least, least + 1, least + 10*sectorsPerMiB, 1 << 21, 1 << 25, 1 << 33} {
			a, err := Lay(image, sectors)
			if err != nil {
				t.Errorf("slot A to sector %d: %d sectors: %v", end, sectors, err)
				continue
			}
			if err := a.Table.Verify(); err != nil {
				t.Errorf("%d sectors: %v", sectors, err)
			}
			number, volume := a.Table.Find(PartitionType)
			if number != slot.NumberB+1 || a.Number != number || volume.First != a.Place.First || a.VolumeSize() < 32<<20 || a.Table.Sectors != sectors {
				t.Errorf("%d sectors: volume %d, %+v of %+v", sectors, number, volume, a)
			}
			if _, b := a.Table.Find(gpt.Slot); b.Last < end {
				t.Errorf("%d sectors: slot A ends at %d, what is in it at %d", sectors, b.Last, end)
			}
			if second, ok := numbered(a.Table, slot.NumberB, gpt.Slot); ok != (a.SlotB.Last != 0) || ok && second.First != a.SlotB.First || sectors >= 1<<21 && !ok {
				t.Errorf("%d sectors: slot B %+v, %+v", sectors, second, a.SlotB)
			}
		}
	}
}
