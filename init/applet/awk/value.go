package awk

import (
	"math"
	"sort"
	"strconv"
	"strings"
)

// value is a text, a number, or both: input that looks like a number compares as
// one.
type value struct {
	kind valueKind
	n    float64
	s    string
}

type valueKind byte

const (
	unset valueKind = iota
	isNumber
	isText
	isInput // a text from outside; looks decides at its use
)

func number(n float64) value { return value{kind: isNumber, n: n} }
func text(s string) value    { return value{kind: isText, s: s} }
func input(s string) value   { return value{kind: isInput, s: s} }

func truth(b bool) value {
	if b {
		return number(1)
	}
	return number(0)
}

const blanks = " \t\n\r\v\f"

// toNumber is the number that a text begins with, 0 without one.
func toNumber(s string) float64 {
	s = strings.TrimLeft(s, blanks)
	f, _ := strconv.ParseFloat(s[:numberPrefix(s)], 64)
	return f
}

func (v value) number() float64 {
	if v.kind == isNumber {
		return v.n
	}
	return toNumber(v.s)
}

// numeric tells whether the value compares as a number.
func (v value) numeric() bool {
	if v.kind != isInput {
		return v.kind != isText
	}
	s := strings.Trim(v.s, blanks)
	return s != "" && numberPrefix(s) == len(s)
}

func (v value) truth() bool {
	switch {
	case v.kind == isNumber || v.kind == isInput && v.numeric():
		return v.number() != 0
	}
	return v.s != ""
}

func (v value) text(format string) string {
	if v.kind != isNumber {
		return v.s
	}
	switch n := v.n; {
	case math.IsNaN(n):
		return "nan"
	case math.IsInf(n, 0):
		return strings.TrimPrefix(strconv.FormatFloat(n, 'f', -1, 64)[:1]+"inf", "+")
	case n == math.Trunc(n) && math.Abs(n) < 1e18:
		return strconv.FormatInt(int64(n), 10)
	default:
		return format1(format, value{kind: isNumber, n: n})
	}
}

// cell is a variable: a value or an array, which of both shows when it is used.
type cell struct {
	v      value
	array  map[string]value
	origin *cell // the variable that the caller gave, which becomes an array with this one
}

func (c *cell) asArray() map[string]value {
	if c.array == nil {
		if c.origin != nil {
			c.array = c.origin.asArray()
		} else {
			c.array = map[string]value{}
		}
	}
	return c.array
}

// keys are the subscripts of an array in an order that does not change from run
// to run: numbers by their size, then texts.
func keys(array map[string]value) []string {
	list := make([]string, 0, len(array))
	for key := range array {
		list = append(list, key)
	}
	sort.Slice(list, func(i, j int) bool {
		a, b := input(list[i]), input(list[j])
		switch x, y := a.numeric(), b.numeric(); {
		case x && y && a.number() != b.number():
			return a.number() < b.number()
		case x != y:
			return x
		}
		return list[i] < list[j]
	})
	return list
}
