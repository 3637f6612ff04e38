package images

import (
	"encoding/binary"
	"fmt"
	"sort"
	"strings"
)

// The FAT writer makes the small read-mostly file system of an EFI system partition (Microsoft's FAT specification 1.03):
// FAT12 or FAT16, one copy of the table, names of the 8.3 kind in upper case, every file one contiguous chain. The data
// area begins at a multiple of 2048 bytes and clusters are as a rule at least as large, so ISO 9660 can point at the same extents.
// There is no FAT32: it begins at 2 GiB with the largest cluster, and no firmware loads a program of that size.

const (
	fatSector      = 512
	fatMinCluster  = 2048
	fatMaxCluster  = 32768
	fat12Clusters  = 4084  // the most that FAT12 can have; one more makes it FAT16
	fat16Clusters  = 65524 // likewise, of FAT16
	fatEntrySize   = 32
	fatDate1980    = 1<<5 | 1 // 1 January 1980: media carry no clock
	fatAttrDir     = 0x10
	fatAttrArchive = 0x20
	fatAttrLabel   = 0x08
)

// A fatFile is a file to put in, e.g. at "EFI/BOOT/BOOTX64.EFI". Its content is a layout, so that a composed file (a UKI)
// is not copied together first.
type fatFile struct {
	path    string
	content layout
}

// A fatDir is a directory while the tree is laid out; cluster 0 is the root's.
type fatDir struct {
	name    string
	dirs    []*fatDir
	files   []*fatEntry
	cluster int64
}

type fatEntry struct {
	name    string
	content layout
	cluster int64
}

// A fatKind is what a reader of the file system asks of it.
type fatKind struct {
	cluster int64 // the least bytes of one
	only16  bool  // it does not know FAT12
}

// fatLayout lays the files out and returns the file system and the byte at which each file begins in it.
func fatLayout(files []fatFile, label string, volumeID uint32) (layout, map[string]int64, error) {
	return fatKind{cluster: fatMinCluster}.layout(files, label, volumeID)
}

func (kind fatKind) layout(files []fatFile, label string, volumeID uint32) (layout, map[string]int64, error) {
	root, err := fatTree(files)
	if err != nil {
		return layout{}, nil, err
	}
	var clusterSize, clusters int64
	for clusterSize = kind.cluster; ; clusterSize *= 2 {
		if clusterSize > fatMaxCluster {
			return layout{}, nil, fmt.Errorf("an EFI partition of %d clusters of %d bytes: at most %d", clusters, fatMaxCluster, fat16Clusters)
		}
		clusters = root.number(clusterSize)
		if clusters <= fat16Clusters-16 {
			break
		}
	}
	// Implementations disagree by a few at the border of the two kinds, so stay clear of it.
	bits := int64(12)
	if clusters > fat12Clusters-16 || kind.only16 {
		bits, clusters = 16, max(clusters, fat12Clusters+16)
	}
	tableSectors := roundUp((clusters+2)*bits, 8*fatSector) / (8 * fatSector)
	rootEntries := roundUp(int64(1+len(root.dirs)+len(root.files)), fatSector/fatEntrySize)
	rootSectors := rootEntries * fatEntrySize / fatSector
	dataAt := roundUp((1+tableSectors+rootSectors)*fatSector, fatMinCluster)
	reserved := dataAt/fatSector - tableSectors - rootSectors
	size := dataAt + clusters*clusterSize
	at := func(cluster int64) int64 { return dataAt + (cluster-2)*clusterSize }

	table := fatTable{bits: bits, bytes: make([]byte, tableSectors*fatSector)}
	table.set(0, 0xFFF8)
	table.set(1, 0xFFFF)
	l := layout{size: size}
	starts := map[string]int64{}
	rootBytes := fatLabelEntry(label)
	var place func(d *fatDir, parent int64, path string)
	place = func(d *fatDir, parent int64, path string) {
		var b []byte
		if path == "" {
			b = rootBytes
		} else {
			b = append(fatDirEntry(".          ", fatAttrDir, d.cluster, 0), fatDirEntry("..         ", fatAttrDir, parent, 0)...)
		}
		for _, sub := range d.dirs {
			b = append(b, fatDirEntry(fatName(sub.name), fatAttrDir, sub.cluster, 0)...)
			place(sub, d.cluster, path+sub.name+"/")
		}
		for _, f := range d.files {
			b = append(b, fatDirEntry(fatName(f.name), fatAttrArchive, f.cluster, f.content.size)...)
			if f.cluster == 0 {
				continue // an empty file has no clusters
			}
			table.chain(f.cluster, roundUp(f.content.size, clusterSize)/clusterSize)
			starts[path+f.name] = at(f.cluster)
			l.shifted(at(f.cluster), f.content)
		}
		if path == "" {
			rootBytes = b
			return
		}
		table.chain(d.cluster, roundUp(int64(len(b)), clusterSize)/clusterSize)
		l.add(at(d.cluster), path, Bytes(b))
	}
	place(root, 0, "")
	l.add(0, "FAT boot sector", Bytes(fatBootSector(clusterSize, reserved, rootEntries, tableSectors, size/fatSector, bits, label, volumeID)))
	l.add(reserved*fatSector, "FAT", Bytes(table.bytes))
	l.add((reserved+tableSectors)*fatSector, "FAT root directory", Bytes(rootBytes))
	return l, starts, nil
}

// fatTree sorts paths into directories.
func fatTree(files []fatFile) (*fatDir, error) {
	root := &fatDir{}
	for _, f := range files {
		d := root
		parts := strings.Split(f.path, "/")
		for _, name := range parts {
			base, ext, _ := strings.Cut(name, ".")
			if base == "" || len(base) > 8 || len(ext) > 3 || strings.Trim(base+ext, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") != "" {
				return nil, fmt.Errorf("FAT name %q: want at most 8 and 3 characters in upper case", name)
			}
		}
		for _, name := range parts[:len(parts)-1] {
			d = d.sub(name)
		}
		if f.content.size >= 1<<32 {
			return nil, fmt.Errorf("%s: %d bytes: a file on FAT is smaller than 4 GiB", f.path, f.content.size)
		}
		d.files = append(d.files, &fatEntry{name: parts[len(parts)-1], content: f.content})
	}
	return root, nil
}

func (d *fatDir) sub(name string) *fatDir {
	for _, s := range d.dirs {
		if s.name == name {
			return s
		}
	}
	s := &fatDir{name: name}
	d.dirs = append(d.dirs, s)
	sort.Slice(d.dirs, func(i, j int) bool { return d.dirs[i].name < d.dirs[j].name })
	return s
}

// number gives clusters to directories first, then files, and returns how many are used.
func (d *fatDir) number(clusterSize int64) int64 {
	next := int64(2)
	var dirs func(d *fatDir)
	dirs = func(d *fatDir) {
		for _, s := range d.dirs {
			s.cluster = next
			next += roundUp(int64(2+len(s.dirs)+len(s.files))*fatEntrySize, clusterSize) / clusterSize
			dirs(s)
		}
	}
	var files func(d *fatDir)
	files = func(d *fatDir) {
		for _, f := range d.files {
			if f.content.size > 0 {
				f.cluster = next
				next += roundUp(f.content.size, clusterSize) / clusterSize
			}
		}
		for _, s := range d.dirs {
			files(s)
		}
	}
	dirs(d)
	files(d)
	return next - 2
}

type fatTable struct {
	bits  int64
	bytes []byte
}

func (t fatTable) set(cluster int64, value uint16) {
	if t.bits == 16 {
		binary.LittleEndian.PutUint16(t.bytes[cluster*2:], value)
		return
	}
	// Twelve bits each: two entries share the middle one of three bytes.
	pair := t.bytes[cluster*3/2:]
	if cluster%2 == 0 {
		pair[0] = byte(value)
		pair[1] = pair[1]&0xF0 | byte(value>>8)&0x0F
	} else {
		pair[0] = pair[0]&0x0F | byte(value<<4)
		pair[1] = byte(value >> 4)
	}
}

func (t fatTable) chain(first, n int64) {
	for c := first; c < first+n-1; c++ {
		t.set(c, uint16(c+1))
	}
	t.set(first+n-1, 0xFFFF)
}

// fatName pads "BOOTX64.EFI" to the directory's eleven characters.
func fatName(name string) string {
	base, ext, _ := strings.Cut(name, ".")
	return fmt.Sprintf("%-8s%-3s", base, ext)
}

func fatDirEntry(name11 string, attr byte, cluster, size int64) []byte {
	e := make([]byte, fatEntrySize)
	copy(e, name11)
	e[11] = attr
	le := binary.LittleEndian
	le.PutUint16(e[16:], fatDate1980)
	le.PutUint16(e[18:], fatDate1980)
	le.PutUint16(e[24:], fatDate1980)
	le.PutUint16(e[26:], uint16(cluster))
	le.PutUint32(e[28:], uint32(size))
	return e
}

func fatLabelEntry(label string) []byte {
	return fatDirEntry(fmt.Sprintf("%-11.11s", label), fatAttrLabel, 0, 0)
}

func fatBootSector(clusterSize, reserved, rootEntries, tableSectors, sectors, bits int64, label string, volumeID uint32) []byte {
	b := make([]byte, fatSector)
	le := binary.LittleEndian
	copy(b, "\xEB\x3C\x90BANTAM  ")
	le.PutUint16(b[11:], fatSector)
	b[13] = byte(clusterSize / fatSector)
	le.PutUint16(b[14:], uint16(reserved))
	b[16] = 1 // one table
	le.PutUint16(b[17:], uint16(rootEntries))
	if sectors < 1<<16 {
		le.PutUint16(b[19:], uint16(sectors))
	} else {
		le.PutUint32(b[32:], uint32(sectors))
	}
	b[21] = 0xF8 // fixed disk
	le.PutUint16(b[22:], uint16(tableSectors))
	le.PutUint16(b[24:], 63)  // sectors a track and
	le.PutUint16(b[26:], 255) // heads, as if anyone asked
	b[36] = 0x80
	b[38] = 0x29
	le.PutUint32(b[39:], volumeID)
	copy(b[43:], fmt.Sprintf("%-11.11s", label))
	copy(b[54:], fmt.Sprintf("FAT%d   ", bits))
	b[510], b[511] = 0x55, 0xAA
	return b
}
