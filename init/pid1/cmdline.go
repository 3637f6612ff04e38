package pid1

import (
	"os"
	"strings"
)

// Cmdline is the kernel command line, word by word, quotes taken off:
// bantam.disk=..., console=ttyS0,115200, quiet.
type Cmdline []string

// ReadCmdline reads /proc/cmdline; one that cannot be read is empty.
func ReadCmdline() Cmdline {
	text, _ := os.ReadFile("/proc/cmdline")
	return ParseCmdline(string(text))
}

// ParseCmdline splits as the kernel does (next_arg in lib/cmdline.c): blanks
// separate words outside of "", and only a quote at the beginning of a word or
// of its value is taken off with its partner at the end.
func ParseCmdline(text string) Cmdline {
	var words Cmdline
	quoted := false
	start := -1
	for i := 0; i <= len(text); i++ {
		if i < len(text) && (quoted || !blank(text[i])) {
			if start < 0 {
				start = i
			}
			if text[i] == '"' {
				quoted = !quoted
			}
			continue
		}
		if start >= 0 {
			words = append(words, unquote(text[start:i]))
			start = -1
		}
	}
	return words
}

func blank(c byte) bool {
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\v' || c == '\f'
}

func unquote(word string) string {
	if rest, ok := strings.CutPrefix(word, `"`); ok {
		return strings.TrimSuffix(rest, `"`)
	}
	key, value, ok := strings.Cut(word, "=")
	if rest, q := strings.CutPrefix(value, `"`); ok && q {
		return key + "=" + strings.TrimSuffix(rest, `"`)
	}
	return word
}

// Get is the value of the last word key=value, or "" for the word key alone,
// and whether there is one. As for the kernel, - and _ in keys are the same.
func (c Cmdline) Get(key string) (value string, ok bool) {
	same := strings.NewReplacer("-", "_")
	for _, word := range c {
		k, v, _ := strings.Cut(word, "=")
		if same.Replace(k) == same.Replace(key) {
			value, ok = v, true
		}
	}
	return value, ok
}
