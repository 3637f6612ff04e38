package switcher

import (
	"context"
	"errors"
)

// ErrNoSlots: the boot loader starts one fixed kernel and has no place for another.
var ErrNoSlots = errors.New("this machine starts the kernel of the image it was given and has no boot slots; putting new kernels into boot slots comes later")

// BootLoader puts kernels and initrds where firmware or a boot loader finds
// them. A board names the one it has.
type BootLoader interface {
	Name() string
	Capabilities() LoaderCapabilities
	// Install makes g startable: kernel and initrd from store go to a slot that
	// is not the booted one, verified after writing. On an error every slot
	// that worked still works.
	Install(ctx context.Context, g Generation, store *Store) error
}

// LoaderCapabilities is what a boot loader can do, so that nothing is promised that it cannot.
type LoaderCapabilities struct {
	Slots int  // places for a kernel that can be written, beside the booted one
	Tries bool // it counts boot attempts and falls back by itself
}

// FixedImage is the boot loader of a medium that was written once, on another machine.
type FixedImage struct{}

func (FixedImage) Name() string                     { return "fixed-image" }
func (FixedImage) Capabilities() LoaderCapabilities { return LoaderCapabilities{} }

// Install refuses with ErrNoSlots.
func (FixedImage) Install(context.Context, Generation, *Store) error { return ErrNoSlots }
