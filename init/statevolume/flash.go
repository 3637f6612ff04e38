package statevolume

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"bantam/flashmap"
	"bantam/init/mtd"

	"golang.org/x/sys/unix"
)

// A router has no disk. Its state lies in a volume of UBI, in an area of the flash chip that is for that, or beside the firmware's volume on
// NAND; the file system is UBIFS, which makes itself in an empty volume and finds its way after a power cut. The first boot makes the
// volume.

// renewed is what a volume is called that the next boot makes anew.
const renewed = flashmap.StateVolume + ".renew"

// onFlash is where the volume lies.
type onFlash struct {
	ubi  mtd.UBI
	area flashmap.Area
}

// stateArea is the area for the state; false if the chip has none.
func stateArea(m flashmap.Map) (flashmap.Area, bool) {
	if a, ok := m.Find(flashmap.State); ok {
		return a, true
	}
	return m.Find(flashmap.Volumes)
}

// openFlash mounts the volume at aside.
func (v Volume) openFlash(ctx context.Context, o Options, a flashmap.Area, aside string) (Volume, error) {
	var err error
	if v.flash, err = attachFlash(ctx, o, a); err != nil {
		return v, err
	}
	v.model = "flash area " + a.Name
	volume, made, err := v.flash.volume(o.Flash)
	if err != nil {
		return v, err
	}
	v.Device, v.Origin = v.flash.ubi.VolumePath(volume), "found"
	if made {
		v.Origin = "made"
	}
	if err := os.MkdirAll(aside, 0o700); err != nil {
		return v, fmt.Errorf("state volume: %w", err)
	}
	if err := unix.Mount(v.Device, aside, "ubifs", unix.MS_NODEV|unix.MS_NOSUID|unix.MS_NOATIME, ""); err == unix.ENODEV {
		return v, fmt.Errorf("state volume: mount %s: the kernel has no UBIFS: %w", v.Device, err)
	} else if err != nil {
		return v, untrusted{fmt.Sprintf("the state volume on %s cannot be mounted: %v; it is left as it is", v.Device, err)}
	}
	if reason := faults(aside, ""); reason != "" {
		unix.Unmount(aside, unix.MNT_DETACH)
		return v, untrusted{fmt.Sprintf("the state volume on %s cannot be trusted: %s; it is left as it is", v.Device, reason)}
	}
	if err := os.Chmod(aside, 0o700); err != nil {
		return v, err
	}
	v.Kind = OnDisk
	v.Size, err = mountedSize(aside)
	v.fileSystem = max(v.Size, v.place.size())
	return v, err
}

// attachFlash has UBI take the area in which the volume lies.
func attachFlash(ctx context.Context, o Options, a flashmap.Area) (*onFlash, error) {
	if o.LoadModule != nil { // both may be built in
		_ = o.LoadModule("ubi")
		_ = o.LoadModule("ubifs")
	}
	d, err := awaitChip(ctx, o, a)
	if err != nil {
		return nil, err
	}
	u, err := attach(d, a)
	if err != nil {
		return nil, err
	}
	return &onFlash{u, a}, nil
}

// chipInterval is how often the kernel is asked for a chip whose driver has still to come.
const chipInterval = 50 * time.Millisecond

func awaitChip(ctx context.Context, o Options, a flashmap.Area) (mtd.Device, error) {
	for end := time.Now().Add(o.Wait); ; time.Sleep(chipInterval) {
		d, err := mtd.DeviceOf(o.Flash, a)
		if err == nil || ctx.Err() != nil || time.Now().After(end) {
			return d, err
		}
	}
}

// attach has UBI take the area. One of the state's own, on which nothing of UBI lies, is erased before: it comes from the board's maker, or
// the first boot was broken off while it did that.
func attach(d mtd.Device, a flashmap.Area) (mtd.UBI, error) {
	u, err := mtd.Attach(d)
	if err == nil || !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.EUCLEAN) {
		return u, err
	}
	chip, fault := mtd.Open(d, 0, d.Size)
	if fault != nil {
		return u, errors.Join(err, fault)
	}
	defer chip.Close()
	used, fault := hasUBI(chip)
	switch {
	case fault != nil:
		return u, errors.Join(err, fault)
	case used || a.Use != flashmap.State:
		return u, untrusted{fmt.Sprintf("UBI in flash area %s cannot be trusted: %v; it is left untouched", a.Name, err)}
	}
	for at := int64(0); at < chip.Size(); at += chip.EraseBlock() {
		if bad, err := chip.Bad(at); err != nil || bad {
			continue
		}
		if err := chip.Erase(at); err != nil {
			return u, err
		}
	}
	if err := chip.Sync(); err != nil {
		return u, err
	}
	return mtd.Attach(d)
}

// hasUBI tells whether any block begins as one of UBI's.
func hasUBI(chip *mtd.Chip) (bool, error) {
	magic := make([]byte, 4)
	for at := int64(0); at < chip.Size(); at += chip.EraseBlock() {
		if bad, err := chip.Bad(at); err != nil || bad {
			continue
		}
		if _, err := chip.ReadAt(magic, at); err != nil {
			return false, err
		}
		if string(magic) == "UBI#" {
			return true, nil
		}
	}
	return false, nil
}

// volume finds the state volume, or makes it.
func (f *onFlash) volume(m flashmap.Map) (v mtd.Volume, made bool, err error) {
	v, there, err := f.ubi.Find(flashmap.StateVolume)
	if there || err != nil {
		return v, false, err
	}
	if old, there, err := f.ubi.Find(renewed); err != nil {
		return v, false, err
	} else if there {
		if err := f.ubi.Remove(old); err != nil {
			return v, false, err
		}
	}
	state, err := f.ubi.State()
	if err != nil {
		return v, false, err
	}
	firmware := int64(0)
	if a := f.area; a.Volume != "" {
		if now, there, err := f.ubi.Find(a.Volume); err != nil {
			return v, false, err
		} else if there {
			firmware = now.Blocks
		}
	}
	blocks := stateBlocks(f.area.Use, state.Free, firmware)
	if blocks < leastBlocks {
		return v, false, fmt.Errorf("flash area %s has %d erase blocks free for the state volume, and it takes %d", f.area.Name, max(blocks, 0), leastBlocks)
	}
	if err := f.ubi.Make(flashmap.StateVolume, blocks*state.Block, false); err != nil {
		return v, false, err
	}
	if v, there, err = f.ubi.Find(flashmap.StateVolume); err == nil && !there {
		err = errors.New("the kernel does not show the state volume that was made")
	}
	return v, true, err
}

// leastBlocks is what UBIFS wants at least, with a little to keep.
const leastBlocks = 20

// stateBlocks is how many of the free erase blocks the state volume gets: all of an area of its own; beside the firmware so many that another
// firmware, a quarter larger, finds room while this one stays.
func stateBlocks(use string, free, firmware int64) int64 {
	switch {
	case use == flashmap.State:
		return free
	case firmware == 0:
		return free / 2 // nobody knows how large it will be
	}
	return free - firmware*5/4 - 8
}

// renew has the next boot make the volume anew, or takes that back: it gets another name, at once.
func (f *onFlash) renew(anew bool) error {
	from, to := flashmap.StateVolume, renewed
	if !anew {
		from, to = to, from
	}
	v, there, err := f.ubi.Find(from)
	if err != nil || !there {
		return err // it has the other name already
	}
	return f.ubi.RenameVolumes(mtd.Renaming{Volume: v, Name: to})
}
