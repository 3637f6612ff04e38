package images

import (
	"bytes"
	"context"
	"io"

	"bantam/board"
	"bantam/firmware"
)

// writeDirectFirmware writes kernel and initrd as a uImage of two parts, for a loader that gives a kernel its initrd and command line. The layers
// are files of the initrd: from NOR nothing can be mapped where it lies.
func (c *Composed) writeDirectFirmware(ctx context.Context, b board.Board, path, kind string, layers layout) (written, error) {
	initrd, err := c.wholeInitrd(ctx, layers)
	if err != nil {
		return written{}, err
	}
	name := "Linux " + c.Generation.KernelVersion()
	u := firmware.UImage{OS: "linux", Arch: firmware.UBootArch(b.Arch), Type: "multi", Compression: "none", Name: name[:min(len(name), 32)]}
	return written{kernel: int64(len(c.Kernel))}, c.writeFirmware(b, path, kind == KindSysupgrade, func(w io.Writer) error {
		return u.Write(w, bytes.NewReader(c.Kernel), bytes.NewReader(initrd))
	})
}

// limitOf is the most bytes that an image of a kind may have: those with a trailer are for the flash chip.
func limitOf(b board.Board, kind string) int64 {
	if kind != KindSysupgrade && kind != KindSysupgradeFIT || b.Flash.IsZero() {
		return b.ImageLimit
	}
	room, _ := b.Flash.Room()
	return min(b.ImageLimit, room)
}
