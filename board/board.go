// Package board is what Bantam knows about kinds of hardware: one TOML file a board, compiled in, or of somebody's own.
// It is data only; images decides what to do with it. The device never imports this package: there the kernel's own device
// names say all that is needed.
package board

import (
	"bytes"
	"cmp"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"bantam/flashmap"
	"bantam/spelling"
	"bantam/system"
)

// Ways in which a board starts its kernel.
const (
	Hybrid  = "hybrid"   // PC: GRUB for BIOS and UEFI on a disk, isolinux and a UKI on a CD
	EFIGrub = "efi-grub" // GRUB for UEFI on a disk, which unpacks the kernel; U-Boot does what UEFI does, too
	UBoot   = "u-boot"   // U-Boot, the board's firmware or on its SD card, which starts the kernel by a script on a disk
	UImage  = "uimage"   // a U-Boot of the board's maker, which starts one image in flash: kernel, device tree and initrd in one
	FIT     = "fit"      // a U-Boot of the board's, which starts a FIT image out of a volume of UBI
	Direct  = "direct"   // no loader on the medium: who starts the machine gives it kernel and initrd, as QEMU's -kernel does
)

// Overlay ends the name of a device tree that is laid over another one.
const Overlay = ".dtbo"

// Board is one kind of hardware.
type Board struct {
	Name          string   `toml:"-"`              // e.g. pc: the name of its file
	Description   string   `toml:"description"`    // one line for people
	Arch          string   `toml:"arch"`           // Go's name, e.g. amd64
	DebianArch    string   `toml:"debian_arch"`    // Debian's name, e.g. armhf
	Release       string   `toml:"release"`        // of Debian, that its packages come from unless somebody says another; "": this host's
	KernelPackage string   `toml:"kernel_package"` // Debian's meta package, e.g. linux-image-amd64; "": Kernel is its only one
	DeviceTrees   []string `toml:"device_trees"`   // of that package, e.g. allwinner/sun8i-h3-orangepi-pc.dtb; the first, unless U-Boot's fdtfile names another. In a FIT image also .dtbo, to be laid over one
	Cmdline       string   `toml:"cmdline"`        // the kernel's command line, e.g. console=ttyS0 panic=10
	Boot          string   `toml:"boot"`           // Hybrid, EFIGrub, UBoot, UImage, FIT or Direct
	Medium        string   `toml:"medium"`         // what the image is written to, for people, e.g. SD card
	ImageLimit    int64    `toml:"image_limit"`    // bytes that the largest image may have
	Modules       []string `toml:"modules"`        // kernel modules of its hardware by name, alias or pattern, e.g. virtio_*
	Loader        Loader   `toml:"u_boot"`         // how U-Boot gets there and where it puts things

	Rescue   Rescue   `toml:"rescue"` // none: its boot loader is not spoken to
	Firmware Firmware `toml:"uimage"` // the form in which the U-Boot of its maker takes an image
	Start    FITStart `toml:"fit"`    // where U-Boot puts the kernel of a FIT image

	Kernel OwnKernel    `toml:"kernel"` // beside KernelPackage or instead of it
	Flash  flashmap.Map `toml:"flash"`  // the chip that it starts from; none: it has disks or cards
	QEMU   QEMU         `toml:"qemu"`   // none: no virtual machine stands for it

	Memory   int     `toml:"memory"`  // MiB of the smallest of these boards; 0: not said
	Network  string  `toml:"network"` // for people: which ports, which driver
	LEDs     LEDs    `toml:"leds"`
	Buttons  Buttons `toml:"buttons"`
	SeenAt   string  `toml:"seen_at"`  // where it was seen at work, e.g. QEMU 7.2; "": nowhere
	Seen     string  `toml:"seen"`     // what was seen, for people
	Recovery string  `toml:"recovery"` // for a person with the board in hand
}

// Firmware is the form in which the maker's U-Boot takes an image (UImage).
type Firmware struct {
	Compression string `toml:"compression"` // one that it undoes: none, or lzma
	TPLinkID    int64  `toml:"tplink_id"`   // the hardware's number, where it takes TP-Link's header instead of U-Boot's, e.g. 0x3C00_0101; 0: U-Boot's
	TPLinkRev   int64  `toml:"tplink_rev"`  // that of its revision
}

// FITStart is what a FIT image says of addresses, and of names.
type FITStart struct {
	Kernel        int64    `toml:"kernel_at"`     // in memory, of the kernel once it is unpacked
	Tree          int64    `toml:"tree_at"`       // likewise, of the tree that others are laid over; 0: there are none
	Configuration string   `toml:"configuration"` // which its U-Boot asks for by this name, naming overlays beside it; "": it starts the default
	Overlays      []string `toml:"overlays"`      // of the device trees, what is laid over the first where U-Boot asks for nothing
}

// Loader is how an image brings U-Boot to a board, and what the script that U-Boot runs is to know of it.
type Loader struct {
	Programs []Program  `toml:"program"`   // that lie at a place of the medium which the boot ROM knows
	Files    []BootFile `toml:"file"`      // on the medium's FAT partition
	Area     int64      `toml:"area"`      // bytes at the medium's beginning that no partition may take; 0: the usual table's
	MBR      bool       `toml:"mbr"`       // the boot ROM finds the FAT partition by an MBR alone
	Kernel   int64      `toml:"kernel_at"` // address in memory; 64 KiB before it the script has its own. 0: where U-Boot's environment says
	Initrd   int64      `toml:"initrd_at"` // likewise
}

// IsZero tells a board whose U-Boot is its own firmware.
func (l Loader) IsZero() bool { return len(l.Programs)+len(l.Files) == 0 }

// A Program is raw bytes at an offset of the medium.
type Program struct {
	Source
	Offset int64  `toml:"offset"` // in bytes, e.g. 8192
	Magic  string `toml:"magic"`  // what must stand in the file, e.g. eGON.BT0 or 0xd1002040; "": anything
	At     int64  `toml:"magic_at"`
}

// Has tells whether a file is what the boot ROM starts.
func (p Program) Has(data []byte) bool {
	return p.At <= int64(len(data)) && bytes.HasPrefix(data[p.At:], p.magic())
}

// magic is Magic as bytes: text, or a number in hexadecimal digits.
func (p Program) magic() []byte {
	if digits, ok := strings.CutPrefix(p.Magic, "0x"); ok {
		if b, err := hex.DecodeString(digits); err == nil {
			return b
		}
	}
	return []byte(p.Magic)
}

// A BootFile is one on the FAT partition: of a package, a text, or one of the board's device trees, for firmware that wants one before
// any kernel is read.
type BootFile struct {
	Source
	Text string `toml:"text"`
	Tree string `toml:"device_tree"` // e.g. broadcom/bcm2837-rpi-3-b.dtb
	Name string `toml:"name"`        // at most 8 and 3 characters in upper case, e.g. CONFIG.TXT
}

// A Source is a file of a Debian package.
type Source struct {
	Package   string `toml:"package"`   // e.g. u-boot-sunxi
	Component string `toml:"component"` // of the archive, e.g. non-free-firmware; "": main
	Path      string `toml:"path"`      // e.g. usr/lib/u-boot/orangepi_zero/u-boot-sunxi-with-spl.bin
}

// QEMU is the virtual machine that stands for a board.
type QEMU struct {
	Binary  string   `toml:"binary"`  // e.g. qemu-system-x86_64
	Package string   `toml:"package"` // Debian package that has it
	Machine string   `toml:"machine"` // e.g. q35
	CPU     string   `toml:"cpu"`     // "" is the machine's default
	Memory  int      `toml:"memory"`  // MiB
	SD      bool     `toml:"sd"`      // it starts from an SD card and has the board's own network port
	UBoot   File     `toml:"u_boot"`  // the firmware of a board that has U-Boot in it
	Args    []string `toml:"args"`    // further arguments, e.g. -device i6300esb
}

// A File is one of a Debian package on the host.
type File struct {
	Path    string `toml:"path"`    // e.g. /usr/lib/u-boot/qemu_arm64/u-boot.bin
	Package string `toml:"package"` // e.g. u-boot-qemu
}

//go:embed *.toml
var files embed.FS

const ending = ".toml"

// Names lists the boards there are.
func Names() []string { return names(files) }

func names(fsys fs.FS) []string {
	entries, err := fs.Glob(fsys, "*"+ending)
	if err != nil {
		panic(err) // the pattern is wrong, which only this file can be
	}
	for i, e := range entries {
		entries[i] = strings.TrimSuffix(e, ending)
	}
	slices.Sort(entries) // as names, without what ended them
	return entries
}

// Load returns a board by its name, or reads the file of one: what ends in .toml is a file. The error for an unknown name lists those there
// are, that for one of a board that is too small says why; faults of a file are a *BadFile.
func Load(name string) (Board, error) {
	if strings.HasSuffix(name, ending) {
		return loadFile(name)
	}
	return load(files, name)
}

func load(fsys fs.FS, name string) (Board, error) {
	if all := names(fsys); !slices.Contains(all, name) {
		if reason := Refused(name); reason != "" {
			return Board{}, fmt.Errorf("board %s is not supported: %s", name, reason)
		}
		hint := "no board %q; there are %s, and FILE.toml takes one of your own"
		if near := spelling.Nearest(name, all); near != "" {
			return Board{}, fmt.Errorf("did you mean %q? "+hint, near, name, strings.Join(all, ", "))
		}
		return Board{}, fmt.Errorf(hint, name, strings.Join(all, ", "))
	}
	text, err := fs.ReadFile(fsys, name+ending)
	if err != nil {
		return Board{}, err
	}
	return whole(Parse("board "+name+ending, name, text))
}

func loadFile(path string) (Board, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Board{}, fmt.Errorf("board: %w", err)
	}
	if !info.Mode().IsRegular() || info.Size() > system.MaxSize {
		return Board{}, fmt.Errorf("board: %s: want a file of at most %d bytes", path, system.MaxSize)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return Board{}, fmt.Errorf("board: %w", err)
	}
	return whole(Parse(path, strings.TrimSuffix(filepath.Base(path), ending), text))
}

// BadFile says that a board's file has faults.
type BadFile struct{ Problems []system.Problem }

func (e *BadFile) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

func whole(b Board, problems []system.Problem) (Board, error) {
	if len(problems) > 0 {
		return Board{}, &BadFile{problems}
	}
	b.Medium = cmp.Or(b.Medium, "disk")
	b.Rescue = b.Rescue.Usual()
	if b.Kernel.Build != "" {
		b.Kernel.Name = cmp.Or(b.Kernel.Name, "own")
	}
	return b, nil
}

// UsualKernel is the kernel of a build that names no other: Debian's, else the board's own.
func (b Board) UsualKernel() string { return cmp.Or(b.KernelPackage, b.Kernel.Name) }
