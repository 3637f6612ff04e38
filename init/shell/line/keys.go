package line

import (
	"strings"
	"unicode/utf8"
)

// Code names a key.
type Code int

// The keys that the editor knows. Ctrl and Alt carry a lower-case letter in
// Rune, Character any rune, Pasted a text.
const (
	Character Code = iota
	Ctrl
	Alt
	Enter
	Tab
	Backspace
	Delete
	Up
	Down
	Left
	Right
	WordLeft
	WordRight
	Home
	End
	Pasted
	Position // the terminal's answer to "where is the cursor"
)

// Key is one key press, paste or answer of the terminal.
type Key struct {
	Code Code
	Rune rune
	Text string // of Pasted
	Row  int    // of Position
	Col  int
}

// pasteLimit bounds the memory of a paste whose end mark got lost.
const pasteLimit = 1 << 20

// Decoder turns bytes into keys. Sequences may arrive in any pieces; what is
// not understood is swallowed and never becomes text.
type Decoder struct {
	state   byte // 0, or the kind of sequence that is open: esc, '[', 'O', 'u' (UTF-8), 'p' (paste), 'F'
	pending []byte
}

const esc = 0x1b

// Pending tells whether a sequence is open. When nothing arrives for a second
// the caller should Abandon it: it was a lone ESC, or line noise.
func (d *Decoder) Pending() bool { return d.state != 0 && d.state != 'p' }

// Abandon forgets an open sequence.
func (d *Decoder) Abandon() { d.state, d.pending = 0, d.pending[:0] }

// Feed takes one byte and returns the keys it completes: mostly one, none while
// more bytes are needed, two when it shows that what came before was no UTF-8.
func (d *Decoder) Feed(b byte) []Key {
	var keys []Key
	if d.state == 'u' && b&0xc0 != 0x80 {
		for _, raw := range d.pending {
			keys = append(keys, Key{Code: Character, Rune: rawByte(raw)})
		}
		d.Abandon()
	}
	if key, ok := d.one(b); ok {
		keys = append(keys, key)
	}
	return keys
}

func (d *Decoder) one(b byte) (key Key, ok bool) {
	switch d.state {
	case esc:
		return d.afterEscape(b)
	case '[':
		return d.control(b)
	case 'O':
		d.Abandon()
		return cursorKey(b, "")
	case 'F': // Linux console: ESC [ [ A is F1
		d.Abandon()
		return Key{}, false
	case 'u':
		return d.continued(b)
	case 'p':
		return d.paste(b)
	}
	switch {
	case b == esc:
		d.state = esc
		return Key{}, false
	case b == '\r' || b == '\n':
		return Key{Code: Enter}, true
	case b == '\t':
		return Key{Code: Tab}, true
	case b == 0x7f || b == 0x08:
		return Key{Code: Backspace}, true
	case b == 0:
		return Key{}, false
	case b < 0x20:
		return Key{Code: Ctrl, Rune: rune(b) + '`'}, true
	case b < utf8.RuneSelf:
		return Key{Code: Character, Rune: rune(b)}, true
	case b >= 0xc2 && b <= 0xf4:
		d.state, d.pending = 'u', append(d.pending[:0], b)
		return Key{}, false
	}
	return Key{Code: Character, Rune: rawByte(b)}, true
}

// continued collects the bytes of one UTF-8 rune.
func (d *Decoder) continued(b byte) (Key, bool) {
	d.pending = append(d.pending, b)
	if !utf8.FullRune(d.pending) {
		return Key{}, false
	}
	r, size := utf8.DecodeRune(d.pending)
	if r == utf8.RuneError && size == 1 {
		// A forbidden form, such as an overlong one: the bytes must come out as
		// they came in, and a paste of them is not worth more than one key.
		text := string(d.pending)
		d.Abandon()
		return Key{Code: Pasted, Text: text}, true
	}
	d.Abandon()
	return Key{Code: Character, Rune: r}, true
}

func (d *Decoder) afterEscape(b byte) (Key, bool) {
	d.Abandon()
	switch {
	case b == '[' || b == 'O':
		d.state = b
	case b == esc:
		d.state = esc
	case b == 0x7f || b == 0x08:
		return Key{Code: Ctrl, Rune: 'w'}, true
	case b > ' ' && b < 0x7f:
		return Key{Code: Alt, Rune: rune(b)}, true
	}
	return Key{}, false
}

// control collects a CSI sequence: parameters, then a final byte 0x40 to 0x7e.
func (d *Decoder) control(b byte) (Key, bool) {
	switch {
	case b == esc: // a new sequence cuts off a broken one
		d.Abandon()
		d.state = esc
		return Key{}, false
	case b == '[' && len(d.pending) == 0:
		d.state = 'F'
		return Key{}, false
	case b < 0x40 || b > 0x7e:
		if len(d.pending) < 32 {
			d.pending = append(d.pending, b)
		}
		return Key{}, false
	}
	params := string(d.pending)
	d.Abandon()
	if b == '~' && params == "200" {
		d.state = 'p'
		return Key{}, false
	}
	return cursorKey(b, params)
}

// cursorKey maps a CSI or SS3 final byte with its parameters.
func cursorKey(final byte, params string) (Key, bool) {
	first, second, _ := strings.Cut(params, ";")
	modified := second == "5" || second == "3" || first == "5" && second == ""
	switch final {
	case 'A':
		return Key{Code: Up}, true
	case 'B':
		return Key{Code: Down}, true
	case 'C', 'c':
		if modified || final == 'c' && params == "" {
			return Key{Code: WordRight}, true
		}
		if final == 'c' {
			return Key{}, false // an answer to "what are you"
		}
		return Key{Code: Right}, true
	case 'D', 'd':
		if modified || final == 'd' {
			return Key{Code: WordLeft}, true
		}
		return Key{Code: Left}, true
	case 'H':
		return Key{Code: Home}, true
	case 'F':
		return Key{Code: End}, true
	case 'M': // keypad Enter
		if params == "" {
			return Key{Code: Enter}, true
		}
	case 'R':
		return Key{Code: Position, Row: number(first), Col: number(second)}, true
	case '~':
		switch first {
		case "1", "7":
			return Key{Code: Home}, true
		case "4", "8":
			return Key{Code: End}, true
		case "3":
			return Key{Code: Delete}, true
		}
	}
	return Key{}, false
}

func (d *Decoder) paste(b byte) (Key, bool) {
	const end = "\x1b[201~"
	d.pending = append(d.pending, b)
	if !strings.HasSuffix(string(d.pending[max(0, len(d.pending)-len(end)):]), end) && len(d.pending) < pasteLimit {
		return Key{}, false
	}
	text := strings.TrimSuffix(string(d.pending), end)
	d.state, d.pending = 0, nil
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text)
	return Key{Code: Pasted, Text: text}, true
}

// number reads a small decimal number; anything else is 0.
func number(s string) int {
	n := 0
	for _, c := range []byte(s) {
		if c < '0' || c > '9' || n > 99999 {
			return 0
		}
		n = n*10 + int(c-'0')
	}
	return n
}
