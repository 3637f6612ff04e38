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
	KindSysupgrade = "sysupgrade.bin" // the same with a trailer that says for which boards it is, as OpenWrt's sysupgrade wants it
)

// writeRouter writes a uImage: initrd, layers and kernel in one. The layers are files of the initrd, as over the network, for U-Boot starts
// nothing but what it has read whole.
func (c *Composed) writeRouter(ctx context.Context, b board.Board, path, kind string, layers layout) (written, error) {
	kernel, err := firmware.ReadMIPSKernel(bytes.NewReader(c.Kernel))
	if err != nil {
		return written{}, err
	}
	initrd := bytes.NewBuffer(c.Initrd())
	for _, r := range layers.regions {
		if err := ctx.Err(); err != nil {
			return written{}, err
		}
		if err := writeLayerArchive(initrd, r); err != nil {
			return written{}, err
		}
	}
	if room := kernel.InitrdRoom(); int64(initrd.Len()) > room {
		return written{}, fmt.Errorf("board %s: the initrd has %s bytes, with layers: at most %s, for it lies in memory between kernel and kernel",
			b.Name, Commas(int64(initrd.Len())), Commas(room))
	}
	return written{kernel: int64(len(c.Kernel))}, WriteFileAtomic(path, func(w io.Writer) error {
		trailer := firmware.NewTrailerWriter(w)
		if err := kernel.WriteImage(trailer, initrd.Bytes(), b.Cmdline, b.Firmware.Compression); err != nil || kind != KindSysupgrade {
			return err
		}
		metadata := firmware.Metadata{Version: "1.1", Compat: "1.0", Devices: b.Flash.Names(b.Name), Release: firmware.Release{
			Distribution: "Bantam", Version: fmt.Sprint(c.Generation.Release), Revision: c.Digest.Short(), Board: b.Name,
		}}
		text, err := metadata.Encode()
		if err != nil {
			return err
		}
		return trailer.Trailer(firmware.Info, text)
	})
}
