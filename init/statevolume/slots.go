package statevolume

import (
	"fmt"
	"slices"

	"bantam/gpt"
	"bantam/slot"
)

// An Extent is where something lies on a disk, in bytes. Of no length, it is not there.
type Extent struct{ Offset, Length int64 }

func extentOf(p gpt.Partition) Extent {
	return Extent{Offset: int64(p.First) * gpt.SectorSize, Length: int64(p.Sectors()) * gpt.SectorSize}
}

// Slots are what the disk that the machine was started from has for its boot loader. Its partitions are reached by the disk:
// the kernel learns of a new one, or of a new end, at the next boot only.
type Slots struct {
	Disk     string // device of the whole disk, e.g. /dev/vda; "": it has no boot slots, or is not known
	ReadOnly bool
	State    [2]Extent // the copies of the loader's state
	A, B     Extent
	Lack     string // why there is no slot B
}

// Slots are those of the disk that the machine was started from.
func (v Volume) Slots() Slots { return v.slots }

// findSlots notes those of the disk, as a table has them.
func (v *Volume) findSlots(o Options, d Disk, t gpt.Table) {
	v.slots = Slots{}
	if s, ok := slotsIn(t); ok && d.SectorSize == gpt.SectorSize {
		v.slots = s
		v.slots.Disk, v.slots.ReadOnly = o.dev+"/"+d.Name, d.ReadOnly
	}
}

// numbered is the partition of a number, if it is of a kind.
func numbered(t gpt.Table, number int, kind gpt.GUID) (p gpt.Partition, ok bool) {
	if number <= len(t.Partitions) {
		p = t.Partitions[number-1]
	}
	return p, p.Type == kind
}

// slotsIn finds slots in a table. Whoever has something else under one of the numbers has none.
func slotsIn(t gpt.Table) (s Slots, ok bool) {
	one, okOne := numbered(t, slot.State1Number, gpt.BootState)
	two, okTwo := numbered(t, slot.State2Number, gpt.BootState)
	a, okA := numbered(t, slot.NumberA, gpt.Slot)
	if !okOne || !okTwo || !okA {
		return Slots{}, false
	}
	s = Slots{State: [2]Extent{extentOf(one), extentOf(two)}, A: extentOf(a)}
	b, okB := numbered(t, slot.NumberB, gpt.Slot)
	switch volume, _ := t.Find(PartitionType); {
	case okB:
		s.B = extentOf(b)
	case volume == 0:
		s.Lack = "a second boot slot is made together with the state volume, of which this disk has none"
	default:
		s.Lack = fmt.Sprintf("the disk has no room for a second boot slot: the first has %d MiB, and %d MiB are free behind it",
			a.Sectors()/sectorsPerMiB, (behind(t, a)-a.Last-1)/sectorsPerMiB)
	}
	return s, true
}

// lacksSlotB gives slot A of a table in which slot B is to be made, if there is room for it.
func lacksSlotB(t gpt.Table) (a gpt.Partition, ok bool) {
	if s, ok := slotsIn(t); !ok || s.B.Length != 0 {
		return a, false
	}
	return numbered(t, slot.NumberA, gpt.Slot)
}

// behind is the sector at which the free run behind a partition ends.
func behind(t gpt.Table, p gpt.Partition) uint64 {
	end := t.LastUsable() + 1
	for _, q := range t.Partitions {
		if !q.Type.IsZero() && q.First > p.Last {
			end = min(end, q.First)
		}
	}
	return end
}

// behindSlots is where a volume begins that is to be made at a place: slots that are still to be made come first. Two slots are
// worth more than a volume far behind the image.
func behindSlots(t gpt.Table, volume Place) uint64 {
	a, ok := lacksSlotB(t)
	if !ok || volume.First <= a.Last || volume.First >= behind(t, a) {
		return volume.First
	}
	room := slot.Room{First: a.First, Used: a.Sectors(), End: volume.Last + 1, Volume: minSectors, Start: volume.First}
	far := slot.Plan(room)
	if room.Start = 0; far.FirstB == 0 {
		if near := slot.Plan(room); near.FirstB != 0 {
			return near.Volume
		}
	}
	return far.Volume
}

// withSlots makes slot A as long as slots are on this disk, and slot B, where the state volume lies at a place. Where slot B
// lies is none if there is no room. Whoever has a partition of his own under its number keeps that.
func withSlots(t gpt.Table, volume Place) (next gpt.Table, b Place) {
	a, ok := lacksSlotB(t)
	if !ok {
		return t, Place{}
	}
	end := behind(t, a)
	if volume.First > a.Last {
		end = min(end, volume.First)
	}
	d := slot.Plan(slot.Room{First: a.First, Used: a.Sectors(), End: end})
	next = t
	next.Partitions = slices.Clone(t.Partitions)
	next.Partitions[slot.NumberA-1].Last = d.EndA - 1
	if d.FirstB == 0 {
		return next, Place{}
	}
	two, err := next.Put(slot.NumberB, gpt.Partition{Type: gpt.Slot, ID: gpt.DeriveGUID(t.Disk.String(), gpt.SlotBPurpose), First: d.FirstB, Last: d.EndB - 1,
		Name: gpt.SlotBPurpose})
	if err != nil {
		return next, Place{}
	}
	return two, Place{First: d.FirstB, Last: d.EndB - 1}
}

// addPartition is the table with one more partition. On a disk with slots no number up to that of slot B is free: the image has
// a meaning for each.
func addPartition(t gpt.Table, p gpt.Partition) (gpt.Table, int, error) {
	var reserved []int
	if _, slots := slotsIn(t); slots {
		for number := range slot.NumberB {
			reserved = append(reserved, number+1)
		}
	}
	return t.Add(p, reserved...)
}

// keepPartition is the table with a partition of an older one, under its number if that is free.
func keepPartition(t gpt.Table, number int, p gpt.Partition) gpt.Table {
	if _, slots := slotsIn(t); !slots || number > slot.NumberB {
		if next, err := t.Put(number, p); err == nil {
			return next
		}
	}
	next, _, err := addPartition(t, p)
	if err != nil { // it lies over one of the new table
		return t
	}
	return next
}
