package firmware

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
)

// TRX is Broadcom's container (version 1): 28 bytes, little-endian, then up to three parts at multiples of four bytes, filled up with zeros to
// 4 KiB.
type TRX struct {
	Flags uint16
	Size  int64  // of all
	Parts []Part // in the order of the header, e.g. loader, kernel, root
	sum   uint32
}

const (
	trxMagic   = "HDR0"
	trxHeader  = 28
	trxSummed  = 12 // from here on
	trxParts   = 3
	trxUnit    = 4 << 10
	trxVersion = 1
)

// ReadTRX reads the header. Something else may follow all of it. ErrOther if the file does not begin as one.
func ReadTRX(f Source) (t TRX, err error) {
	h, err := header(f, FormatTRX, trxMagic, trxHeader)
	if err != nil {
		return t, err
	}
	le := binary.LittleEndian
	t = TRX{Flags: le.Uint16(h[12:]), Size: int64(le.Uint32(h[4:])), sum: le.Uint32(h[8:])}
	if version := le.Uint16(h[14:]); version != trxVersion {
		return t, fmt.Errorf("TRX: version %d: want %d", version, trxVersion)
	}
	whole := Part{"TRX", 0, t.Size}
	if err := whole.check(f); err != nil {
		return t, err
	}
	end := t.Size
	for i := trxParts - 1; i >= 0; i-- {
		at := int64(le.Uint32(h[16+4*i:]))
		if at == 0 && len(t.Parts) == 0 {
			continue
		}
		if at < trxHeader || at >= end {
			return t, fmt.Errorf("TRX: part %d begins at byte %d, which is not in front of byte %d", i, at, end)
		}
		t.Parts = append([]Part{{fmt.Sprintf("part %d", i), at, end - at}}, t.Parts...)
		end = at
	}
	if len(t.Parts) == 0 {
		return t, errors.New("TRX: it has no parts")
	}
	return t, nil
}

// Verify reads all and compares the checksum.
func (t TRX) Verify(f Source) error {
	crc, err := sumCRC(f, trxSummed, t.Size-trxSummed)
	if err != nil {
		return fmt.Errorf("TRX: %w", err)
	}
	if ^crc != t.sum {
		return fmt.Errorf("TRX: it is damaged: checksum %08x, want %08x", ^crc, t.sum)
	}
	return nil
}

// Write writes parts, which are read twice.
func (t TRX) Write(w io.Writer, parts ...Source) error {
	if len(parts) == 0 || len(parts) > trxParts {
		return fmt.Errorf("TRX: %d parts: want 1 to %d", len(parts), trxParts)
	}
	at := [trxParts]int64{}
	size := int64(trxHeader)
	for i, p := range parts {
		if p.Size() == 0 || p.Size() > math.MaxUint32 {
			return fmt.Errorf("TRX: part %d has %d bytes", i, p.Size())
		}
		at[i] = size
		size = roundUp(size+p.Size(), 4)
	}
	if size = roundUp(size, trxUnit); size > math.MaxUint32 {
		return fmt.Errorf("TRX: %d bytes: at most %d", size, uint32(math.MaxUint32))
	}
	le := binary.LittleEndian
	h := le.AppendUint32([]byte(trxMagic), uint32(size))
	h = le.AppendUint16(le.AppendUint16(le.AppendUint32(h, 0), t.Flags), trxVersion)
	for _, at := range at {
		h = le.AppendUint32(h, uint32(at))
	}
	crc := crc32.NewIEEE()
	crc.Write(h[trxSummed:])
	if err := writeTRX(crc, size, parts); err != nil {
		return fmt.Errorf("TRX: %w", err)
	}
	le.PutUint32(h[8:], ^crc.Sum32())
	if _, err := w.Write(h); err != nil {
		return err
	}
	return writeTRX(w, size, parts)
}

// writeTRX writes what is behind the header.
func writeTRX(w io.Writer, size int64, parts []Source) error {
	end := int64(trxHeader)
	for _, p := range parts {
		if err := copySource(w, p); err != nil {
			return err
		}
		next := roundUp(end+p.Size(), 4)
		if err := fill(w, 0, next-end-p.Size()); err != nil {
			return err
		}
		end = next
	}
	return fill(w, 0, size-end)
}
