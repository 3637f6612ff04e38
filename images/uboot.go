package images

import (
	_ "embed"
	"encoding/binary"
	"hash/crc32"
	"strings"
)

// U-Boot starts boards whose firmware it is. What an image gives it is one script, which its boot flow finds by itself.

// ubootScriptPath is where U-Boot's boot flow looks for a script, in the first partition of a disk. Its FAT driver knows no case.
const ubootScriptPath = "BOOT.SCR"

//go:embed uboot.scr
var ubootScript string

// UBootScript is the boot.scr by which U-Boot chooses a slot and starts it, for an architecture by Go's name.
func UBootScript(arch string) []byte {
	var text strings.Builder
	for line := range strings.Lines(ubootScript) {
		if line = strings.TrimLeft(line, "\t"); line != "\n" && !strings.HasPrefix(line, "#") {
			text.WriteString(line)
		}
	}
	return uImageScript(arch, "Bantam", text.String())
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
