package installing

import (
	"fmt"
	"strings"

	"bantam/frame"
	"bantam/gpt"
	"bantam/init/flashing"
	"bantam/init/statevolume"
)

// A Layout is what a disk will hold: the image, as far as its slot A goes, with a partition table made for that disk.
type Layout struct {
	Volume  statevolume.Action
	image   *frame.Image
	size    int64  // up to the end of what is in slot A
	primary []byte // from sector 1 on
	backup  []byte // the last sectors of the disk
	disk    int64  // its size
}

// Least is how many bytes a disk must have for an image.
func Least(image *frame.Image) int64 { return int64(statevolume.Least(image.Table)) * gpt.SectorSize }

// MakeLayout lays out a disk of size bytes.
func MakeLayout(image *frame.Image, size int64) (Layout, error) {
	sectors := uint64(size / gpt.SectorSize)
	a, err := statevolume.Lay(image.Table, sectors)
	if err != nil {
		return Layout{}, err
	}
	t := a.Table
	if err := t.Verify(); err != nil {
		return Layout{}, err
	}
	return Layout{Volume: a, image: image, size: int64(image.Slot.Last+1) * gpt.SectorSize, primary: t.Primary(), backup: t.Backup(), disk: size}, nil
}

// Size is how many bytes from the disk's beginning on ReadAt knows.
func (l Layout) Size() int64 { return l.size }

// ReadAt reads what the disk shall begin with. It is io.ReaderAt.
func (l Layout) ReadAt(b []byte, at int64) (int, error) {
	n, err := l.image.ReadAt(b, at)
	if from, to := max(at, gpt.SectorSize), min(at+int64(n), gpt.SectorSize+int64(len(l.primary))); from < to {
		copy(b[from-at:to-at], l.primary[from-gpt.SectorSize:])
	}
	return n, err
}

// backupAt is where the second copy of the partition table lies.
func (l Layout) backupAt() int64 { return l.disk/gpt.SectorSize*gpt.SectorSize - int64(len(l.backup)) }

// Plan says what will be done, and begins an Installation to a disk that is not refused.
func Plan(d Device, m *Medium, keeps int64, generation int) (*Installation, flashing.Plan, error) {
	l, err := MakeLayout(m.image, d.Size)
	if err != nil {
		return nil, flashing.Plan{}, err
	}
	p := flashing.Plan{Verb: "install", Firmware: m.Firmware.What + ", from " + m.Device, Target: d.String()}
	add := func(a flashing.Action, bytes int64, format string, args ...any) {
		p.Steps = append(p.Steps, flashing.Step{Action: a, What: fmt.Sprintf(format, args...), Bytes: bytes})
	}
	add(flashing.ActionErase, 0, "boot sector and partition table: from here on nothing starts from it")
	add(flashing.ActionWrite, l.size, "boot loader, kernel and initrd in slot A, packages")
	add(flashing.ActionCheck, 0, "read it back from the disk")
	if l.Volume.SlotB.Last != 0 {
		add(flashing.ActionMake, 0, "boot slot B, with nothing in it")
	} else {
		p.Notes = append(p.Notes, "the disk has no room for a second boot slot: another kernel comes by a new image")
	}
	add(flashing.ActionMake, l.Volume.VolumeSize(), "a state volume")
	add(flashing.ActionCopy, keeps, "to it what this machine keeps: generations, of which %d runs, draft, secrets, host key, leases, what services and users keep", generation)
	add(flashing.ActionCommit, 0, "boot sector and partition table")
	p.WayBack = "this machine runs on as it does, from memory"
	p.Lost = []string{"everything that is on " + d.Path + ": " + strings.Join(d.Holds, "; ")}
	return &Installation{Layout: l}, p, nil
}
