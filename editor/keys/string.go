package keys

import "bytes"

// beginsString tells whether b begins with a string that a terminal sends: OSC,
// ESC ] and a number, or DCS, ESC P and what such an answer begins with. Before
// anything else the two are Alt with ] and P; not known: more is needed.
func beginsString(b []byte) (begins, known bool) {
	if b[0] != 0x1b || len(b) > 1 && b[1] != ']' && b[1] != 'P' {
		return false, true
	}
	if len(b) < 3 {
		return false, false
	}
	c := b[2]
	return c >= '0' && c <= '9' || b[1] == 'P' && bytes.IndexByte([]byte(">!|"), c) >= 0, true
}

// skipString drops what is held of a string up to its end: BEL, or ESC \. Any
// other control character breaks it off, and is a key of its own, so that noise
// which looks like the beginning of one takes no more than a line. It tells
// whether there is anything to go on with.
func (d *Decoder) skipString() bool {
	for i, c := range d.held {
		if d.string++; c >= 0x20 && d.string <= longestString {
			continue
		}
		rest := d.held[i:]
		switch {
		case c == 0x1b && len(rest) == 1:
			d.held = rest // perhaps the end
			return false
		case c == 0x1b && rest[1] == '\\':
			rest = rest[2:]
		case c == 0x07:
			rest = rest[1:]
		}
		d.held, d.string = rest, 0
		return true
	}
	d.held = d.held[:0]
	return false
}
