package images

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"bantam/board"
	"bantam/layer"
	"bantam/newc"
)

// KindNetboot is a medium that is none: what a machine fetches over the network when it starts.
const KindNetboot = "netboot"

// The files of KindNetboot, in its folder.
const (
	netbootKernel = "vmlinuz"
	netbootInitrd = "initrd"
	netbootScript = "boot.ipxe" // for iPXE; who starts kernels otherwise finds the kernel's command line in it
)

// writeNetboot writes kernel, initrd and a script for iPXE into a folder. Where the machine has started from nobody knows then, so
// the initrd has the layers, too: as archives of one file each, not compressed anew.
func (c *Composed) writeNetboot(ctx context.Context, dir string, b board.Board, layers layout) (written, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return written{}, err
	}
	if err := WriteFileAtomic(filepath.Join(dir, netbootInitrd), func(w io.Writer) error {
		_, err := w.Write(c.Initrd())
		for _, r := range layers.regions {
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				return err
			}
			err = writeLayerArchive(w, r)
		}
		return err
	}); err != nil {
		return written{}, err
	}
	kernel, err := unpackKernel(ctx, b, c.Kernel) // only the disk's loader does that
	if err != nil {
		return written{}, err
	}
	if err := WriteFileAtomic(filepath.Join(dir, netbootKernel), func(w io.Writer) error {
		_, err := w.Write(kernel)
		return err
	}); err != nil {
		return written{}, err
	}
	return written{kernel: int64(len(kernel))}, writeText(filepath.Join(dir, netbootScript), fmt.Sprintf(
		"#!ipxe\nkernel %[1]s initrd=%[2]s %[3]s bantam.state=memory\ninitrd %[2]s\nboot\n", netbootKernel, netbootInitrd, b.Cmdline))
}

// writeLayerArchive writes a layer as the kernel unpacks it, one of them in memory at a time.
func writeLayerArchive(w io.Writer, r region) error {
	data := make([]byte, r.content.Size())
	if _, err := io.ReadFull(io.NewSectionReader(r.content, 0, r.content.Size()), data); err != nil {
		return fmt.Errorf("layer %s: %w", r.name, err)
	}
	if sum := sha256Hex(data); sum != r.digest.Hex() {
		return fmt.Errorf("layer %s %w (it is %s, not %s)", r.name, errDamagedLayer, sum[:12], r.digest.Short())
	}
	archive, err := newc.Pack([]newc.File{{Path: layer.MemoryPath[1:] + "/" + r.digest.Hex(), Mode: 0o400, Data: data}})
	if err != nil {
		return err
	}
	_, err = w.Write(archive)
	return err
}

// netbootSize is what a machine fetches.
func netbootSize(dir string) (size int64, err error) {
	for _, name := range []string{netbootKernel, netbootInitrd, netbootScript} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			return 0, err
		}
		size += info.Size()
	}
	return size, nil
}
