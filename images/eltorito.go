package images

import (
	"encoding/binary"
	"fmt"
)

// El Torito ("Bootable CD-ROM Format Specification" 1.0, with the EFI platform of UEFI section 13.3) tells firmware what
// to start from a CD: a descriptor that points to a catalogue of boot images.

func elToritoDescriptor(catalogSector uint32) []byte {
	d := make([]byte, isoSector)
	copy(d, "\x00CD001\x01EL TORITO SPECIFICATION")
	binary.LittleEndian.PutUint32(d[71:], catalogSector)
	return d
}

// elToritoCatalog names a BIOS program, of which the firmware loads four 512-byte sectors and which loads the rest of
// itself, and an EFI system partition.
func elToritoCatalog(biosSector, espSector, espSize int64) []byte {
	const (
		platformBIOS = 0
		platformEFI  = 0xEF
		bootable     = 0x88
	)
	c := make([]byte, isoSector)
	le := binary.LittleEndian

	validation := c[0:32]
	validation[0], validation[1] = 1, platformBIOS
	validation[30], validation[31] = 0x55, 0xAA
	var sum uint16
	for i := 0; i < 32; i += 2 {
		sum += le.Uint16(validation[i:])
	}
	le.PutUint16(validation[28:], -sum) // all words add up to zero

	entry := func(b []byte, sectors, at int64) {
		b[0] = bootable
		if sectors > 0xFFFF {
			sectors = 0 // too many for the field: the firmware takes the size from the FAT's own 32-bit field
		}
		le.PutUint16(b[6:], uint16(sectors))
		le.PutUint32(b[8:], uint32(at))
	}
	entry(c[32:64], 4, biosSector)
	section := c[64:96]
	section[0], section[1] = 0x91, platformEFI // 0x91: the last section
	le.PutUint16(section[2:], 1)               // of one entry
	entry(c[96:128], espSize/fatSector, espSector)
	return c
}

// bootInfoTable returns isolinux.bin with the table at its byte 8 that tells it where it lies: sector of the volume
// descriptor, its own sector, length, and the sum of all 32-bit words from byte 64 on.
func bootInfoTable(isolinux []byte, sector int64) ([]byte, error) {
	if len(isolinux) < 4*fatSector {
		return nil, fmt.Errorf("isolinux.bin: %d bytes are too few", len(isolinux))
	}
	b := append([]byte(nil), isolinux...)
	le := binary.LittleEndian
	le.PutUint32(b[8:], isoPrimaryAt)
	le.PutUint32(b[12:], uint32(sector))
	le.PutUint32(b[16:], uint32(len(b)))
	padded := append(append([]byte(nil), b...), 0, 0, 0)
	var sum uint32
	for i := 64; i+4 <= len(padded); i += 4 {
		sum += le.Uint32(padded[i:])
	}
	le.PutUint32(b[20:], sum)
	return b, nil
}
