package statevolume

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math/bits"

	"bantam/init/statevolume/sparse"
)

// A Condition is what a superblock says before anything is mounted.
type Condition int

const (
	Foreign  Condition = iota // not a file system of ours
	Damaged                   // ours, but not to be trusted
	Intact                    // ours, and nothing is known against it; the journal may still want its replay
	Unwanted                  // marked, to be made anew
)

// A FileSystem is what lies at a place on the disk.
type FileSystem struct {
	Condition Condition
	Reason    string // why it is not intact
	Size      int64  // in bytes
}

const (
	superblockAt   = 1024
	superblockSize = 1024

	stateError = 0x2 // EXT4_ERROR_FS: the kernel has met an inconsistency

	// What Linux 6.1 mounts for writing and the template may come to have. Anything else was not made by us.
	knownIncompat = 0x0002 /* filetype */ | 0x0004 /* recover */ | 0x0010 /* meta_bg */ | 0x0040 /* extents */ | 0x0080 /* 64bit */ | 0x0200                  /* flex_bg */
	knownROCompat = 0x0001 /* sparse_super */ | 0x0002 /* large_file */ | 0x0008 /* huge_file */ | 0x0020 /* dir_nlink */ | 0x0040 /* extra_isize */ | 0x0400 /* metadata_csum */
	metadataCsum  = 0x0400
)

// inspect judges the 1024 bytes of an ext4 superblock (kernel: fs/ext4/ext4.h, struct ext4_super_block).
func inspect(sb []byte) FileSystem {
	le := binary.LittleEndian
	label, _, _ := bytes.Cut(sb[0x78:0x88], []byte{0})
	switch {
	case le.Uint16(sb[0x38:]) != 0xEF53:
		return FileSystem{Foreign, "it holds no ext4 file system", 0}
	case string(label) != sparse.Label:
		return FileSystem{Foreign, fmt.Sprintf("its ext4 file system is labelled %q", label), 0}
	}
	damaged := func(format string, args ...any) FileSystem {
		return FileSystem{Condition: Damaged, Reason: fmt.Sprintf(format, args...)}
	}
	incompat, roCompat := le.Uint32(sb[0x60:]), le.Uint32(sb[0x64:])
	if roCompat&metadataCsum == 0 {
		return damaged("its superblock has no checksum")
	}
	if sum := ^crc32.Checksum(sb[:0x3FC], crc32.MakeTable(crc32.Castagnoli)); sum != le.Uint32(sb[0x3FC:]) {
		return damaged("the checksum of its superblock is wrong")
	}
	if extra := incompat &^ knownIncompat; extra != 0 {
		return damaged("it has unknown features (incompat %#x)", extra)
	}
	if extra := roCompat &^ knownROCompat; extra != 0 {
		return damaged("it has unknown features (ro_compat %#x)", extra)
	}
	if le.Uint16(sb[0x3A:])&stateError != 0 {
		return damaged("the kernel has marked it as having errors")
	}
	if n := le.Uint32(sb[0x194:]); n != 0 {
		return damaged("the kernel has counted %d errors in it", n)
	}
	blocks := uint64(le.Uint32(sb[0x04:])) | uint64(le.Uint32(sb[0x150:]))<<32
	if le.Uint32(sb[0x18:]) != 2 || blocks == 0 || bits.Len64(blocks) > 40 {
		return damaged("its size makes no sense")
	}
	return FileSystem{Condition: Intact, Size: int64(blocks) * sparse.BlockSize}
}
