package slot

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// Sums are the checksums of what a slot holds, over whole sectors. They find damage, not malice. The header's is among them:
// its numbers and words decide what runs.
type Sums struct{ Kernel, Initrd [sha256.Size]byte }

// SumsOf are the checksums of what NewHeader lays out.
func SumsOf(kernel, initrd []byte) Sums {
	return Sums{sumOfSectors(kernel), sumOfSectors(initrd)}
}

// sumOfSectors is that of data with zeros up to the end of its last sector.
func sumOfSectors(data []byte) (sum [sha256.Size]byte) {
	h := sha256.New()
	h.Write(data)
	h.Write(make([]byte, int(sectors(int64(len(data))))*SectorSize-len(data)))
	h.Sum(sum[:0])
	return sum
}

// Encode writes the sector, for a header: lines of sha256sum behind blanks, because the program that checks them in GRUB
// skips those and nothing else.
func (s Sums) Encode(h Header) ([]byte, error) {
	header, err := h.Encode()
	if err != nil {
		return nil, err
	}
	var lines []string
	for _, sum := range []struct {
		sum [sha256.Size]byte
		of  Range
	}{{sha256.Sum256(header), Range{0, headerSectors}}, {s.Kernel, h.Kernel}, {s.Initrd, h.Initrd}} {
		lines = append(lines, hex.EncodeToString(sum.sum[:])+"  "+sum.of.String()+"\n")
	}
	return fmt.Appendf(nil, "%*s", SectorSize, strings.Join(lines, "")), nil
}

// ParseSums reads the sector that belongs to a header. One that is not to the byte as Encode writes it is an error.
func ParseSums(sector []byte, h Header) (s Sums, err error) {
	lines := strings.Split(strings.TrimLeft(string(sector), " "), "\n")
	if len(lines) != 4 {
		return s, fmt.Errorf("slot sums: %d lines, want 3", len(lines)-1)
	}
	for i, to := range []*[sha256.Size]byte{&s.Kernel, &s.Initrd} {
		digits, _, _ := strings.Cut(lines[1+i], " ")
		if len(digits) != hex.EncodedLen(len(to)) {
			return s, fmt.Errorf("slot sums: %q is no checksum", digits)
		}
		if _, err := hex.Decode(to[:], []byte(digits)); err != nil {
			return s, fmt.Errorf("slot sums: %w", err)
		}
	}
	if want, err := s.Encode(h); err != nil || !bytes.Equal(want, sector) {
		return s, errors.Join(errors.New("slot sums: they are damaged, or another header's"), err)
	}
	return s, nil
}
