package editor

import (
	"bantam/editor/language"
	"bantam/editor/screen"
)

// In a larger file the colours of what a multi-line string leaves open are
// sought only so far up.
const paintFrom = 64 << 10

// paint finds the colours of a document's lines.
type paint struct {
	toml  bool
	known int            // offset of a line start whose state is known
	state language.State // there
}

// forget drops what a change at off made doubtful.
func (p *paint) forget(off int) {
	if off < p.known {
		p.known, p.state = 0, language.State{}
	}
}

// brush colours rows one after the other.
type brush struct {
	off    bool
	line   int // the line that styles and state belong to, -1: none yet
	styles []screen.Style
	next   language.State
}

// from is a brush for rows from top on.
func (p *paint) from(d *document, top int, colors bool) *brush {
	if !p.toml || !colors {
		return &brush{off: true}
	}
	line := d.text.LineStart(top)
	if p.known > line || line-p.known > paintFrom {
		p.known, p.state = 0, language.State{}
		if line > paintFrom {
			p.known = d.text.LineStart(line - paintFrom)
		}
	}
	for p.known < line {
		end := d.text.LineEnd(p.known)
		p.state = p.state.After(d.text.Bytes(p.known, end))
		p.known = end + 1
	}
	return &brush{line: -1, next: p.state}
}

// row gives a row's cells their colours.
func (b *brush) row(d *document, r *row) {
	if b.off {
		return
	}
	if r.line != b.line {
		b.line = r.line
		b.styles, b.next = language.TOML(d.text.Bytes(r.line, min(d.text.LineEnd(r.line), r.line+paintFrom)), b.next)
	}
	for i := 0; i+1 < len(r.at); i++ {
		at := r.from + i - r.line
		if at >= len(b.styles) {
			return
		}
		for c := r.at[i]; c < r.at[i+1]; c++ {
			r.cells[c-r.column0].Style = b.styles[at]
		}
	}
}
