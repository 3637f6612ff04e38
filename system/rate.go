package system

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"bantam/system/syntax"
)

// Rate is an amount of data a second in bits, written with kbit, Mbit or Gbit for powers of 1000, e.g. "90 Mbit". Zero is none given.
type Rate int64

var rateUnits = []struct {
	name string
	bits Rate
}{{"Gbit", 1e9}, {"Mbit", 1e6}, {"kbit", 1e3}}

const leastRate, mostRate Rate = 64e3, 10e9

// UnmarshalText reads e.g. 17.5 Mbit.
func (r *Rate) UnmarshalText(text []byte) error {
	number, unit, _ := strings.Cut(string(text), " ")
	n, err := strconv.ParseFloat(number, 64)
	for _, u := range rateUnits {
		if bits := math.Round(n * float64(u.bits)); err == nil && strings.Trim(number, "0123456789.") == "" && unit == u.name && bits < math.MaxInt64 {
			*r = Rate(bits)
			return nil
		}
	}
	return fmt.Errorf("%q is not a rate", text)
}

// String is the shortest form that UnmarshalText takes.
func (r Rate) String() string {
	unit := rateUnits[len(rateUnits)-1]
	for _, u := range rateUnits {
		if r >= u.bits {
			unit = u
			break
		}
	}
	return strconv.FormatFloat(float64(r)/float64(unit.bits), 'f', -1, 64) + " " + unit.name
}

// MarshalText is String.
func (r Rate) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// Bytes is how many of them a second that is.
func (r Rate) Bytes() int { return int(min(r/8, math.MaxUint32)) }

func (r *reader) fillRate(n *syntax.Node, dst *Rate, path string) {
	text, found := n.Text, syntax.Quote(n.Text)+" is not a rate"
	switch {
	case n.Kind == syntax.IntegerKind:
		text, found = strconv.FormatInt(n.Num, 10), "expected a rate in quotes, found an integer"
	case !r.expect(n, syntax.StringKind, path, "a rate such as \"90 Mbit\""):
		return
	case dst.UnmarshalText([]byte(text)) == nil:
		if *dst < leastRate || *dst > mostRate {
			r.fail(n, "", "%s: %s is not between %v and %v", path, text, leastRate, mostRate)
		}
		return
	}
	suggestion := "write a number with kbit, Mbit or Gbit, e.g. \"90 Mbit\""
	if meant := rateMeant(text); meant >= leastRate && meant <= mostRate {
		suggestion = "write " + syntax.Quote(meant.String())
	}
	r.fail(n, suggestion, "%s: %s", path, found)
}

// rateMeant reads rates as others write them: 90Mbit, 90 mbit/s, 90M, 17,5 Mbps; without a unit it is one of megabits, or of bits. Of
// bytes nothing is guessed. 0 is none.
func rateMeant(text string) (r Rate) {
	end := strings.IndexFunc(text, func(c rune) bool { return !strings.ContainsRune("0123456789.,", c) })
	if end < 0 {
		end = len(text)
	}
	number, unit := strings.ReplaceAll(text[:end], ",", "."), strings.TrimSpace(text[end:])
	n, err := strconv.ParseFloat(number, 64)
	switch letters := strings.ToLower(unit); {
	case err != nil:
	case unit == "" && n >= 1e4:
		return Rate(min(n, math.MaxInt64/2))
	case unit == "":
		r.UnmarshalText([]byte(number + " Mbit"))
	case strings.HasSuffix(strings.TrimSuffix(unit, "/s"), "B") && !strings.Contains(letters, "bit"):
	default:
		for _, u := range rateUnits {
			if letters[0] == u.name[0]|0x20 {
				r.UnmarshalText([]byte(number + " " + u.name))
			}
		}
	}
	return r
}
