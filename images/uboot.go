package images

import (
	"bytes"
	_ "embed"
	"fmt"
	"path"
	"strings"

	"bantam/board"
	"bantam/firmware"
)

// U-Boot starts boards whose firmware it is. What an image gives it is one script, which its boot flow finds by itself.

// ubootScriptPath is where U-Boot's boot flow looks for a script, in the first partition of a disk. Its FAT driver knows no case.
const ubootScriptPath = "BOOT.SCR"

//go:embed uboot.scr
var ubootScript string

// ubootCommands start a kernel, by Go's names of architectures: an Image, which U-Boot unpacks if it must, or a zImage, which
// unpacks itself.
var ubootCommands = map[string]string{"arm64": "booti", "arm": "bootz"}

// UBootScript is the boot.scr by which U-Boot chooses a slot of a board and starts it. It has no date, so that the same script is the same
// bytes.
func UBootScript(b board.Board) []byte {
	header := firmware.UImage{OS: "linux", Arch: firmware.UBootArch(b.Arch), Type: "script", Compression: "none", Name: "Bantam"}
	var script bytes.Buffer
	if err := header.Write(&script, strings.NewReader(ubootText(b))); err != nil {
		panic(err) // a board's architecture is among those that U-Boot has
	}
	return script.Bytes()
}

// ubootText is the script as U-Boot's shell reads it.
func ubootText(b board.Board) string {
	var text strings.Builder
	for line := range strings.Lines(ubootBoard(b) + strings.ReplaceAll(ubootScript, "@BOOT@", ubootCommands[b.Arch])) {
		if line = strings.TrimLeft(line, "\t"); line != "\n" && !strings.HasPrefix(line, "#") {
			text.WriteString(line)
		}
	}
	return text.String()
}

// ubootBoard is what the script is told of a board. The device trees lie in front of the kernel, each in treeRoom; without any
// the kernel gets U-Boot's own. An address that U-Boot would keep a tree at for ever, as some do, is none that a kernel leaves alone.
func ubootBoard(b board.Board) string {
	var s strings.Builder
	if l := b.Loader; l.Kernel != 0 {
		fmt.Fprintf(&s, "setenv kernel_addr_r %x\nsetenv ramdisk_addr_r %x\nsetenv pxefile_addr_r %x\n", l.Kernel, l.Initrd, l.Kernel-0x10000)
	}
	fmt.Fprintf(&s, "setenv trees %x\n", treeRoom*len(b.DeviceTrees))
	if len(b.DeviceTrees) == 0 {
		return s.String() + "setenv tree ${fdtcontroladdr}\n"
	}
	s.WriteString("setenv fdt_high\nsetenv tree ${kernel_addr_r}\n")
	for i, tree := range b.DeviceTrees {
		if name := path.Base(tree); i > 0 { // some builds name the vendor's folder, too
			fmt.Fprintf(&s, "if test \"${fdtfile}\" = \"%s\" -o \"${fdtfile}\" = \"%s\"; then setexpr tree ${kernel_addr_r} + %x; fi\n", tree, name, i*treeRoom)
		}
	}
	return s.String()
}
