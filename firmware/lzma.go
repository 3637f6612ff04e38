package firmware

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
)

// WriteLZMA writes data in the .lzma format without making them smaller: by literals alone. It is for what is compressed already and whose
// boot loader undoes this format and no other; the data become one to two parts of a hundred longer. The header says how long they are, which
// the LZMA of older U-Boots wants to know.
//
// The format is that of the LZMA SDK (its lzma.txt): five bytes of properties, eight of the size, little-endian, and a range coder's bits.
func WriteLZMA(w io.Writer, data Source) error {
	const (
		literalContext, positions = 3, 2 // as nearly everything that is packed by LZMA has it, and all that unpacks it can
		window                    = 1 << 16
	)
	h := []byte{(positions*5+0)*9 + literalContext}
	h = binary.LittleEndian.AppendUint32(h, window)
	h = binary.LittleEndian.AppendUint64(h, uint64(data.Size()))
	if _, err := w.Write(h); err != nil {
		return err
	}
	e := rangeEncoder{out: bufio.NewWriter(w), width: 0xFFFF_FFFF, pending: 1}
	var isMatch [1 << positions]chance
	var literals [1 << literalContext][0x100]chance
	for i := range isMatch {
		isMatch[i] = even
	}
	for i := range literals {
		for j := range literals[i] {
			literals[i][j] = even
		}
	}
	in := bufio.NewReader(io.NewSectionReader(data, 0, data.Size()))
	var last byte
	for at := range data.Size() {
		b, err := in.ReadByte()
		if err != nil {
			return fmt.Errorf("LZMA: byte %d: %w", at, err)
		}
		e.bit(&isMatch[at&(1<<positions-1)], 0)
		tree, node := &literals[last>>(8-literalContext)], 1
		for i := 7; i >= 0; i-- {
			bit := int(b >> i & 1)
			e.bit(&tree[node], bit)
			node = node<<1 | bit
		}
		last = b
	}
	for range 5 { // all that the coder still holds
		e.shift()
	}
	return e.out.Flush()
}

// A chance is how probable it is that a bit is 0, of 2048.
type chance uint16

const even chance = 1024

// A rangeEncoder is LZMA's. Its errors are the writer's, which Flush returns.
type rangeEncoder struct {
	out     *bufio.Writer
	low     uint64
	width   uint32
	held    byte  // not written yet, for a carry may change it
	pending int64 // bytes held: that one, and 0xFF behind it
}

func (e *rangeEncoder) bit(p *chance, bit int) {
	bound := e.width >> 11 * uint32(*p)
	if bit == 0 {
		e.width = bound
		*p += (2048 - *p) >> 5
	} else {
		e.low += uint64(bound)
		e.width -= bound
		*p -= *p >> 5
	}
	for e.width < 1<<24 {
		e.width <<= 8
		e.shift()
	}
}

func (e *rangeEncoder) shift() {
	if uint32(e.low) < 0xFF00_0000 || e.low>>32 != 0 {
		carry := byte(e.low >> 32)
		for b := e.held; e.pending > 0; e.pending-- {
			e.out.WriteByte(b + carry)
			b = 0xFF
		}
		e.held = byte(e.low >> 24)
	}
	e.pending++
	e.low = e.low & 0x00FF_FFFF << 8
}
