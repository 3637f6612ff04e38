package firmware

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"
)

// UBI is an image of volumes for flash with erase blocks (Linux: drivers/mtd/ubi/ubi-media.h), as ubinize makes it: every erase block
// begins with a header that counts erasures (EC) and one that says to which volume it belongs (VID), and volumes are
// listed in a volume of its own, twice. All is big-endian.
type UBI struct {
	UBIGeometry
	Sequence uint32 // tells this image from what was on the flash before; the same in every block
	Volumes  []UBIVolume
}

// UBIGeometry is that of the flash.
type UBIGeometry struct {
	EraseBlock int64 // bytes, e.g. 128 KiB
	Page       int64 // what is written at once: 2048 of most NAND flash, 1 of NOR
	VIDOffset  int64 // where the second header lies; 0 for the next page behind the first one
}

// A UBIVolume is one of an image.
type UBIVolume struct {
	ID         int    // from 0 on
	Name       string // at most 127 bytes
	Static     bool   // written once as a whole, and checked as such; else writable block by block
	Blocks     int    // that are kept for it: at least those of its data
	Autoresize bool   // it gets what is free when it is attached first
	Data       Source // nil for an empty one. Of a dynamic one that was read: up to the last block that is there
}

const (
	ubiMagic       = "UBI#"
	ubiVIDMagic    = "UBI!"
	ubiHeader      = 64
	ubiVersion     = 1
	ubiTableVolume = 0x7FFFEFFF
	ubiReject      = 5 // what a UBI that does not know the volume does: nothing
	ubiRecord      = 172
	ubiRecordsMax  = 128
	ubiNameMax     = 127
	ubiDynamic     = 1
	ubiStatic      = 2
	ubiAutoresize  = 1
	ubiTableBlocks = 2
	ubiLeastBlock  = 4 << 10
	ubiMostBlock   = 16 << 20
)

// vid is where the second header lies.
func (g UBIGeometry) vid() int64 {
	if g.VIDOffset != 0 {
		return g.VIDOffset
	}
	return roundUp(ubiHeader, g.Page)
}

// data is where a block's data begin.
func (g UBIGeometry) data() int64 { return roundUp(g.vid()+ubiHeader, g.Page) }

// Usable is how many bytes of a volume an erase block holds.
func (g UBIGeometry) Usable() int64 { return g.EraseBlock - g.data() }

// records is how long the list of volumes is.
func (g UBIGeometry) records() int { return int(min(ubiRecordsMax, g.Usable()/ubiRecord)) }

func (g UBIGeometry) check() error {
	if g.EraseBlock < ubiLeastBlock || g.EraseBlock > ubiMostBlock || g.Page < 1 || g.Page > g.EraseBlock || g.EraseBlock%g.Page != 0 {
		return fmt.Errorf("erase blocks of %d bytes with pages of %d", g.EraseBlock, g.Page)
	}
	if g.vid() < ubiHeader || g.vid()%8 != 0 || g.vid() > g.EraseBlock || g.Usable() < ubiRecord {
		return fmt.Errorf("erase blocks of %d bytes have no room behind headers at byte %d", g.EraseBlock, g.vid())
	}
	return nil
}

// ubiVID is a second header.
type ubiVID struct {
	kind       byte
	compatible byte
	volume     uint32
	block      uint32 // of the volume
	size       uint32 // of the data; static volumes only, like the rest
	blocks     uint32 // of the whole volume's data
	padding    uint32 // of the block, for volumes with an alignment
	sum        uint32
	sequence   uint64
}

func (v ubiVID) encode() []byte {
	b := make([]byte, ubiHeader)
	be := binary.BigEndian
	copy(b, ubiVIDMagic)
	b[4], b[5], b[7] = ubiVersion, v.kind, v.compatible
	be.PutUint32(b[8:], v.volume)
	be.PutUint32(b[12:], v.block)
	be.PutUint32(b[20:], v.size)
	be.PutUint32(b[24:], v.blocks)
	be.PutUint32(b[28:], v.padding)
	be.PutUint32(b[32:], v.sum)
	be.PutUint64(b[40:], v.sequence)
	be.PutUint32(b[60:], jam(b[:60]))
	return b
}

func parseVID(b []byte) (v ubiVID, err error) {
	be := binary.BigEndian
	if string(b[:4]) != ubiVIDMagic || be.Uint32(b[60:]) != jam(b[:60]) {
		return v, errors.New("the header of its volume is damaged")
	}
	v = ubiVID{b[5], b[7], be.Uint32(b[8:]), be.Uint32(b[12:]), be.Uint32(b[20:]), be.Uint32(b[24:]), be.Uint32(b[28:]), be.Uint32(b[32:]), be.Uint64(b[40:])}
	if b[4] != ubiVersion || b[6] != 0 || v.kind != ubiDynamic && v.kind != ubiStatic {
		return v, fmt.Errorf("version %d, copy %d, kind %d of a volume: this is no image", b[4], b[6], v.kind)
	}
	return v, nil
}

// encode is the volume's record in the list.
func (v UBIVolume) encode() []byte {
	b := make([]byte, ubiRecord)
	be := binary.BigEndian
	be.PutUint32(b, uint32(v.Blocks))
	be.PutUint32(b[4:], 1) // alignment
	b[12] = v.kind()
	be.PutUint16(b[14:], uint16(len(v.Name)))
	copy(b[16:], v.Name)
	if v.Autoresize {
		b[144] = ubiAutoresize
	}
	be.PutUint32(b[168:], jam(b[:168]))
	return b
}

func (v UBIVolume) kind() byte {
	if v.Static {
		return ubiStatic
	}
	return ubiDynamic
}

// parseRecord reads a record; there is false for an empty one. padding is what an alignment leaves of each block.
func parseRecord(b []byte) (v UBIVolume, padding uint32, there bool, err error) {
	be := binary.BigEndian
	if be.Uint32(b[168:]) != jam(b[:168]) {
		return v, 0, false, errors.New("its checksum is wrong")
	}
	blocks, name := be.Uint32(b), int(be.Uint16(b[14:]))
	if blocks == 0 {
		return v, 0, false, nil
	}
	if name == 0 || name > ubiNameMax || blocks > math.MaxInt32 || b[12] != ubiDynamic && b[12] != ubiStatic || b[13] != 0 {
		return v, 0, false, fmt.Errorf("%d blocks, kind %d, update marker %d, name of %d bytes", blocks, b[12], b[13], name)
	}
	v = UBIVolume{Name: string(b[16 : 16+name]), Static: b[12] == ubiStatic, Blocks: int(blocks), Autoresize: b[144]&ubiAutoresize != 0}
	if strings.Contains(v.Name, "\x00") {
		return v, 0, false, fmt.Errorf("a zero byte in the name %q", v.Name)
	}
	return v, be.Uint32(b[8:]), true, nil
}
