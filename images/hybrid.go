package images

import (
	"encoding/binary"
	"fmt"
	"strings"

	"bantam/frame"
	"bantam/gpt"
)

// Parts is what a PC medium is made of.
type Parts struct {
	Loaders   PCLoaders
	Kernel    Content // Debian's vmlinuz
	Initrd    Content // all segments, one behind the other
	Layers    layout  // from openLayers; empty if there are none
	Cmdline   string  // the same words under BIOS and UEFI
	Disk      gpt.GUID
	Frame     []byte // what the machine needs beside these to install itself to a disk, compressed; nil: it cannot
	Label     string // volume label, at most 11 characters, e.g. "BANTAM"
	OSRelease string // text of os-release for boot menus, e.g. "ID=bantam\n"
}

// MaxCmdline is what isolinux passes on at most.
const MaxCmdline = 2000

// WriteHybrid writes a medium without slots, for machines that run from memory. It starts as CD and as disk, under BIOS and UEFI, and carries kernel and initrd once:
//
//	sector 0       isolinux's disk loader and the protective MBR entry
//	sector 1-33    GUID partition table of the EFI system partition and of the layers
//	32 KiB         ISO 9660 descriptors, root directory, El Torito catalogue
//	               isolinux.bin, ldlinux.c32, isolinux.cfg, the frame of a disk image
//	               the EFI system partition (FAT): EFI/BOOT/BOOTX64.EFI, a UKI, inside of which the ISO 9660
//	               records VMLINUZ and INITRD find their extents
//	               the layers, if there are any, which are ISO 9660's LAYERS too
//	end            backup of the partition table
//
// Same parts, same bytes: it has no clock and no chance; GUIDs follow from Parts.Disk. The file appears under its name
// only when it is complete.
func WriteHybrid(path string, p Parts) error {
	l, err := hybridLayout(p)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return WriteFileAtomic(path, l.write)
}

func hybridLayout(p Parts) (layout, error) {
	var l layout
	if len(p.Cmdline) > MaxCmdline || strings.ContainsAny(p.Cmdline, "\n\r\x00") {
		return l, fmt.Errorf("kernel command line of %d bytes: want one line of at most %d", len(p.Cmdline), MaxCmdline)
	}
	if len(p.Label) > 11 || strings.ToUpper(p.Label) != p.Label {
		return l, fmt.Errorf("label %q: want at most 11 characters in upper case", p.Label)
	}
	image, err := newUKI(p.Loaders.EFIStub, p.OSRelease, p.Cmdline, p.Kernel, p.Initrd)
	if err != nil {
		return l, err
	}
	const program = "EFI/BOOT/BOOTX64.EFI"
	volumeID := binary.LittleEndian.Uint32(p.Disk[:])
	esp, starts, err := fatLayout([]fatFile{{path: program, content: image.file}}, p.Label, volumeID)
	if err != nil {
		return l, err
	}

	next := int64(isoFirstContentAt * isoSector)
	place := func(size int64) int64 {
		at := next
		next = roundUp(at+size, isoSector)
		return at
	}
	config := []byte(isolinuxConfig(p.Cmdline))
	isolinuxAt := place(int64(len(p.Loaders.ISOLINUX)))
	ldlinuxAt := place(int64(len(p.Loaders.Ldlinux)))
	configAt := place(int64(len(config)))
	frameAt := place(int64(len(p.Frame)))
	espAt := place(esp.size)
	ukiAt := espAt + starts[program]
	layersAt, end := behindESP(espAt+esp.size, p.Layers)
	size := roundUp(end+gpt.TableSectors*gpt.SectorSize, isoSector)
	if size >= 1<<32 {
		return l, fmt.Errorf("a medium of %d bytes: it must stay under 4 GiB", size)
	}

	files := []isoFile{
		{"ISOLINUX.BIN", isolinuxAt, int64(len(p.Loaders.ISOLINUX))},
		{"LDLINUX.C32", ldlinuxAt, int64(len(p.Loaders.Ldlinux))},
		{"ISOLINUX.CFG", configAt, int64(len(config))},
		{"EFI.IMG", espAt, esp.size},
		{frame.KernelFile, ukiAt + image.kernelAt, p.Kernel.Size()},
		{frame.InitrdFile, ukiAt + image.initrdAt, p.Initrd.Size()},
	}
	if p.Layers.size > 0 {
		files = append(files, isoFile{frame.LayersFile, layersAt, p.Layers.size})
	}
	if p.Frame != nil {
		files = append(files, isoFile{frame.File, frameAt, int64(len(p.Frame))})
	}
	l, err = isoLayout(files, p.Label, size)
	if err != nil {
		return l, err
	}
	isolinux, err := bootInfoTable(p.Loaders.ISOLINUX, isolinuxAt/isoSector)
	if err != nil {
		return l, err
	}
	l.add(isoCatalogAt*isoSector, "El Torito catalogue", Bytes(elToritoCatalog(isolinuxAt/isoSector, espAt/isoSector, esp.size)))
	l.add(isolinuxAt, "isolinux.bin", Bytes(isolinux))
	l.add(ldlinuxAt, "ldlinux.c32", Bytes(p.Loaders.Ldlinux))
	l.add(configAt, "isolinux.cfg", Bytes(config))
	l.add(frameAt, frame.File, Bytes(p.Frame))
	l.shifted(espAt, esp)

	mbr, err := hybridMBR(p.Loaders.DiskMBR, isolinuxAt/isoSector, volumeID, size/gpt.SectorSize)
	if err != nil {
		return l, err
	}
	l.add(0, "MBR", Bytes(mbr))
	l.shifted(layersAt, p.Layers)
	return l, addTable(&l, p.Disk, 0, espSpan(espAt, esp.size), layersSpan(layersAt, p.Layers.size))
}

// isolinuxConfig starts the one entry at once. NOESCAPE: noise on an open serial line must not end in a boot prompt
// that waits for ever.
func isolinuxConfig(cmdline string) string {
	return `SERIAL 0 115200
NOESCAPE 1
PROMPT 0
TIMEOUT 0
DEFAULT bantam
LABEL bantam
  LINUX /VMLINUZ
  INITRD /INITRD
  APPEND ` + cmdline + "\n"
}
