package images

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"bantam/board"
	"bantam/firmware"
)

// Media of boards that a U-Boot of their maker starts out of flash.
const (
	KindUImage     = "uimage"         // what it starts: to be fetched by TFTP, or from a USB stick, or to be written where it looks
	KindFactory    = "factory.bin"    // the same behind TP-Link's header: for the page of its boot loader, or to be fetched by TFTP
	KindSysupgrade = "sysupgrade.bin" // either with a trailer that says for which boards it is, as OpenWrt's sysupgrade wants it
)

// writeRouter writes a uImage, or the same behind TP-Link's header: initrd, layers and kernel in one. The layers are files of the initrd, as over the network, for U-Boot starts
// nothing but what it has read whole.
func (c *Composed) writeRouter(ctx context.Context, b board.Board, path, kind string, layers layout) (written, error) {
	kernel, err := firmware.ReadMIPSKernel(bytes.NewReader(c.Kernel))
	if err != nil {
		return written{}, err
	}
	initrd, err := c.wholeInitrd(ctx, layers)
	if err != nil {
		return written{}, err
	}
	if room := kernel.InitrdRoom(); int64(len(initrd)) > room {
		return written{}, fmt.Errorf("board %s: the initrd has %s bytes, with layers: at most %s, for it lies in memory between kernel and kernel",
			b.Name, Commas(int64(len(initrd))), Commas(room))
	}
	return written{kernel: int64(len(c.Kernel))}, c.writeFirmware(b, path, kind == KindSysupgrade, func(w io.Writer) error {
		if b.Firmware.TPLinkID == 0 {
			return kernel.WriteImage(w, initrd, b.Cmdline, b.Firmware.Compression)
		}
		room, _ := b.Flash.Room()
		return kernel.WriteTPLink(w, initrd, b.Cmdline, firmware.TPLink{HardwareID: uint32(b.Firmware.TPLinkID), HardwareRev: uint32(b.Firmware.TPLinkRev), Layout: uint32(room)})
	})
}
