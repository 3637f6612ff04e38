package images

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"bantam/board"
	"bantam/gpt"
)

// volumeLabel is what file managers show of an image.
const volumeLabel = "BANTAM"

// Media are the kinds of image that are made for a board. KindNetboot is made for all, if it is asked for.
func Media(b board.Board) []string {
	if b.Boot == board.Hybrid {
		return []string{"img", "iso"}
	}
	return []string{"img"}
}

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
		cmdline := b.Cmdline + " bantam.disk=" + disk.String()
		if kind == "iso" {
			cmdline += " bantam.state=memory"
		}
		written, err := c.writeMedium(ctx, archive, b, path, medium{cmdline, disk, layers, kind == "img"})
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
	if b.Boot == board.EFIGrub {
		_, _, err := grubRoots(ctx, archive)
		return err
	}
	_, err := archive.roots(ctx, PCLoaderPackages)
	return err
}

// IsHostTool tells whether a package for an architecture is fetched to run here, for a board's loader.
func IsHostTool(b board.Board, arch, name string) bool {
	return b.Boot == board.EFIGrub && arch == runtime.GOARCH && slices.Contains(GRUBHostPackages, name)
}

// grubRoots are the unpacked packages of GRUB's modules for the board and of its tools for this host.
func grubRoots(ctx context.Context, archive Archive) (target string, tools []string, err error) {
	targets, err := archive.roots(ctx, []string{GRUBTargetPackage})
	if err != nil {
		return "", nil, err
	}
	archive.Arch = runtime.GOARCH // Debian calls amd64, arm64 and riscv64 the same
	tools, err = archive.roots(ctx, GRUBHostPackages)
	return targets[0], tools, err
}

// written says what a medium carries beside the segments.
type written struct {
	kernel int64 // bytes of the kernel as it lies there
	loader int64 // bytes of the boot loader
}

// A medium is what one image has that another does not, and its layers.
type medium struct {
	cmdline string
	disk    gpt.GUID
	layers  layout
	origin  bool // false for the ISO: it runs from memory, and beside a disk nobody shall take one for the other
}

// writeMedium writes one image.
func (c *Composed) writeMedium(ctx context.Context, archive Archive, b board.Board, path string, m medium) (written, error) {
	switch b.Boot {
	case board.Hybrid:
		return c.writeHybrid(ctx, archive, path, m)
	case board.EFIGrub:
		return c.writeEFIDisk(ctx, archive, path, m)
	}
	return written{}, fmt.Errorf("board %s: cannot write images that boot by %q", b.Name, b.Boot)
}

func (c *Composed) writeHybrid(ctx context.Context, archive Archive, path string, m medium) (written, error) {
	roots, err := archive.roots(ctx, PCLoaderPackages)
	if err != nil {
		return written{}, err
	}
	loaders, err := ReadPCLoaders(roots...)
	if err != nil {
		return written{}, err
	}
	size := written{
		kernel: int64(len(c.Kernel)),
		loader: int64(len(loaders.ISOLINUX) + len(loaders.Ldlinux) + len(loaders.DiskMBR) + len(loaders.EFIStub)),
	}
	return size, WriteHybrid(path, Parts{
		Loaders:   loaders,
		Kernel:    Bytes(c.Kernel),
		Initrd:    c.Initrd(),
		Layers:    m.layers,
		Cmdline:   m.cmdline,
		Disk:      m.disk,
		Label:     volumeLabel,
		OSRelease: "ID=bantam\nPRETTY_NAME=Bantam\n",
		Origin:    m.origin,
	})
}

func (c *Composed) writeEFIDisk(ctx context.Context, archive Archive, path string, m medium) (written, error) {
	target, tools, err := grubRoots(ctx, archive)
	if err != nil {
		return written{}, err
	}
	program, err := GRUB{HostRoots: tools, TargetRoot: target}.Program(ctx, m.cmdline)
	if err != nil {
		return written{}, err
	}
	archive.Progress.Step("compressing the kernel")
	kernel, err := PackKernel(ctx, Cache{archive.CacheDir}, c.Kernel)
	if err != nil {
		return written{}, err
	}
	return written{kernel: int64(len(kernel)), loader: int64(len(program))}, WriteEFIDisk(path, EFIDisk{
		Program: program,
		Kernel:  Bytes(kernel),
		Initrd:  c.Initrd(),
		Layers:  m.layers,
		Disk:    m.disk,
		Label:   volumeLabel,
		Origin:  m.origin,
	})
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
