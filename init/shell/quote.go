package shell

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// singleQuoted is text as the program must have it to mean just that.
func singleQuoted(text string) string {
	if text == "" {
		return "''"
	}
	var out strings.Builder
	for text != "" {
		quotes := len(text) - len(strings.TrimLeft(text, "'"))
		if quotes > 0 {
			out.WriteString(`"` + text[:quotes] + `"`)
			text = text[quotes:]
			continue
		}
		plain, _, _ := strings.Cut(text, "'")
		out.WriteString("'" + plain + "'")
		text = text[len(plain):]
	}
	return out.String()
}

// traced is text as set -x shows it.
func traced(text string) string {
	if text != "" && strings.Trim(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-+=./,:@%^") == "" {
		return text
	}
	return singleQuoted(text)
}

// unescape is the text of $'...'.
func unescape(text string) string {
	var out strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' || i+1 == len(text) {
			out.WriteByte(text[i])
			continue
		}
		i++
		number := func(base, digits int) (int, bool) {
			n := 0
			for n < digits && i+1+n < len(text) {
				if _, err := strconv.ParseUint(text[i+1+n:i+2+n], base, 8); err != nil {
					break
				}
				n++
			}
			value, err := strconv.ParseUint(text[i+1:i+1+n], base, 32)
			if err == nil {
				i += n
			}
			return int(value), err == nil
		}
		switch c := text[i]; c {
		case 'a':
			out.WriteByte('\a')
		case 'b':
			out.WriteByte('\b')
		case 'e', 'E':
			out.WriteByte(0x1b)
		case 'f':
			out.WriteByte('\f')
		case 'n':
			out.WriteByte('\n')
		case 'r':
			out.WriteByte('\r')
		case 't':
			out.WriteByte('\t')
		case 'v':
			out.WriteByte('\v')
		case '0', '1', '2', '3', '4', '5', '6', '7':
			i--
			if value, ok := number(8, 3); ok {
				out.WriteByte(byte(value))
			}
		case 'x':
			if value, ok := number(16, 2); ok {
				out.WriteByte(byte(value))
			} else {
				out.WriteString(`\x`)
			}
		case 'u', 'U':
			digits := 4
			if c == 'U' {
				digits = 8
			}
			if value, ok := number(16, digits); ok && value <= utf8.MaxRune {
				out.WriteRune(rune(value))
			} else {
				out.WriteString(`\` + string(c))
			}
		case 'c':
			if i+1 < len(text) {
				i++
				out.WriteByte(text[i] & 0x1f)
			}
		case '\\', '\'', '"', '?':
			out.WriteByte(c)
		default:
			out.WriteString(`\` + string(c))
		}
	}
	return out.String()
}
