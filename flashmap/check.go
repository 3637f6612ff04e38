package flashmap

import (
	"fmt"
	"math/bits"
	"slices"
	"strings"
)

// A Fault is something about a map that cannot be.
type Fault struct {
	Area    int    // index of the area that it is about, -1: the chip itself
	Key     string // e.g. offset
	Message string
	Advice  string // what to write instead; "": the message says it
}

// Limits of chips. The largest that boards have today is far below; what is beyond is a slip.
const (
	mostSize  = 1 << 40
	mostBlock = 64 << 20
	mostAreas = 64
	leastUBI  = 24 // erase blocks: UBI's own and the smallest UBIFS
)

// Check finds all that cannot be of a map that is not zero.
func (m Map) Check() (faults []Fault) {
	fail := func(area int, key, advice, format string, args ...any) {
		faults = append(faults, Fault{area, key, fmt.Sprintf(format, args...), advice})
	}
	switch m.Kind {
	case NOR:
		if m.Page != 0 {
			fail(-1, "page", "remove it", "page: NOR is written byte by byte")
		}
	case UBI:
		if m.Page < 512 || !powerOfTwo(m.Page) || m.Page*4 > m.EraseBlock {
			fail(-1, "page", "e.g. page = 2048", "page: %d is no page of NAND: want a power of two from 512 to a quarter of erase_block", m.Page)
		}
	default:
		fail(-1, "kind", "it may be nor, ubi", "kind: %q is no kind of flash", m.Kind)
	}
	if m.EraseBlock < 4096 || m.EraseBlock > mostBlock || m.Kind == UBI && !powerOfTwo(m.EraseBlock) {
		fail(-1, "erase_block", "e.g. erase_block = 65_536", "erase_block: %d bytes are no erase block", m.EraseBlock)
		return faults
	}
	if m.Size <= 0 || m.Size > mostSize || m.Size%m.EraseBlock != 0 {
		fail(-1, "size", "", "size: %d is no size of a chip with erase blocks of %d", m.Size, m.EraseBlock)
		return faults
	}
	for i, name := range m.Compatible {
		if !word(name) || slices.Index(m.Compatible, name) != i {
			fail(-1, "compatible", "", "compatible: %q is no name, or is there twice", name)
		}
	}
	if len(m.Areas) > mostAreas {
		fail(-1, "area", "", "area: %d are too many", len(m.Areas))
	}
	for i, a := range m.Areas {
		m.checkArea(i, a, fail)
	}
	switch _, firmware := m.Find(Firmware); {
	case m.Kind == NOR && !firmware:
		fail(-1, "area", "add an area with use = \"firmware\"", "area: no area is for the firmware")
	case m.Kind == UBI && firmware:
		fail(-1, "area", "name the volume that it starts, in the area with use = \"ubi\"", "area: from NAND a boot loader starts a volume, for blocks in an area of firmware may be bad")
	}
	if _, volumes := m.Find(Volumes); m.Kind == UBI && !volumes {
		fail(-1, "area", "add an area with use = \"ubi\"", "area: no area is for UBI")
	}
	return faults
}

func (m Map) checkArea(i int, a Area, fail func(area int, key, advice, format string, args ...any)) {
	if !word(a.Name) {
		fail(i, "name", "as /proc/mtd calls it", "area: %q is no name of an area", a.Name)
	}
	if j := slices.IndexFunc(m.Areas, func(b Area) bool { return b.Name == a.Name }); j < i {
		fail(i, "name", "", "area: there are two called %q", a.Name)
	}
	known := slices.Contains(uses, a.Use)
	if !known {
		fail(i, "use", "it may be "+strings.Join(uses, ", "), "area %s: use: %q is none of these", a.Name, a.Use)
	}
	if j := slices.IndexFunc(m.Areas, func(b Area) bool { return b.Use == a.Use }); j < i && known && a.Use != Loader && a.Use != Factory {
		fail(i, "use", "", "area %s: %s is for %s already", a.Name, m.Areas[j].Name, a.Use)
	}
	whole := true
	for _, n := range []struct {
		key   string
		bytes int64
	}{{"offset", a.Offset}, {"size", a.Size}} {
		if n.bytes%m.EraseBlock != 0 || n.bytes < 0 || n.key == "size" && n.bytes == 0 {
			whole = false
			fail(i, n.key, "", "area %s: %s %#x is not at an erase block: want a multiple of %#x", a.Name, n.key, n.bytes, m.EraseBlock)
		}
	}
	if a.Offset > m.Size || a.Size > m.Size-a.Offset {
		fail(i, "size", "", "area %s: it ends at %#x, and the chip at %#x", a.Name, uint64(a.Offset)+uint64(a.Size), m.Size)
	} else if i > 0 && a.Offset < m.Areas[i-1].End() && whole {
		fail(i, "offset", "write them in the order of their offsets", "area %s: it begins at %#x, and %s before it ends at %#x",
			a.Name, a.Offset, m.Areas[i-1].Name, m.Areas[i-1].End())
	}
	switch isUBI := a.Use == State || a.Use == Volumes; {
	case isUBI && whole && a.Size/m.EraseBlock-m.BadAllowed() < leastUBI:
		fail(i, "size", "", "area %s: %d erase blocks are too few for UBI and files in it: want %d", a.Name, a.Size/m.EraseBlock, leastUBI+m.BadAllowed())
	case a.Use == Volumes && (!word(a.Volume) || len(a.Volume) > longestVolume):
		fail(i, "volume", "e.g. volume = \"fit\"", "area %s: %q is no volume that the boot loader starts", a.Name, a.Volume)
	case a.Use == Volumes && strings.HasPrefix(a.Volume, StateVolume):
		fail(i, "volume", "", "area %s: volume %s is the state volume's name", a.Name, a.Volume)
	case a.Use != Volumes && a.Volume != "":
		fail(i, "volume", "remove it", "area %s: volume is for areas with use = \"ubi\"", a.Name)
	}
	if m.Kind == NOR && a.Use == Volumes {
		fail(i, "use", "write use = \"state\"", "area %s: a boot loader finds no volume in NOR", a.Name)
	}
}

// StateVolume is what the volume for state is called, in whichever UBI it lies.
const StateVolume = "state"

// longestVolume leaves room, in the 127 bytes of a volume's name, for what is put behind it while another is written.
const longestVolume = 100

func powerOfTwo(n int64) bool { return bits.OnesCount64(uint64(n)) == 1 }

// word accepts what can stand as one word in a line, and is harmless on a terminal.
func word(s string) bool {
	return s != "" && len(s) <= 120 && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '/' })
}
