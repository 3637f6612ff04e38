package images

import (
	"encoding/binary"
	"fmt"
	"sort"
	"strings"
)

// The ISO 9660 writer (ECMA-119, level 1) makes a root directory of a few files that lie where the caller says. It does
// not place content: on hybrid media several records point into one file of the EFI partition. No Rock Ridge, no Joliet,
// no subdirectories; the directory is one sector.

const (
	isoSector         = 2048
	isoSystemArea     = 16 // sectors that belong to the boot code and the partition table
	isoPrimaryAt      = 16
	isoElToritoAt     = 17
	isoTerminatorAt   = 18
	isoPathTableAt    = 19 // little-endian, then big-endian
	isoRootAt         = 21
	isoCatalogAt      = 22
	isoFirstContentAt = 23
)

// An isoFile is one record of the root directory.
type isoFile struct {
	name string // e.g. "VMLINUZ" or "ISOLINUX.CFG"
	at   int64  // byte on the medium, a multiple of 2048
	size int64
}

// isoLayout makes the descriptors, path tables and the root directory. size is the whole medium's.
func isoLayout(files []isoFile, label string, size int64) (layout, error) {
	l := layout{size: size}
	root, err := isoDirectory(files)
	if err != nil {
		return l, err
	}
	l.add(isoPrimaryAt*isoSector, "ISO 9660 volume descriptor", Bytes(isoPrimary(label, size)))
	l.add(isoElToritoAt*isoSector, "El Torito descriptor", Bytes(elToritoDescriptor(isoCatalogAt)))
	terminator := make([]byte, isoSector)
	copy(terminator, "\xFFCD001\x01")
	l.add(isoTerminatorAt*isoSector, "ISO 9660 terminator", Bytes(terminator))
	l.add(isoPathTableAt*isoSector, "ISO 9660 path table", Bytes(isoPathTable(binary.LittleEndian)))
	l.add((isoPathTableAt+1)*isoSector, "ISO 9660 path table", Bytes(isoPathTable(binary.BigEndian)))
	l.add(isoRootAt*isoSector, "ISO 9660 root directory", Bytes(root))
	return l, nil
}

func isoDirectory(files []isoFile) ([]byte, error) {
	dir := append(isoRecord("\x00", isoRootAt, isoSector, true), isoRecord("\x01", isoRootAt, isoSector, true)...)
	sorted := append([]isoFile(nil), files...)
	sort.Slice(sorted, func(i, j int) bool { return sorted[i].name < sorted[j].name })
	for _, f := range sorted {
		base, ext, _ := strings.Cut(f.name, ".")
		switch {
		case base == "" || len(base) > 8 || len(ext) > 3:
			return nil, fmt.Errorf("ISO 9660 name %q: want at most 8 and 3 characters", f.name)
		case f.at%isoSector != 0:
			return nil, fmt.Errorf("ISO 9660 file %s: byte %d is not at a sector's start", f.name, f.at)
		case f.size >= 1<<32:
			return nil, fmt.Errorf("ISO 9660 file %s: %d bytes: an extent is smaller than 4 GiB", f.name, f.size)
		}
		dir = append(dir, isoRecord(base+"."+ext+";1", f.at/isoSector, f.size, false)...)
	}
	if len(dir) > isoSector {
		return nil, fmt.Errorf("ISO 9660 root directory: %d files do not fit into one sector", len(files))
	}
	return append(dir, make([]byte, isoSector-len(dir))...), nil
}

// isoRecord is a directory record. Its date is all zeros, which the standard reads as "not specified".
func isoRecord(name string, sector, size int64, directory bool) []byte {
	length := roundUp(int64(33+len(name)), 2)
	r := make([]byte, length)
	r[0] = byte(length)
	putBoth32(r[2:], sector)
	putBoth32(r[10:], size)
	if directory {
		r[25] = 2
	}
	putBoth16(r[28:], 1) // volume in the set
	r[32] = byte(len(name))
	copy(r[33:], name)
	return r
}

func isoPrimary(label string, size int64) []byte {
	d := make([]byte, isoSector)
	copy(d, "\x01CD001\x01")
	text := func(from, to int, s string) {
		for i := from; i < to; i++ {
			d[i] = ' '
		}
		copy(d[from:to], s)
	}
	text(8, 40, "")
	text(40, 72, label)
	putBoth32(d[80:], size/isoSector)
	putBoth16(d[120:], 1) // volumes in the set
	putBoth16(d[124:], 1) // number of this one
	putBoth16(d[128:], isoSector)
	putBoth32(d[132:], int64(len(isoPathTable(binary.LittleEndian))))
	binary.LittleEndian.PutUint32(d[140:], isoPathTableAt)
	binary.BigEndian.PutUint32(d[148:], isoPathTableAt+1)
	copy(d[156:190], isoRecord("\x00", isoRootAt, isoSector, true))
	text(190, 813, "") // set, publisher, preparer, application, copyright, abstract, bibliography
	for _, at := range []int{813, 830, 847, 864} {
		copy(d[at:], "0000000000000000") // created, modified, expires, effective: not specified
	}
	d[881] = 1
	return d
}

// isoPathTable has one entry: the root.
func isoPathTable(order binary.ByteOrder) []byte {
	t := make([]byte, 10)
	t[0] = 1
	order.PutUint32(t[2:], isoRootAt)
	order.PutUint16(t[6:], 1)
	return t
}

// putBoth32 writes a number in both byte orders, as ISO 9660 wants most of them.
func putBoth32(b []byte, n int64) {
	binary.LittleEndian.PutUint32(b, uint32(n))
	binary.BigEndian.PutUint32(b[4:], uint32(n))
}

func putBoth16(b []byte, n uint16) {
	binary.LittleEndian.PutUint16(b, n)
	binary.BigEndian.PutUint16(b[2:], n)
}
