package board

import (
	"fmt"

	"bantam/flashmap"
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
	if area, ok := b.Flash.Find(flashmap.Firmware); ok && b.ImageLimit > area.Size {
		r.fail(root.Get("image_limit").At, fmt.Sprintf("at most %d", area.Size), "image_limit: an image of %d bytes reaches over its area %s of %d", b.ImageLimit, area.Name, area.Size)
	}
}
