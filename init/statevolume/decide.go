package statevolume

import (
	"fmt"
	"strings"

	"bantam/gpt"
)

// PartitionType marks Bantam's state partition.
var PartitionType = gpt.MustParseGUID("62616E74-616D-8E73-9461-746570617274")

const partitionName = "bantam-state"

const (
	sectorsPerMiB = 1 << 20 / gpt.SectorSize
	minSectors    = 32 * sectorsPerMiB // a smaller place is not worth a volume

	// Where the volume begins if the disk has room: behind any image to come, so that a larger image written over
	// this one does not reach it and the volume is adopted again.
	usualStart = 64 * sectorsPerMiB
)

// A Place is a run of sectors, inclusive, and what lies there.
type Place struct {
	First, Last uint64
	FileSystem  FileSystem
}

func (p Place) size() int64 { return int64(p.Last-p.First+1) * gpt.SectorSize }

// A Disk is one that carries the image's disk GUID.
type Disk struct {
	Name       string // e.g. "vda"
	ReadOnly   bool
	SectorSize int
	Copies     gpt.Copies
	State      *Place  // the state partition
	Number     int     // its number
	Free       []Place // without one: where a volume may lie or be made, the usual place last
}

// Facts is all that the decision depends on.
type Facts struct {
	MemoryWanted bool     // the command line says bantam.state=memory
	GUID         string   // what bantam.disk= says, "" if it is absent
	Disks        []Disk   // that have this GUID
	Unreadable   []string // other disks, and why it is not known whether they have it
	HaveSeed     bool
}

// A Verb is what is to be done.
type Verb int

const (
	UseMemory Verb = iota
	Distrust       // memory too, but because a volume is there that cannot be trusted; it stays untouched
	Mount          // the partition that is there
	Adopt          // make a partition around the intact file system that is there, and mount it
	Create         // write the seed, make the partition, mount it
)

// An Action is the decision.
type Action struct {
	Verb   Verb
	Reason string // for UseMemory and Distrust
	Note   string // worth telling, though nothing is wrong with the chosen volume
	Disk   Disk
	Place  Place
	Number int       // of the partition
	Table  gpt.Table // for Adopt and Create: with the new partition
}

const noSeed = "the image carries no prepared state volume (/bantam/state.seed)"

// Decide chooses what to do. It looks at facts only.
func Decide(f Facts) Action {
	memory := func(format string, args ...any) Action {
		return Action{Verb: UseMemory, Reason: fmt.Sprintf(format, args...)}
	}
	if f.MemoryWanted {
		return memory("this medium runs from memory (bantam.state=memory)")
	}
	if f.GUID == "" {
		return memory("the kernel command line names no disk (bantam.disk=)")
	}
	if len(f.Disks) == 0 && len(f.Unreadable) > 0 {
		return memory("no readable disk has the GUID %s of this image; %s", f.GUID, strings.Join(f.Unreadable, "; "))
	}
	if len(f.Disks) == 0 {
		return memory("no disk has the GUID %s of this image", f.GUID)
	}
	disk, note := choose(f.Disks)
	if disk.SectorSize != gpt.SectorSize {
		return memory("%s has sectors of %d bytes; only %d are supported", disk.Name, disk.SectorSize, gpt.SectorSize)
	}
	distrust := func(p Place, reason string) Action {
		return Action{Verb: Distrust, Reason: fmt.Sprintf("the state volume on %s at sector %d cannot be trusted: %s; it is left untouched", disk.Name, p.First, reason), Note: note, Disk: disk, Place: p}
	}
	if p := disk.State; p != nil {
		switch {
		case p.FileSystem.Condition == Unwanted && disk.ReadOnly:
			return memory("%s is read-only", disk.Name)
		case p.FileSystem.Condition == Unwanted && !f.HaveSeed:
			return memory("%s", noSeed)
		case p.FileSystem.Condition == Unwanted:
			return Action{Verb: Create, Note: note, Disk: disk, Place: *p, Number: disk.Number, Table: disk.Copies.Table}
		case p.FileSystem.Condition != Intact:
			return distrust(*p, p.FileSystem.Reason)
		case p.FileSystem.Size > p.size():
			return distrust(*p, "its file system is larger than its partition")
		case disk.ReadOnly:
			return memory("%s is read-only", disk.Name)
		}
		return Action{Verb: Mount, Note: note, Disk: disk, Place: *p, Number: disk.Number}
	}
	if disk.ReadOnly {
		return memory("%s is read-only", disk.Name)
	}
	if len(disk.Free) == 0 {
		return memory("%s has no %d MiB free behind the image", disk.Name, minSectors/sectorsPerMiB)
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
		return memory("%s", noSeed)
	}
	table := known(disk.Copies)
	table, number, err := table.Add(gpt.Partition{
		Type:  PartitionType,
		ID:    gpt.DeriveGUID(table.Disk.String(), partitionName),
		First: place.First,
		Last:  place.Last,
		Name:  partitionName,
	})
	if err != nil {
		return memory("%s: %v", disk.Name, err)
	}
	return Action{Verb: verb, Note: note, Disk: disk, Place: place, Number: number, Table: table}
}

// choose prefers a disk that has a volume, then one that can be written to. Two disks have one GUID when the same image
// was written to both.
func choose(disks []Disk) (Disk, string) {
	best := disks[0]
	for _, d := range disks[1:] {
		if rank(d) > rank(best) {
			best = d
		}
	}
	if len(disks) == 1 {
		return best, ""
	}
	names := ""
	for _, d := range disks {
		if d.Name != best.Name {
			names += " " + d.Name
		}
	}
	return best, fmt.Sprintf("%d disks carry this image; %s is used, not%s", len(disks), best.Name, names)
}

func rank(d Disk) int {
	n := 0
	if d.State != nil {
		n += 2
	}
	if !d.ReadOnly {
		n++
	}
	return n
}
