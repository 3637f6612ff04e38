package awk

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

const mostWidth = 1 << 20

func format1(format string, v value) string { return sprintf(format, []value{v}, "%.6g") }

// sprintf formats as C does. An argument that is missing is unset.
func sprintf(format string, args []value, convfmt string) string {
	var out strings.Builder
	next := func() (v value) {
		if len(args) > 0 {
			v, args = args[0], args[1:]
		}
		return v
	}
	for i := 0; i < len(format); i++ {
		if format[i] != '%' {
			out.WriteByte(format[i])
			continue
		}
		start := i
		i++
		flags := ""
		for i < len(format) && strings.IndexByte("-+ #0", format[i]) >= 0 {
			flags += format[i : i+1]
			i++
		}
		size := func() int {
			if i < len(format) && format[i] == '*' {
				i++
				return int(next().number())
			}
			n := 0
			for i < len(format) && isDigit(format[i]) {
				n = min(n*10+int(format[i]-'0'), mostWidth)
				i++
			}
			return n
		}
		width, precision := size(), -1
		if width < 0 {
			flags, width = flags+"-", -width
		}
		if i < len(format) && format[i] == '.' {
			i++
			precision = size()
		}
		width, precision = min(width, mostWidth), min(precision, mostWidth)
		for i < len(format) && strings.IndexByte("hlLqjzt", format[i]) >= 0 {
			i++
		}
		if i >= len(format) {
			out.WriteString(format[start:])
			break
		}
		spec := "%" + flags
		if width > 0 {
			spec += strconv.Itoa(width)
		}
		withPrecision := spec
		if precision >= 0 {
			withPrecision += "." + strconv.Itoa(precision)
		}
		switch verb := format[i]; verb {
		case '%':
			out.WriteByte('%')
		case 'c':
			v := next()
			s := ""
			if v.kind == isNumber {
				s = string([]byte{byte(int64(v.n))})
			} else if v.s != "" {
				_, n := utf8.DecodeRuneInString(v.s)
				s = v.s[:n]
			}
			out.WriteString(padded(s, flags, width))
		case 's':
			s := next().text(convfmt)
			if precision >= 0 && precision < len(s) {
				s = s[:precision]
			}
			out.WriteString(padded(s, flags, width))
		case 'd', 'i':
			n := next().number()
			if math.IsNaN(n) || math.IsInf(n, 0) {
				out.WriteString(padded(number(n).text(""), flags, width))
			} else if math.Abs(n) < 1<<63 {
				if precision >= 0 {
					withPrecision = strings.Replace(withPrecision, "0", "", strings.Count(flags, "0"))
				}
				fmt.Fprintf(&out, withPrecision+"d", int64(n))
			} else {
				fmt.Fprintf(&out, spec+".0f", math.Trunc(n))
			}
		case 'o', 'x', 'X', 'u':
			n := next().number()
			if verb == 'u' {
				verb = 'd'
			}
			bits := uint64(int64(n))
			if n >= 1<<63 {
				bits = uint64(n)
			}
			fmt.Fprintf(&out, withPrecision+string(rune(verb)), bits)
		case 'e', 'E', 'f', 'F', 'g', 'G':
			n := next().number()
			if math.IsNaN(n) || math.IsInf(n, 0) {
				out.WriteString(padded(number(n).text(""), flags, width))
				break
			}
			if precision < 0 {
				withPrecision = spec + ".6"
			}
			fmt.Fprintf(&out, withPrecision+string(rune(verb)), n)
		default:
			out.WriteString(format[start : i+1])
		}
	}
	return out.String()
}

func padded(s, flags string, width int) string {
	if len(s) >= width {
		return s
	}
	if strings.Contains(flags, "-") {
		return s + strings.Repeat(" ", width-len(s))
	}
	return strings.Repeat(" ", width-len(s)) + s
}
