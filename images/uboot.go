package images

import (
	_ "embed"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"path"
	"strings"

	"bantam/board"
)

// U-Boot starts boards whose firmware it is. What an image gives it is one script, which its boot flow finds by itself.

// ubootScriptPath is where U-Boot's boot flow looks for a script, in the first partition of a disk. Its FAT driver knows no case.
const ubootScriptPath = "BOOT.SCR"

//go:embed uboot.scr
var ubootScript string

// ubootCommands start a kernel, by Go's names of architectures: an Image, which U-Boot unpacks if it must, or a zImage, which
// unpacks itself.
var ubootCommands = map[string]string{"arm64": "booti", "arm": "bootz"}

// UBootScript is the boot.scr by which U-Boot chooses a slot of a board and starts it.
func UBootScript(b board.Board) []byte { return uImageScript(b.Arch, "Bantam", ubootText(b)) }

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

// uImageArchs are U-Boot's numbers of architectures (its include/image.h).
var uImageArchs = map[string]byte{"arm": 2, "mips": 5, "mipsle": 5, "arm64": 22, "amd64": 24, "riscv64": 26}

// uImageScript wraps a script as mkimage does: a legacy image (U-Boot's include/image.h) without a date, so that the same script
// is the same bytes.
func uImageScript(arch, name, text string) []byte {
	const (
		headerSize = 64
		magic      = 0x27051956
		linux      = 5
		script     = 6
	)
	be := binary.BigEndian
	data := be.AppendUint32(nil, uint32(len(text))) // the list of the image's parts, of which there is one; then a zero ends it
	data = append(be.AppendUint32(data, 0), text...)
	h := make([]byte, headerSize, headerSize+len(data))
	be.PutUint32(h, magic)
	be.PutUint32(h[12:], uint32(len(data)))
	be.PutUint32(h[24:], crc32.ChecksumIEEE(data))
	h[28], h[29], h[30] = linux, uImageArchs[arch], script
	copy(h[32:], name)
	be.PutUint32(h[4:], crc32.ChecksumIEEE(h)) // over the header with zeros here
	return append(h, data...)
}
