// Package sparse packs the template, a small ext4 file system, that an image carries, so that the device makes its state volume
// without an mkfs: the host runs mke2fs and packs the result, the device writes it out and lets the kernel grow it.
//
// A file system of 16 MiB has about ten blocks that are not zero, and only these are stored. The format, little-endian:
// "bantmpl1", bytes in a block, blocks in the file system, stored blocks n (32 bits each); n times a block's number
// (32 bits) and its bytes, ascending; SHA-256 of all before.
package sparse

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Label is the volume label by which the file system is known as Bantam's.
const Label = "bantam-state"

const (
	magic      = "bantmpl1"
	BlockSize  = 4096
	headerSize = len(magic) + 3*4
	maxBlocks  = 1 << 18 // 1 GiB: a larger one is no image but damage
)

// An Image is an unpacked file system: the blocks that are not zero, by number.
type Image struct {
	Blocks int // of BlockSize bytes each, zeros included
	Used   map[int][]byte
	order  []int
}

// Size is what the file system takes on the disk, in bytes.
func (s Image) Size() int64 { return int64(s.Blocks) * BlockSize }

// Read collects the blocks that are not zero from a file system of that many bytes.
func Read(fs io.ReaderAt, size int64) (Image, error) {
	s := Image{Blocks: int(size / BlockSize), Used: map[int][]byte{}}
	if size <= 0 || size%BlockSize != 0 || s.Blocks > maxBlocks {
		return s, fmt.Errorf("image of %d bytes: want a multiple of %d, at most %d", size, BlockSize, maxBlocks*BlockSize)
	}
	zero := make([]byte, BlockSize)
	for i := range s.Blocks {
		b := make([]byte, BlockSize)
		if _, err := fs.ReadAt(b, int64(i)*BlockSize); err != nil {
			return s, fmt.Errorf("read block %d: %w", i, err)
		}
		if !bytes.Equal(b, zero) {
			s.Used[i], s.order = b, append(s.order, i)
		}
	}
	return s, nil
}

// Pack returns the stored form. The same file system gives the same bytes.
func (s Image) Pack() []byte {
	le := binary.LittleEndian
	b := []byte(magic)
	b = le.AppendUint32(b, BlockSize)
	b = le.AppendUint32(b, uint32(s.Blocks))
	b = le.AppendUint32(b, uint32(len(s.order)))
	for _, i := range s.order {
		b = le.AppendUint32(b, uint32(i))
		b = append(b, s.Used[i]...)
	}
	sum := sha256.Sum256(b)
	return append(b, sum[:]...)
}

// Unpack reads the stored form.
func Unpack(b []byte) (Image, error) {
	le := binary.LittleEndian
	if len(b) < headerSize+sha256.Size || string(b[:len(magic)]) != magic {
		return Image{}, errors.New("sparse image: not a template")
	}
	body, sum := b[:len(b)-sha256.Size], b[len(b)-sha256.Size:]
	if got := sha256.Sum256(body); !bytes.Equal(got[:], sum) {
		return Image{}, errors.New("sparse image: checksum is wrong")
	}
	s := Image{Blocks: int(le.Uint32(body[12:])), Used: map[int][]byte{}}
	stored, entries := int(le.Uint32(body[16:])), body[headerSize:]
	if le.Uint32(body[8:]) != BlockSize || s.Blocks == 0 || s.Blocks > maxBlocks || stored > s.Blocks || len(entries) != stored*(4+BlockSize) {
		return Image{}, errors.New("sparse image: sizes do not agree")
	}
	last := -1
	for ; len(entries) > 0; entries = entries[4+BlockSize:] {
		i := int(le.Uint32(entries))
		if i <= last || i >= s.Blocks {
			return Image{}, fmt.Errorf("sparse image: block %d after %d of %d", i, last, s.Blocks)
		}
		s.Used[i], s.order, last = entries[4:4+BlockSize], append(s.order, i), i
	}
	return s, nil
}
