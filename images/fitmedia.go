package images

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"bantam/board"
	"bantam/firmware"
)

// Media of boards whose U-Boot starts a FIT image: for a volume of UBI, or from memory.
const (
	KindFIT           = "itb"            // kernel, device trees and initrd
	KindSysupgradeFIT = "sysupgrade.itb" // the same with a trailer that says for which boards it is
)

// fitImage is a generation as U-Boot starts it. The command line is in the trees; where U-Boot's bootargs say another one, that counts.
// An overlay is a configuration of its own, by its file's name, as U-Boot is asked for it: bootm ADDRESS#CONFIGURATION#OVERLAY.
func (c *Composed) fitImage(b board.Board, initrd []byte) (fit firmware.FIT, err error) {
	at := uint64(b.Start.Kernel)
	fit = firmware.FIT{Description: "Bantam for " + b.Name, Default: "config-1", Images: []firmware.FITImage{
		{Name: "kernel-1", Description: "Linux " + c.Generation.KernelVersion(), Type: "kernel", Arch: firmware.UBootArch(b.Arch), OS: "linux", Compression: "gzip",
			Addressed: true, Load: at, Entry: at, Data: bytes.NewReader(c.Kernel[treeRoom*len(b.DeviceTrees):])},
		{Name: "initrd-1", Type: "ramdisk", Arch: firmware.UBootArch(b.Arch), OS: "linux", Compression: "none", Data: bytes.NewReader(initrd)},
	}}
	var overlaid []string
	for i, name := range b.DeviceTrees {
		model, overlay := strings.CutSuffix(path.Base(name), board.Overlay)
		tree := treeIn(b, c.Kernel, name)
		image := firmware.FITImage{Name: fmt.Sprintf("fdt-%d", i+1), Type: "flat_dt", Arch: firmware.UBootArch(b.Arch), Compression: "none"}
		configuration := firmware.Configuration{Name: model, FDT: []string{image.Name}}
		if !overlay {
			model = strings.TrimSuffix(model, ".dtb")
			if tree, err = firmware.TreeWithChosen(bytes.NewReader(tree), firmware.Text("bootargs", b.Cmdline)); err != nil {
				return fit, fmt.Errorf("board %s: %s: %w", b.Name, name, err)
			}
			image.Addressed, image.Load = b.Start.Tree != 0, uint64(b.Start.Tree)
			configuration.Name, configuration.Kernel, configuration.Ramdisk = fmt.Sprintf("config-%d", i+1), "kernel-1", "initrd-1"
		} else if slices.Contains(b.Start.Overlays, name) {
			overlaid = append(overlaid, image.Name)
		}
		image.Description, configuration.Description, image.Data = model, model, bytes.NewReader(tree)
		fit.Images, fit.Configurations = append(fit.Images, image), append(fit.Configurations, configuration)
	}
	if asked := fit.Configurations[0]; b.Start.Configuration != "" {
		asked.Name = b.Start.Configuration
		fit.Configurations = append(fit.Configurations, asked)
	}
	fit.Configurations[0].FDT = append(fit.Configurations[0].FDT, overlaid...)
	return fit, nil
}

// writeFIT writes one. Layers are files of the initrd, as in a uimage.
func (c *Composed) writeFIT(ctx context.Context, b board.Board, path, kind string, layers layout) (written, error) {
	initrd, err := c.wholeInitrd(ctx, layers)
	if err != nil {
		return written{}, err
	}
	fit, err := c.fitImage(b, initrd)
	if err != nil {
		return written{}, err
	}
	return written{kernel: int64(len(c.Kernel) - treeRoom*len(b.DeviceTrees))}, c.writeFirmware(b, path, kind == KindSysupgradeFIT, fit.Write)
}

// wholeInitrd is the initrd with the layers as files of it, for a boot loader that starts nothing but what it has read whole.
func (c *Composed) wholeInitrd(ctx context.Context, layers layout) ([]byte, error) {
	initrd := bytes.NewBuffer(c.Initrd())
	for _, r := range layers.regions {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := writeLayerArchive(initrd, r); err != nil {
			return nil, err
		}
	}
	return initrd.Bytes(), nil
}

// writeFirmware writes what a boot loader starts, and behind it, if it is asked for, a trailer that says for which boards that is.
func (c *Composed) writeFirmware(b board.Board, path string, trailed bool, write func(io.Writer) error) error {
	return WriteFileAtomic(path, func(w io.Writer) error {
		trailer := firmware.NewTrailerWriter(w)
		if err := write(trailer); err != nil || !trailed {
			return err
		}
		metadata := firmware.Metadata{Version: "1.1", Compat: "1.0", Devices: b.Flash.Names(b.Name), Release: firmware.Release{
			Distribution: firmware.Bantam, Version: fmt.Sprint(c.Generation.Release), Revision: c.Digest.Short(), Board: b.Name,
		}}
		text, err := metadata.Encode()
		if err != nil {
			return err
		}
		return trailer.Trailer(firmware.Info, text)
	})
}
