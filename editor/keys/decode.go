package keys

import "unicode/utf8"

// decode reads one key: n bytes of b; 0: more is needed; -n: skip n bytes.
func decode(b []byte) (Key, int) {
	switch c := b[0]; {
	case c == 0x1b:
		return decodeEscape(b)
	case c == '\r' || c == '\n':
		return Key{Code: Enter}, 1
	case c == '\t':
		return Key{Code: Tab}, 1
	case c == 0x7f || c == 0x08:
		return Key{Code: Backspace}, 1
	case c < 0x20:
		return Key{Code: Ctrl, Rune: rune(c) + '@'}, 1
	case c < utf8.RuneSelf:
		return Key{Code: Text, Text: []byte{c}}, 1
	}
	if !utf8.FullRune(b) {
		return Key{}, 0
	}
	_, n := utf8.DecodeRune(b) // 1 for an invalid byte, which is kept
	return Key{Code: Text, Text: append([]byte(nil), b[:n]...)}, n
}

func decodeEscape(b []byte) (Key, int) {
	if len(b) < 2 {
		return Key{}, 0
	}
	switch c := b[1]; {
	case c == 'O': // SS3: arrows in application mode
		if len(b) < 3 {
			return Key{}, 0
		}
		if k, ok := finals[b[2]]; ok {
			return Key{Code: k}, 3
		}
		if c := b[2]; c >= 'a' && c <= 'd' { // rxvt: Ctrl with an arrow
			return Key{Code: withModifier(finals[c-0x20])}, 3
		}
		if b[2] == 'M' {
			return Key{Code: Enter}, 3 // of the number pad
		}
		return Key{}, -3
	case c == '[':
		return decodeCSI(b)
	case c == 0x7f || c == 0x08:
		return Key{Code: BackspaceWord}, 2
	case c < 0x20:
		return Key{}, -1 // ESC by itself, from habit; what follows counts
	case c < utf8.RuneSelf:
		return Key{Code: Alt, Rune: rune(c)}, 2
	}
	return Key{}, -1
}

var finals = map[byte]Code{'A': Up, 'B': Down, 'C': Right, 'D': Left, 'H': Home, 'F': End, 'Z': BackTab}

var tildes = map[int]Code{1: Home, 7: Home, 2: Insert, 3: Delete, 4: End, 8: End, 5: PageUp, 6: PageDown, 200: Paste}

// withCtrl is what a motion becomes with Ctrl, and on some terminals with Alt.
var withCtrl = map[Code]Code{Left: WordLeft, Right: WordRight, Home: Top, End: Bottom}

func withModifier(k Code) Code {
	if w, ok := withCtrl[k]; ok {
		return w
	}
	return k
}

// decodeCSI reads a control sequence: ESC [ parameters final.
func decodeCSI(b []byte) (Key, int) {
	if len(b) > 2 && b[2] == '[' { // the Linux console's F1 to F5: ESC [ [ A
		if len(b) < 4 {
			return Key{}, 0
		}
		return Key{}, -4
	}
	for i := 2; i < len(b); i++ {
		switch c := b[i]; {
		case c >= 0x40 && c <= 0x7e:
			k, ok := sequence(b[2:i], c)
			if !ok {
				return Key{}, -(i + 1)
			}
			return k, i + 1
		case c < 0x20 || c > 0x7e || i >= longest:
			return Key{}, -i // broken off: what follows is a key of its own
		}
	}
	return Key{}, 0
}

func sequence(params []byte, final byte) (Key, bool) {
	if len(params) > 0 && params[0] == '?' {
		return Key{Code: Device, Numbers: numbers(params[1:])}, final == 'c'
	}
	n := append(numbers(params), 0, 0)
	switch final {
	case 'R': // with modifiers also F3, whose first number is 1: no terminal is that small
		return Key{Code: Cursor, Row: n[0], Col: n[1]}, true
	case '~':
		k, ok := tildes[n[0]]
		return Key{Code: k, Shift: shifted(n[1])}, ok
	case 'a', 'b', 'c', 'd': // rxvt: Shift with an arrow
		return Key{Code: finals[final-0x20], Shift: true}, true
	}
	k, ok := finals[final]
	if mod := n[1] - 1; mod > 0 && mod&6 != 0 || n[0] == 5 && len(params) == 1 { // Alt is 2, Ctrl is 4; an old dialect has 5 alone
		k = withModifier(k)
	}
	return Key{Code: k, Shift: shifted(n[1])}, ok
}

// shifted reads the modifier parameter: 1 and the sum of the modifiers.
func shifted(modifier int) bool { return modifier > 1 && (modifier-1)&1 != 0 }

// numbers reads "12;34"; what is absent or no number is 0.
func numbers(p []byte) []int {
	n := []int{0}
	for _, c := range p {
		last := &n[len(n)-1]
		switch {
		case c == ';':
			n = append(n, 0)
		case c >= '0' && c <= '9' && *last < 1e6:
			*last = *last*10 + int(c-'0')
		}
	}
	return n
}
