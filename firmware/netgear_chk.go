package firmware

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// CHK is the header of Netgear's firmware of that name: 40 bytes, big-endian, and the name of the board; then kernel and root.
type CHK struct {
	Board        string // e.g. "U12H072T00_NETGEAR"; at most 64 bytes
	Region       byte   // 1 is all of the world, 2 North America
	Kernel, Root Part   // the root may have no bytes
	header       []byte
}

const (
	chkMagic    = "\x2a\x23\x24\x5e"
	chkHeader   = 40
	chkBoardMax = 64
	chkVersion  = 99 // each of the seven bytes: newer than any of the maker's
)

// ReadCHK reads the header of a file, of which all belongs to it. ErrOther if the file does not begin as one.
func ReadCHK(f Source) (c CHK, err error) {
	h, err := header(f, FormatCHK, chkMagic, chkHeader)
	if err != nil {
		return c, err
	}
	be := binary.BigEndian
	size := int64(be.Uint32(h[4:]))
	if size <= chkHeader || size > chkHeader+chkBoardMax {
		return c, fmt.Errorf("Netgear CHK: a header of %d bytes: want %d to %d", size, chkHeader+1, chkHeader+chkBoardMax)
	}
	if h, err = header(f, FormatCHK, chkMagic, size); err != nil {
		return c, err
	}
	c.header = h
	if got, want := c.headerSum(), be.Uint32(h[36:]); got != want {
		return c, fmt.Errorf("Netgear CHK: its header is damaged: checksum %08x, want %08x", got, want)
	}
	var ok bool
	if c.Board, ok = line(h[chkHeader:]); !ok || c.Board == "" {
		return c, fmt.Errorf("Netgear CHK: its board is %q", h[chkHeader:])
	}
	c.Region = h[8]
	c.Kernel = Part{"kernel", size, int64(be.Uint32(h[24:]))}
	c.Root = Part{"root", c.Kernel.End(), int64(be.Uint32(h[28:]))}
	if c.Kernel.Size == 0 {
		return c, errors.New("Netgear CHK: it has no kernel")
	}
	if end := c.Root.End(); end != f.Size() {
		return c, fmt.Errorf("Netgear CHK: header, kernel and root are %d bytes, the file %d", end, f.Size())
	}
	return c, nil
}

// headerSum is that of the header without it.
func (c CHK) headerSum() uint32 {
	var s netgearSum
	s.Write(c.header[:36])
	s.Write(make([]byte, 4))
	s.Write(c.header[chkHeader:])
	return s.sum()
}

// Verify reads all and compares the checksums.
func (c CHK) Verify(f Source) error {
	be := binary.BigEndian
	sums := [3]netgearSum{} // kernel, root, both
	for i, p := range []Part{c.Kernel, c.Root} {
		if err := copySource(io.MultiWriter(&sums[i], &sums[2]), p.In(f)); err != nil {
			return fmt.Errorf("Netgear CHK: %s: %w", p.Name, err)
		}
	}
	for i, what := range []string{"kernel", "root", "image"} {
		at := []int{16, 20, 32}[i]
		if got, want := sums[i].sum(), be.Uint32(c.header[at:]); got != want {
			return fmt.Errorf("Netgear CHK: its %s is damaged: checksum %08x, want %08x", what, got, want)
		}
	}
	return nil
}

// Write writes kernel and root, which are read twice. A root of nil is none.
func (c CHK) Write(w io.Writer, kernel, root Source) error {
	parts := []Source{kernel}
	if root != nil {
		parts = append(parts, root)
	}
	if board, ok := line([]byte(c.Board)); !ok || board != c.Board || board == "" || len(board) > chkBoardMax {
		return fmt.Errorf("Netgear CHK: board %q: want a name of 1 to %d bytes", c.Board, chkBoardMax)
	}
	be := binary.BigEndian
	h := make([]byte, chkHeader, chkHeader+chkBoardMax)
	copy(h, chkMagic)
	be.PutUint32(h[4:], uint32(chkHeader+len(c.Board)))
	h[8] = c.Region
	for i := range 7 {
		h[9+i] = chkVersion
	}
	var whole netgearSum
	for i, p := range parts {
		if p.Size() == 0 || p.Size() > math.MaxUint32 {
			return fmt.Errorf("Netgear CHK: kernel or root has %d bytes: want 1 to %d", p.Size(), uint32(math.MaxUint32))
		}
		var one netgearSum
		if err := copySource(io.MultiWriter(&one, &whole), p); err != nil {
			return fmt.Errorf("Netgear CHK: %w", err)
		}
		be.PutUint32(h[16+4*i:], one.sum())
		be.PutUint32(h[24+4*i:], uint32(p.Size()))
	}
	be.PutUint32(h[32:], whole.sum())
	c.header = append(h, c.Board...)
	be.PutUint32(c.header[36:], c.headerSum())
	if _, err := w.Write(c.header); err != nil {
		return err
	}
	for _, p := range parts {
		if err := copySource(w, p); err != nil {
			return err
		}
	}
	return nil
}

// netgearSum is the checksum of what is written to it: of the bytes, and of that sum after each of them.
type netgearSum struct{ low, high uint32 }

func (s *netgearSum) Write(b []byte) (int, error) {
	for _, c := range b {
		s.low += uint32(c)
		s.high += s.low
	}
	return len(b), nil
}

// sum folds both to 16 bits.
func (s *netgearSum) sum() uint32 {
	fold := func(n uint32) uint32 {
		n = n&0xFFFF + n>>16
		return (n + n>>16) & 0xFFFF
	}
	return fold(s.high)<<16 | fold(s.low)
}
