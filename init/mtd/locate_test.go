package mtd

import (
	"strings"
	"testing"

	"bantam/flashmap"
)

func TestAreasAreFoundOrNothingIsWritten(t *testing.T) {
	m := flashmap.Map{Kind: flashmap.NOR, Size: 13 * 4096, EraseBlock: 4096, Areas: []flashmap.Area{
		{Name: "u-boot", Size: 4096, Use: flashmap.Loader}, {Name: "firmware", Offset: 4096, Size: 12 * 4096, Use: flashmap.Firmware}}}
	area, _ := m.Find(flashmap.Firmware)
	chip := Device{Number: 0, Name: "spi0.0", Kind: "nor", Size: m.Size, EraseBlock: 4096, WriteSize: 1}
	named := Device{Number: 2, Name: "firmware", Kind: "nor", Size: area.Size, EraseBlock: 4096, WriteSize: 1}
	short, other := named, chip
	short.Size -= 4096
	other.Number, other.Name = 1, "spi0.1"
	for _, test := range []struct {
		name    string
		devices []Device
		number  int
		offset  int64
		want    string
	}{
		{"by its name", []Device{chip, named}, 2, 0, ""},
		{"on the chip", []Device{chip}, 0, 4096, ""},
		{"of another size", []Device{chip, short}, 0, 0, "area firmware has 49152 bytes in erase blocks of 4096, and the kernel's has 45056"},
		{"on none", nil, 0, 0, "the kernel shows no chip of 53248 bytes in erase blocks of 4096, nor an area firmware; it shows none"},
		{"on one of two", []Device{chip, other}, 0, 0, "several chips may be the board's, and none has an area firmware: spi0.0, spi0.1"},
	} {
		d, offset, err := Locate(m, area, test.devices)
		if test.want == "" && (err != nil || d.Number != test.number || offset != test.offset) || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: %+v at %d, %v", test.name, d, offset, err)
		}
	}
}
