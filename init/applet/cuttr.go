package applet

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// span is a range of positions from 1 on; to is 0 for "to the end".
type span struct{ from, to int }

func parseSpans(list string) ([]span, error) {
	var spans []span
	for part := range strings.SplitSeq(list, ",") {
		from, to, isRange := strings.Cut(part, "-")
		s := span{from: 1}
		var err error
		if from != "" {
			s.from, err = strconv.Atoi(from)
		}
		switch {
		case !isRange:
			s.to = s.from
		case to != "" && err == nil:
			s.to, err = strconv.Atoi(to)
		}
		if err != nil || s.from < 1 || part == "" || part == "-" || s.to != 0 && s.to < s.from {
			return nil, fmt.Errorf("%q is not a list of positions", list)
		}
		spans = append(spans, s)
	}
	return spans, nil
}

func inSpans(spans []span, n int) bool {
	for _, s := range spans {
		if n >= s.from && (s.to == 0 || n <= s.to) {
			return true
		}
	}
	return false
}

func cut(c *call, args []string) int {
	opts, files, err := parseOptions("d:f:c:b:sO:", map[string]byte{"delimiter": 'd', "fields": 'f', "output-delimiter": 'O'}, args)
	if err != nil {
		return c.misuse("%v", err)
	}
	list := opts.value('f', opts.value('c', opts.value('b', "")))
	spans, err := parseSpans(list)
	if err != nil {
		return c.misuse("%v", err)
	}
	delimiter := opts.value('d', "\t")
	if len(delimiter) != 1 {
		return c.misuse("-d: one character is needed, not %q", delimiter)
	}
	join := opts.value('O', delimiter)
	for _, file := range orStdin(files) {
		c.withInput(file, func(r io.Reader) error {
			return eachLine(r, func(raw []byte) error {
				line := bytes.TrimSuffix(raw, []byte("\n"))
				if !opts.has('f') {
					for i, b := range line {
						if inSpans(spans, i+1) {
							c.out.WriteByte(b)
						}
					}
					c.out.WriteByte('\n')
					return nil
				}
				fields := strings.Split(string(line), delimiter)
				if len(fields) == 1 {
					if !opts.has('s') {
						c.printf("%s\n", line)
					}
					return nil
				}
				var kept []string
				for i, field := range fields {
					if inSpans(spans, i+1) {
						kept = append(kept, field)
					}
				}
				c.printf("%s\n", strings.Join(kept, join))
				return nil
			})
		})
	}
	return c.status
}

func tr(c *call, args []string) int {
	opts, sets, err := parseOptions("+dscCt", nil, args)
	if err != nil {
		return c.misuse("%v", err)
	}
	want := 2
	if opts.has('d') && !opts.has('s') || !opts.has('d') && opts.has('s') && len(sets) == 1 {
		want = 1
	}
	if len(sets) != want {
		return c.misuse("needs %d sets", want)
	}
	first, err := expandSet(sets[0], 0)
	if err != nil {
		return c.misuse("%v", err)
	}
	if opts.has('c') || opts.has('C') {
		in := [256]bool{}
		for _, b := range first {
			in[b] = true
		}
		first = nil
		for b := range 256 {
			if !in[b] {
				first = append(first, byte(b))
			}
		}
	}
	var second []byte
	if len(sets) == 2 {
		if second, err = expandSet(sets[1], len(first)); err != nil {
			return c.misuse("%v", err)
		}
	}
	var remove, squeeze [256]bool
	var to [256]byte
	for b := range to {
		to[b] = byte(b)
	}
	switch {
	case opts.has('d'):
		for _, b := range first {
			remove[b] = true
		}
	case len(sets) == 2:
		if len(second) == 0 {
			return c.misuse("the second set is empty")
		}
		for i, b := range first {
			if i >= len(second) && opts.has('t') {
				break
			}
			to[b] = second[min(i, len(second)-1)]
		}
	}
	if opts.has('s') {
		last := first
		if len(sets) == 2 {
			last = second
		}
		for _, b := range last {
			squeeze[b] = true
		}
	}
	previous := -1
	buf := make([]byte, 32<<10)
	in := streamed{c.in, c.out}
	for {
		n, err := in.Read(buf)
		for _, b := range buf[:n] {
			if remove[b] {
				continue
			}
			b = to[b]
			if squeeze[b] && previous == int(b) {
				continue
			}
			previous = int(b)
			c.out.WriteByte(b)
		}
		if errors.Is(err, io.EOF) {
			return 0
		}
		if err != nil {
			return c.fail("-", err)
		}
	}
}

var characterClasses = map[string]func(b byte) bool{
	"alpha":  isAlpha,
	"digit":  isDigit,
	"alnum":  func(b byte) bool { return isAlpha(b) || isDigit(b) },
	"upper":  func(b byte) bool { return b >= 'A' && b <= 'Z' },
	"lower":  func(b byte) bool { return b >= 'a' && b <= 'z' },
	"space":  func(b byte) bool { return b == ' ' || b >= '\t' && b <= '\r' },
	"blank":  func(b byte) bool { return b == ' ' || b == '\t' },
	"punct":  func(b byte) bool { return b > ' ' && b < 0x7f && !isAlpha(b) && !isDigit(b) },
	"print":  func(b byte) bool { return b >= ' ' && b < 0x7f },
	"graph":  func(b byte) bool { return b > ' ' && b < 0x7f },
	"cntrl":  func(b byte) bool { return b < ' ' || b == 0x7f },
	"xdigit": func(b byte) bool { return isDigit(b) || b|0x20 >= 'a' && b|0x20 <= 'f' },
}

func isAlpha(b byte) bool { return b|0x20 >= 'a' && b|0x20 <= 'z' }
func isDigit(b byte) bool { return b >= '0' && b <= '9' }

// expandSet lists the bytes of a set: a-z, [:class:], [x*3], [x*], which makes
// the set as long as fill, and backslash escapes.
func expandSet(set string, fill int) ([]byte, error) {
	var out, rest []byte
	filled := -1 // where [x*] stands in out
	for i := 0; i < len(set); {
		if b, count, size, ok := repetition(set[i:]); ok && fill > 0 {
			if count == 0 {
				filled, rest = len(out), []byte{b}
			}
			out = append(out, bytes.Repeat([]byte{b}, min(count, fill))...)
			i += size
			continue
		}
		if strings.HasPrefix(set[i:], "[:") {
			if end := strings.Index(set[i:], ":]"); end > 0 {
				class, ok := characterClasses[set[i+2:i+end]]
				if !ok {
					return nil, fmt.Errorf("unknown class %s", set[i:i+end+2])
				}
				for b := range 256 {
					if class(byte(b)) {
						out = append(out, byte(b))
					}
				}
				i += end + 2
				continue
			}
		}
		b, size := unescapeByte(set[i:])
		i += size
		if i+1 < len(set) && set[i] == '-' {
			last, size := unescapeByte(set[i+1:])
			if last < b {
				return nil, fmt.Errorf("%q: the range goes backwards", set)
			}
			for x := int(b); x <= int(last); x++ {
				out = append(out, byte(x))
			}
			i += 1 + size
			continue
		}
		out = append(out, b)
	}
	if filled >= 0 && len(out) < fill {
		out = slices.Insert(out, filled, bytes.Repeat(rest, fill-len(out))...)
	}
	return out, nil
}

// repetition reads [x*3] or [x*], whose count is 0.
func repetition(set string) (b byte, count, size int, ok bool) {
	if len(set) < 4 || set[0] != '[' {
		return 0, 0, 0, false
	}
	b, size = unescapeByte(set[1:])
	text, found := strings.CutPrefix(set[1+size:], "*")
	digits, _, closed := strings.Cut(text, "]")
	if !found || !closed || strings.Trim(digits, "0123456789") != "" {
		return 0, 0, 0, false
	}
	base := 10
	if strings.HasPrefix(digits, "0") {
		base = 8
	}
	n, _ := strconv.ParseUint(digits, base, 31)
	return b, int(n), 1 + size + 1 + len(digits) + 1, true
}

// unescapeByte reads one byte or backslash escape.
func unescapeByte(s string) (b byte, size int) {
	if s[0] != '\\' || len(s) == 1 {
		return s[0], 1
	}
	if i := strings.IndexByte("abfnrtv\\", s[1]); i >= 0 {
		return "\a\b\f\n\r\t\v\\"[i], 2
	}
	n, digits := 0, 0
	for digits < 3 && 1+digits < len(s) && s[1+digits] >= '0' && s[1+digits] <= '7' {
		n = n*8 + int(s[1+digits]-'0')
		digits++
	}
	if digits > 0 {
		return byte(n), 1 + digits
	}
	return s[1], 2
}
