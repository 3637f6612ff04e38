package rawflash

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"bantam/firmware"
	"bantam/flashmap"
	"bantam/init/flashing"
)

// Machine is what a target needs of the machine around it. Its functions are the kernel's, or a test's.
type Machine struct {
	Arch   string                     // Go's name of it, e.g. mipsle
	Memory func() int64               // bytes that may still be taken
	Steady func() func()              // from here on nothing ends this process, until what it returns is called
	Keeps  func(paths []string) error // why a wipe cannot leave these
	Wipe   func() error               // the next boot throws away what the machine keeps, but what is to be kept
	Reboot func() error
}

// recovery is what every board's notes tell more of.
const recovery = "recovery is the boot loader's: over the serial line or by TFTP, as `bantam boards` tells of this board on a workstation"

// spareMemory is left to everything else while a firmware lies in memory.
const spareMemory = 8 << 20

// NOR is the area of a chip that the boot loader starts the firmware from.
type NOR struct {
	Map     flashmap.Map
	Machine Machine
	Open    func() (OpenChip, error) // locks it, too
}

// An OpenChip is closed after use.
type OpenChip interface {
	Chip
	Close() error
}

// Name is what people call it.
func (n *NOR) Name() string {
	a, _ := n.Map.Find(flashmap.Firmware)
	return fmt.Sprintf("area %s of the NOR flash, at %#x", a.Name, a.Offset)
}

// Takes tells that it is for firmware of routers.
func (n *NOR) Takes(k flashing.Kind) bool { return k == flashing.Router }

// Plan reads the area and compares.
func (n *NOR) Plan(ctx context.Context, f flashing.Firmware, o flashing.Order) (p flashing.Plan, err error) {
	a, _ := n.Map.Find(flashmap.Firmware)
	if f.Body > a.Size {
		return p, &flashing.Refusal{Why: fmt.Sprintf("it has %d bytes, %d more than area %s", f.Body, f.Body-a.Size, a.Name), Help: "build a smaller one: `bantam size` tells what takes the bytes", Err: ErrNoRoom}
	}
	if err := startable(f, n.Machine.Arch); err != nil {
		return p, err
	}
	if have := n.Machine.Memory(); have < f.Body+spareMemory {
		return p, &flashing.Refusal{Why: fmt.Sprintf("there is too little memory to hold it while it is written: %d kB are free, it needs %d", have>>10, (f.Body+spareMemory)>>10),
			Help: "stop services (`bantam service stop`), or remove files from /tmp"}
	}
	chip, err := n.Open()
	if err != nil {
		return p, refused(err)
	}
	defer chip.Close()
	image, err := inMemory(ctx, f)
	if err != nil {
		return p, err
	}
	begins, there := make([]byte, min(chip.Size(), 8<<10)), firmware.FormatUnknown
	if _, err := chip.ReadAt(begins, 0); err == nil {
		there = firmware.Begins(begins)
	}
	if is := f.Findings[0].Format; there != firmware.FormatUnknown && there != is && !o.Force {
		return p, &flashing.Refusal{Why: fmt.Sprintf("it is a %s, and the boot loader starts a %s now", is, there), Help: "take the one whose name has sysupgrade in it", Forceable: true}
	}
	changes, err := PlanNOR(ctx, chip, image)
	if err != nil {
		return p, err
	}
	p = flashing.Plan{Firmware: f.What, Target: n.Name(), Kept: []string{untouched}}
	if err := n.Machine.keeps(&p, f, o); err != nil {
		return p, err
	}
	if len(changes.Change) == 0 && !o.Wipe {
		p.WayBack = "it is this firmware already"
		p.Notes = append(p.Notes, "the flash holds this firmware already: there is nothing to do")
		return p, nil
	}
	add := func(a flashing.Action, bytes int64, format string, args ...any) {
		p.Steps = append(p.Steps, flashing.Step{Action: a, What: fmt.Sprintf(format, args...), Bytes: bytes})
	}
	if len(changes.Change) == 0 {
		p.WayBack = "it is this firmware already"
	} else {
		add(flashing.ActionErase, 0, "the first erase block, so that the boot loader starts nothing that is half written")
		add(flashing.ActionWrite, changes.Bytes(chip), "%d of %d erase blocks that differ; %d are erased", len(changes.Change), changes.Blocks, changes.Erase)
		add(flashing.ActionCheck, f.Body, "read all of it back")
		add(flashing.ActionCommit, 0, "the first bytes, by which the boot loader knows it")
		p.Recovery = recovery
	}
	if o.Wipe {
		add(flashing.ActionWipe, 0, wipes)
	}
	add(flashing.ActionReboot, 0, "at once")
	return p, nil
}

// What plans of both kinds of chips say.
const (
	untouched = "the boot loader, its variables, and what the maker has written for this device"
	wipes     = "what this machine keeps, at the next boot"
)

// keeps says in a plan what becomes of what the machine keeps, or why that cannot be.
func (m Machine) keeps(p *flashing.Plan, f flashing.Firmware, o flashing.Order) error {
	const state = "generations, draft, secrets, host key, leases, what services and users keep"
	switch {
	case f.Foreign != "":
		p.Lost = []string{state + ": that system reads none of it; it lies in the flash until something is written over it"}
	case o.Wipe:
		p.Lost = []string{"the state volume: " + state}
		if len(o.Keep) > 0 {
			p.Kept = append(p.Kept, o.Keep...)
			return m.Keeps(o.Keep)
		}
	default:
		p.Kept = append(p.Kept, "the state volume: "+state)
	}
	return nil
}

// refused is an error of a chip as one that came before any change.
func refused(err error) error {
	if errors.Is(err, errBusy) {
		return &flashing.Refusal{Why: "another flash is under way", Help: "wait for its end", Err: err}
	}
	return err
}

// startable refuses what no boot loader of this machine starts where it would be written.
func startable(f flashing.Firmware, arch string) error {
	raw := []firmware.Format{firmware.FormatUImage, firmware.FormatFIT, firmware.FormatTRX, firmware.FormatTPLink}
	first := f.Findings[0]
	if !slices.Contains(raw, first.Format) {
		return &flashing.Refusal{Why: fmt.Sprintf("a %s is not what lies in this flash: it is for NAND, or for the web page of the maker's firmware", first.Format), Help: "take the one whose name has sysupgrade in it"}
	}
	return rightArch(f, arch)
}

// rightArch compares what the header of a uImage says.
func rightArch(f flashing.Firmware, arch string) error {
	if f.Findings[0].Format != firmware.FormatUImage {
		return nil
	}
	u, err := firmware.ReadUImage(f.Source)
	if err != nil {
		return &flashing.Refusal{Why: err.Error(), Help: "fetch or build it again", Err: err}
	}
	if want := firmware.UBootArch(arch); u.Arch != want {
		return &flashing.Refusal{Why: fmt.Sprintf("it is for the processor %s, and this one is %s", u.Arch, want), Help: "fetch the one for this device"}
	}
	return nil
}

// inMemory reads what is written of a firmware, and verifies once more what it has read: the file may have changed since, or its medium lies.
func inMemory(ctx context.Context, f flashing.Firmware) ([]byte, error) {
	all := make([]byte, f.Source.Size())
	if n, err := f.Source.ReadAt(all, 0); n < len(all) {
		return nil, fmt.Errorf("read the firmware: byte %d: %w", n, err)
	}
	again, err := flashing.Look(bytes.NewReader(all))
	if err == nil {
		err = again.Verify(ctx, nil)
	}
	if err == nil {
		err = flashing.Examine(ctx, &again)
	}
	if err == nil && again.Body != f.Body {
		err = &flashing.Refusal{Why: "it has changed while it was looked at", Help: "try again"}
	}
	return all[:f.Body], err
}

// Write writes, has the state made anew if that is wanted, and reboots.
func (n *NOR) Write(ctx context.Context, f flashing.Firmware, p flashing.Plan, told func(flashing.Progress)) error {
	image, err := inMemory(ctx, f)
	if err != nil {
		return err
	}
	chip, err := n.Open()
	if err != nil {
		return refused(err)
	}
	defer chip.Close()
	changes, err := PlanNOR(ctx, chip, image)
	if err != nil {
		return err
	}
	defer n.Machine.Steady()()
	writing := stepOf(p, flashing.ActionWrite)
	err = WriteNOR(ctx, chip, image, changes, func(done int64) {
		told(flashing.Progress{Step: writing, Done: done, Total: changes.Bytes(chip)})
	})
	if err != nil {
		return err
	}
	return n.Machine.end(p)
}

func stepOf(p flashing.Plan, a flashing.Action) int {
	return max(slices.IndexFunc(p.Steps, func(s flashing.Step) bool { return s.Action == a }), 0)
}

// end is what follows once the firmware is there.
func (m Machine) end(p flashing.Plan) error {
	if slices.ContainsFunc(p.Steps, func(s flashing.Step) bool { return s.Action == flashing.ActionWipe }) {
		if err := m.Wipe(); err != nil {
			return fmt.Errorf("the firmware is there, but the state volume stays: %w", err)
		}
	}
	return m.Reboot()
}
