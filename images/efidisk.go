package images

import (
	"encoding/binary"
	"fmt"
	"strings"

	"bantam/gpt"
)

// EFIDisk is what a disk for UEFI machines other than PCs is made of.
type EFIDisk struct {
	Program []byte   // EFI/BOOT/BOOTAA64.EFI, from GRUB.Program; it has the command line inside
	Kernel  Content  // from PackKernel
	Initrd  Content  // all segments, one behind the other
	Layers  layout   // as in Parts
	Disk    gpt.GUID // the disk's own
	Label   string   // volume label, at most 11 characters, e.g. "BANTAM"
	Origin  bool     // as in Parts
}

// efiDiskESPAt is a multiple of what SD cards and disks write at once without reading first.
const efiDiskESPAt = 32 << 10

// WriteEFIDisk writes a disk image with an EFI system partition and, if there are layers, one of them, that starts under UEFI
// on arm64. Same parts, same bytes. The file appears under its name only when it is complete.
func WriteEFIDisk(path string, d EFIDisk) error {
	l, err := efiDiskLayout(d)
	if d.Origin {
		l, err = withOrigin(d.Disk, d.Initrd, grubInitrdFile, func(initrd Content) (layout, error) {
			d.Initrd = initrd
			return efiDiskLayout(d)
		})
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return WriteFileAtomic(path, l.write)
}

func efiDiskLayout(d EFIDisk) (layout, error) {
	var l layout
	if len(d.Label) > 11 || strings.ToUpper(d.Label) != d.Label {
		return l, fmt.Errorf("label %q: want at most 11 characters in upper case", d.Label)
	}
	file := func(path string, c Content) fatFile {
		return fatFile{path: path, content: layout{size: c.Size(), regions: []region{{name: path, content: c}}}}
	}
	esp, _, err := fatLayout([]fatFile{
		file("EFI/BOOT/BOOTAA64.EFI", Bytes(d.Program)),
		file(grubKernelFile, d.Kernel),
		file(grubInitrdFile, d.Initrd),
	}, d.Label, binary.LittleEndian.Uint32(d.Disk[:]))
	if err != nil {
		return l, err
	}
	layersAt, end := behindESP(efiDiskESPAt+esp.size, d.Layers)
	l.size = end + gpt.TableSectors*gpt.SectorSize
	l.shifted(efiDiskESPAt, esp)
	l.shifted(layersAt, d.Layers)
	mbr := make([]byte, gpt.SectorSize)
	gpt.ProtectiveMBR(mbr, uint64(l.size/gpt.SectorSize), false)
	l.add(0, "MBR", Bytes(mbr))
	return l, addTable(&l, d.Disk, espSpan(efiDiskESPAt, esp.size), layersSpan(layersAt, d.Layers.size))
}
