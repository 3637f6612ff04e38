package flashing

import (
	"context"
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
	Leave     bool     // it may be another system than Bantam
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

// Vet says why a firmware is not taken, first of all that it is damaged: nobody is told to force what is. examine is Examine, where a target takes
// a Router's; a machine without one gives nil. notes and told are those of Check and Firmware.Verify.
func Vet(ctx context.Context, f *Firmware, m Machine, o Order, examine func(context.Context, *Firmware) error, told func(done, total int64)) (notes []string, err error) {
	notes, err = Check(*f, m, o)
	if r := (*Refusal)(nil); err != nil && !(errors.As(err, &r) && (r.Forceable || r.Err == errForeign)) {
		return nil, err // whole or not
	}
	if fault := f.Verify(ctx, told); fault != nil {
		return nil, fault
	}
	if f.Kind == Router && examine != nil {
		if fault := examine(ctx, f); fault != nil {
			return nil, fault
		}
	}
	return notes, err
}

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
		switch {
		case r.Err == errForeign && o.Leave:
			notes = append(notes, printable.Line(r.Why))
		case r.Forceable && o.Force, errors.Is(r.Err, errOlder) && o.Downgrade:
			notes = append(notes, printable.Line(r.Why+": overridden"))
		default:
			return nil, r
		}
	}
	return notes, nil
}

var (
	errOlder   = errors.New("older release")
	errForeign = errors.New("another system")
)

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
		all = append(all, &Refusal{Why: "it does not say for which devices it is", Help: "compare its name with the device's label", Forceable: true})
		return append(all, checkForeign(f, o)...)
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
		if !o.Wipe && f.Foreign == "" {
			all = append(all, &Refusal{Why: fault.Error(), Help: "--wipe makes the state anew", Forceable: true, Err: fault})
		}
	case fault != nil: // the layout: what would be written does not fit what is there
		all = append(all, &Refusal{Why: fault.Error(), Help: "the device's own boot loader or web page installs such an image", Err: fault})
	}
	return append(all, checkForeign(f, o)...)
}

// checkForeign has a person ask for it where a machine is to be left to another system.
func checkForeign(f Firmware, o Order) (all []*Refusal) {
	if f.Foreign == "" {
		return nil
	}
	if o.Wipe {
		all = append(all, &Refusal{Why: "it is " + f.Foreign + ", not Bantam, which is what would wipe at its next boot", Help: "remove secrets and keys before: `bantam help secret`"})
	}
	return append(all, &Refusal{Why: "it is " + f.Foreign + ", not Bantam: no setting of this machine is kept there, and there is no way back but its own",
		Help: "--leave-bantam takes it, if that is meant", Err: errForeign})
}

func names(m Machine) string {
	list := slices.Clone(m.Names)
	if !slices.Contains(list, m.Board) {
		list = append(list, "board "+m.Board)
	}
	return strings.Join(list, ", ")
}
