package switcher

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// ErrNoSlots: the boot loader starts one fixed kernel and has no place for another.
var ErrNoSlots = errors.New("this machine has no boot slots, it starts the kernel of the image it was given")

// ErrBootedSlot: what is asked for would change what the machine was started from.
var ErrBootedSlot = errors.New("the machine was started from that slot, and it stays as it is")

// BootLoader puts kernels and initrds where firmware or a boot loader finds
// them. A board names the one it has. What is written to a slot is there, or not at all, whenever the power goes; so is each of
// Try, MarkGood and MarkBad. Errors name the slot.
type BootLoader interface {
	Name() string // e.g. grub, u-boot, fixed-image
	Capabilities() LoaderCapabilities
	// Slots are the places for a kernel, asked anew each time. One of them is the booted one.
	Slots() ([]Slot, error)
	// Fits says why Stage would refuse: the slot is too small by so many bytes. Nothing is written, and no blob is read.
	Fits(name string, s Staging) error
	// Stage makes a slot hold s, and nothing else until all of that was read back. The booted one is refused with
	// ErrBootedSlot. Whether the loader starts it is up to Try.
	Stage(ctx context.Context, name string, s Staging) error
	// Extract puts blobs that a slot holds, kernel or segments of its generation, into the store, checked by digest.
	Extract(ctx context.Context, name string, blobs []Descriptor, store *Store) error
	// Try has the next boot start the slot, and so often at most until MarkGood is called; then the other one.
	Try(name string, tries int) error
	// MarkGood has all boots start the slot, uncounted.
	MarkGood(name string) error
	// MarkBad has no boot start the slot, as long as the other one works.
	MarkBad(name string) error
}

// LoaderCapabilities is what a boot loader can do here, so that nothing is promised that it cannot.
type LoaderCapabilities struct {
	Slots          int    // places for a kernel that can be written, beside the booted one
	Tries          bool   // it counts boot attempts, before it starts anything
	KernelFallback bool   // a kernel that does not start is followed by the one before, without a person
	SlotSize       int64  // bytes of one slot; 0 without slots
	Why            string // there are no slots or less than all of this, e.g. "the disk is too small for a second boot slot"
}

// Slot is one place for a kernel, as it is found.
type Slot struct {
	Name       string // A or B
	Booted     bool   // the machine was started from it
	Generation Digest // whose initrd it holds; "" if that is not readable
	Boot       Digest // that generation's BootID
	Tries      int    // boot attempts that are left, unless it is good
	Good       bool   // it is not counted
	First      bool   // the loader begins with it
	Fault      string // why it cannot be started, e.g. "its header is damaged"; "" if it can
}

// Staging is what a slot shall hold.
type Staging struct {
	Generation Generation
	System     []byte                              // the generation's system.toml
	Blob       func(Digest) (io.ReadCloser, error) // kernel and segments; what comes out is checked by whoever reads it
	Cmdline    string                              // the board's words for the kernel; "": as in the booted slot
	Progress   func(done, total int64)             // nil: nobody looks
}

// FixedImage is the boot loader of a medium that was written once, on another machine.
type FixedImage struct {
	Why string // there are no slots, e.g. "the medium is an ISO image"; "": nothing to say
}

func (FixedImage) Name() string { return "fixed-image" }

func (f FixedImage) Capabilities() LoaderCapabilities { return LoaderCapabilities{Why: f.Why} }

func (FixedImage) Slots() ([]Slot, error) { return nil, nil }

func (f FixedImage) Fits(string, Staging) error                   { return f.refuse() }
func (f FixedImage) Stage(context.Context, string, Staging) error { return f.refuse() }
func (f FixedImage) Try(string, int) error                        { return f.refuse() }
func (f FixedImage) MarkGood(string) error                        { return f.refuse() }
func (f FixedImage) MarkBad(string) error                         { return f.refuse() }

func (f FixedImage) Extract(context.Context, string, []Descriptor, *Store) error { return f.refuse() }

func (f FixedImage) refuse() error { return noSlots(f.Capabilities()) }

// noSlots is ErrNoSlots with the reason, if there is one.
func noSlots(c LoaderCapabilities) error {
	if c.Why == "" {
		return ErrNoSlots
	}
	return fmt.Errorf("%w: %s", ErrNoSlots, c.Why)
}
