package images

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"

	"bantam/board"
	"bantam/gpt"
)

// volumeLabel is what file managers show of an image.
const volumeLabel = "BANTAM"

// Media are the kinds of image that are made for a board. KindNetboot is made for all, if it is asked for.
func Media(b board.Board) []string {
	switch {
	case b.Boot == board.Hybrid:
		return []string{"img", "iso"}
	case b.Boot == board.UImage && b.Flash.IsZero():
		return []string{KindUImage}
	case b.Boot == board.UImage && b.Firmware.TPLinkID != 0:
		return []string{KindFactory, KindSysupgrade}
	case b.Boot == board.UImage:
		return []string{KindUImage, KindSysupgrade}
	case b.Boot == board.FIT:
		return []string{KindFIT, KindSysupgradeFIT}
	case b.Boot == board.Direct && !b.Flash.IsZero():
		return []string{"img", KindSysupgrade}
	}
	return []string{"img"}
}

// Netboots tells whether a board's firmware may start a kernel that it has fetched over the network: not if it comes from a card itself.
func Netboots(b board.Board) bool { return len(b.DeviceTrees) == 0 && b.Loader.IsZero() }

// WriteMedia writes images of a generation as dir/BOARD.KIND and says what takes their bytes. One that is
// too large for its board is removed, lest somebody flash it; the error is a TooLarge and comes with the sizes.
func (c *Composed) WriteMedia(ctx context.Context, archive Archive, b board.Board, dir string, kinds []string) ([]Sizes, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	// The image's own disk is told from any other by its GUID, which is the generation's.
	disk := gpt.DeriveGUID(string(c.Digest), "disk")
	layers, done, err := c.openLayers()
	if err != nil {
		return nil, err
	}
	defer done()
	m := medium{cmdline: b.Cmdline + " bantam.disk=" + disk.String(), guid: disk, layers: layers}
	m.disk = sync.OnceValues(func() (Disk, error) { return c.disk(ctx, archive, b, m) })
	var all []Sizes
	for _, kind := range kinds {
		path := filepath.Join(dir, b.Name+"."+kind)
		archive.Progress.Step("writing %s", path)
		if kind == KindNetboot {
			written, err := c.writeNetboot(ctx, path, b, layers)
			if err != nil {
				return nil, err
			}
			size, err := netbootSize(path)
			if err != nil {
				return nil, err
			}
			all = append(all, c.sizesOf(path, size, b.ImageLimit, written))
			continue
		}
		if b.Boot == board.UImage || b.Boot == board.FIT || kind == KindSysupgrade {
			write := c.writeRouter
			switch b.Boot {
			case board.FIT:
				write = c.writeFIT
			case board.Direct:
				write = c.writeDirectFirmware
			}
			written, err := write(ctx, b, path, kind, layers)
			if err != nil {
				return nil, err
			}
			info, err := os.Stat(path)
			if err != nil {
				return nil, err
			}
			all = append(all, c.sizesOf(path, info.Size(), limitOf(b, kind), written))
			continue
		}
		written, err := c.writeMedium(ctx, archive, kind, path, m)
		if err != nil {
			return nil, err
		}
		info, err := os.Stat(path)
		if err != nil {
			return nil, err
		}
		all = append(all, c.sizesOf(path, info.Size(), b.ImageLimit, written))
	}
	var faults []error
	for _, s := range all {
		if s.Total > s.Limit {
			faults = append(faults, &TooLarge{s}, os.RemoveAll(s.Image))
		}
	}
	return all, errors.Join(faults...)
}

// FetchLoaders fetches the packages that WriteMedia needs for a board, so that all inputs are known before work begins.
func FetchLoaders(ctx context.Context, archive Archive, b board.Board) error {
	if b.Boot == board.Hybrid {
		if _, err := archive.roots(ctx, PCLoaderPackages); err != nil {
			return err
		}
	}
	if err := fetchUBoot(ctx, archive, b); err != nil || b.Boot != board.Hybrid && b.Boot != board.EFIGrub {
		return err
	}
	_, err := grubOf(ctx, archive, b)
	return err
}

// IsHostTool tells whether a package for an architecture is fetched to run here: GRUB's.
func IsHostTool(arch, name string) bool {
	return arch == runtime.GOARCH && slices.Contains(GRUBHostPackages, name)
}

// grubOf is GRUB with its modules for the board and its tools for this host.
func grubOf(ctx context.Context, archive Archive, b board.Board) (g GRUB, err error) {
	g.Arch = b.Arch
	if g.TargetRoots, err = archive.roots(ctx, GRUBTargetPackages[b.Arch]); err != nil {
		return g, err
	}
	archive.Arch = runtime.GOARCH // Debian calls amd64, arm64 and riscv64 the same
	g.HostRoots, err = archive.roots(ctx, GRUBHostPackages)
	return g, err
}

// written says what a medium carries beside the segments.
type written struct {
	kernel int64 // bytes of the kernel as it lies there
	loader int64 // bytes of the boot loader
}

// A medium is what disk image and ISO have in common.
type medium struct {
	cmdline string
	guid    gpt.GUID
	layers  layout
	disk    func() (Disk, error) // the former, made once
}

// writeMedium writes one image.
func (c *Composed) writeMedium(ctx context.Context, archive Archive, kind, path string, m medium) (written, error) {
	d, err := m.disk()
	if err != nil {
		return written{}, err
	}
	if kind == "iso" {
		return c.writeHybrid(ctx, archive, d, path, m)
	}
	return written{kernel: int64(len(c.Kernel)), loader: d.loaderSize()}, WriteDisk(path, d)
}

func (c *Composed) writeHybrid(ctx context.Context, archive Archive, d Disk, path string, m medium) (written, error) {
	roots, err := archive.roots(ctx, PCLoaderPackages)
	if err != nil {
		return written{}, err
	}
	loaders, err := ReadPCLoaders(roots...)
	if err != nil {
		return written{}, err
	}
	frame, err := d.frame(ctx)
	if err != nil {
		return written{}, err
	}
	size := written{
		kernel: int64(len(c.Kernel)),
		loader: int64(len(loaders.ISOLINUX) + len(loaders.Ldlinux) + len(loaders.DiskMBR) + len(loaders.EFIStub) + len(frame)),
	}
	return size, WriteHybrid(path, Parts{
		Loaders:   loaders,
		Kernel:    Bytes(c.Kernel),
		Initrd:    Bytes(c.Initrd()),
		Layers:    m.layers,
		Cmdline:   m.cmdline + " bantam.state=memory",
		Disk:      m.guid,
		Frame:     frame,
		Label:     volumeLabel,
		OSRelease: "ID=bantam\nPRETTY_NAME=Bantam\n",
	})
}

// disk is what a disk image is made of.
func (c *Composed) disk(ctx context.Context, archive Archive, b board.Board, m medium) (d Disk, err error) {
	var programs GRUBPrograms
	var script []byte
	uboot, err := ubootOf(ctx, archive, b, c.Kernel)
	if err != nil {
		return d, err
	}
	switch b.Boot {
	case board.Direct:
	case board.UBoot:
		script = UBootScript(b)
	default:
		g, err := grubOf(ctx, archive, b)
		if err != nil {
			return d, err
		}
		if programs, err = g.Programs(ctx); err != nil {
			return d, err
		}
	}
	return Disk{
		Programs:   programs,
		Script:     script,
		UBoot:      uboot,
		Direct:     b.Boot == board.Direct,
		Area:       b.Loader.Area,
		MBR:        b.Loader.MBR,
		Kernel:     c.Kernel,
		Initrd:     c.Initrd(),
		Layers:     m.layers,
		Cmdline:    m.cmdline,
		Generation: string(c.Digest),
		Boot:       string(c.Generation.BootID()),
		Disk:       m.guid,
		Label:      volumeLabel,
	}, nil
}

// roots fetches packages and returns the folders they were unpacked to, in the order of the names.
func (a Archive) roots(ctx context.Context, names []string) ([]string, error) {
	packages, err := a.Packages(ctx, names...)
	if err != nil {
		return nil, err
	}
	roots := make([]string, len(names))
	for i, name := range names {
		roots[i] = packages[name].Dir
	}
	return roots, nil
}
