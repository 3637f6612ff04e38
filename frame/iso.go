package frame

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Files of an ISO that has a frame.
const (
	File       = "DISK.XZ" // the frame
	KernelFile = "VMLINUZ"
	InitrdFile = "INITRD"
	LayersFile = "LAYERS"
)

// ErrNoISO: the medium has no ISO 9660 file system.
var ErrNoISO = errors.New("it is no ISO")

const (
	isoSector  = 2048
	isoVolume  = 16 * isoSector // the primary volume descriptor
	isoRootAt  = 156            // in it, the root directory's record
	isoMostDir = 64 << 10
)

// Files are those in the root directory of an ISO 9660 file system (ECMA-119), by name without version, e.g. VMLINUZ. Whether an
// extent reaches beyond the medium is seen when it is read.
func Files(medium io.ReaderAt) (map[string]*io.SectionReader, error) {
	volume := make([]byte, isoSector)
	if _, err := medium.ReadAt(volume, isoVolume); err != nil {
		return nil, fmt.Errorf("read the volume descriptor: %w", err)
	}
	if !bytes.HasPrefix(volume, []byte("\x01CD001\x01")) {
		return nil, ErrNoISO
	}
	at, size := extent(volume[isoRootAt:])
	if size > isoMostDir {
		return nil, fmt.Errorf("a root directory of %d bytes", size)
	}
	dir := make([]byte, size)
	if _, err := medium.ReadAt(dir, at); err != nil {
		return nil, fmt.Errorf("read the root directory: %w", err)
	}
	files := map[string]*io.SectionReader{}
	for pos := 0; pos < len(dir); {
		const nameAt = 33
		length := int(dir[pos])
		if length == 0 { // the rest of the sector is empty
			pos = (pos/isoSector + 1) * isoSector
			continue
		}
		if length < nameAt || pos+length > len(dir) || nameAt+int(dir[pos+nameAt-1]) > length {
			return nil, fmt.Errorf("the root directory is damaged at byte %d", pos)
		}
		record := dir[pos:][:length]
		pos += length
		const directory = 2
		if record[25]&directory != 0 {
			continue
		}
		name, _, _ := strings.Cut(string(record[nameAt:][:record[nameAt-1]]), ";")
		begin, size := extent(record)
		files[strings.TrimSuffix(name, ".")] = io.NewSectionReader(medium, begin, size)
	}
	return files, nil
}

// extent is where what a directory record tells of lies, in bytes.
func extent(record []byte) (at, size int64) {
	le := binary.LittleEndian
	return int64(le.Uint32(record[2:])) * isoSector, int64(le.Uint32(record[10:]))
}
