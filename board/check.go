package board

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"bantam/spelling"
	"bantam/system/syntax"
)

// archs are the architectures of boards: Go's names, and Debian's.
var archs = map[string]string{"amd64": "amd64", "arm64": "arm64", "arm": "armhf", "mips": "mips", "mipsle": "mipsel"}

// What a board has at least.
const (
	leastMemory = 64 // MiB
	leastImage  = 8_000_000
)

// Where things may lie.
const (
	sector      = 512
	usualArea   = 34 * sector // what a GUID partition table takes at the beginning of a disk
	mostArea    = 64 << 20
	bootSector  = sector // sector 0 is the MBR's, sector 1 the table's header
	leastHeader = 2 * bootSector
)

// check finds what cannot be: all that is missing, words that mean nothing, places that collide.
func (r *reader) check(root *syntax.Node) {
	b := &r.board
	if name := b.Name; name == "" || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" || strings.HasPrefix(name, "-") || len(name) > 60 {
		r.fail(0, "call the file like the board, in lower-case letters, digits and -", "%q is no name of a board", name)
	}
	r.word(root, "boot", b.Boot, Hybrid, EFIGrub, UBoot, UImage, FIT, Direct)
	r.word(root, "arch", b.Arch, "amd64", "arm64", "arm", "mips", "mipsle")
	if want, known := archs[b.Arch]; known && b.DebianArch != "" && b.DebianArch != want {
		r.fail(root.Get("debian_arch").At, "write "+strconv.Quote(want), "debian_arch: Debian calls %s %s", b.Arch, want)
	}
	for _, must := range []struct {
		key  string
		here bool
	}{
		{"description", b.Description != ""},
		{"arch", b.Arch != ""},
		{"debian_arch", b.DebianArch != ""},
		{"kernel_package", b.KernelPackage != "" || root.Get("kernel") != nil},
		{"cmdline", b.Cmdline != ""},
		{"boot", b.Boot != ""},
		{"image_limit", root.Get("image_limit") != nil},
		{"modules", len(b.Modules) > 0},
		{"qemu.package", b.QEMU.Binary == "" || b.QEMU.Package != ""},
		{"qemu.machine", b.QEMU.Binary == "" || b.QEMU.Machine != ""},
		{"qemu.memory", b.QEMU.Binary == "" || b.QEMU.Memory > 0},
		{"qemu.u_boot", b.QEMU.Binary == "" || b.Boot != UBoot || b.QEMU.SD || b.QEMU.UBoot.Path != "" && b.QEMU.UBoot.Package != ""},
	} {
		if n := root.Get(strings.Split(must.key, ".")...); !must.here && (n == nil || !n.Bad) {
			at := 0
			if n != nil {
				at = n.Key
			} else if table, _, ok := strings.Cut(must.key, "."); ok {
				at = root.Get(table).Key
			}
			r.fail(at, "", "%s is missing", must.key)
		}
	}
	if n := root.Get("memory"); n != nil && !n.Bad && b.Memory < leastMemory {
		r.fail(n.At, "", "memory: %d MiB are too few; kernel and programs need %d", b.Memory, leastMemory)
	}
	if n := root.Get("image_limit"); n != nil && !n.Bad && b.ImageLimit < leastImage {
		r.fail(n.At, "", "image_limit: %d bytes are too few; the smallest image, kernel and programs, has more than 7 MB", b.ImageLimit)
	}
	if n := root.Get("device_trees"); n != nil && b.Boot != UBoot && b.Boot != UImage && b.Boot != FIT {
		r.fail(n.Key, "remove it, or write boot = \"u-boot\"", "device_trees: only U-Boot's script goes by it")
	}
	if n := root.Get("u_boot"); n != nil && b.Boot != UBoot && b.Boot != EFIGrub {
		r.fail(n.Key, "remove it", "u_boot: %s", map[string]string{
			Hybrid: "a PC does not start by U-Boot", Direct: "the medium brings no boot loader", UImage: "the maker's is in flash, and stays there", FIT: "it is in flash, and stays there",
		}[b.Boot])
		return
	}
	r.checkFirmware(root)
	r.checkFIT(root)
	for i, tree := range b.DeviceTrees {
		base, overlay := strings.CutSuffix(tree, Overlay)
		item := root.Get("device_trees").Item(i)
		if overlay && clean(base) && (b.Boot != FIT || i == 0) {
			r.fail(item.At, "", "device_trees: %q is laid over another tree, which a FIT image has before it", tree)
		} else if !overlay && !strings.HasSuffix(tree, ".dtb") || !clean(tree) {
			r.fail(item.At, "e.g. \"allwinner/sun8i-h3-orangepi-pc.dtb\"", "device_trees: %q is no device tree", tree)
		}
	}
	r.checkFlash(root.Get("flash"))
	r.checkKernel(root.Get("kernel"))
	r.checkRescue(root.Get("rescue"))
	r.checkPanel(root)
	r.checkLoader(root.Get("u_boot"))
}

// checkFlash tells what cannot be of the chip by the places where it is written.
func (r *reader) checkFlash(table *syntax.Node) {
	if table == nil || table.Bad {
		return
	}
	for _, f := range r.board.Flash.Check() {
		n := table
		if f.Area >= 0 {
			n = table.Get("area").Item(f.Area)
		}
		at := n.At
		if key := n.Get(f.Key); key != nil {
			if key.Bad {
				continue // told
			}
			at = key.At
		}
		r.fail(at, f.Advice, "flash.%s", f.Message)
	}
}

// checkKernel looks at the kernel that is built for the board. Which options its source has shows when it is configured.
func (r *reader) checkKernel(table *syntax.Node) {
	if table == nil || table.Bad {
		return
	}
	k := r.board.Kernel
	switch build := table.Get("build"); {
	case build == nil:
		r.fail(table.Key, "e.g. build = \"linux-source-6.1\"", "kernel.build is missing")
	case !build.Bad && !isPackage(k.Build):
		r.fail(build.At, "e.g. \"linux-source-6.1\"", "kernel.build: %q is no package of Debian", k.Build)
	}
	if n := table.Get("name"); n != nil && !n.Bad && !isPackage(k.Name) {
		r.fail(n.At, "", "kernel.name: want lower-case letters, digits and -, not %q", k.Name)
	}
	for i, name := range k.Fragments {
		if _, err := (Board{Kernel: OwnKernel{Fragments: []string{name}}}).Configuration(); err != nil {
			r.fail(table.Get("fragments").Item(i).At, "", "kernel.fragments: %v", err)
		}
	}
	if _, err := parseFragment("kernel.options", k.Options); err != nil {
		r.fail(table.Get("options").At, "", "%v", err)
	}
	if n := table.Get("trees"); n != nil && len(r.board.DeviceTrees) == 0 {
		r.fail(n.Key, "remove it, or name device_trees", "kernel.trees: there is no device tree that it could be added to")
	}
}

// isPackage accepts what Debian calls packages.
func isPackage(name string) bool {
	return len(name) > 1 && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-+.") == "" && strings.Trim(name[:1], "-+.") != ""
}

// word reports a value that is none of those there are.
func (r *reader) word(root *syntax.Node, key, value string, known ...string) {
	n := root.Get(key)
	if n == nil || n.Bad || slices.Contains(known, value) {
		return
	}
	suggestion := "it may be " + strings.Join(known, ", ")
	if near := spelling.Nearest(value, known); near != "" {
		suggestion = "did you mean " + strconv.Quote(near) + "?"
	}
	r.fail(n.At, suggestion, "%s: %q is none of %s", key, value, strings.Join(known, ", "))
}

// clean accepts a relative path that stays where it is.
func clean(p string) bool {
	return p != "" && path.Clean(p) == p && !path.IsAbs(p) && p != ".." && !strings.HasPrefix(p, "../")
}

func (r *reader) checkLoader(table *syntax.Node) {
	l := &r.board.Loader
	if table == nil {
		return
	}
	if (l.Kernel == 0) != (l.Initrd == 0) {
		r.fail(table.Key, "give both or neither", "u_boot: kernel_at and initrd_at belong together")
	}
	if l.Kernel != 0 && (l.Initrd <= l.Kernel || l.Initrd-l.Kernel < 16<<20) {
		r.fail(table.Get("kernel_at").At, "leave at least 16 MiB between them", "u_boot: the kernel at %#x reaches over the initrd at %#x", l.Kernel, l.Initrd)
	}
	if l.Kernel%0x10000 != 0 || l.Initrd%0x10000 != 0 {
		r.fail(table.Key, "", "u_boot: kernel_at and initrd_at are multiples of 0x1_0000")
	}
	if l.Area != 0 && (l.Area%sector != 0 || l.Area < usualArea || l.Area > mostArea) {
		r.fail(table.Get("area").At, "", "u_boot.area: want a multiple of %d from %d to %d", sector, usualArea, mostArea)
	}
	source := func(n *syntax.Node, s Source) {
		switch {
		case s.Package == "" || s.Path == "":
			r.fail(n.At, "", "%s: package and path are both wanted", "u_boot")
		case !clean(s.Path):
			r.fail(n.Get("path").At, "e.g. usr/lib/u-boot/orangepi_zero/u-boot-sunxi-with-spl.bin", "u_boot: %q is no path in a package", s.Path)
		}
	}
	for i, p := range l.Programs {
		n := table.Get("program").Item(i)
		source(n, p.Source)
		at := n.At
		if offset := n.Get("offset"); offset != nil {
			at = offset.At
		}
		switch {
		case p.Offset%sector != 0 || p.Offset < leastHeader:
			r.fail(at, "", "u_boot.program: offset %d: want a multiple of %d that leaves the first %d bytes to the partition table", p.Offset, sector, leastHeader)
		case l.Area == 0:
			r.fail(n.At, "e.g. area = 2_097_152", "u_boot.area is missing: a program at byte %d needs room that no partition takes", p.Offset)
		case p.Offset >= l.Area-(usualArea-leastHeader):
			r.fail(at, "", "u_boot.program: offset %d is behind what area leaves: %d", p.Offset, l.Area-(usualArea-leastHeader))
		}
	}
	for i, f := range l.Files {
		n := table.Get("file").Item(i)
		switch {
		case f.Tree != "" && !slices.Contains(r.board.DeviceTrees, f.Tree):
			r.fail(n.Get("device_tree").At, "", "u_boot.file: %q is not among device_trees", f.Tree)
		case f.Text == "" && f.Tree == "":
			source(n, f.Source)
		}
		base, ext, _ := strings.Cut(f.Name, ".")
		if base == "" || len(base) > 8 || len(ext) > 3 || strings.Trim(base+ext, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") != "" {
			r.fail(n.At, "at most 8 and 3 characters in upper case, e.g. CONFIG.TXT", "u_boot.file: %q is no name for FAT", f.Name)
		}
		if strings.EqualFold(f.Name, "BOOT.SCR") {
			r.fail(n.At, "", "u_boot.file: BOOT.SCR is the script that every image brings")
		}
	}
}
