package layer

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// AreaPath is where the kernel unpacks the area of the medium to that a machine was started from.
const AreaPath = "/bantam/generation/layers"

// MemoryPath is the folder of layers, by digest, of a machine that was started from no medium: the kernel has unpacked them into
// memory.
const MemoryPath = "/bantam/layers"

// AreaUnit is what offsets in an area are multiples of: a page, so that each layer can be mapped where it lies.
const AreaUnit = 4096

// mostLayers bounds what ReadArea takes; a manifest has room for some eight hundred.
const mostLayers = 4096

// An Extent says where a layer lies.
type Extent struct {
	SHA256 string // of its bytes, in hex
	Offset int64  // in bytes from the begin of the partition
	Length int64  // in bytes
}

// An Area says where layers lie in the partition of a boot medium that carries them, one behind the other.
type Area []Extent

// Encode writes a line for each layer: its digest, offset and length.
func (a Area) Encode() []byte {
	var b bytes.Buffer
	for _, e := range a {
		fmt.Fprintf(&b, "%s %d %d\n", e.SHA256, e.Offset, e.Length)
	}
	return b.Bytes()
}

// ReadArea reads what Encode wrote. Extents that overlap, are not in order or not at a multiple of AreaUnit are errors.
func ReadArea(text []byte) (Area, error) {
	var a Area
	fault := func(format string, args ...any) (Area, error) {
		return nil, fmt.Errorf("area of layers: line %d: %s", len(a)+1, fmt.Sprintf(format, args...))
	}
	lines := bufio.NewScanner(bytes.NewReader(text))
	for free := int64(0); lines.Scan(); {
		words := strings.Split(lines.Text(), " ")
		if len(words) != 3 {
			return fault("%d words, want digest, offset and length", len(words))
		}
		e := Extent{SHA256: words[0]}
		if sum, err := hex.DecodeString(e.SHA256); err != nil || len(sum) != 32 || strings.ToLower(e.SHA256) != e.SHA256 {
			return fault("bad digest %q", e.SHA256)
		}
		var errOffset, errLength error
		e.Offset, errOffset = strconv.ParseInt(words[1], 10, 64)
		e.Length, errLength = strconv.ParseInt(words[2], 10, 64)
		switch {
		case errOffset != nil || errLength != nil || e.Length <= 0:
			return fault("bad offset %q or length %q", words[1], words[2])
		case e.Offset < free || e.Offset%AreaUnit != 0 || e.Length > math.MaxInt64-e.Offset:
			return fault("offset %d is not in its place", e.Offset)
		case len(a) == mostLayers:
			return nil, errors.New("area of layers: too many layers")
		}
		a, free = append(a, e), e.Offset+e.Length
	}
	return a, lines.Err()
}
