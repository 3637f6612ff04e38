package editor

import (
	"unicode"
	"unicode/utf8"

	"bantam/editor/screen"
)

// before and after are the offsets of the neighbouring characters: a character
// with the marks that combine with it. An invalid byte is a character of its own;
// CRLF is one where it ends the lines.
func (d *document) before(off int) int {
	b := d.text.Bytes(max(off-64, 0), off)
	n := len(b)
	for n > 0 {
		r, size := utf8.DecodeLastRune(b[:n])
		n -= size
		if d.crlf && r == '\n' && n > 0 && b[n-1] == '\r' {
			n--
		}
		if !combines(r, size) {
			break
		}
	}
	return off - (len(b) - n)
}

func (d *document) after(off int) int {
	b := d.text.Bytes(off, min(off+64, d.text.Len()))
	if len(b) == 0 {
		return off
	}
	if d.crlf && len(b) > 1 && b[0] == '\r' && b[1] == '\n' {
		return off + 2
	}
	_, n := utf8.DecodeRune(b)
	for n < len(b) {
		r, size := utf8.DecodeRune(b[n:])
		if !combines(r, size) {
			break
		}
		n += size
	}
	return off + n
}

// lineEnd is where the line that holds off ends for the person: in a text whose
// lines end in CRLF before both.
func (d *document) lineEnd(off int) int {
	end := d.text.LineEnd(off)
	if d.crlf && end > 0 && end < d.text.Len() && d.text.Byte(end-1) == '\r' {
		end--
	}
	return end
}

// newline is what ends a line of this text.
func (d *document) newline() []byte {
	if d.crlf {
		return []byte("\r\n")
	}
	return []byte{'\n'}
}

// combines tells whether a character has no column of its own.
func combines(r rune, size int) bool {
	return r >= utf8.RuneSelf && !(r == utf8.RuneError && size == 1) && screen.Width(r) == 0
}

// aligned moves off forward to where a character begins.
func (d *document) aligned(off int) int {
	for range utf8.UTFMax - 1 {
		if off >= d.text.Len() || utf8.RuneStart(d.text.Byte(off)) {
			break
		}
		off++
	}
	return off
}

// inWord tells whether the character at off belongs to a word.
func (d *document) inWord(off int) bool {
	b := d.text.Bytes(off, min(off+utf8.UTFMax, d.text.Len()))
	r, _ := utf8.DecodeRune(b)
	return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r)
}

// farthest is how far a word motion goes: a disk image may have no words at all.
const farthest = 64 << 10

// wordLeft and wordRight are where the next word begins or ends.
func (d *document) wordLeft(at int) int {
	begin := max(at-farthest, 0)
	for at > begin && !d.inWord(d.before(at)) {
		at = d.before(at)
	}
	for at > begin && d.inWord(d.before(at)) {
		at = d.before(at)
	}
	return at
}

func (d *document) wordRight(at int) int {
	end := min(at+farthest, d.text.Len())
	for at < end && d.inWord(at) {
		at = d.after(at)
	}
	for at < end && !d.inWord(at) {
		at = d.after(at)
	}
	return at
}
