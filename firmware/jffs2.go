package firmware

import (
	"fmt"
	"io"
)

// jffs2Mark tells JFFS2 on OpenWrt that no file of it follows: what lies behind a firmware in flash is free, and made a file system of
// at the first boot. (OpenWrt: target/linux/generic, "jffs2: mark end of filesystem".)
const jffs2Mark = "\xDE\xAD\xC0\xDE"

// EraseBlocks are those of the flash that an image shall be for, whichever it is.
var EraseBlocks = []int64{4 << 10, 8 << 10, 16 << 10, 64 << 10, 128 << 10, 256 << 10}

const (
	jffs2Least = 1 << 10
	jffs2Most  = 1 << 30
)

// EndMarks gives where marks belong behind an image of so many bytes: at the next boundary of each kind of erase block, the
// smallest first. As OpenWrt's padjffs2 has it, a boundary of larger blocks makes one of smaller ones needless.
func EndMarks(size int64, eraseBlocks ...int64) (at []int64, err error) {
	left := int64(0) // as bits
	for _, block := range eraseBlocks {
		if block < jffs2Least || block > jffs2Most || block&(block-1) != 0 {
			return nil, fmt.Errorf("JFFS2 end marks: erase block of %d bytes: want a power of two from %d to %d", block, jffs2Least, jffs2Most)
		}
		left |= block
	}
	if size < 0 || size > 1<<62 {
		return nil, fmt.Errorf("JFFS2 end marks: an image of %d bytes", size)
	}
	for left != 0 {
		size = roundUp(size, left&-left)
		at = append(at, size)
		for block := int64(jffs2Least); block <= jffs2Most; block *= 2 {
			if size%block == 0 {
				left &^= block
			}
		}
		size += int64(len(jffs2Mark))
	}
	return at, nil
}

// WriteEndMarks writes what follows an image of so many bytes: marks, with ones between them.
func WriteEndMarks(w io.Writer, size int64, eraseBlocks ...int64) error {
	marks, err := EndMarks(size, eraseBlocks...)
	if err != nil {
		return err
	}
	for _, at := range marks {
		if err := fill(w, 0xFF, at-size); err != nil {
			return err
		}
		if _, err := io.WriteString(w, jffs2Mark); err != nil {
			return err
		}
		size = at + int64(len(jffs2Mark))
	}
	return nil
}

// FindEndMarks reads marks behind an image that ends at a byte, with ones or zeros between them, and gives where they are and
// the byte behind the last. None are no error.
func FindEndMarks(f Source, end int64) (at []int64, behind int64) {
	const unit = 4 << 10 // the smallest erase block
	behind = end
	for next := roundUp(end, unit); next <= end+jffs2Search; next += unit {
		if begins(f, next, jffs2Mark) && padded(f, behind, next) {
			at, behind = append(at, next), next+int64(len(jffs2Mark))
		}
	}
	return at, behind
}

// jffs2Search is how far behind an image marks may be: two of OpenWrt's largest erase blocks.
const jffs2Search = 512 << 10

// padded tells whether a part of a file is all ones or all zeros; so is an empty one.
func padded(f Source, from, to int64) bool {
	block := make([]byte, min(32<<10, max(to-from, 0)))
	for at := from; at < to; at += int64(len(block)) {
		b := block[:min(int64(len(block)), to-at)]
		if n, _ := f.ReadAt(b, at); n < len(b) {
			return false
		}
		for _, c := range b {
			if c != b[0] || c != 0 && c != 0xFF {
				return false
			}
		}
	}
	return true
}
