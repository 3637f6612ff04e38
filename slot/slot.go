// Package slot is the formats of boot slots: the raw partitions that a boot loader starts a kernel from, and the state that tells
// it from which. The host writes them into images, the loader reads them, and the device writes the slot that it was not started
// from.
//
// It is pure: it encodes, decodes and plans, and leaves reading and writing to its caller. Parsing is strict: what is not exactly
// as it would be encoded is damage. Limits: two slots, A and B; sectors of 512 bytes; U-Boot environments of little-endian boards.
//
// A slot is, in sectors from its start:
//
//	0-1   Header, a GRUB environment block that U-Boot's `env import -t` reads as well
//	2-3   Sums of header, kernel and initrd
//	4...  kernel, whole sectors
//	...   initrd, whole sectors
//	last  gpt.Origin, which the device changes and no sum covers; the loader passes it on as the end of the initrd
package slot

import "fmt"

// Names of the slots.
const (
	A = "A"
	B = "B"
)

// SectorSize is the unit of everything in a slot.
const SectorSize = 512

// Other is the slot beside one.
func Other(name string) string {
	if name == A {
		return B
	}
	return A
}

// A Range is a run of sectors, counted from the start of the slot.
type Range struct{ First, Count uint64 }

// String is how GRUB names it, e.g. 4+16108.
func (r Range) String() string { return fmt.Sprintf("%d+%d", r.First, r.Count) }

// End is the sector behind it.
func (r Range) End() uint64 { return r.First + r.Count }
