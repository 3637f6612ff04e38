package slot

const (
	sectorsPerMiB = 1 << 20 / SectorSize
	leastSectors  = 24 * sectorsPerMiB
	mostSectors   = 96 * sectorsPerMiB

	// LeastVolume is how many sectors a state volume has at least: a smaller one is not worth having.
	LeastVolume = 32 * sectorsPerMiB
)

// Room is what the division of a disk depends on, in sectors of it. Ends are the sector behind.
type Room struct {
	First  uint64 // where slot A begins; it is the last partition of the image
	Used   uint64 // what the image has given it
	End    uint64 // the end of what is free behind it: the next partition, an old state volume, or the end of the disk
	Volume uint64 // the least that a state volume wants of that; 0 if it lies elsewhere or there shall be none
	Start  uint64 // where a state volume would begin without slots
}

// A Division is how slots share a disk with the state volume.
type Division struct {
	EndA   uint64 // slot A's, at least as the image has it
	FirstB uint64 // slot B, as long as A; 0: there is no room for it
	EndB   uint64
	Volume uint64 // where a state volume begins: with Room.Start or behind the slots
}

// Plan divides a disk. Both slots are equally long: twice what the image's own takes, but at least 24 MiB and at most 96 MiB
// unless the image's is longer. Where there is no room for two, A has what there is up to that length. Slot B and the volume begin at whole MiB.
func Plan(r Room) Division {
	want := max(min(max(leastSectors, wholeMiB(2*r.Used)), mostSectors), r.Used)
	d := Division{EndA: r.First + want}
	d.FirstB = wholeMiB(d.EndA)
	d.EndB = d.FirstB + want
	if d.Volume = max(wholeMiB(r.Start), wholeMiB(d.EndB)); d.EndB <= r.End && (r.Volume == 0 || d.Volume+r.Volume <= r.End) {
		return d
	}
	one := Division{EndA: max(min(d.EndA, r.End), r.First+r.Used)}
	if one.Volume = max(wholeMiB(r.Start), wholeMiB(one.EndA)); r.Volume > 0 && one.Volume+r.Volume > r.End {
		one.EndA = r.First + r.Used // the volume is worth more than a longer slot
		one.Volume = wholeMiB(one.EndA)
	}
	return one
}

func wholeMiB(sectors uint64) uint64 {
	return (sectors + sectorsPerMiB - 1) / sectorsPerMiB * sectorsPerMiB
}
