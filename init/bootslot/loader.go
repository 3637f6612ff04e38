// Package bootslot is the device's half of boot slots: it reads and writes the raw partitions from which GRUB or U-Boot start
// a kernel, and the state by which they choose. It is the switcher's BootLoader on a disk that has two of them.
//
// A slot is written as long as nothing says that something is in it: its header goes first and comes last, and what was
// written is read back from the disk itself before. The state lies there twice, and one copy is always whole while the
// other is written. So a power cut leaves what was, or what shall be.
//
// Limits: the formats are those of package slot; disks with sectors of 512 bytes, reached as a whole, because the kernel may
// not know of a partition that this boot has made. PID 1 alone writes; the loader writes while nothing of us runs.
package bootslot

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"bantam/init/statevolume"
	"bantam/layer"
	"bantam/slot"
	"bantam/switcher"
)

// Options are what is known of the boot.
type Options struct {
	Slots      statevolume.Slots
	Booted     string                     // bantam.slot= of the kernel command line, A or B; "" without
	Loader     string                     // bantam.loader= of it, e.g. grub; "": as the state is written
	ByHand     bool                       // bantam.hand of it: a person picked the slot, for which the loader saves nothing
	Generation switcher.Digest            // that the initrd names
	Area       func() (layer.Area, error) // of layers on the medium that the machine was started from
}

// Loader is the boot loader of a machine with two slots.
type Loader struct {
	o    Options
	form form
	open func(write bool) (disk, error)
	why  string // the loader cannot be relied on

	mu sync.Mutex // one change of the state at a time
}

// Open looks at the slots of the disk that the machine was started from, mends the state, and says what is wrong with them.
// Without two slots the boot loader is a fixed one.
func Open(o Options) (loader switcher.BootLoader, notes []string) {
	return openOn(o, func(write bool) (disk, error) { return openDisk(o.Slots.Disk, write) })
}

func openOn(o Options, open func(write bool) (disk, error)) (switcher.BootLoader, []string) {
	switch {
	case o.Slots.Disk == "":
		return switcher.FixedImage{}, nil
	case o.Booted != slot.A && (o.Booted != slot.B || o.Slots.B.Length == 0):
		why := fmt.Sprintf("%s has boot slots, and the machine was not started from one of them", o.Slots.Disk)
		return switcher.FixedImage{Why: why}, nil
	}
	l := &Loader{o: o, open: open}
	notes, err := l.prove()
	if err != nil {
		return switcher.FixedImage{Why: err.Error()}, append(notes, "boot slots: "+err.Error())
	}
	if l.why != "" {
		notes = append(notes, "boot slots: "+l.why)
	}
	if o.Slots.Lack != "" {
		return switcher.FixedImage{Why: o.Slots.Lack}, notes
	}
	return l, notes
}

// prove finds out whether boot loader and machine share the state, and mends that. What was booted is compared with what
// the slot says.
func (l *Loader) prove() (notes []string, err error) {
	d, err := l.open(false)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	copies, err := l.readState(d)
	if err != nil {
		return nil, err
	}
	// Another slot than the first one says nothing: the loader's last resort, after all tries, is not saved either.
	if s, err := copies.asLoader(); err == nil && s.Seen == slot.Unseen && s.First() == l.o.Booted && !l.o.ByHand {
		l.why = fmt.Sprintf("the boot loader saves nothing on %s that the machine can read, so it counts no tries of a kernel", l.o.Slots.Disk)
	}
	if s, err := copies.asLoader(); err == nil && s.First() != l.o.Booted && s.Left(s.First()) == slot.Good && !l.o.ByHand {
		notes = append(notes, fmt.Sprintf("boot slot %s comes first and was not started: what it holds is damaged or does not load", s.First()))
	}
	if l.o.Slots.ReadOnly {
		l.why = l.o.Slots.Disk + " is read-only"
	} else if mended, err := l.mend(copies); err != nil {
		l.why = err.Error()
	} else if mended != "" {
		notes = append(notes, "boot slots: "+mended)
	}
	if h, err := l.header(d, l.o.Booted); err != nil {
		notes = append(notes, fmt.Sprintf("boot slot %s: the machine was started from it, and now: %v", l.o.Booted, err))
	} else if have := switcher.Digest(h.Generation); have != l.o.Generation {
		notes = append(notes, fmt.Sprintf("boot slot %s says that it holds generation %s, and the machine was started with %s", l.o.Booted, have.Short(), l.o.Generation.Short()))
	}
	return notes, nil
}

// Name is the loader's, grub or u-boot.
func (l *Loader) Name() string { return l.form.name }

// Capabilities are those of a machine with a slot to spare; what cannot be saved is not promised.
func (l *Loader) Capabilities() switcher.LoaderCapabilities {
	c := switcher.LoaderCapabilities{Slots: 1, Tries: l.why == "", KernelFallback: l.why == "", SlotSize: l.extent(slot.B).Length, Why: l.why}
	if l.o.Slots.ReadOnly {
		c.Slots = 0
	}
	return c
}

// extent is where a slot lies.
func (l *Loader) extent(name string) statevolume.Extent {
	if name == slot.A {
		return l.o.Slots.A
	}
	return l.o.Slots.B
}

// Slots reads headers and state; it costs a few sectors.
func (l *Loader) Slots() ([]switcher.Slot, error) {
	d, err := l.open(false)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	state, err := l.state(d)
	if err != nil {
		return nil, err
	}
	var list []switcher.Slot
	for _, name := range []string{slot.A, slot.B} {
		s := switcher.Slot{Name: name, Booted: name == l.o.Booted, Good: state.Left(name) == slot.Good, First: state.First() == name}
		if !s.Good {
			s.Tries = int(state.Left(name))
		}
		if h, err := l.header(d, name); err != nil {
			s.Fault = err.Error()
		} else {
			s.Generation, s.Boot = switcher.Digest(h.Generation), switcher.Digest(h.Boot)
		}
		list = append(list, s)
	}
	return list, nil
}

// check refuses names that are no slots.
func (l *Loader) check(name string) error {
	if !slices.Contains([]string{slot.A, slot.B}, name) {
		return fmt.Errorf("boot slot %q: there are A and B", name)
	}
	return nil
}

// argument is the value of a word KEY=VALUE among words for the kernel; "" without.
func argument(words, key string) string {
	for word := range strings.FieldsSeq(words) {
		if name, value, _ := strings.Cut(word, "="); name == key {
			return value
		}
	}
	return ""
}
