package images

import (
	"encoding/binary"
	"fmt"

	"bantam/gpt"
)

// hybridMBR is sector 0 of a medium that a BIOS starts from a disk: isolinux's disk loader, the sector of isolinux.bin
// that it loads, and the protective entry, marked active because some BIOSes start nothing else.
func hybridMBR(loader []byte, isolinuxSector int64, signature uint32, sectors int64) ([]byte, error) {
	if len(loader) > 432 {
		return nil, fmt.Errorf("isohdpfx.bin: %d bytes: at most 432 fit before the partition entries", len(loader))
	}
	b := make([]byte, gpt.SectorSize)
	copy(b, loader)
	binary.LittleEndian.PutUint64(b[432:], uint64(isolinuxSector*isoSector/gpt.SectorSize))
	binary.LittleEndian.PutUint32(b[440:], signature)
	gpt.ProtectiveMBR(b, uint64(sectors), true)
	return b, nil
}
