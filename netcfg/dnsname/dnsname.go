// Package dnsname reads names of DNS as DHCP and router advertisements carry them, and tells which may be used.
package dnsname

import (
	"slices"
	"strings"
)

// most bounds how many names are read of one list.
const most = 12

// Valid tells whether name may stand in resolv.conf: labels of letters,
// digits, hyphen and underscore. Anything else, a newline first of all, would
// let a server write lines of its own.
func Valid(name string) bool {
	if len(name) == 0 || len(name) > 253 {
		return false
	}
	for label := range strings.SplitSeq(strings.TrimSuffix(name, "."), ".") {
		if len(label) == 0 || len(label) > 63 || label[0] == '-' {
			return false
		}
		for i := range len(label) {
			c := label[i]
			if c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_' {
				continue
			}
			return false
		}
	}
	return true
}

// List reads names in DNS wire format (RFC 1035, 3.1), one after the other:
// option 119 (RFC 3397), where a name may point back into the option, and DNSSL
// (RFC 8106), where it may not and zeros pad the end. The names are not yet
// valid ones; false means that the rest could not be read.
func List(raw []byte, compressed bool) ([]string, bool) {
	var names []string
	for at := 0; at < len(raw) && len(names) < most; {
		if raw[at] == 0 {
			at++ // padding
			continue
		}
		name, next, ok := domain(raw, at, compressed)
		if !ok {
			return names, false
		}
		names = append(names, name)
		at = next
	}
	return names, true
}

// Merge appends the names that are valid and not yet in the list while it has fewer than limit, and counts those that are not valid.
func Merge(list, names []string, limit int) (merged []string, dropped int) {
	for _, name := range names {
		switch {
		case !Valid(name):
			dropped++
		case len(list) < limit && !slices.Contains(list, name):
			list = append(list, name)
		}
	}
	return list, dropped
}

// domain reads one name and returns where the next one starts. A pointer must
// point before the place of the last jump, so that there is no loop.
func domain(raw []byte, at int, compressed bool) (name string, next int, ok bool) {
	var labels []string
	limit, size := at, 0
	for {
		if at >= len(raw) {
			return "", 0, false
		}
		n := int(raw[at])
		switch {
		case n == 0:
			if next == 0 {
				next = at + 1
			}
			return strings.Join(labels, "."), next, len(labels) > 0
		case n >= 0xc0:
			if !compressed || at+1 >= len(raw) {
				return "", 0, false
			}
			to := n&0x3f<<8 | int(raw[at+1])
			if to >= limit {
				return "", 0, false
			}
			if next == 0 {
				next = at + 2
			}
			at, limit = to, to
		case n > 63 || at+1+n > len(raw) || size+n > 253:
			return "", 0, false
		default:
			labels = append(labels, string(raw[at+1:at+1+n]))
			size += n + 1
			at += 1 + n
		}
	}
}

// Wire is a valid name as DNS has it in a packet.
func Wire(name string) (b []byte) {
	for label := range strings.SplitSeq(strings.TrimSuffix(name, "."), ".") {
		b = append(append(b, byte(len(label))), label...)
	}
	return append(b, 0)
}
