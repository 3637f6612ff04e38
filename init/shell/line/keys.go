package line

import (
	"unicode/utf8"

	"bantam/editor/keys"
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

// Decoder turns bytes into keys, of those that package keys knows what edits a
// line. Sequences may arrive in any pieces; what is not understood is swallowed
// and never becomes text.
type Decoder struct {
	bytes keys.Decoder
	paste []byte
}

// Pending tells whether a sequence is open. When nothing arrives for a second
// the caller should Abandon it: it was a lone ESC, or line noise.
func (d *Decoder) Pending() bool { return d.bytes.Pending() }

// Abandon forgets an open sequence.
func (d *Decoder) Abandon() { d.bytes.Abort() }

// Feed takes one byte and returns the keys it completes: mostly one, none while
// more bytes are needed, two when it shows that what came before was no UTF-8.
func (d *Decoder) Feed(b byte) (list []Key) {
	for _, k := range d.bytes.Feed([]byte{b}) {
		switch k.Code {
		case keys.Paste:
			if d.paste = append(d.paste, k.Text...); len(d.paste) < pasteLimit {
				continue
			}
			d.bytes = keys.Decoder{}
			list = append(list, d.pasted())
		case keys.PasteEnd:
			list = append(list, d.pasted())
		default:
			if key, ok := ofLine(k); ok {
				list = append(list, key)
			}
		}
	}
	return list
}

func (d *Decoder) pasted() Key {
	text := string(d.paste)
	d.paste = nil
	return Key{Code: Pasted, Text: text}
}

// motions are the keys that are called the same here and there, or nearly so.
var motions = map[keys.Code]Code{keys.Enter: Enter, keys.Tab: Tab, keys.Backspace: Backspace, keys.Delete: Delete,
	keys.Up: Up, keys.Down: Down, keys.Left: Left, keys.Right: Right, keys.WordLeft: WordLeft, keys.WordRight: WordRight,
	keys.Home: Home, keys.Top: Home, keys.End: End, keys.Bottom: End}

// ofLine is what a key is for a line; ok is false if it is nothing.
func ofLine(k keys.Key) (key Key, ok bool) {
	switch k.Code {
	case keys.Text:
		r, size := utf8.DecodeRune(k.Text)
		if r == utf8.RuneError && size == 1 {
			r = rawByte(k.Text[0])
		}
		return Key{Code: Character, Rune: r}, true
	case keys.Ctrl:
		return Key{Code: Ctrl, Rune: k.Rune - 'A' + 'a'}, k.Rune != '@'
	case keys.Alt:
		return Key{Code: Alt, Rune: k.Rune}, k.Rune != ' '
	case keys.BackspaceWord:
		return Key{Code: Ctrl, Rune: 'w'}, true
	case keys.Cursor:
		return Key{Code: Position, Row: k.Row, Col: k.Col}, true
	}
	code, ok := motions[k.Code]
	return Key{Code: code}, ok
}
