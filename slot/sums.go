package slot

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"
)

// Sums are the CRC-32 (IEEE) of what a slot holds, over whole sectors. They find damage, not malice: for SHA-256 GRUB takes seven
// times as long. The header's is among them, because its numbers and words decide what runs.
type Sums struct{ Kernel, Initrd uint32 }

// SumsSize is the two sectors of the sums.
const SumsSize = 2 * SectorSize

// SumsOf are the checksums of what NewHeader lays out.
func SumsOf(kernel, initrd []byte) Sums {
	return Sums{sumOfSectors(kernel), sumOfSectors(initrd)}
}

// sumOfSectors is that of data with zeros up to the end of its last sector.
func sumOfSectors(data []byte) uint32 {
	zeros := make([]byte, int(sectors(int64(len(data))))*SectorSize-len(data))
	return crc32.Update(crc32.ChecksumIEEE(data), crc32.IEEETable, zeros)
}

// Encode writes the sums, for a header. The first sector is for GRUB: lines as sha256sum writes them, behind blanks, because
// hashsum skips those and nothing else. The second is for U-Boot: the three numbers, most significant byte first, as its
// crc32 leaves them in memory.
func (s Sums) Encode(h Header) ([]byte, error) {
	header, err := h.Encode()
	if err != nil {
		return nil, err
	}
	var lines, numbers []byte
	for _, sum := range []struct {
		crc uint32
		of  Range
	}{{crc32.ChecksumIEEE(header), Range{0, headerSectors}}, {s.Kernel, h.Kernel}, {s.Initrd, h.Initrd}} {
		lines = fmt.Appendf(lines, "%08x  %v\n", sum.crc, sum.of)
		numbers = binary.BigEndian.AppendUint32(numbers, sum.crc)
	}
	b := fmt.Appendf(nil, "%*s", SectorSize, lines)
	return append(append(b, numbers...), make([]byte, SectorSize-len(numbers))...), nil
}

// ParseSums reads the two sectors that belong to a header. What is not to the byte as Encode writes it is an error.
func ParseSums(b []byte, h Header) (s Sums, err error) {
	if len(b) != SumsSize {
		return s, fmt.Errorf("slot sums: %d bytes, want %d", len(b), SumsSize)
	}
	lines := strings.Split(strings.TrimLeft(string(b[:SectorSize]), " "), "\n")
	if len(lines) != 4 {
		return s, fmt.Errorf("slot sums: %d lines, want 3", len(lines)-1)
	}
	for i, to := range []*uint32{&s.Kernel, &s.Initrd} {
		digits, _, _ := strings.Cut(lines[1+i], " ")
		sum, err := strconv.ParseUint(digits, 16, 32)
		if err != nil {
			return s, fmt.Errorf("slot sums: %w", err)
		}
		*to = uint32(sum)
	}
	if want, err := s.Encode(h); err != nil || !bytes.Equal(want, b) {
		return s, errors.Join(errors.New("slot sums: they are damaged, or another header's"), err)
	}
	return s, nil
}
