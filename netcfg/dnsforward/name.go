package dnsforward

import "strings"

// A name is kept as a message has it, labels each behind its length and the root's zero at the end, in lower case: so
// a dot within a label is no other label's beginning.

const (
	maxName  = 255 // bytes
	maxLabel = 63
)

// maxPointers bounds the steps through one name: more than it has labels leads to nothing new.
const maxPointers = 127

// followName follows the name at an offset, puts it into out and returns where the message goes on behind it. Each
// pointer of a compressed name must lead further back than the one before: so there is no loop.
func followName(b []byte, at int, out *[maxName]byte) (n, next int, ok bool) {
	limit, pointers := at, 0
	for at < len(b) {
		size := int(b[at])
		switch {
		case size >= 0xc0:
			if at+1 >= len(b) {
				return 0, 0, false
			}
			if pointers == 0 {
				next = at + 2
			}
			to := size&0x3f<<8 | int(b[at+1])
			if pointers++; to >= limit || pointers > maxPointers {
				return 0, 0, false
			}
			at, limit = to, to
			continue
		case size > maxLabel || n+1+size > maxName || at+1+size > len(b):
			return 0, 0, false
		}
		out[n] = byte(size)
		for i, c := range b[at+1 : at+1+size] {
			out[n+1+i] = lower(c)
		}
		n, at = n+1+size, at+1+size
		if size == 0 {
			if pointers == 0 {
				next = at
			}
			return n, next, true
		}
	}
	return 0, 0, false
}

// readName is followName with the name as a value.
func readName(b []byte, at int) (name string, next int, ok bool) {
	var out [maxName]byte
	n, next, ok := followName(b, at, &out)
	return string(out[:n]), next, ok
}

// skipName is where a message goes on behind a name that was followed before.
func skipName(b []byte, at int) int {
	for b[at] != 0 {
		if b[at] >= 0xc0 {
			return at + 2
		}
		at += 1 + int(b[at])
	}
	return at + 1
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c | 0x20
	}
	return c
}

// packName is a name of text; with or without a dot at its end. It knows no escapes: names of configurations and leases need none.
func packName(text string) (name string, ok bool) {
	text = strings.TrimSuffix(text, ".")
	if text == "" {
		return "\x00", true
	}
	var b []byte
	for label := range strings.SplitSeq(text, ".") {
		if label == "" || len(label) > maxLabel {
			return "", false
		}
		b = append(b, byte(len(label)))
		for i := range len(label) {
			b = append(b, lower(label[i]))
		}
	}
	b = append(b, 0)
	return string(b), len(b) <= maxName
}

// parent is the name without its first label; the root's is the root.
func parent(name string) string {
	if name == "\x00" {
		return name
	}
	return name[1+int(name[0]):]
}

// isWithin says whether a name is a domain or below it.
func isWithin(name, domain string) bool {
	for len(name) > len(domain) {
		name = parent(name)
	}
	return name == domain
}

// labels are those of a name, first to last.
func labels(name string) (list []string) {
	for ; name != "\x00"; name = parent(name) {
		list = append(list, name[1:1+int(name[0])])
	}
	return list
}
