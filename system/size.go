package system

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"bantam/system/syntax"
)

// Size is an amount of memory in bytes, written with K, M or G for powers of
// 1024, e.g. "64M". Zero is none given.
type Size int64

const sizeUnits = "KMG"

// UnmarshalText reads e.g. 64M.
func (s *Size) UnmarshalText(text []byte) error {
	digits := strings.TrimRight(string(text), sizeUnits)
	unit := strings.Index(sizeUnits, string(text)[len(digits):])
	n, err := strconv.ParseUint(digits, 10, 63)
	shift := 10 * (unit + 1)
	if err != nil || unit < 0 || len(digits)+1 != len(text) || n > math.MaxInt64>>shift {
		return fmt.Errorf("%q is not a size", text)
	}
	*s = Size(n << shift)
	return nil
}

// String is the shortest form that UnmarshalText takes.
func (s Size) String() string {
	unit := 0
	for unit < len(sizeUnits)-1 && s != 0 && s%(1<<(10*(unit+2))) == 0 {
		unit++
	}
	return strconv.FormatInt(int64(s>>(10*(unit+1))), 10) + sizeUnits[unit:unit+1]
}

// MarshalText is String.
func (s Size) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// leastMemory is what a command of Bantam needs to start.
const leastMemory = 4 << 20

func (r *reader) fillSize(n *syntax.Node, s *Size, path string) {
	text, found := n.Text, syntax.Quote(n.Text)+" is not a size"
	switch {
	case n.Kind == syntax.IntegerKind:
		text, found = strconv.FormatInt(n.Num, 10), "expected a size in quotes, found an integer"
	case !r.expect(n, syntax.StringKind, path, "a size such as \"64M\""):
		return
	case s.UnmarshalText([]byte(text)) == nil:
		if *s < leastMemory {
			r.fail(n, "write "+syntax.Quote(Size(leastMemory).String())+" or more", "%s: %s is less than any program needs", path, text)
		}
		return
	}
	suggestion := "write a number with K, M or G, e.g. \"64M\""
	if meant := sizeMeant(text); meant >= leastMemory {
		suggestion = "write " + syntax.Quote(meant.String())
	}
	r.fail(n, suggestion, "%s: %s", path, found)
}

// sizeMeant reads sizes as others write them: 64MB, 64 MiB, 64m, 67108864; a
// small number without a unit is of mebibytes. 0 is none.
func sizeMeant(text string) (s Size) {
	text = strings.ToUpper(strings.ReplaceAll(text, " ", ""))
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		if n < leastMemory {
			s.UnmarshalText([]byte(text + "M"))
			return s
		}
		return Size(n &^ 1023)
	}
	text = strings.TrimSuffix(strings.TrimSuffix(text, "B"), "I")
	s.UnmarshalText([]byte(text))
	return s
}
