package kmod

import (
	"path"
	"strings"
	"testing"
)

func TestMatch(t *testing.T) {
	for _, tt := range []struct {
		name, pattern, s string
		want             bool
	}{
		{"text matches itself", "virtio:d00000001v00001AF4", "virtio:d00000001v00001AF4", true},
		{"text does not match a longer text", "fs-ext4", "fs-ext4x", false},
		{"a star matches nothing", "virtio:d00000001v*", "virtio:d00000001v", true},
		{"a star matches slashes", "of:N*T*Cbrcm,a*", "of:N/soc/uartT(null)Cbrcm,a", true},
		{"stars give back what they took", "pci:v*d*sv*", "pci:v00008086d0000100Esv00001AF4sd1", true},
		{"a question mark needs a byte", "a?", "a", false},
		{"a range holds its ends", "usb:v046Dp08[0-9A-F]*", "usb:v046Dp08FFd0100", true},
		{"a range holds nothing else", "usb:v046Dp08[0-9A]*", "usb:v046Dp08FFd0100", false},
		{"a negated range", "x[!0-9]", "xa", true},
		{"a negated range refuses", "x[!0-9]", "x5", false},
		{"a closing bracket first is meant as such", "x[]a]", "x]", true},
		{"an open bracket is meant as such", "x[a", "x[a", true},
		{"a backslash takes the meaning away", `x\*`, "x*", true},
		{"a backslash matches nothing else", `x\*`, "xy", false},
		{"the empty pattern matches the empty text", "", "", true},
		{"stars alone match the empty text", "**", "", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := Match(tt.pattern, tt.s); got != tt.want {
				t.Errorf("Match(%q, %q) = %v, want %v", tt.pattern, tt.s, got, tt.want)
			}
		})
	}
}

// Two models: a recursive definition, and path.Match where both mean the same.
func FuzzMatch(f *testing.F) {
	f.Add("pci:v00008086d*sv*", "pci:v00008086d0000100Esv00001AF4")
	f.Add("a[!b-d]*?", "azz")
	f.Add("[[]*]", "[x]")
	f.Add(`\`, `\`)
	f.Fuzz(func(t *testing.T, pattern, s string) {
		if len(pattern) > 24 || len(s) > 24 {
			return // the model takes exponential time
		}
		got := Match(pattern, s)
		if want := model(pattern, s); got != want {
			t.Errorf("Match(%q, %q) = %v, the definition says %v", pattern, s, got, want)
		}
		if strings.ContainsAny(pattern, `[\`) || strings.Contains(s, "/") || !ascii(pattern) || !ascii(s) {
			return
		}
		if want, err := path.Match(pattern, s); err == nil && got != want {
			t.Errorf("Match(%q, %q) = %v, path.Match says %v", pattern, s, got, want)
		}
	})
}

func ascii(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r >= 0x80 }) < 0
}

func model(pattern, s string) bool {
	switch {
	case pattern == "":
		return s == ""
	case pattern[0] == '*':
		return model(pattern[1:], s) || s != "" && model(pattern, s[1:])
	case s == "":
		return false
	case pattern[0] == '?':
		return model(pattern[1:], s[1:])
	case pattern[0] == '\\' && len(pattern) > 1:
		return pattern[1] == s[0] && model(pattern[2:], s[1:])
	case pattern[0] == '[':
		body := pattern[1:]
		not := body != "" && strings.ContainsRune("!^", rune(body[0]))
		if not {
			body = body[1:]
		}
		if body == "" {
			break
		}
		end := strings.IndexByte(body[1:], ']')
		if end < 0 {
			break
		}
		set, rest := body[:end+1], body[end+2:]
		in := false
		for set != "" {
			low, high, n := set[0], set[0], 1
			if len(set) > 2 && set[1] == '-' {
				high, n = set[2], 3
			}
			in = in || low <= s[0] && s[0] <= high
			set = set[n:]
		}
		return in != not && model(rest, s[1:])
	}
	return pattern[0] == s[0] && model(pattern[1:], s[1:])
}
