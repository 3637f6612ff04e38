package layer

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// The index lies behind the squashfs, where the kernel does not look: to read it, a machine need not mount the layer, nor
// unpack the block that it would be in. That would take most of the time that a layer costs a boot.
//
//	squashfs   a multiple of TailUnit
//	index      as Encode writes it
//	zeros
//	mark       of tailMark bytes, at the end of the layer, which is a multiple of TailUnit

// TailUnit is what mksquashfs makes its images multiples of.
const TailUnit = 4096

const (
	tailForm = "bantam index %018d\n" // the length of the index in bytes
	tailMark = 32
	mostTail = 32 << 20
)

// Tail is what lies behind the squashfs in a layer.
func Tail(x Index) []byte {
	text := x.Encode()
	size := (len(text) + tailMark + TailUnit - 1) / TailUnit * TailUnit
	tail := make([]byte, size)
	copy(tail, text)
	copy(tail[size-tailMark:], fmt.Sprintf(tailForm, len(text)))
	return tail
}

// ErrNoIndex says that a file is no layer, or was cut off.
var ErrNoIndex = errors.New("it has no index at its end")

// ReadTail reads the index of a layer of so many bytes.
func ReadTail(r io.ReaderAt, size int64) (Index, error) {
	if size < tailMark+TailUnit {
		return nil, ErrNoIndex
	}
	page := make([]byte, TailUnit) // all of it, of most layers
	if _, err := r.ReadAt(page, size-TailUnit); err != nil {
		return nil, fmt.Errorf("read the index of a layer: %w", err)
	}
	mark := string(page[TailUnit-tailMark:])
	length, err := strconv.ParseInt(strings.TrimSpace(strings.TrimPrefix(mark, "bantam index ")), 10, 64)
	if err != nil || length < 0 || length > mostTail || mark != fmt.Sprintf(tailForm, length) {
		return nil, ErrNoIndex
	}
	begin := size - (length+tailMark+TailUnit-1)/TailUnit*TailUnit
	if begin < 0 {
		return nil, ErrNoIndex
	}
	if begin == size-TailUnit {
		return ReadIndex(bytes.NewReader(page[:length]))
	}
	return ReadIndex(io.NewSectionReader(r, begin, length))
}
