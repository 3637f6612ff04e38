package rawflash

import (
	"context"
	"errors"
	"fmt"

	"bantam/firmware"
	"bantam/flashmap"
	"bantam/init/flashing"
)

// UBI is the volumes that a boot loader starts the firmware from.
type UBI struct {
	Map     flashmap.Map
	Machine Machine
	Open    func() (Volumes, func(), error) // attached and locked; the function ends that
}

// Name is what people call it.
func (u *UBI) Name() string {
	a, _ := u.Map.Find(flashmap.Volumes)
	return fmt.Sprintf("volume %s of UBI, in area %s of the NAND flash", a.Volume, a.Name)
}

// Takes tells that it is for firmware of routers.
func (u *UBI) Takes(k flashing.Kind) bool { return k == flashing.Router }

// rootVolume is where systems that have one keep their root file system.
const rootVolume = "rootfs"

// contents says which volume gets what of a firmware: all of it, or the parts of an archive.
func (u *UBI) contents(f flashing.Firmware) ([]Content, error) {
	a, _ := u.Map.Find(flashmap.Volumes)
	switch first := f.Findings[0]; first.Format {
	case firmware.FormatUImage, firmware.FormatFIT:
		return []Content{{a.Volume, firmware.Part{Size: f.Body}.In(f.Source)}}, rightArch(f, u.Machine.Arch)
	case firmware.FormatTar:
		tar, err := firmware.ReadSysupgradeTar(firmware.Part{Size: f.Body}.In(f.Source))
		if err == nil && tar.Kernel == nil {
			err = errors.New("sysupgrade.tar: there is no kernel in it")
		}
		if err != nil {
			return nil, &flashing.Refusal{Why: err.Error(), Help: "fetch or build it again", Err: err}
		}
		list := []Content{{a.Volume, tar.Kernel}}
		if tar.Root != nil {
			list = append(list, Content{rootVolume, tar.Root})
		}
		return list, nil
	default:
		return nil, &flashing.Refusal{Why: fmt.Sprintf("a %s is not what lies in a volume: it is for NOR, for the whole chip, or for the web page of the maker's firmware", first.Format),
			Help: "take the one whose name has sysupgrade in it"}
	}
}

// Plan compares the volumes.
func (u *UBI) Plan(ctx context.Context, f flashing.Firmware, o flashing.Order) (p flashing.Plan, err error) {
	list, err := u.contents(f)
	if err != nil {
		return p, err
	}
	volumes, done, err := u.Open()
	if err != nil {
		return p, refused(err)
	}
	defer done()
	changes, err := PlanUBI(ctx, volumes, list, u.Map.BadAllowed())
	switch {
	case errors.Is(err, ErrNoRoom):
		return p, &flashing.Refusal{Why: err.Error(), Help: "build a smaller one: `bantam size` tells what takes the bytes", Err: err}
	case errors.Is(err, ErrWorn):
		return p, &flashing.Refusal{Why: err.Error(), Help: "nothing is written to it any more: the board wants another chip", Err: err}
	case err != nil:
		return p, err
	}
	p = flashing.Plan{Firmware: f.What, Target: u.Name(), Kept: []string{untouched, "all other volumes"}}
	if err := u.Machine.keeps(&p, f, o); err != nil {
		return p, err
	}
	if changes.Bad > 0 {
		p.Notes = append(p.Notes, fmt.Sprintf("%d erase blocks of the chip are bad, and are passed over; %d may be", changes.Bad, u.Map.BadAllowed()))
	}
	p.WayBack = "a cut while it is written leaves what runs; the firmware of before stays beside it, and `bantam flash --back` has it in its place again"
	if f.Foreign != "" {
		p.WayBack = "a cut while it is written leaves what runs; once that system runs, only its own ways lead back"
		p.Notes = append(p.Notes, "a system that keeps its settings in a volume of its own finds no room for that until volume state is removed there, as `ubirmvol` does")
	} else if !changes.Back {
		p.WayBack = "a cut while it is written leaves what is there"
	}
	add := func(a flashing.Action, bytes int64, format string, args ...any) {
		p.Steps = append(p.Steps, flashing.Step{Action: a, What: fmt.Sprintf(format, args...), Bytes: bytes})
	}
	if len(changes.Change) == 0 {
		p.WayBack = "it is this firmware already"
		if !o.Wipe {
			p.Notes = append(p.Notes, "the flash holds this firmware already: there is nothing to do")
			return p, nil
		}
	} else {
		for _, name := range changes.Remove {
			add(flashing.ActionErase, 0, "volume %s", name)
		}
		add(flashing.ActionWrite, changes.Bytes, "%d erase blocks, as new volumes beside those that run", changes.Blocks)
		add(flashing.ActionCheck, 0, "read them back")
		add(flashing.ActionCommit, 0, "all of them get the names of the old ones, at once")
	}
	if o.Wipe {
		add(flashing.ActionWipe, 0, wipes)
	}
	add(flashing.ActionReboot, 0, "at once")
	return p, nil
}

// Write writes, has the state made anew if that is wanted, and reboots.
func (u *UBI) Write(ctx context.Context, f flashing.Firmware, p flashing.Plan, told func(flashing.Progress)) error {
	if err := flashing.Examine(ctx, &f); err != nil { // it may have changed since
		return err
	}
	list, err := u.contents(f)
	if err != nil {
		return err
	}
	volumes, done, err := u.Open()
	if err != nil {
		return refused(err)
	}
	defer done()
	changes, err := PlanUBI(ctx, volumes, list, u.Map.BadAllowed())
	if err != nil {
		return err
	}
	writing := stepOf(p, flashing.ActionWrite)
	err = WriteUBI(ctx, volumes, changes, func(done int64, note string) {
		told(flashing.Progress{Step: writing, Done: done, Total: changes.Bytes, Note: note})
	})
	if err != nil {
		return err
	}
	return u.Machine.end(p)
}
