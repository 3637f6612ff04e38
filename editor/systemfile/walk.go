package systemfile

import (
	"bytes"
	"slices"
	"strings"

	"bantam/system/syntax"
)

// walk goes through one statement up to the offset, where its text ends, and
// notes what may stand there. It takes faults as the scanner does.
type walk struct {
	syntax.Scanner
	place   place
	frames  []frame
	comment bool // the offset is in one
}

// frame is a table or an array that is open around the place.
type frame struct {
	path    []string // of the table, or of the key whose value the array is
	array   bool
	oneLine bool     // the outermost, and the offset is on its line
	set     []string // keys of an inline table
}

// newWalk begins at the place's statement; the text ends at the offset.
func newWalk(t syntax.Text, end int, p place) *walk {
	return &walk{Scanner: syntax.Scanner{Text: syntax.Text{Src: t.Src[:end], Lines: t.Lines}, Pos: p.first}, place: p}
}

// in walks; false if the statement ends on a line above the offset.
func (w *walk) in(header []string) bool {
	if w.Peek() == '[' {
		return w.header()
	}
	return w.assignment(header)
}

func (w *walk) header() bool {
	for i := 0; i < 2 && w.Peek() == '['; i++ {
		w.Pos++
	}
	w.place.start = w.Pos
	if w.dotted() {
		w.place.role = headerRole
	}
	return !w.nextLine()
}

// dotted reads a key up to what follows it. It reports whether the offset is
// still within the key; the last part is the word then.
func (w *walk) dotted() bool {
	for {
		w.SkipSpace()
		at := w.Pos
		if len(w.place.path) > len(w.place.base)+syntax.MaxParts { // no key of ours goes on like that
			w.word(at, 0)
			w.skipRest()
			return w.Pos == len(w.Src)
		}
		if c := w.Peek(); c == '"' || c == '\'' {
			end := w.Closing(at+1, []byte{c})
			if end < 0 {
				w.word(at+1, c)
				w.skipRest()
				return w.Pos == len(w.Src)
			}
			w.Pos = end
			text, _ := w.Unescape(at, c, string(w.Src[at+1:end-1]), string(c))
			w.place.path = append(slices.Clip(w.place.path), text)
		} else {
			for syntax.IsBare(w.Peek()) || syntax.LikeBare(w.Peek()) {
				w.Pos++
			}
			if w.Pos == len(w.Src) {
				w.word(at, 0)
				return true
			}
			if w.Pos > at {
				w.place.path = append(slices.Clip(w.place.path), string(w.Src[at:w.Pos]))
			}
		}
		w.SkipSpace()
		if w.Peek() != '.' {
			return false
		}
		w.Pos++
	}
}

// word notes that the word at the offset began at from.
func (w *walk) word(from int, quote byte) {
	w.place.from, w.place.word, w.place.quote = from, string(w.Src[from:]), quote
}

// skipRest goes to the end of the line.
func (w *walk) skipRest() {
	if i := bytes.IndexByte(w.Src[w.Pos:], '\n'); i >= 0 {
		w.Pos += i
	} else {
		w.Pos = len(w.Src)
	}
}

// nextLine reports whether the offset is on a later line.
func (w *walk) nextLine() bool {
	w.skipRest()
	return w.Pos < len(w.Src)
}

func (w *walk) top() *frame { return &w.frames[len(w.frames)-1] }

// assignment walks through key = value. Each turn of its loop takes what may
// come next: a key, a value, or what follows a value.
func (w *walk) assignment(header []string) bool {
	const key, value, after = 0, 1, 2
	w.frames = []frame{{path: header}}
	p := &w.place
	for next := key; ; {
		nested := len(w.frames) > 1
		p.role = nowhere
		if w.SkipSpace(); nested {
			w.blanks()
		} else if c := w.Peek(); c == '\n' || c == '#' {
			return !w.nextLine()
		}
		c := w.Peek()
		if nested && (c == ']' || c == '}') {
			w.Pos++
			p.path = w.top().path
			w.frames = w.frames[:len(w.frames)-1]
			next = after
			continue
		}
		switch next {
		case key:
			f := w.top()
			p.base, p.path, p.start = f.path, f.path, w.Pos
			p.isInline, p.inline = nested, f.set
			if w.dotted() {
				if !w.comment {
					p.role = keyRole
				}
				return true
			}
			if w.Peek() != '=' {
				return nested || !w.nextLine()
			}
			w.Pos++
			f.set = append(f.set, strings.Join(p.path[len(f.path):], "."))
			next = value
		case value:
			f := w.top()
			p.isItem = f.array
			p.closes = f.array && f.oneLine
			if f.array {
				p.path = f.path
			}
			if w.Pos == len(w.Src) {
				if w.word(w.Pos, 0); !w.comment {
					p.role = valueRole
				}
				return true
			}
			switch c {
			case ',':
				w.Pos++
			case '[', '{':
				if len(w.frames) > syntax.MaxDepth { // as the scanner has it
					return true
				}
				oneLine := !nested && bytes.IndexByte(w.Src[w.Pos:], '\n') < 0
				w.frames = append(w.frames, frame{path: p.path, array: c == '[', oneLine: oneLine})
				w.Pos++
				if c == '{' {
					next = key
				}
			default:
				if w.simple() {
					return true
				}
				next = after
			}
		case after:
			switch {
			case w.Pos == len(w.Src):
				return true
			case !nested:
				return !w.nextLine()
			case c == ',':
				w.Pos++
				if next = key; w.top().array {
					next = value
				}
			case w.top().array:
				next = value // a comma is missing
			default:
				return true
			}
		}
	}
}

// blanks skips blanks, comments and line ends. A comment that reaches the end
// is what the offset is in.
func (w *walk) blanks() {
	for {
		switch w.SkipSpace(); w.Peek() {
		case '\n':
			w.Pos++
		case '#':
			w.skipRest()
			w.comment = w.Pos == len(w.Src)
		default:
			return
		}
	}
}

// simple goes behind a value without brackets; it reports whether the offset is in it.
func (w *walk) simple() bool {
	at, c := w.Pos, w.Src[w.Pos]
	if c != '"' && c != '\'' {
		w.Pos++
		for w.Pos < len(w.Src) && strings.IndexByte(" \t\r\n,]}#=", w.Src[w.Pos]) < 0 {
			w.Pos++
		}
		if w.Pos == len(w.Src) {
			w.place.role = valueRole
			w.word(at, 0)
		}
		return w.Pos == len(w.Src)
	}
	triple := []byte{c, c, c}
	if bytes.HasPrefix(w.Src[at:], triple) {
		if w.Pos = w.Closing(at+3, triple); w.Pos < 0 {
			w.Pos = len(w.Src)
			return true
		}
		return false
	}
	if end := w.Closing(at+1, triple[:1]); end >= 0 {
		w.Pos = end
		return false
	}
	if w.skipRest(); w.Pos == len(w.Src) {
		w.place.role = valueRole
		w.word(at+1, c)
		return true
	}
	return false
}
