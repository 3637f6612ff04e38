package kmod

import "strings"

// Match says whether an alias matches a pattern of modules.alias, as fnmatch(3)
// without flags does: * any bytes, ? one byte, [a-z] one of, [!a-z] none of,
// \x the byte x. An open bracket without its partner stands for itself.
// Bytes, not letters: modaliases are ASCII.
func Match(pattern, s string) bool {
	star, mark := -1, 0 // after the last *, and where in s it was met
	p, i := 0, 0
	for i < len(s) {
		if p < len(pattern) {
			if pattern[p] == '*' {
				p++
				star, mark = p, i
				continue
			}
			if n, ok := matchByte(pattern[p:], s[i]); ok {
				p, i = p+n, i+1
				continue
			}
		}
		if star < 0 {
			return false
		}
		mark++
		p, i = star, mark // the star takes one byte more
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// matchByte compares one byte with the element a pattern begins with, which
// is not *, and gives the element's length.
func matchByte(pattern string, c byte) (int, bool) {
	switch pattern[0] {
	case '?':
		return 1, true
	case '\\':
		if len(pattern) > 1 {
			return 2, pattern[1] == c
		}
	case '[':
		if n, ok := matchSet(pattern, c); n > 0 {
			return n, ok
		}
	}
	return 1, pattern[0] == c
}

// matchSet is matchByte for [...]; length 0 when the bracket is never closed.
func matchSet(pattern string, c byte) (int, bool) {
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
		low := pattern[p]
		p++
		high := low
		if p+1 < len(pattern) && pattern[p] == '-' && pattern[p+1] != ']' {
			high = pattern[p+1]
			p += 2
		}
		if low <= c && c <= high {
			found = true
		}
	}
	return 0, false
}
