package statevolume

import (
	"fmt"
	"strings"

	"bantam/gpt"
)

// A choice is which disk the machine was started from.
type choice struct {
	disk   Disk
	sure   bool   // the disk itself says so
	note   string // what to tell where it cannot be told
	absent string // why it is none of those that are there; "" otherwise
}

// choose finds the disk that the machine was started from among those that carry the image: the one whose origin is what
// the boot loader read. Where more than one has it, because none of them was started before or one is a copy of another,
// it is the one that has a volume, then one that can be written to; that is told.
func choose(f Facts) choice {
	disks := f.Disks
	if f.Origin != nil {
		disks = nil
		for _, d := range f.Disks {
			if startedFrom(f.Origin, d) {
				disks = append(disks, d)
			}
		}
		switch len(disks) {
		case 0:
			return choice{absent: fmt.Sprintf("the disk that this machine was started from is not there; %s: the same image, but not that disk", names(f.Disks, ""))}
		case 1:
			return choice{disk: disks[0], sure: true}
		}
	}
	best := disks[0]
	for _, d := range disks[1:] {
		if rank(d) > rank(best) {
			best = d
		}
	}
	if len(disks) == 1 {
		return choice{disk: best}
	}
	return choice{disk: best, note: several(disks, best.Name)}
}

// several tells of disks of which each may be the one that the machine was started from.
func several(disks []Disk, used string) string {
	return fmt.Sprintf("%d disks carry this image; %s is used, not %s; nothing tells which one the machine was started from, so unplug what should not be used",
		len(disks), used, names(disks, used))
}

// startedFrom says whether a machine with this origin may have been started from the disk; nil: any that carries its image.
func startedFrom(origin *gpt.Origin, d Disk) bool {
	return origin == nil || d.Origin != nil && *d.Origin == *origin
}

// names lists disks, but for one.
func names(disks []Disk, but string) string {
	var list []string
	for _, d := range disks {
		if d.Name != but {
			list = append(list, d.Name)
		}
	}
	return strings.Join(list, ", ")
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
