// Package chiptest makes the firmware that machines with flash chips flash, and that their tests look for on the chip.
package chiptest

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"

	"bantam/firmware"
)

// Openwrt is the name of a firmware that is laid out as OpenWrt's are: a squashfs lies behind its kernel, and end marks behind that.
const Openwrt = "openwrt"

// Firmware is one of a name, with so many bytes of data in its kernel, and a trailer. The same words give the same bytes.
func Firmware(name string, size int) ([]byte, error) {
	return FirmwareFor("test", "x86_64", name, size)
}

// FirmwareFor is one for a device with a processor, e.g. mips, as U-Boot calls them.
func FirmwareFor(device, arch, name string, size int) ([]byte, error) {
	random := rand.NewChaCha8([32]byte{name[0]})
	data := make([]byte, size)
	random.Read(data)
	var b, kernel bytes.Buffer
	b.Grow(size + 4096)
	w := firmware.NewTrailerWriter(&b)
	u := firmware.UImage{OS: "linux", Arch: arch, Type: "kernel", Compression: "none", Name: name}
	release := firmware.Release{Distribution: firmware.Bantam, Version: "1"}
	var err error
	if name == Openwrt {
		release = firmware.Release{Distribution: "OpenWrt", Version: "24.10.0"}
		if err = u.Write(&kernel, bytes.NewReader(data)); err == nil {
			err = firmware.WriteSysupgradeBin(w, bytes.NewReader(kernel.Bytes()), bytes.NewReader(squashfs(random)), 1<<16)
		}
	} else {
		err = u.Write(w, bytes.NewReader(data))
	}
	if err != nil {
		return nil, err
	}
	m, err := firmware.Metadata{Devices: []string{device}, Compat: "1.0", Release: release}.Encode()
	if err == nil {
		err = w.Trailer(firmware.Info, m)
	}
	return b.Bytes(), err
}

// squashfs is the superblock of one (Linux: fs/squashfs/squashfs_fs.h) before bytes that nobody reads.
func squashfs(random *rand.ChaCha8) []byte {
	root := make([]byte, 200<<10)
	random.Read(root)
	copy(root, "hsqs")
	binary.LittleEndian.PutUint16(root[28:], 4)
	binary.LittleEndian.PutUint16(root[30:], 0)
	binary.LittleEndian.PutUint64(root[40:], uint64(len(root)))
	return root
}
