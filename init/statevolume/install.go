package statevolume

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"bantam/gpt"

	"golang.org/x/sys/unix"
)

// Lay decides where slots and volume lie on a disk of so many sectors that an image is installed to. Nothing that is on the disk
// counts. The error says why there is no room.
func Lay(image gpt.Table, sectors uint64) (Action, error) {
	if image.Sectors > sectors {
		return Action{}, fmt.Errorf("the image has %d sectors, the disk %d", image.Sectors, sectors)
	}
	c := gpt.Copies{Table: image, BackupErr: gpt.ErrNone, DiskSectors: sectors}
	a := decideOn(Facts{HaveSeed: true}, choice{disk: Disk{SectorSize: gpt.SectorSize, Copies: c, Free: freePlaces(c)}})
	if a.Verb != Create {
		return a, errors.New(a.Reason)
	}
	return a, nil
}

// Least is how many sectors a disk has at least that an image can be installed to with a volume.
func Least(image gpt.Table) uint64 {
	end := uint64(0)
	for _, p := range image.Partitions {
		if !p.Type.IsZero() {
			end = max(end, p.Last+1)
		}
	}
	return (end+sectorsPerMiB-1)/sectorsPerMiB*sectorsPerMiB + minSectors + gpt.TableSectors
}

// VolumeSize is how many bytes the partition of the volume has.
func (a Action) VolumeSize() int64 { return a.Place.size() }

// Furnish makes on a disk what an Action of Lay has beside the image: an empty slot B, and the volume, which is mounted at dir while
// fill puts into it what it shall keep. The disk's own table is not touched: nothing shows them before that says so.
func Furnish(o Options, disk string, a Action, fill func(dir string) error) (err error) {
	o = o.onThisMachine()
	s, err := readStateImage(o.ImagePath)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(disk, os.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := furnish(f, a, s); err != nil {
		return err
	}
	part, err := partitionDevice(o, filepath.Base(disk), a.Number, a.Place)
	if err != nil {
		return err
	}
	defer func() {
		if gone := partitionChange(f, unix.BLKPG_DEL_PARTITION, a.Number, a.Place); gone != nil && err == nil {
			err = fmt.Errorf("%s: have the kernel forget partition %d: %w", disk, a.Number, gone)
		}
	}()
	if err := mountExt4(o, part, o.Dir); err != nil {
		return err
	}
	if err = growTo(o.Dir, min(a.Place.size(), growAtOnce)); err == nil {
		err = fill(o.Dir)
	}
	// What a program has left open there would be written to the disk later.
	if gone := unix.Unmount(o.Dir, 0); gone != nil {
		_ = unix.Unmount(o.Dir, unix.MNT_DETACH)
		err = errors.Join(err, fmt.Errorf("unmount %s: %w", o.Dir, gone))
	}
	_ = os.Remove(o.Dir)
	return errors.Join(err, f.Sync())
}
