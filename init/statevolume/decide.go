package statevolume

import (
	"fmt"
	"strings"

	"bantam/gpt"
	"bantam/slot"
)

// PartitionType marks Bantam's state partition.
var PartitionType = gpt.MustParseGUID("62616E74-616D-8E73-9461-746570617274")

const partitionName = gpt.StatePurpose

const (
	sectorsPerMiB = 1 << 20 / gpt.SectorSize
	minSectors    = slot.LeastVolume

	// Where the volume begins if the disk has room: behind any image to come, so that a larger image written over
	// this one does not reach it and the volume is adopted again. On disks of more than a GiB see startOn.
	usualStart = 64 * sectorsPerMiB
	mostStart  = 1024 * sectorsPerMiB
)

// A Place is a run of sectors, inclusive, and what lies there.
type Place struct {
	First, Last uint64
	FileSystem  FileSystem
}

func (p Place) size() int64 { return int64(p.Last-p.First+1) * gpt.SectorSize }

// A Disk is one that carries the image.
type Disk struct {
	Name       string // e.g. "vda"
	ReadOnly   bool
	SectorSize int
	Copies     gpt.Copies
	Origin     *gpt.Origin // what it says of itself where Facts.Origin says; nil: nothing
	State      *Place      // the state partition
	Number     int         // its number
	Free       []Place     // without one: where a volume may lie or be made, the usual place last
}

// Facts is all that the decision depends on.
type Facts struct {
	MemoryWanted bool        // the command line says bantam.state=memory
	GUID         string      // of the image, as bantam.disk= says; "" if it is absent
	Origin       *gpt.Origin // what the initrd says of the disk that it was read from; nil: an image without that
	Fresh        gpt.GUID    // one that no disk has
	Disks        []Disk      // that carry this image
	Unreadable   []string    // other disks, and why it is not known whether they have it
	HaveSeed     bool
}

// A Verb is what is to be done.
type Verb int

const (
	UseMemory Verb = iota
	Distrust       // memory too, but because a volume is there that cannot be trusted; it stays untouched
	Mount          // the partition that is there
	Adopt          // make a partition around the intact file system that is there, and mount it
	Create         // write the template, make the partition, mount it
)

// An Action is the decision.
type Action struct {
	Verb   Verb
	Reason string // for UseMemory and Distrust
	Note   string // worth telling, though nothing is wrong with the chosen volume

	Awaited bool // UseMemory because no disk is there that is ours: it may still come

	Disk   Disk
	Place  Place
	Number int       // of the partition
	Table  gpt.Table // what the disk shall have: for Adopt and Create with the new partition, and with slots as long as they are here
	SlotB  Place     // that is made, with nothing in it; none: there is one already, or none shall be
	Own    gpt.GUID  // and what its origin shall say first; zero: it stays

	Started Disk // what the machine was started from, whether it is used for its state or not; no name: that is not known
}

// Changes says whether the disk is to be written to before the volume is mounted.
func (a Action) Changes() bool {
	return a.Verb == Adopt || a.Verb == Create || !a.Own.IsZero() || a.Table.Disk != a.Disk.Copies.Table.Disk
}

const noImage = "the image carries no template of a state volume (/bantam/state.template)"

func inMemory(format string, args ...any) Action {
	return Action{Verb: UseMemory, Reason: fmt.Sprintf(format, args...)}
}

// Decide chooses what to do. It looks at facts only.
func Decide(f Facts) Action {
	if f.MemoryWanted {
		return inMemory("this medium runs from memory (bantam.state=memory)")
	}
	if f.GUID == "" {
		return inMemory("the kernel command line names no disk (bantam.disk=)")
	}
	if len(f.Disks) == 0 {
		a := inMemory("no disk has the GUID %s of this image", f.GUID)
		if len(f.Unreadable) > 0 {
			a = inMemory("no readable disk has the GUID %s of this image; %s", f.GUID, strings.Join(f.Unreadable, "; "))
		}
		a.Awaited = true
		return a
	}
	c := choose(f)
	if c.absent != "" {
		a := inMemory("%s", c.absent)
		a.Awaited = true
		return a
	}
	a := decideOn(f, c)
	a.Started = c.disk
	return a
}

// decideOn is Decide once it is known from which disk the machine was started.
func decideOn(f Facts, c choice) Action {
	disk, note := c.disk, c.note
	if disk.SectorSize != gpt.SectorSize {
		return inMemory("%s has sectors of %d bytes; only %d are supported", disk.Name, disk.SectorSize, gpt.SectorSize)
	}
	distrust := func(p Place, reason string) Action {
		return Action{Verb: Distrust, Reason: fmt.Sprintf("the state volume on %s at sector %d cannot be trusted: %s; it is left untouched", disk.Name, p.First, reason), Note: note, Disk: disk, Place: p}
	}
	act := func(v Verb, p Place, number int, t gpt.Table) Action {
		a := Action{Verb: v, Note: note, Disk: disk, Place: p, Number: number, Table: t}
		if !c.sure {
			return a
		}
		own := f.Origin.Disk
		if own.IsZero() {
			own, a.Own = f.Fresh, f.Fresh
		}
		a.Table = t.WithDisk(own)
		return a
	}
	if p := disk.State; p != nil {
		switch {
		case p.FileSystem.Condition == Unwanted && disk.ReadOnly:
			return inMemory("%s is read-only", disk.Name)
		case p.FileSystem.Condition == Unwanted && !f.HaveSeed:
			return inMemory("%s", noImage)
		case p.FileSystem.Condition == Unwanted:
			return act(Create, *p, disk.Number, disk.Copies.Table)
		case p.FileSystem.Condition != Intact:
			return distrust(*p, p.FileSystem.Reason)
		case p.FileSystem.Size > p.size():
			return distrust(*p, "its file system is larger than its partition")
		case disk.ReadOnly:
			return inMemory("%s is read-only", disk.Name)
		}
		return act(Mount, *p, disk.Number, disk.Copies.Table)
	}
	if disk.ReadOnly {
		return inMemory("%s is read-only", disk.Name)
	}
	if len(disk.Free) == 0 {
		return inMemory("%s has no %d MiB free behind the image", disk.Name, minSectors/sectorsPerMiB)
	}
	verb, place := Create, disk.Free[len(disk.Free)-1]
	for _, p := range disk.Free {
		switch p.FileSystem.Condition {
		case Damaged:
			return distrust(p, p.FileSystem.Reason)
		case Intact:
			if p.FileSystem.Size > p.size() {
				return distrust(p, "its file system is larger than the room for it")
			}
			verb, place = Adopt, p
		case Unwanted:
			place = p
		default:
			continue
		}
		break
	}
	if verb == Create && !f.HaveSeed {
		return inMemory("%s", noImage)
	}
	table, slotB := withSlots(known(disk.Copies), place)
	table, number, err := addPartition(table, gpt.Partition{
		Type:  PartitionType,
		ID:    gpt.DeriveGUID(table.Disk.String(), gpt.StatePurpose),
		First: place.First,
		Last:  place.Last,
		Name:  partitionName,
	})
	if err != nil {
		return inMemory("%s: %v", disk.Name, err)
	}
	a := act(verb, place, number, table)
	a.SlotB = slotB
	return a
}
