package editor

import "bantam/editor/keys"

// motion moves the cursor as a key asks.
func (m *model) motion(d *document, c keys.Code) {
	v := &m.view
	v.fit(d)
	switch c {
	case keys.Left:
		d.moveTo(d.before(d.cursor))
	case keys.Right:
		d.moveTo(d.after(d.cursor))
	case keys.WordLeft:
		d.moveTo(d.wordLeft(d.cursor))
	case keys.WordRight:
		d.moveTo(d.wordRight(d.cursor))
	case keys.Home:
		d.moveTo(d.home())
	case keys.End:
		d.moveTo(d.lineEnd(d.cursor))
	case keys.Top:
		d.moveTo(0)
	case keys.Bottom:
		d.moveTo(d.text.Len())
	case keys.Up:
		v.vertical(d, -1)
	case keys.Down:
		v.vertical(d, 1)
	case keys.PageUp:
		v.page(d, -1)
	case keys.PageDown:
		v.page(d, 1)
	}
}

// home is the first byte of the line; from there its first character that is no blank.
func (d *document) home() int {
	line := d.text.LineStart(d.cursor)
	if d.cursor != line {
		return line
	}
	return line + blanks(d.text.Bytes(line, min(d.lineEnd(line), line+256)))
}

// blanks is how many blanks begin a line.
func blanks(line []byte) int {
	for i, c := range line {
		if c != ' ' && c != '\t' {
			return i
		}
	}
	return len(line)
}

// vertical moves the cursor by n rows towards the column where the motion began.
// Beyond the first and the last row are the ends of the text.
func (v *view) vertical(d *document, n int) {
	from := v.rowStart(d, d.cursor)
	goal := d.goal
	if goal < 0 {
		if v.wrap {
			r := v.rowAt(d, from)
			goal = r.column(d.cursor)
		} else {
			goal = v.columnOf(d, from, d.cursor)
		}
	}
	var gone int
	if n < 0 {
		from, gone = v.above(d, from, -n)
	} else {
		from, gone = v.below(d, from, n)
	}
	if gone == 0 { // nowhere to go but to the end of the row
		if n < 0 {
			d.moveTo(from)
		} else {
			d.moveTo(d.text.Len())
		}
		return
	}
	if v.wrap {
		r := v.rowAt(d, from)
		d.moveTo(r.offset(goal))
		if r.next == d.cursor && r.next > from { // the end of a full row is the next one's start
			d.moveTo(d.before(d.cursor))
		}
	} else {
		d.moveTo(v.offsetAt(d, from, goal))
	}
	d.goal = goal
}

// page moves the text and the cursor by a screen less two rows, so that the eye
// finds its place again.
func (v *view) page(d *document, direction int) {
	n := max(v.height()-2, 1)
	top := v.rowStart(d, min(d.top, d.text.Len()))
	if direction < 0 {
		d.top, _ = v.above(d, top, n)
	} else if _, gone := v.below(d, top, v.height()); gone == v.height() { // not beyond the end
		d.top, _ = v.below(d, top, n)
	}
	v.vertical(d, direction*n)
}
