// Package flashmap is where what lies on the flash chip of a board: geometry and areas, as the board's file has them and as an image
// tells its device. It is pure; the same checks hold for both.
//
// A router has no partition table: its boot loader has the places compiled in, and what writes to a wrong one makes the board useless.
// Therefore everything that writes goes by this, and by nothing that it has guessed.
package flashmap

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Path is where the kernel unpacks the map to, in the image of a board that has a chip.
const Path = "/bantam/flash"

// Kinds of chips.
const (
	NOR = "nor" // read and written byte by byte, erased by blocks, none of them bad
	UBI = "ubi" // NAND, on which an area holds volumes by UBI
)

// What areas are for.
const (
	Loader      = "loader"      // the boot loader: never written
	Environment = "environment" // its variables
	Factory     = "factory"     // what the maker has written for this one device: addresses, calibration; never written
	Firmware    = "firmware"    // what the boot loader starts, from its first byte on
	State       = "state"       // UBI of its own, for the state volume
	Volumes     = "ubi"         // UBI, for the firmware's volume and the state volume
)

var uses = []string{Loader, Environment, Factory, Firmware, State, Volumes}

// A Map is one chip.
type Map struct {
	Kind       string   `toml:"kind" json:"kind,omitempty"`               // NOR or UBI; "": the board has no chip
	Size       int64    `toml:"size" json:"size,omitempty"`               // bytes of the chip
	EraseBlock int64    `toml:"erase_block" json:"erase_block,omitempty"` // e.g. 65536
	Page       int64    `toml:"page" json:"page,omitempty"`               // smallest write of NAND, e.g. 2048; 0: NOR
	Compatible []string `toml:"compatible" json:"compatible,omitempty"`   // names that firmware is made out to, beside the board's own, e.g. gnubee,gb-pc1
	Areas      []Area   `toml:"area" json:"area,omitempty"`               // in the order of their offsets
}

// An Area is a part of the chip. What lies in none is nobody's, and is never written.
type Area struct {
	Name   string `toml:"name" json:"name,omitempty"`     // as /proc/mtd calls it, e.g. firmware
	Offset int64  `toml:"offset" json:"offset,omitempty"` // in bytes from the chip's beginning
	Size   int64  `toml:"size" json:"size,omitempty"`
	Use    string `toml:"use" json:"use,omitempty"`       // e.g. Firmware
	Volume string `toml:"volume" json:"volume,omitempty"` // of Volumes: the one that the boot loader starts, e.g. fit
}

// End is the first byte behind the area.
func (a Area) End() int64 { return a.Offset + a.Size }

// IsZero tells a board that has no such chip.
func (m Map) IsZero() bool { return m.Kind == "" }

// Find is the area of a use; there is at most one of each that is written.
func (m Map) Find(use string) (Area, bool) {
	if i := slices.IndexFunc(m.Areas, func(a Area) bool { return a.Use == use }); i >= 0 {
		return m.Areas[i], true
	}
	return Area{}, false
}

// Names are all those that firmware for this board may be made out to.
func (m Map) Names(board string) []string { return append([]string{board}, m.Compatible...) }

// Room is the most bytes that firmware may have, and what is so large, for messages. Of NAND it is what is left when as many blocks
// are bad as the chip's maker allows (UBI keeps 20 of 1024), and when nothing else lies there.
func (m Map) Room() (bytes int64, what string) {
	if a, ok := m.Find(Firmware); ok {
		return a.Size, "area " + a.Name
	}
	a, _ := m.Find(Volumes)
	blocks := a.Size/m.EraseBlock - m.BadAllowed() - UBIOverhead
	return max(blocks, 0) * m.VolumeBlock(), "UBI in area " + a.Name
}

// UBIOverhead is the number of erase blocks that UBI has for itself: two of the volume table, one to level wear, one to replace another at once.
const UBIOverhead = 4

// BadAllowed is the number of erase blocks that UBI keeps for those of the chip that go bad: 20 of 1024, the kernel's default.
func (m Map) BadAllowed() int64 {
	if m.Page == 0 {
		return 0
	}
	return (m.Size/m.EraseBlock*20 + 1023) / 1024
}

// VolumeBlock is what a volume has of an erase block: all but the two headers, which on NAND take a page each.
func (m Map) VolumeBlock() int64 {
	if m.Page == 0 {
		return m.EraseBlock - 2*64
	}
	return m.EraseBlock - 2*m.Page
}

// Encode writes the map for Path: the chip in the first line, then a line for each name and each area.
func (m Map) Encode() []byte {
	text := fmt.Appendf(nil, "chip %s %d %d %d\n", m.Kind, m.Size, m.EraseBlock, m.Page)
	for _, name := range m.Compatible {
		text = fmt.Appendf(text, "compatible %s\n", name)
	}
	for _, a := range m.Areas {
		text = fmt.Appendf(text, "area %s %d %d %s %s\n", a.Name, a.Offset, a.Size, a.Use, a.Volume)
	}
	return text
}

// Parse reads what Encode wrote. What cannot be is an error: nothing is written by a damaged map.
func Parse(text []byte) (m Map, err error) {
	number := func(word string) int64 {
		n, bad := strconv.ParseInt(word, 10, 64)
		if bad != nil && err == nil {
			err = fmt.Errorf("flash map: %q is no number", word)
		}
		return n
	}
	for i, line := range strings.Split(strings.TrimSuffix(string(text), "\n"), "\n") {
		words := strings.Split(line, " ")
		switch {
		case i == 0 && len(words) == 5 && words[0] == "chip":
			m.Kind, m.Size, m.EraseBlock, m.Page = words[1], number(words[2]), number(words[3]), number(words[4])
		case i > 0 && len(words) == 2 && words[0] == "compatible":
			m.Compatible = append(m.Compatible, words[1])
		case i > 0 && len(words) == 6 && words[0] == "area":
			m.Areas = append(m.Areas, Area{words[1], number(words[2]), number(words[3]), words[4], words[5]})
		default:
			return Map{}, fmt.Errorf("flash map: line %d: %q is nothing that one has", i+1, line)
		}
	}
	if err == nil {
		if faults := m.Check(); len(faults) > 0 {
			err = fmt.Errorf("flash map: %s", faults[0].Message)
		}
	}
	if err != nil {
		return Map{}, err
	}
	return m, nil
}
