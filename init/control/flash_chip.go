//go:build !amd64

package control

import (
	"errors"
	"fmt"
	"runtime"

	"bantam/init/flashing"
	"bantam/init/mtd"
	"bantam/init/rawflash"
	"bantam/switcher"
)

// flashTargets are the places of this machine that a firmware can be brought to.
func (c *client) flashTargets(status Status, running []byte, f *flashFile, o flashing.Order) ([]flashing.Target, error) {
	chip, err := rawflash.Targets(rawflash.Machine{
		Arch:   runtime.GOARCH,
		Memory: availableMemory,
		Steady: rawflash.Steady,
		Keeps:  func(paths []string) error { return c.renewState(paths, true) },
		Wipe:   func() error { return c.renewState(o.Keep, false) },
		Reboot: func() error { return told{c.endMachine("reboot")} },
	})
	return append(chip, &slotsTarget{c: c, status: status, running: switcher.DigestOf(running), source: f.source}), err
}

// examine is what these targets want done with a router's firmware before.
var examine = flashing.Examine

// renewState has the next boot make the state volume anew, or throw away all that is in it but what is to be kept.
func (c *client) renewState(keep []string, check bool) error {
	if last, ok := c.ask(Request{Verb: "state renew", Names: keep, DryRun: check}, nil); !ok {
		return told{max(last.Exit, ExitError)}
	}
	return nil
}

// firmwareNames are those that firmware for this machine may be made out to, beside its device tree's; none if it has no flash chip.
func firmwareNames(board string) ([]string, error) {
	chip, err := mtd.ReadMap()
	if errors.Is(err, mtd.ErrNoChip) {
		return nil, nil
	}
	return chip.Names(board), err
}

// flashBack has a router start the firmware before the last one.
func (c *client) flashBack(yes bool) int {
	if !yes && !c.sure("--yes goes back", "The firmware before the last one gets its place back, and this machine will reboot.") {
		return ExitError
	}
	if err := rawflash.GoBack(); err != nil {
		return c.fail(err)
	}
	fmt.Fprintln(c.out, "the firmware of before has its place again")
	return c.endMachine("reboot")
}
