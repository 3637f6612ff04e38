// Package board is what Bantam knows about kinds of hardware: one TOML file a board,
// compiled in. It is data only; images decides what to do with it. The device never
// imports this package: there the kernel's own device names say all that is needed.
package board

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// Ways in which a board starts its kernel.
const (
	Hybrid  = "hybrid"   // PC: GRUB for BIOS and UEFI on a disk, isolinux and a UKI on a CD
	EFIGrub = "efi-grub" // GRUB for UEFI on a disk, which unpacks the kernel
	UBoot   = "u-boot"   // U-Boot, which is the board's firmware and unpacks the kernel, by a script on a disk
)

// Board is one kind of hardware.
type Board struct {
	Name          string   `toml:"-"`              // e.g. pc: the name of its file
	Description   string   `toml:"description"`    // one line for people
	Arch          string   `toml:"arch"`           // Go's name, e.g. amd64
	DebianArch    string   `toml:"debian_arch"`    // Debian's name, e.g. armhf
	KernelPackage string   `toml:"kernel_package"` // Debian's meta package, e.g. linux-image-amd64
	Cmdline       string   `toml:"cmdline"`        // the kernel's command line, e.g. console=ttyS0 panic=10
	Boot          string   `toml:"boot"`           // Hybrid, EFIGrub or UBoot
	ImageLimit    int64    `toml:"image_limit"`    // bytes that the largest image may have
	Modules       []string `toml:"modules"`        // kernel modules of its hardware by name, alias or pattern, e.g. virtio_*
	QEMU          QEMU     `toml:"qemu"`
}

// QEMU is the virtual machine that stands for a board.
type QEMU struct {
	Binary  string   `toml:"binary"`  // e.g. qemu-system-x86_64
	Package string   `toml:"package"` // Debian package that has it
	Machine string   `toml:"machine"` // e.g. q35
	CPU     string   `toml:"cpu"`     // "" is the machine's default
	Memory  int      `toml:"memory"`  // MiB
	UBoot   File     `toml:"u_boot"`  // the firmware of a board that U-Boot starts
	Args    []string `toml:"args"`    // further arguments, e.g. -device i6300esb
}

// A File is one of a Debian package on the host.
type File struct {
	Path    string `toml:"path"`    // e.g. /usr/lib/u-boot/qemu_arm64/u-boot.bin
	Package string `toml:"package"` // e.g. u-boot-qemu
}

//go:embed *.toml
var files embed.FS

// Names lists the boards there are.
func Names() []string { return names(files) }

func names(fsys fs.FS) []string {
	entries, err := fs.Glob(fsys, "*.toml")
	if err != nil {
		panic(err) // the pattern is wrong, which only this file can be
	}
	for i, e := range entries {
		entries[i] = strings.TrimSuffix(e, ".toml")
	}
	slices.Sort(entries) // as names, without what ended them
	return entries
}

// Load returns a board by name. The error for an unknown one lists those there are.
func Load(name string) (Board, error) { return load(files, name) }

func load(fsys fs.FS, name string) (Board, error) {
	b := Board{Name: name}
	if !slices.Contains(names(fsys), name) {
		return b, fmt.Errorf("no board %q; there are %s", name, strings.Join(names(fsys), ", "))
	}
	file := name + ".toml"
	text, err := fs.ReadFile(fsys, file)
	if err != nil {
		return b, err
	}
	meta, err := toml.Decode(string(text), &b)
	if err != nil {
		return b, fmt.Errorf("board %s: %w", file, err)
	}
	var faults []error
	for _, key := range meta.Undecoded() {
		faults = append(faults, fmt.Errorf("board %s: unknown key %s", file, key))
	}
	for _, must := range []struct {
		key  string
		here bool
	}{
		{"description", b.Description != ""},
		{"arch", b.Arch != ""},
		{"debian_arch", b.DebianArch != ""},
		{"kernel_package", b.KernelPackage != ""},
		{"cmdline", b.Cmdline != ""},
		{"image_limit", b.ImageLimit > 0},
		{"modules", len(b.Modules) > 0},
		{"qemu.binary", b.QEMU.Binary != ""},
		{"qemu.package", b.QEMU.Package != ""},
		{"qemu.machine", b.QEMU.Machine != ""},
		{"qemu.memory", b.QEMU.Memory > 0},
		{"qemu.u_boot", b.Boot != UBoot || b.QEMU.UBoot.Path != "" && b.QEMU.UBoot.Package != ""},
	} {
		if !must.here {
			faults = append(faults, fmt.Errorf("board %s: %s is missing", file, must.key))
		}
	}
	if !slices.Contains([]string{Hybrid, EFIGrub, UBoot}, b.Boot) {
		faults = append(faults, fmt.Errorf("board %s: boot = %q; it may be %q, %q or %q", file, b.Boot, Hybrid, EFIGrub, UBoot))
	}
	return b, errors.Join(faults...)
}
