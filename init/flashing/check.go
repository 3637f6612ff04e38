package flashing

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"bantam/firmware"
	"bantam/printable"
)

// A Machine is what a firmware is compared with.
type Machine struct {
	Board   string   // e.g. pc
	Arch    string   // Go's name of it
	Names   []string // by which lists of devices may know it: those of its device tree and board, e.g. "gnubee,gb-pc1"
	Compat  string   // version of its flash's layout, e.g. "1.0"; "": the first
	Release int      // version of the system.toml that runs; 0: none
	Trusts  bool     // [trust] of that names keys
}

// An Order is what a person wants of a flash.
type Order struct {
	Force     bool     // lists of boards and versions may speak against it
	Downgrade bool     // versions may
	Settings  bool     // it shall run with the settings of what runs
	Wipe      bool     // what the machine keeps is thrown away
	Keep      []string // but these paths
}

// A Refusal is why a firmware is not taken: said before anything has changed.
type Refusal struct {
	Why       string
	Help      string // what would help
	Forceable bool   // --force overrides it
	Err       error  // beneath; may be nil
}

func (r *Refusal) Error() string {
	text := r.Why
	if r.Help != "" {
		text += "; " + r.Help
	}
	if r.Forceable {
		text += "; --force takes it nevertheless"
	}
	return printable.Line(text)
}

func (r *Refusal) Unwrap() error { return r.Err }

// Check says why a firmware is not for a machine. notes are what has been overridden, for the person and for the log.
func Check(f Firmware, m Machine, o Order) (notes []string, err error) {
	var refusals []*Refusal
	switch f.Kind {
	case DiskImage:
		refusals = checkImage(f.Image, m, o)
	case Router:
		refusals = checkRouter(f, m, o)
	}
	for _, r := range refusals {
		overridden := r.Forceable && o.Force || errors.Is(r.Err, errOlder) && o.Downgrade
		if !overridden {
			return nil, r
		}
		notes = append(notes, printable.Line(r.Why+": overridden"))
	}
	return notes, nil
}

var errOlder = errors.New("older release")

// checkImage leaves to PID 1 what only that knows: signatures, the highest version that has been good here, room. A generation of another
// board cannot run here whatever a person wants: its kernel and drivers are that board's.
func checkImage(image *Image, m Machine, o Order) (all []*Refusal) {
	if image.Board != m.Board || image.Arch != m.Arch {
		all = append(all, &Refusal{Why: fmt.Sprintf("it is for board %s (%s), this is %s (%s)", image.Board, image.Arch, m.Board, m.Arch),
			Help: "build one for this board: bantam build --board " + m.Board})
	}
	if image.Release < m.Release {
		have := fmt.Sprintf("version %d", image.Release)
		if image.Release == 0 {
			have = "it has no version, which"
		}
		all = append(all, &Refusal{Why: fmt.Sprintf("%s is older than %d, which runs", have, m.Release), Help: "--downgrade takes an older one", Forceable: true, Err: errOlder})
	}
	if m.Trusts {
		all = append(all, unsigned("a disk image carries no signatures, and this machine takes only what a key of its [trust] keys has signed",
			"flash the archive of the same build: bantam build --archive FILE --sign KEY"))
	}
	return all
}

func unsigned(why, help string) *Refusal { return &Refusal{Why: why, Help: help} }

// checkRouter compares the metadata that OpenWrt's images carry.
func checkRouter(f Firmware, m Machine, o Order) (all []*Refusal) {
	if m.Trusts {
		all = append(all, unsigned("this machine takes only what a key of its [trust] keys has signed, and such firmware carries no signature of those",
			"take [trust] out of system.toml and switch, if that is meant"))
	}
	if f.Metadata == nil {
		return append(all, &Refusal{Why: "it does not say for which devices it is", Help: "compare its name with the device's label", Forceable: true})
	}
	fault := error(nil)
	for _, name := range m.Names {
		if fault = f.Metadata.Fits(name, m.Compat); !errors.Is(fault, firmware.ErrDevice) {
			break
		}
	}
	switch {
	case len(m.Names) == 0 || errors.Is(fault, firmware.ErrDevice):
		all = append(all, &Refusal{Why: fmt.Sprintf("it is for %s, and this is %s", strings.Join(f.Metadata.Devices, ", "), names(m)), Help: "fetch the one for this device", Forceable: true, Err: fault})
	case errors.Is(fault, firmware.ErrNotKeeping):
		if !o.Wipe {
			all = append(all, &Refusal{Why: fault.Error(), Help: "--wipe makes the state anew", Forceable: true, Err: fault})
		}
	case fault != nil: // the layout: what would be written does not fit what is there
		all = append(all, &Refusal{Why: fault.Error(), Help: "the device's own boot loader or web page installs such an image", Err: fault})
	}
	return all
}

func names(m Machine) string {
	list := slices.Clone(m.Names)
	if !slices.Contains(list, m.Board) {
		list = append(list, "board "+m.Board)
	}
	return strings.Join(list, ", ")
}
