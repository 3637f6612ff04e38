package keys

import "bytes"

// pasteEnd is what a terminal sends after pasted text.
const pasteEnd = "\x1b[201~"

// paste takes pasted text out of what is held: all but the end of it that could
// begin the closing sequence. Nothing inside a paste is a command.
func (d *Decoder) paste() (Key, bool) {
	end := bytes.Index(d.held, []byte(pasteEnd))
	if end == 0 {
		d.held, d.pasting = d.held[len(pasteEnd):], false
		return Key{Code: PasteEnd}, true
	}
	n := end
	if end < 0 {
		n = len(d.held) - beginning(d.held)
	}
	text := d.lines(d.held[:n])
	d.held = d.held[n:]
	return Key{Code: Paste, Text: text}, n > 0
}

// beginning is how many bytes at the end of b could be the start of pasteEnd.
func beginning(b []byte) int {
	for n := min(len(pasteEnd)-1, len(b)); n > 0; n-- {
		if bytes.HasSuffix(b, []byte(pasteEnd[:n])) {
			return n
		}
	}
	return 0
}

// lines gives pasted text the line ends of a text: terminals send "\r" for them,
// some "\r\n".
func (d *Decoder) lines(b []byte) []byte {
	out := make([]byte, 0, len(b))
	for _, c := range b {
		switch {
		case c == '\r':
			out = append(out, '\n')
		case c == '\n' && d.wasCR:
		default:
			out = append(out, c)
		}
		d.wasCR = c == '\r'
	}
	return out
}
