package awk

import (
	"fmt"
	"regexp"
	"strings"
)

// compile makes an extended expression of POSIX, where brackets know backslashes,
// into one of the library's. Of several matches the longest counts.
func compile(text string) (*regexp.Regexp, error) {
	var out strings.Builder
	out.WriteString("(?s)")
	for i := 0; i < len(text); i++ {
		switch b := text[i]; {
		case b == '\\' && i+1 < len(text):
			i++
			out.WriteString(escaped(text[i]))
		case b == '\\':
			out.WriteString(`\\`)
		case b == '[':
			end := bracket(text, i, &out)
			if end < 0 {
				return nil, fmt.Errorf("/%s/: ] is missing", text)
			}
			i = end
		default:
			out.WriteByte(b)
		}
	}
	re, err := regexp.Compile(out.String())
	if err != nil {
		return nil, fmt.Errorf("/%s/: %s", text, strings.TrimPrefix(err.Error(), "error parsing regexp: "))
	}
	re.Longest()
	return re, nil
}

// escaped is a character behind a backslash.
func escaped(b byte) string {
	switch {
	case strings.IndexByte("abfnrtv", b) >= 0:
		return regexp.QuoteMeta(string("\a\b\f\n\r\t\v"[strings.IndexByte("abfnrtv", b)]))
	case b == 'y', b == 'B', b >= 0x80, b == '_', b == '<', b == '>', isDigit(b), isLetter(b):
		return regexp.QuoteMeta(string([]byte{b}))
	}
	return `\` + string([]byte{b})
}

// bracket writes the bracket expression that begins at i and returns where it
// ends, -1 if it does not.
func bracket(text string, i int, out *strings.Builder) int {
	out.WriteByte('[')
	i++
	if i < len(text) && text[i] == '^' {
		out.WriteByte('^')
		i++
	}
	for start := i; i < len(text); i++ {
		b := text[i]
		switch {
		case b == ']' && i > start:
			out.WriteByte(']')
			return i
		case strings.HasPrefix(text[i:], "[:"):
			if k := strings.Index(text[i:], ":]"); k > 0 {
				out.WriteString(text[i : i+k+2])
				i += k + 1
				continue
			}
			out.WriteString(`\[`)
		case b == '\\' && i+1 < len(text):
			i++
			if text[i] == '-' || text[i] == '\\' || text[i] == ']' || text[i] == '[' || text[i] == '^' {
				out.WriteByte('\\')
				out.WriteByte(text[i])
			} else {
				out.WriteString(escaped(text[i]))
			}
		case b == '[' || b == ']' || b == '\\' || b == '^' || b == '&' || b == '~':
			out.WriteByte('\\')
			out.WriteByte(b)
		default:
			out.WriteByte(b)
		}
	}
	return -1
}
