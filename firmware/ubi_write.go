package firmware

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"strings"
)

// Write writes the image, the volumes in their order, as ubinize -Q does. One erase block is held in memory.
func (u UBI) Write(w io.Writer) error {
	table, err := u.table()
	if err != nil {
		return fmt.Errorf("UBI: %w", err)
	}
	b := ubiWriter{w: w, u: u, block: make([]byte, u.EraseBlock)}
	for i := range ubiTableBlocks {
		copy(b.begin(), table)
		if err := b.end(ubiVID{kind: ubiDynamic, compatible: ubiReject, volume: ubiTableVolume, block: uint32(i)}); err != nil {
			return err
		}
	}
	for _, v := range u.Volumes {
		if v.Data == nil {
			continue
		}
		if err := b.volume(v); err != nil {
			return fmt.Errorf("UBI: volume %q: %w", v.Name, err)
		}
	}
	return nil
}

// table is the list of volumes. It refuses what cannot be written.
func (u UBI) table() ([]byte, error) {
	if err := u.UBIGeometry.check(); err != nil {
		return nil, err
	}
	records := u.records()
	table := bytes.Repeat(emptyRecord(), records)
	for i, v := range u.Volumes {
		if v.ID < 0 || v.ID >= records {
			return nil, fmt.Errorf("volume %q: number %d: want 0 to %d", v.Name, v.ID, records-1)
		}
		if v.Name == "" || len(v.Name) > ubiNameMax || strings.Contains(v.Name, "\x00") {
			return nil, fmt.Errorf("volume %d: name %q: want 1 to %d bytes", v.ID, v.Name, ubiNameMax)
		}
		if need := u.blocks(v); v.Blocks < 1 || int64(v.Blocks) < need || int64(v.Blocks) > math.MaxInt32 {
			return nil, fmt.Errorf("volume %q: %d erase blocks for data that take %d", v.Name, v.Blocks, need)
		}
		if v.Static && u.blocks(v) == 0 {
			return nil, fmt.Errorf("volume %q: it is static and has no data", v.Name)
		}
		for _, other := range u.Volumes[:i] {
			if other.ID == v.ID || other.Name == v.Name || other.Autoresize && v.Autoresize {
				return nil, fmt.Errorf("volumes %q and %q have one number, one name, or both resize themselves", other.Name, v.Name)
			}
		}
		copy(table[v.ID*ubiRecord:], v.encode())
	}
	return table, nil
}

// blocks is how many a volume's data take.
func (u UBI) blocks(v UBIVolume) int64 {
	if v.Data == nil {
		return 0
	}
	return roundUp(v.Data.Size(), u.Usable()) / u.Usable()
}

func emptyRecord() []byte {
	b := make([]byte, ubiRecord)
	binary.BigEndian.PutUint32(b[168:], jam(b[:168]))
	return b
}

type ubiWriter struct {
	w     io.Writer
	u     UBI
	block []byte
}

// begin gives the data of a new erase block to be filled.
func (b ubiWriter) begin() []byte {
	for i := range b.block {
		b.block[i] = 0xFF
	}
	be := binary.BigEndian
	ec := make([]byte, ubiHeader)
	copy(ec, ubiMagic)
	ec[4] = ubiVersion
	be.PutUint32(ec[16:], uint32(b.u.vid()))
	be.PutUint32(ec[20:], uint32(b.u.data()))
	be.PutUint32(ec[24:], b.u.Sequence)
	be.PutUint32(ec[60:], jam(ec[:60]))
	copy(b.block, ec)
	return b.block[b.u.data():]
}

func (b ubiWriter) end(v ubiVID) error {
	copy(b.block[b.u.vid():], v.encode())
	_, err := b.w.Write(b.block)
	return err
}

func (b ubiWriter) volume(v UBIVolume) error {
	usable, blocks := b.u.Usable(), b.u.blocks(v)
	for i := range blocks {
		size := min(usable, v.Data.Size()-i*usable)
		data := b.begin()[:size]
		if n, err := v.Data.ReadAt(data, i*usable); int64(n) < size {
			return fmt.Errorf("read byte %d: %w", i*usable+int64(n), err)
		}
		vid := ubiVID{kind: v.kind(), volume: uint32(v.ID), block: uint32(i)}
		if v.Static {
			vid.size, vid.blocks, vid.sum = uint32(size), uint32(blocks), jam(data)
		}
		if err := b.end(vid); err != nil {
			return err
		}
	}
	return nil
}
