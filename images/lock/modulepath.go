package lock

import (
	"strings"
	"unicode"
)

// EscapePath is a module's path or version in names of files and URLs, where capitals are not told from others
// everywhere: Go Modules Reference, "GOPROXY protocol".
func EscapePath(path string) string {
	var b strings.Builder
	for _, c := range path {
		if unicode.IsUpper(c) {
			b.WriteByte('!')
			c = unicode.ToLower(c)
		}
		b.WriteRune(c)
	}
	return b.String()
}
