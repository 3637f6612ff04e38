// Package glob matches the patterns of the shell (POSIX.1-2024, XCU 2.14) against
// text: * ? [a-z] [!a-z] [[:alpha:]] and \x for the character x. Characters are
// those of UTF-8; a byte that is none counts as one of its own. There is no
// locale: a range goes by code points.
package glob

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// special are the characters that Quote escapes.
const special = `*?[]\-!^`

// Match tells whether the pattern matches the whole text, slashes included. It takes
// at most pattern times text steps.
func Match(pattern, text string) bool {
	star, mark := -1, 0 // after the last *, and where in text it was met
	p, i := 0, 0
	for i < len(text) {
		if p < len(pattern) {
			if pattern[p] == '*' {
				p++
				star, mark = p, i
				continue
			}
			size := width(text[i:])
			if n, ok := matchOne(pattern[p:], text[i:i+size]); ok {
				p, i = p+n, i+size
				continue
			}
		}
		if star < 0 {
			return false
		}
		mark += width(text[mark:])
		p, i = star, mark // the star takes one more
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// width is the length of the first character of a text that is not empty.
func width(text string) int {
	if text[0] < utf8.RuneSelf {
		return 1
	}
	_, size := utf8.DecodeRuneInString(text)
	return size
}

// matchOne compares one character with the element that a pattern begins with,
// which is not *, and gives the element's length.
func matchOne(pattern, char string) (int, bool) {
	switch pattern[0] {
	case '?':
		return 1, true
	case '\\':
		if len(pattern) > 1 {
			n := width(pattern[1:])
			return 1 + n, pattern[1:1+n] == char
		}
	case '[':
		if n, ok := matchSet(pattern, char); n > 0 {
			return n, ok
		}
	}
	n := width(pattern)
	return n, pattern[:n] == char
}

// matchSet is matchOne for [...]; length 0 when the bracket is never closed.
func matchSet(pattern, char string) (int, bool) {
	p := 1
	not := p < len(pattern) && (pattern[p] == '!' || pattern[p] == '^')
	if not {
		p++
	}
	found := false
	for first := p; p < len(pattern); {
		if pattern[p] == ']' && p > first {
			return p + 1, found != not
		}
		if class, after, ok := strings.Cut(pattern[p:], ":]"); ok && strings.HasPrefix(class, "[:") && letters(class[2:]) {
			found = found || inClass(class[2:], char)
			p = len(pattern) - len(after)
			continue
		}
		low, n := setChar(pattern[p:])
		if n == 0 {
			return 0, false
		}
		p += n
		high := low
		if p+1 < len(pattern) && pattern[p] == '-' && pattern[p+1] != ']' {
			if high, n = setChar(pattern[p+1:]); n == 0 {
				return 0, false
			}
			p += 1 + n
		}
		if value := codePoint(char); codePoint(low) <= value && value <= codePoint(high) {
			found = true
		}
	}
	return 0, false
}

// setChar is the character that a bracket's element stands for, and the element's
// length, which is 0 at the end of the pattern.
func setChar(pattern string) (char string, n int) {
	for _, mark := range []string{".", "="} { // [.x.] and [=x=]
		if inner, _, ok := strings.Cut(pattern, mark+"]"); ok && strings.HasPrefix(inner, "["+mark) && len(inner) > 2 && width(inner[2:]) == len(inner)-2 {
			return inner[2:], len(inner) + 2
		}
	}
	if pattern[0] == '\\' {
		if len(pattern) < 2 {
			return "", 0
		}
		n := width(pattern[1:])
		return pattern[1 : 1+n], 1 + n
	}
	n = width(pattern)
	return pattern[:n], n
}

// codePoint orders characters; bytes that are none come after all others.
func codePoint(char string) rune {
	r, size := utf8.DecodeRuneInString(char)
	if r == utf8.RuneError && size == 1 {
		return unicode.MaxRune + 1 + rune(char[0])
	}
	return r
}

func letters(name string) bool {
	return name != "" && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz") == ""
}

// inClass knows the character classes of the POSIX locale; letters beyond ASCII
// are letters too. A class that is none holds nothing.
func inClass(name, char string) bool {
	r := codePoint(char)
	switch name {
	case "alnum":
		return unicode.IsLetter(r) || unicode.IsDigit(r)
	case "alpha":
		return unicode.IsLetter(r)
	case "blank":
		return r == ' ' || r == '\t'
	case "cntrl":
		return r < ' ' || r == 0x7f
	case "digit":
		return '0' <= r && r <= '9'
	case "graph":
		return r > ' ' && r < 0x7f || unicode.IsGraphic(r) && !unicode.IsSpace(r)
	case "lower":
		return unicode.IsLower(r)
	case "print":
		return r >= ' ' && r < 0x7f || unicode.IsGraphic(r)
	case "punct":
		return r > ' ' && r < 0x7f && !unicode.IsLetter(r) && !unicode.IsDigit(r) || r > 0x7f && unicode.IsPunct(r)
	case "space":
		return strings.ContainsRune(" \t\n\v\f\r", r)
	case "upper":
		return unicode.IsUpper(r)
	case "xdigit":
		return strings.ContainsRune("0123456789abcdefABCDEF", r)
	}
	return false
}

// Quote is the pattern that matches text alone.
func Quote(text string) string {
	if !strings.ContainsAny(text, special) {
		return text
	}
	var out strings.Builder
	for i := range len(text) {
		if strings.IndexByte(special, text[i]) >= 0 {
			out.WriteByte('\\')
		}
		out.WriteByte(text[i])
	}
	return out.String()
}

// HasMeta tells whether a pattern can match anything but one text.
func HasMeta(pattern string) bool {
	for i := 0; i < len(pattern); i++ {
		switch pattern[i] {
		case '\\':
			i++
		case '*', '?', '[':
			return true
		}
	}
	return false
}

// Unquote is the text that a pattern without HasMeta stands for.
func Unquote(pattern string) string {
	if !strings.Contains(pattern, `\`) {
		return pattern
	}
	var out strings.Builder
	for i := 0; i < len(pattern); i++ {
		if pattern[i] == '\\' && i+1 < len(pattern) {
			i++
		}
		out.WriteByte(pattern[i])
	}
	return out.String()
}
