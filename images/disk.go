package images

import (
	"context"
	"encoding/binary"
	"fmt"
	"strings"

	"bantam/frame"
	"bantam/gpt"
	"bantam/slot"
)

// Disk is what a disk image is made of.
type Disk struct {
	Programs   GRUBPrograms
	Script     []byte // instead of them for a board that U-Boot starts: from UBootScript
	UBoot      ubootLoader
	Direct     bool   // nothing of the medium starts a kernel: of the above there is none, nor state, nor a FAT partition
	Area       int64  // bytes at the beginning that belong to UBoot's programs and to no partition; 0: none
	MBR        bool   // for a boot ROM that finds the FAT partition by an MBR alone, and reads FAT16
	Kernel     []byte // as it lies in the slot: as Compose leaves it
	Initrd     []byte // all segments, one behind the other
	Layers     layout // as in Parts
	Cmdline    string // words for the kernel
	Generation string // digest of what is in the slot
	Boot       string // and of what kernel and initrd are made of
	Disk       gpt.GUID
	Label      string // volume label of the EFI system partition, at most 11 characters, e.g. "BANTAM"
}

// diskUnit is what partitions begin at multiples of: a page, so that no two of them share what a disk writes at once.
const diskUnit = 4096

// WriteDisk writes a disk image that GRUB or U-Boot starts from slot A:
//
//	sector 0       GRUB's boot sector, for a BIOS
//	sector 1-33    GUID partition table; where U-Boot's programs lie near the beginning, its entries are behind them
//	partition 2    GRUB's core, for a BIOS
//	partition 3, 4 the state that the loader decides by, twice
//	partition 1    the EFI system partition (FAT) with GRUB for UEFI, or with U-Boot's script and what firmware needs before it
//	partition 5    the layers, if there are any
//	partition 6    slot A: header, checksums, kernel, initrd, origin. It is the last, because the device lengthens it
//	end            backup of the partition table
//
// Of a Direct disk there are sectors 0 to 33, layers, slot A and the backup: who starts the machine reads slot A.
//
// Same parts, same bytes: it has no clock and no chance; GUIDs follow from Disk.Disk. The file appears under its name only when it
// is complete.
func WriteDisk(path string, d Disk) error {
	l, err := diskLayout(d)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return WriteFileAtomic(path, l.write)
}

func diskLayout(d Disk) (layout, error) {
	var l layout
	if len(d.Label) > 11 || strings.ToUpper(d.Label) != d.Label {
		return l, fmt.Errorf("label %q: want at most 11 characters in upper case", d.Label)
	}
	var copyOfState []byte
	var esp layout
	if !d.Direct {
		var file fatFile
		var err error
		if file, copyOfState, err = d.loader(); err != nil {
			return l, err
		}
		kind := fatKind{cluster: fatMinCluster}
		if d.MBR {
			kind = fatKind{cluster: fatSector, only16: true}
		}
		if esp, _, err = kind.layout(append([]fatFile{file}, d.UBoot.files...), d.Label, binary.LittleEndian.Uint32(d.Disk[:])); err != nil {
			return l, err
		}
	}

	const tableEnd = (1 + gpt.TableSectors) * gpt.SectorSize
	coreAt := max(tableEnd, d.Area)
	coreSize := roundUp(int64(len(d.Programs.Core)), gpt.SectorSize)
	state1At := roundUp(coreAt+coreSize, diskUnit)
	state2At := state1At + int64(len(copyOfState))
	espAt := state2At + int64(len(copyOfState))
	layersAt, end := behindESP(espAt+esp.size, d.Layers)
	slotAt := roundUp(end, diskUnit)
	slotA, err := d.slotLayout(slotAt)
	if err != nil {
		return l, err
	}
	l.size = slotAt + slotA.size + gpt.TableSectors*gpt.SectorSize

	mbr := make([]byte, gpt.SectorSize)
	if d.Programs.Core != nil {
		if mbr, err = grubBootSector(d.Programs.Boot, uint64(coreAt/gpt.SectorSize)); err != nil {
			return l, err
		}
		core, err := grubCore(d.Programs.Core, uint64(coreAt/gpt.SectorSize))
		if err != nil {
			return l, err
		}
		l.add(coreAt, "GRUB's core", Bytes(core))
	}
	gpt.ProtectiveMBR(mbr, uint64(l.size/gpt.SectorSize), d.Programs.Core != nil)
	if d.MBR {
		const fat = 0x0C // the type that every boot ROM knows
		gpt.HybridMBR(mbr, gpt.Partition{First: uint64(espAt / gpt.SectorSize), Last: uint64((espAt+esp.size)/gpt.SectorSize) - 1}, fat)
	}
	l.add(0, "MBR", Bytes(mbr))
	for _, p := range d.UBoot.programs {
		l.add(p.at, p.name, Bytes(p.bytes))
	}
	l.add(state1At, "state", Bytes(copyOfState))
	l.add(state2At, "state, second copy", Bytes(copyOfState))
	l.shifted(espAt, esp)
	l.shifted(layersAt, d.Layers)
	l.shifted(slotAt, slotA)
	return l, addTable(&l, d.Disk, d.Area,
		espSpan(espAt, esp.size),
		span{gpt.BIOSBoot, gpt.GRUBPurpose, gpt.GRUBPurpose, coreAt, coreSize},
		span{gpt.BootState, gpt.BootState1Purpose, gpt.BootState1Purpose, state1At, int64(len(copyOfState))},
		span{gpt.BootState, gpt.BootState2Purpose, gpt.BootState2Purpose, state2At, int64(len(copyOfState))},
		layersSpan(layersAt, d.Layers.size),
		span{gpt.Slot, gpt.SlotAPurpose, gpt.SlotAPurpose, slotAt, slotA.size})
}

// frame is what a medium has to have beside kernel, initrd and layers for a machine that runs from it to make this disk, compressed.
func (d Disk) frame(ctx context.Context) ([]byte, error) {
	l, err := diskLayout(d)
	if err != nil {
		return nil, err
	}
	cut, err := frame.Cut(&l)
	if err != nil {
		return nil, fmt.Errorf("frame of the disk image: %w", err)
	}
	// It holds GUIDs of this image alone, so that nothing is kept: the least effort that gains what is to be gained.
	return filter(ctx, cut, "xz", "--format=xz", "--check=crc32", "--threads=1", "--stdout", "--lzma2=preset=6")
}

// loaderSize is what the boot loader takes, in bytes.
func (d Disk) loaderSize() int64 {
	return d.Programs.size() + int64(len(d.Script)) + d.UBoot.size
}

// loader is the file by which the disk is started, and a copy of the state as the loader reads it.
func (d Disk) loader() (file fatFile, copyOfState []byte, err error) {
	path, program, encode, whole := d.Programs.EFIPath, d.Programs.EFI, slot.State.EncodeGRUB, slot.GRUBCopy
	if d.Script != nil {
		path, program, encode, whole = ubootScriptPath, d.Script, slot.State.EncodeUBoot, slot.UBootCopy
	}
	state, err := encode(slot.Delivered)
	if err != nil {
		return file, nil, err
	}
	content := layout{size: int64(len(program)), regions: []region{{name: path, content: Bytes(program)}}}
	return fatFile{path, content}, whole(state), nil
}

// slotLayout lays out a slot that lies at a byte of the disk.
func (d Disk) slotLayout(at int64) (layout, error) {
	h := slot.NewHeader(int64(len(d.Kernel)), int64(len(d.Initrd)))
	h.Args, h.Generation, h.Boot = d.Cmdline, d.Generation, d.Boot
	header, err := h.Encode()
	if err != nil {
		return layout{}, err
	}
	sums, err := slot.SumsOf(d.Kernel, d.Initrd).Encode(h)
	if err != nil {
		return layout{}, err
	}
	origin := gpt.Origin{Image: d.Disk, Sector: uint64(at/slot.SectorSize) + h.Origin()}
	l := layout{size: int64(h.Sectors()) * slot.SectorSize}
	l.add(0, "header of slot A", Bytes(header))
	l.add(slot.SumsAt, "sums of slot A", Bytes(sums))
	l.add(int64(h.Kernel.First)*slot.SectorSize, "kernel", Bytes(d.Kernel))
	l.add(int64(h.Initrd.First)*slot.SectorSize, "initrd", Bytes(d.Initrd))
	l.add(int64(h.Origin())*slot.SectorSize, "origin", Bytes(origin.Archive()))
	return l, nil
}

// grubBootSector is GRUB's first sector, which loads the core from a sector of the disk that it was itself read from.
func grubBootSector(boot []byte, core uint64) ([]byte, error) {
	const (
		coreAt  = 0x5C  // offsets of GRUB's boot/i386/pc/boot.S
		driveAt = 0x66  // a jump that a floppy disk needs: a BIOS that passes the wrong drive would be believed otherwise
		tableAt = 0x1B8 // from there on the sector is the disk's
	)
	if len(boot) != gpt.SectorSize {
		return nil, fmt.Errorf("GRUB's boot.img: %d bytes, want %d", len(boot), gpt.SectorSize)
	}
	mbr := make([]byte, gpt.SectorSize)
	copy(mbr, boot[:tableAt])
	binary.LittleEndian.PutUint64(mbr[coreAt:], core)
	mbr[driveAt], mbr[driveAt+1] = 0x90, 0x90
	return mbr, nil
}

// grubCore is the core at its place: its first sector says where the rest is; how much that is grub-mkimage has said there.
func grubCore(core []byte, at uint64) ([]byte, error) {
	const restAt = gpt.SectorSize - 12 // of boot/i386/pc/diskboot.S
	if len(core) <= gpt.SectorSize {
		return nil, fmt.Errorf("GRUB's core: %d bytes are too few", len(core))
	}
	placed := append([]byte(nil), core...)
	binary.LittleEndian.PutUint64(placed[restAt:], at+1)
	return placed, nil
}
