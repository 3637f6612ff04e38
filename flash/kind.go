package flash

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"bantam/firmware"
	"bantam/gpt"
	"bantam/printable"
)

// A Kind is what bytes are taken for.
type Kind struct {
	What    string // e.g. "a disk image of Bantam", "an ext4 file system"
	Whole   bool   // it is meant for a whole disk
	Fault   string // why it will not start from one, although it is meant to; "": nothing is known against it
	Advice  string // what would help
	Sector  int    // its partition table counts in sectors of so many bytes; 0: it has none that says
	Machine Machine
}

// Check refuses what is not meant for a whole disk. force lets it pass.
func (k Kind) Check(force bool) error {
	switch {
	case force:
		return nil
	case !k.Whole:
		return errors.New("it looks like " + k.What + ", not like an image of a disk" + k.advice())
	case k.Fault != "":
		return errors.New(k.Fault + k.advice())
	}
	return nil
}

func (k Kind) advice() string {
	const forced = "--force writes it nevertheless"
	if k.Advice == "" {
		return "; " + forced
	}
	return ": " + k.Advice + "; " + forced
}

// String is the kind with the machine it is for, e.g. "a disk image of Bantam for board pc (Linux 6.1.0-40-amd64)".
func (k Kind) String() string {
	if k.Machine.Board == "" {
		return k.What
	}
	release := ""
	if k.Machine.Release != 0 {
		release = fmt.Sprintf(", version %d", k.Machine.Release)
	}
	return printable.Line(fmt.Sprintf("%s for board %s (Linux %s%s)", k.What, k.Machine.Board, k.Machine.Kernel, release))
}

// Identify tells by the first bytes what something of size bytes is: an image file, a disk or a partition. 64 KiB tell most.
func Identify(head []byte, size int64) Kind {
	iso := has(head, 32769, "CD001")
	switch {
	case zeros(head):
		return Kind{What: "nothing but zeros"}
	case has(head, gpt.SectorSize, "EFI PART"):
		return guidTable(head, size, iso)
	case has(head, 4096, "EFI PART"):
		return Kind{What: "a disk image with a GUID partition table", Whole: true, Sector: 4096}
	case iso && has(head, 510, "\x55\xaa"):
		return Kind{What: "a hybrid ISO image" + isoLabel(head), Whole: true}
	case iso:
		return Kind{What: "an ISO image" + isoLabel(head) + " for CDs alone", Advice: "it has no boot sector, so nothing starts it from a disk"}
	}
	if n := mbrPartitions(head); n > 0 {
		return Kind{What: fmt.Sprintf("a disk image with %s in an MBR", partitions(n)), Whole: true}
	}
	if format := firmware.Begins(head); format != firmware.FormatUnknown && format != firmware.FormatSquashfs {
		return Kind{What: fmt.Sprintf("firmware (%s)", format), Advice: ofRouters}
	}
	for _, s := range signatures {
		if has(head, s.at, s.magic) {
			return Kind{What: s.what, Advice: s.advice}
		}
	}
	if utf8.Valid(head[:min(len(head), 4000)]) && bytes.IndexByte(head, 0) < 0 {
		k := Kind{What: "text"}
		if bytes.Contains(head, []byte("hostname")) || bytes.Contains(head, []byte("[network")) || bytes.Contains(head, []byte("[service.")) {
			k.Advice = "if it is a system.toml, make an image of it: bantam build"
		}
		return k
	}
	return Kind{What: "something without a partition table"}
}

func has(head []byte, at int, magic string) bool {
	return len(head) >= at+len(magic) && string(head[at:at+len(magic)]) == magic
}

// guidTable is an image with a GUID partition table.
func guidTable(head []byte, size int64, iso bool) Kind {
	k := Kind{What: "a disk image with a GUID partition table", Whole: true, Sector: gpt.SectorSize}
	if iso {
		k.What = "a hybrid ISO image" + isoLabel(head)
	}
	// Of whatever size: that its end is missing shall be told.
	t, err := gpt.ReadPrimary(bytes.NewReader(head), 1<<54)
	if err != nil {
		return k // of a shape that firmware may know
	}
	_, slot := t.Find(gpt.Slot)
	_, layers := t.Find(gpt.Layers)
	_, esp := t.Find(gpt.ESP)
	switch {
	case !slot.Type.IsZero():
		k.What = "a disk image of Bantam"
	case iso && (!layers.Type.IsZero() || esp.Name == "bantam-esp"):
		k.What = "an ISO image of Bantam"
	case !iso:
		n := 0
		for _, p := range t.Partitions {
			if !p.Type.IsZero() {
				n++
			}
		}
		k.What = fmt.Sprintf("a disk image with %s in a GUID partition table", partitions(n))
	}
	if whole := int64(t.Sectors) * gpt.SectorSize; whole > size {
		k.Fault = fmt.Sprintf("it is cut off: by its partition table it has %s, and there are %s", Size(whole), Size(size))
		k.Advice = "fetch or build it again"
	}
	return k
}

func partitions(n int) string {
	if n == 1 {
		return "1 partition"
	}
	return fmt.Sprintf("%d partitions", n)
}

// isoLabel is the label of an ISO 9660 file system, in quotes behind a blank; "" if it has none.
func isoLabel(head []byte) string {
	const labelAt, labelLength = 32768 + 40, 32
	if len(head) < labelAt+labelLength {
		return ""
	}
	if label := strings.TrimRight(string(head[labelAt:labelAt+labelLength]), " \x00"); label != "" {
		return printable.Line(fmt.Sprintf(" %q", label))
	}
	return ""
}

// mbrPartitions counts the entries of a boot sector that is one of a disk: those of file systems have code where the entries are.
func mbrPartitions(head []byte) (n int) {
	const tableAt, entry = 446, 16
	if !has(head, 510, "\x55\xaa") || has(head, 82, "FAT32   ") || has(head, 54, "FAT1") || has(head, 3, "NTFS    ") || has(head, 3, "EXFAT   ") {
		return 0
	}
	for e := head[tableAt:510]; len(e) > 0; e = e[entry:] {
		start, sectors := binary.LittleEndian.Uint32(e[8:]), binary.LittleEndian.Uint32(e[12:])
		switch {
		case e[0]&0x7f != 0:
			return 0
		case e[4] == 0:
		case start == 0 || sectors == 0:
			return 0
		default:
			n++
		}
	}
	return n
}

// Advice for several.
const (
	ofRouters  = "it is for the flash of a router, which its own web page or boot loader writes"
	fileSystem = "it belongs into a partition"
	archive    = "unpack it first"
	ofMachines = "qemu-img convert -O raw makes an image of a disk from it"
)

// signatures are the marks by which formats are known, those far from the beginning first: a boot sector may lie before them.
var signatures = []struct {
	at           int
	magic        string
	what, advice string
}{
	{65600, "_BHRfS_M", "a btrfs file system", fileSystem},
	{4086, "SWAPSPACE2", "a swap area", fileSystem},
	{1080, "\x53\xef", "an ext2, ext3 or ext4 file system", fileSystem},
	{1024, "\xe2\xe1\xf5\xe0", "an EROFS file system", fileSystem},
	{1024, "\x10\x20\xf5\xf2", "an F2FS file system", fileSystem},
	{536, "LVM2 001", "a volume of LVM", fileSystem},
	{0, "LUKS\xba\xbe", "an encrypted volume (LUKS)", fileSystem},
	{257, "ustar", "a tar archive", "if it is of a generation, `bantam import` on the machine takes it; if of firmware, the router's own updater"},
	{82, "FAT32   ", "a FAT file system", fileSystem},
	{54, "FAT1", "a FAT file system", fileSystem},
	{3, "NTFS    ", "an NTFS file system", fileSystem},
	{3, "EXFAT   ", "an exFAT file system", fileSystem},
	{0, "hsqs", "a squashfs file system", fileSystem},
	{0, "XFSB", "an XFS file system", fileSystem},
	{0, "\x31\x18\x10\x06", "an image of flash (UBIFS)", ofRouters},
	{0, "\x85\x19", "an image of flash (JFFS2)", ofRouters},
	{0, "QFI\xfb", "a disk of a virtual machine (qcow2)", ofMachines},
	{0, "KDMV", "a disk of a virtual machine (VMDK)", ofMachines},
	{0, "conectix", "a disk of a virtual machine (VHD)", ofMachines},
	{0, "vhdxfile", "a disk of a virtual machine (VHDX)", ofMachines},
	{64, "\x7f\x10\xda\xbe", "a disk of a virtual machine (VDI)", ofMachines},
	{0, "PK\x03\x04", "a zip archive", archive},
	{0, "7z\xbc\xaf\x27\x1c", "a 7z archive", archive},
	{0, "Rar!", "a rar archive", archive},
	{0, "BZh", "data compressed by bzip2", archive},
	{0, "\x1f\x8b", "data compressed twice", archive},
	{0, "\xfd7zXZ\x00", "data compressed twice", archive},
	{0, "\x28\xb5\x2f\xfd", "data compressed twice", archive},
	{0, "070701", "an initrd", "bantam build makes a whole image"},
	{0, "\x7fELF", "a program", ""},
	{0, "MZ", "a program for Windows or UEFI", ""},
	{0, "%PDF", "a PDF document", ""},
	{0, "<!DOCTYPE", "a web page", "the address is probably that of the page, not of the image"},
	{0, "<!doctype", "a web page", "the address is probably that of the page, not of the image"},
	{0, "<html", "a web page", "the address is probably that of the page, not of the image"},
}
