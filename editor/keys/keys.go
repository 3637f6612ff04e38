// Package keys turns the bytes of a terminal into key presses.
//
// It knows what xterm, the Linux console, rxvt, PuTTY, screen, tmux and the
// VT100 family send. Sequences may arrive in pieces with any pause between
// them, as slow lines deliver them. ESC alone is no Key, see Escape; ESC and a
// letter are Alt.
package keys

// Code says which key a Key is.
type Code int

// The keys. A control key comes as Ctrl with Rune 'A' to 'Z', '@', '[' to '_'.
const (
	Text  Code = iota // Key.Text is what was typed: one character, or one invalid byte
	Ctrl              // Key.Rune
	Alt               // Key.Rune, the letter after ESC
	Paste             // Key.Text is a part of pasted text, line ends as "\n"
	PasteEnd
	Up
	Down
	Left
	Right
	WordLeft
	WordRight
	Home
	End
	Top    // Ctrl-Home
	Bottom // Ctrl-End
	PageUp
	PageDown
	Insert
	Delete
	Backspace
	BackspaceWord // with Alt
	Enter
	Tab
	BackTab
	Cursor // the terminal tells where its cursor is: Row, Col from 1
	Device // the terminal tells what it is: Numbers
)

// Key is one key press, or what looks like one.
type Key struct {
	Code     Code
	Shift    bool // of a motion
	Rune     rune
	Text     []byte
	Row, Col int
	Numbers  []int // e.g. 62, 1, 22 of a VT220 with colours
}

// longest bounds an escape sequence; longer ones are noise on the line.
const longest = 64

// longestString bounds what is skipped of a string that a terminal sends, such as
// its answer to the question for its colours or its name.
const longestString = 1024

// Decoder holds what has arrived of an unfinished sequence.
type Decoder struct {
	held    []byte
	pasting bool
	string  int  // bytes of a terminal's string that were skipped; 0: none is under way
	wasCR   bool // the last pasted byte: a "\n" after it belongs to it
}

// Pending tells whether bytes are held back that could begin a sequence, or are
// skipped until a string ends. After a second without input the caller drops them
// with Abort.
func (d *Decoder) Pending() bool { return (len(d.held) > 0 || d.string > 0) && !d.pasting }

// Pasting tells whether a paste has begun and not ended.
func (d *Decoder) Pasting() bool { return d.pasting }

// Escape tells whether all that is held back is ESC itself: when nothing follows
// it, somebody has pressed that key.
func (d *Decoder) Escape() bool { return string(d.held) == "\x1b" && !d.pasting }

// Abort drops what is held back.
func (d *Decoder) Abort() { d.held, d.string = d.held[:0], 0 }

// Feed takes the next bytes and returns the keys that are complete.
func (d *Decoder) Feed(b []byte) []Key {
	d.held = append(d.held, b...)
	var all []Key
	for len(d.held) > 0 {
		if d.pasting {
			k, ok := d.paste()
			if !ok {
				break
			}
			all = append(all, k)
			continue
		}
		if d.string > 0 {
			if !d.skipString() {
				break
			}
			continue
		}
		switch begins, known := beginsString(d.held); {
		case !known:
			return all
		case begins:
			d.held, d.string = d.held[3:], 3
			continue
		}
		k, n := decode(d.held)
		if n == 0 {
			break // wait for the rest
		}
		if n < 0 { // a sequence without meaning
			d.held = d.held[-n:]
			continue
		}
		d.held = d.held[n:]
		if k.Code == Paste {
			d.pasting, d.wasCR = true, false
			continue
		}
		all = append(all, k)
	}
	if len(d.held) == 0 {
		d.held = nil
	}
	return all
}
