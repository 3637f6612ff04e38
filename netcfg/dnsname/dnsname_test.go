package dnsname

import (
	"slices"
	"strings"
	"testing"
)

func TestWhichNamesMayBeUsed(t *testing.T) {
	for name, want := range map[string]bool{
		"lan.example": true, "lan.example.": true, "a_b-c.example": true, "": false, ".": false, "a..b": false, "-a": false,
		"a\nnameserver 192.0.2.1": false, "a b": false, strings.Repeat("a", 64): false, strings.Repeat("a.", 126) + "aa": false,
	} {
		if got := Valid(name); got != want {
			t.Errorf("Valid(%q) = %v", name, got)
		}
	}
}

func TestListsOfNames(t *testing.T) {
	for _, test := range []struct {
		name       string
		raw        string
		compressed bool
		want       []string
		whole      bool
	}{
		{"two", "\x03lan\x07example\x00\x01a\x00", false, []string{"lan.example", "a"}, true},
		{"padding", "\x01a\x00\x00\x00", false, []string{"a"}, true},
		{"a pointer", "\x03lan\x07example\x00\x01a\xc0\x04", true, []string{"lan.example", "a.example"}, true},
		{"a pointer where there are none", "\x01a\x00\xc0\x00", false, []string{"a"}, false},
		{"a pointer to itself", "\xc0\x00", true, nil, false},
		{"cut off", "\x03la", false, nil, false},
		{"no end", "\x01a", false, nil, false},
	} {
		if got, whole := List([]byte(test.raw), test.compressed); !slices.Equal(got, test.want) || whole != test.whole {
			t.Errorf("%s: got %q, %v, want %q, %v", test.name, got, whole, test.want, test.whole)
		}
	}
	for _, name := range []string{"lan.example", "a"} {
		if got, whole := List(Wire(name), false); !whole || !slices.Equal(got, []string{name}) {
			t.Errorf("%s: written and read again: %q", name, got)
		}
	}
}
