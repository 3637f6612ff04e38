package editor

import "unicode/utf8"

// Code says which key a Key is.
type Code int

// The keys. Ctrl keys come as KeyCtrl with Rune 'A' to 'Z', '[' to '_'.
const (
	KeyText Code = iota // Text is what was typed: one character
	KeyCtrl
	KeyUp
	KeyDown
	KeyLeft
	KeyRight
	KeyWordLeft
	KeyWordRight
	KeyHome
	KeyEnd
	KeyPageUp
	KeyPageDown
	KeyDelete
	KeyBackspace
	KeyEnter
	KeyTab
	KeyPasteStart
	KeyPasteEnd
	KeyReport // the terminal tells where its cursor is: Row, Col from 1
)

// Key is one key press, or what looks like one.
type Key struct {
	Code     Code
	Text     []byte
	Rune     rune
	Row, Col int
}

// maxSequence bounds an escape sequence; longer ones are noise on the line.
const maxSequence = 32

// Decoder turns the bytes of a terminal into keys. Sequences may arrive in
// pieces, with any pause between them: the caller ends a wait with Abort.
// ESC alone means nothing in this editor, so waiting for the rest costs nothing.
type Decoder struct{ held []byte }

// Pending tells whether bytes are held back that could begin a sequence.
func (d *Decoder) Pending() bool { return len(d.held) > 0 }

// Abort drops what is held back.
func (d *Decoder) Abort() { d.held = d.held[:0] }

// Feed takes the next bytes and returns the keys that are complete.
func (d *Decoder) Feed(b []byte) []Key {
	d.held = append(d.held, b...)
	var keys []Key
	for len(d.held) > 0 {
		k, n := decode(d.held)
		if n == 0 {
			break // wait for the rest
		}
		if n < 0 { // a sequence without meaning
			d.held = d.held[-n:]
			continue
		}
		keys = append(keys, k)
		d.held = d.held[n:]
	}
	if len(d.held) == 0 {
		d.held = nil
	}
	return keys
}

// decode reads one key: n bytes of b; 0: more is needed; -n: skip n bytes.
func decode(b []byte) (Key, int) {
	switch c := b[0]; {
	case c == 0x1b:
		return decodeEscape(b)
	case c == '\r' || c == '\n':
		return Key{Code: KeyEnter}, 1
	case c == '\t':
		return Key{Code: KeyTab}, 1
	case c == 0x7f || c == 0x08:
		return Key{Code: KeyBackspace}, 1
	case c < 0x20:
		return Key{Code: KeyCtrl, Rune: rune(c) + '@'}, 1
	case c < utf8.RuneSelf:
		return Key{Code: KeyText, Text: []byte{c}}, 1
	default:
		if !utf8.FullRune(b) {
			return Key{}, 0
		}
		_, n := utf8.DecodeRune(b) // 1 for an invalid byte, which is kept
		return Key{Code: KeyText, Text: append([]byte(nil), b[:n]...)}, n
	}
}

func decodeEscape(b []byte) (Key, int) {
	if len(b) < 2 {
		return Key{}, 0
	}
	switch b[1] {
	case 'O': // SS3: arrows in application mode
		if len(b) < 3 {
			return Key{}, 0
		}
		if k, ok := finals[b[2]]; ok {
			return Key{Code: k}, 3
		}
		return Key{}, -3
	case '[':
	default:
		if b[1] < 0x20 {
			return Key{}, -1 // ESC by itself, from habit; the control key counts
		}
		return Key{}, -2 // Alt and a key
	}
	for i := 2; i < len(b); i++ {
		if c := b[i]; c >= 0x40 && c <= 0x7e {
			return decodeCSI(b[2:i], c, i+1)
		} else if c < 0x20 || c > 0x7e || i >= maxSequence {
			return Key{}, -i // broken off: what follows is a key of its own
		}
	}
	return Key{}, 0
}

var finals = map[byte]Code{'A': KeyUp, 'B': KeyDown, 'C': KeyRight, 'D': KeyLeft, 'H': KeyHome, 'F': KeyEnd}

var tildes = map[int]Code{1: KeyHome, 7: KeyHome, 4: KeyEnd, 8: KeyEnd, 3: KeyDelete,
	5: KeyPageUp, 6: KeyPageDown, 200: KeyPasteStart, 201: KeyPasteEnd}

func decodeCSI(params []byte, final byte, n int) (Key, int) {
	first, second := twoNumbers(params)
	switch final {
	case 'R':
		return Key{Code: KeyReport, Row: first, Col: second}, n
	case '~':
		if k, ok := tildes[first]; ok {
			return Key{Code: k}, n
		}
		return Key{}, -n
	}
	k, ok := finals[final]
	if !ok {
		return Key{}, -n
	}
	if second == 5 { // Ctrl
		switch k {
		case KeyLeft:
			k = KeyWordLeft
		case KeyRight:
			k = KeyWordRight
		}
	}
	return Key{Code: k}, n
}

// twoNumbers reads "12;34"; what is absent or no number is 0.
func twoNumbers(p []byte) (a, b int) {
	n := [2]int{}
	i := 0
	for _, c := range p {
		switch {
		case c == ';':
			if i++; i > 1 {
				return n[0], n[1]
			}
		case c >= '0' && c <= '9' && n[i] < 1e6:
			n[i] = n[i]*10 + int(c-'0')
		}
	}
	return n[0], n[1]
}
