//go:build amd64

package control

import (
	"context"
	"errors"

	"bantam/init/flashing"
	"bantam/switcher"
)

// A PC starts from disks: it does not carry what routers need (55 kB).

// flashTargets are the places of this machine that a firmware can be brought to.
func (c *client) flashTargets(status Status, running []byte, f *flashFile, _ flashing.Order) ([]flashing.Target, error) {
	return []flashing.Target{&slotsTarget{c: c, status: status, running: switcher.DigestOf(running), source: f.source}}, nil
}

// examine is what targets for a router's firmware want done with it before.
var examine func(context.Context, *flashing.Firmware) error

// firmwareNames are those that firmware for a flash chip may be made out to.
func firmwareNames(string) ([]string, error) { return nil, nil }

func (c *client) flashBack(bool) int {
	return c.fail(errors.New("this machine has no flash chip; `bantam rollback --reboot` goes back over a kernel"))
}
