package board

import (
	"fmt"
	"slices"
	"strings"

	"bantam/system/syntax"
)

// checkFirmware looks at what the maker's U-Boot is to start.
func (r *reader) checkFirmware(root *syntax.Node) {
	b := &r.board
	table := root.Get("uimage")
	if b.Boot != UImage {
		if table != nil {
			r.fail(table.Key, "remove it, or write boot = \"uimage\"", "uimage: the board does not start from one")
		}
		return
	}
	if b.Arch != "mips" && b.Arch != "mipsle" && b.Arch != "" {
		r.fail(root.Get("arch").At, "", "boot: the device tree of a uimage lies where Linux for mips and mipsle look for it; not that for %s", b.Arch)
	}
	if n := root.Get("device_trees"); n == nil {
		r.fail(root.Get("boot").At, "e.g. device_trees = [\"ralink/mt7621-gnubee-gb-pc1.dtb\"]", "device_trees is missing: a uimage has one")
	} else if !n.Bad && len(b.DeviceTrees) != 1 {
		r.fail(n.At, "", "device_trees: a uimage has one, not %d", len(b.DeviceTrees))
	}
	if table == nil || table.Bad || table.Get("compression") == nil {
		at := root.Get("boot").At
		if table != nil {
			at = table.Key
		}
		r.fail(at, "compression = \"none\", or \"lzma\"", "uimage.compression is missing: it says what the maker's U-Boot undoes")
		return
	}
	r.word(table, "compression", b.Firmware.Compression, "none", "lzma")
	r.checkTPLink(root, table)
	r.checkRoom(root)
}

// checkTPLink looks at the numbers of TP-Link's header, whose U-Boots undo LZMA alone.
func (r *reader) checkTPLink(root, table *syntax.Node) {
	b := &r.board
	id, rev := table.Get("tplink_id"), table.Get("tplink_rev")
	if id == nil {
		if rev != nil {
			r.fail(rev.Key, "e.g. tplink_id = 0x3C00_0101", "uimage.tplink_id is missing: a revision is of a hardware")
		}
		return
	}
	const most = int64(1<<32 - 1)
	if !id.Bad && (b.Firmware.TPLinkID < 1 || b.Firmware.TPLinkID > most) {
		r.fail(id.At, "", "uimage.tplink_id: %d is not from 1 to %#x", b.Firmware.TPLinkID, most)
	}
	if rev == nil {
		r.fail(id.Key, "tplink_rev = 1, nearly always", "uimage.tplink_rev is missing")
	} else if !rev.Bad && (b.Firmware.TPLinkRev < 0 || b.Firmware.TPLinkRev > most) {
		r.fail(rev.At, "", "uimage.tplink_rev: %d is not from 0 to %#x", b.Firmware.TPLinkRev, most)
	}
	if b.Firmware.Compression == "none" {
		r.fail(table.Get("compression").At, "compression = \"lzma\"", "uimage: a U-Boot that takes TP-Link's header undoes LZMA, whatever it is given")
	}
	if b.Flash.IsZero() && root.Get("flash") == nil {
		r.fail(id.Key, "add [flash]", "uimage: TP-Link's header says how large the area of the firmware is")
	}
}

// checkFIT looks at what a FIT image needs.
func (r *reader) checkFIT(root *syntax.Node) {
	b := &r.board
	table := root.Get("fit")
	if b.Boot != FIT {
		if table != nil {
			r.fail(table.Key, "remove it, or write boot = \"fit\"", "fit: the board does not start from one")
		}
		return
	}
	if b.Arch != "arm64" && b.Arch != "" {
		r.fail(root.Get("arch").At, "", "boot: a FIT image is made for arm64 alone, not for %s", b.Arch)
	}
	if root.Get("device_trees") == nil {
		r.fail(root.Get("boot").At, "", "device_trees is missing: a FIT image has at least one")
	}
	if n := table.Get("kernel_at"); n == nil {
		r.fail(root.Get("boot").At, "e.g. kernel_at = 0x4400_0000", "fit.kernel_at is missing: U-Boot unpacks the kernel there")
	} else if !n.Bad && (b.Start.Kernel%0x20_0000 != 0 || b.Start.Kernel == 0) {
		r.fail(n.At, "", "fit.kernel_at: Linux for arm64 begins at a multiple of 2 MiB, not at %#x", b.Start.Kernel)
	}
	overlays := false
	for _, tree := range b.DeviceTrees {
		overlays = overlays || strings.HasSuffix(tree, Overlay)
	}
	if n := table.Get("tree_at"); n == nil && overlays {
		r.fail(root.Get("device_trees").At, "e.g. tree_at = 0x43f0_0000", "fit.tree_at is missing: U-Boot lays one tree over another there")
	} else if n != nil && !n.Bad && (b.Start.Tree <= 0 || b.Start.Tree%8 != 0) {
		r.fail(n.At, "", "fit.tree_at: a tree begins at a multiple of 8, not at %#x", b.Start.Tree)
	}
	for i, name := range b.Start.Overlays {
		if !strings.HasSuffix(name, Overlay) || !slices.Contains(b.DeviceTrees, name) {
			r.fail(table.Get("overlays").Item(i).At, "name it in device_trees, too", "fit.overlays: %q is none of the board's overlays", name)
		}
	}
	r.checkRoom(root)
}

// checkRoom compares the largest image with what its flash has for it.
func (r *reader) checkRoom(root *syntax.Node) {
	b := &r.board
	if b.Flash.IsZero() || len(b.Flash.Check()) > 0 {
		return
	}
	if room, what := b.Flash.Room(); b.ImageLimit > room {
		r.fail(root.Get("image_limit").At, fmt.Sprintf("at most %d", room), "image_limit: an image of %d bytes reaches over its %s of %d", b.ImageLimit, what, room)
	}
}
