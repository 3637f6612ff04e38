package system

import (
	"bytes"
	"slices"
	"strings"
)

// walk goes through one statement up to the offset, where its text ends, and
// notes what may stand there. It takes faults as the scanner does.
type walk struct {
	scanner
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
func newWalk(t text, end int, p place) *walk {
	return &walk{scanner: scanner{text: text{t.src[:end], t.lines}, pos: p.first}, place: p}
}

// in walks; false if the statement ends on a line above the offset.
func (w *walk) in(header []string) bool {
	if w.peek() == '[' {
		return w.header()
	}
	return w.assignment(header)
}

func (w *walk) header() bool {
	for i := 0; i < 2 && w.peek() == '['; i++ {
		w.pos++
	}
	w.place.start = w.pos
	if w.dotted() {
		w.place.role = headerRole
	}
	return !w.nextLine()
}

// dotted reads a key up to what follows it. It reports whether the offset is
// still within the key; the last part is the word then.
func (w *walk) dotted() bool {
	for {
		w.skipSpace()
		at := w.pos
		if len(w.place.path) > len(w.place.base)+maxParts { // no key of ours goes on like that
			w.word(at, 0)
			w.skipRest()
			return w.pos == len(w.src)
		}
		if c := w.peek(); c == '"' || c == '\'' {
			end := w.closing(at+1, []byte{c})
			if end < 0 {
				w.word(at+1, c)
				w.skipRest()
				return w.pos == len(w.src)
			}
			w.pos = end
			text, _ := w.unescape(at, c, string(w.src[at+1:end-1]), string(c))
			w.place.path = append(slices.Clip(w.place.path), text)
		} else {
			for isBare(w.peek()) || likeBare(w.peek()) {
				w.pos++
			}
			if w.pos == len(w.src) {
				w.word(at, 0)
				return true
			}
			if w.pos > at {
				w.place.path = append(slices.Clip(w.place.path), string(w.src[at:w.pos]))
			}
		}
		w.skipSpace()
		if w.peek() != '.' {
			return false
		}
		w.pos++
	}
}

// word notes that the word at the offset began at from.
func (w *walk) word(from int, quote byte) {
	w.place.from, w.place.word, w.place.quote = from, string(w.src[from:]), quote
}

// skipRest goes to the end of the line.
func (w *walk) skipRest() {
	if i := bytes.IndexByte(w.src[w.pos:], '\n'); i >= 0 {
		w.pos += i
	} else {
		w.pos = len(w.src)
	}
}

// nextLine reports whether the offset is on a later line.
func (w *walk) nextLine() bool {
	w.skipRest()
	return w.pos < len(w.src)
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
		if w.skipSpace(); nested {
			w.blanks()
		} else if c := w.peek(); c == '\n' || c == '#' {
			return !w.nextLine()
		}
		c := w.peek()
		if nested && (c == ']' || c == '}') {
			w.pos++
			p.path = w.top().path
			w.frames = w.frames[:len(w.frames)-1]
			next = after
			continue
		}
		switch next {
		case key:
			f := w.top()
			p.base, p.path, p.start = f.path, f.path, w.pos
			p.isInline, p.inline = nested, f.set
			if w.dotted() {
				if !w.comment {
					p.role = keyRole
				}
				return true
			}
			if w.peek() != '=' {
				return nested || !w.nextLine()
			}
			w.pos++
			f.set = append(f.set, strings.Join(p.path[len(f.path):], "."))
			next = value
		case value:
			f := w.top()
			p.isItem = f.array
			p.closes = f.array && f.oneLine
			if f.array {
				p.path = f.path
			}
			if w.pos == len(w.src) {
				if w.word(w.pos, 0); !w.comment {
					p.role = valueRole
				}
				return true
			}
			switch c {
			case ',':
				w.pos++
			case '[', '{':
				if len(w.frames) > maxDepth { // as the scanner has it
					return true
				}
				oneLine := !nested && bytes.IndexByte(w.src[w.pos:], '\n') < 0
				w.frames = append(w.frames, frame{path: p.path, array: c == '[', oneLine: oneLine})
				w.pos++
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
			case w.pos == len(w.src):
				return true
			case !nested:
				return !w.nextLine()
			case c == ',':
				w.pos++
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
		switch w.skipSpace(); w.peek() {
		case '\n':
			w.pos++
		case '#':
			w.skipRest()
			w.comment = w.pos == len(w.src)
		default:
			return
		}
	}
}

// simple goes behind a value without brackets; it reports whether the offset is in it.
func (w *walk) simple() bool {
	at, c := w.pos, w.src[w.pos]
	if c != '"' && c != '\'' {
		w.pos++
		for w.pos < len(w.src) && strings.IndexByte(" \t\r\n,]}#=", w.src[w.pos]) < 0 {
			w.pos++
		}
		if w.pos == len(w.src) {
			w.place.role = valueRole
			w.word(at, 0)
		}
		return w.pos == len(w.src)
	}
	triple := []byte{c, c, c}
	if bytes.HasPrefix(w.src[at:], triple) {
		if w.pos = w.closing(at+3, triple); w.pos < 0 {
			w.pos = len(w.src)
			return true
		}
		return false
	}
	if end := w.closing(at+1, triple[:1]); end >= 0 {
		w.pos = end
		return false
	}
	if w.skipRest(); w.pos == len(w.src) {
		w.place.role = valueRole
		w.word(at+1, c)
		return true
	}
	return false
}
