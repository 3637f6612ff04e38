package applet

import (
	"fmt"
	"strconv"
	"strings"
)

func printf(c *call, args []string) int {
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 {
		return c.misuse("needs a format")
	}
	format, args := args[0], args[1:]
	for {
		used, stop := c.formatOnce(format, args)
		args = args[min(used, len(args)):]
		if stop || used == 0 || len(args) == 0 {
			return c.status
		}
	}
}

// formatOnce runs through the format once and tells how many arguments it took.
func (c *call) formatOnce(format string, args []string) (used int, stop bool) {
	next := func() string {
		used++
		if used <= len(args) {
			return args[used-1]
		}
		return ""
	}
	for i := 0; i < len(format); i++ {
		switch {
		case format[i] == '\\' && i+1 < len(format):
			if format[i+1] == 'c' {
				return used, true
			}
			if format[i+1] == 'e' {
				c.out.WriteByte(0x1b)
				i++
				continue
			}
			if format[i+1] == 'x' {
				text, _ := unescapeEcho(format[i:min(len(format), i+4)])
				c.out.WriteString(text)
				i = min(len(format), i+4) - 1
				continue
			}
			b, size := unescapeByte(format[i:])
			c.out.WriteByte(b)
			i += size - 1
		case format[i] != '%':
			c.out.WriteByte(format[i])
		case strings.HasPrefix(format[i:], "%%"):
			c.out.WriteByte('%')
			i++
		default:
			end := i + 1
			spec := "%"
			for end < len(format) && strings.IndexByte("-+ #0123456789.*", format[end]) >= 0 {
				if format[end] == '*' {
					spec += next()
				} else {
					spec += format[end : end+1]
				}
				end++
			}
			if end == len(format) {
				c.warn("%s: the directive has no end", format[i:])
				c.status = 1
				return used, true
			}
			switch verb := format[end]; verb {
			case 's':
				fmt.Fprintf(c.out, spec+"s", next())
			case 'b':
				text, end := unescapeEcho(next())
				fmt.Fprintf(c.out, spec+"s", text)
				if end {
					return used, true
				}
			case 'q':
				c.out.WriteString("'" + strings.ReplaceAll(next(), "'", `'\''`) + "'")
			case 'c':
				text := next()
				fmt.Fprintf(c.out, spec+"s", text[:min(1, len(text))])
			case 'd', 'i':
				fmt.Fprintf(c.out, spec+"d", c.integer(next(), false))
			case 'u':
				fmt.Fprintf(c.out, spec+"d", uint64(c.integer(next(), true)))
			case 'x', 'X', 'o':
				fmt.Fprintf(c.out, spec+string(verb), uint64(c.integer(next(), true)))
			case 'f', 'e', 'g', 'E', 'G', 'F':
				text := next()
				n, err := strconv.ParseFloat(text, 64)
				if err != nil && text != "" {
					c.warn("%s: is not a number", text)
					c.status = 1
				}
				if verb == 'g' || verb == 'G' {
					if !strings.Contains(spec, ".") {
						spec += ".6"
					}
				}
				fmt.Fprintf(c.out, spec+string(verb), n)
			default:
				c.warn("%s: unknown directive", format[i:end+1])
				c.status = 1
				return used, true
			}
			i = end
		}
	}
	return used, false
}

// integer reads a number in C's notation, or 'c for the code of a character. With
// unsigned the bits of numbers up to 2^64 do.
func (c *call) integer(text string, unsigned bool) int64 {
	if text == "" {
		return 0
	}
	if text[0] == '\'' || text[0] == '"' {
		if runes := []rune(text[1:]); len(runes) > 0 {
			return int64(runes[0])
		}
		return 0
	}
	n, err := strconv.ParseInt(strings.TrimPrefix(strings.TrimSpace(text), "+"), 0, 64)
	if err != nil {
		if u, uerr := strconv.ParseUint(text, 0, 64); uerr == nil && unsigned {
			return int64(u)
		}
		c.warn("%s: is not a number", text)
		c.status = 1
	}
	return n
}
