package editor

import "bytes"

// selecting prepares a motion: with Shift it selects, without it ends a selection
// that Shift began.
func (d *document) selecting(shift bool) {
	switch {
	case shift && d.mark < 0:
		d.mark, d.sticky = d.cursor, false
	case !shift && !d.sticky:
		d.mark = -1
	}
}

// setMark begins a selection that motions extend, or ends it.
func (m *model) setMark() {
	d := m.doc()
	if d.mark >= 0 {
		d.mark = -1
		m.say("The selection is gone")
		return
	}
	d.mark, d.sticky = d.cursor, true
	m.say("The selection begins here; move, then ^K cuts, ^G c copies, ^G m ends it")
}

// dropSelection deletes what Shift selected: what is typed takes its place.
func (m *model) dropSelection() bool {
	d := m.doc()
	from, to, ok := d.selection()
	if !ok || d.sticky {
		return false
	}
	d.mark = -1
	d.replace(from, to-from, nil)
	return true
}

func (m *model) deleteLeft() {
	if !m.writable() || m.dropSelection() {
		return
	}
	if d := m.doc(); d.cursor > 0 {
		from := d.before(d.cursor)
		d.replace(from, d.cursor-from, nil)
	}
}

func (m *model) deleteRight() {
	if !m.writable() || m.dropSelection() {
		return
	}
	if d := m.doc(); d.cursor < d.text.Len() {
		d.replace(d.cursor, d.after(d.cursor)-d.cursor, nil)
	}
}

// chosen is the selection, or else the line of the cursor with its end.
func (d *document) chosen() (from, to int) {
	if from, to, ok := d.selection(); ok {
		return from, to
	}
	from, to = d.text.LineStart(d.cursor), d.text.LineEnd(d.cursor)
	return from, min(to+1, d.text.Len())
}

// mostClip is what is cut or copied at once: unlike the text it is in memory.
const mostClip = 16 << 20

// copy takes the selection or the line.
func (m *model) copy() {
	d := m.doc()
	if from, to := d.chosen(); m.clipped(d, from, to, false) {
		d.mark = -1
		m.say("Copied %s", plural(to-from, "byte"))
	}
}

// clipped puts a part of the text into the clipboard, behind what is there if more.
func (m *model) clipped(d *document, from, to int, more bool) bool {
	if to-from > mostClip {
		m.say("The selection is larger than %d MiB", mostClip>>20)
		return false
	}
	if !more {
		m.clip = nil
	}
	m.clip = append(m.clip, d.text.Bytes(from, to)...)
	return true
}

func (m *model) cut() {
	d := m.doc()
	from, to := d.chosen()
	_, _, selected := d.selection()
	if from == to || !m.clipped(d, from, to, m.cutting && !selected) {
		return
	}
	d.mark = -1
	d.text.Begin(d.cursor)
	d.replace(from, to-from, nil)
	d.text.End(d.cursor)
	m.cutting = !selected
}

func (m *model) put() {
	if len(m.clip) == 0 {
		m.say("Nothing was cut or copied yet")
		return
	}
	m.dropSelection()
	d := m.doc()
	d.replace(d.cursor, 0, m.clip)
}

// paste takes a part of what the terminal pastes. All parts are one undo step.
func (m *model) paste(s []byte) {
	if !m.writable() {
		return
	}
	d := m.doc()
	if !d.pasting {
		m.dropSelection()
		d.pasting = true
		d.text.Begin(d.cursor)
	}
	if d.crlf {
		s = bytes.ReplaceAll(s, []byte("\n"), []byte("\r\n"))
	}
	d.replace(d.cursor, 0, s)
}

func (d *document) endPaste() {
	if d.pasting {
		d.pasting = false
		d.text.End(d.cursor)
	}
}

// eachLine changes every line of the selection, or the cursor's, in one undo
// step. change gets a line without its end and gives the line's new beginning in
// place of so many bytes of it.
func (m *model) eachLine(change func(line []byte) (drop int, put string)) {
	d := m.doc()
	from, to, selected := d.selection()
	if !selected {
		from, to = d.cursor, d.cursor
	} else if to > from && d.text.LineStart(to) == to {
		to-- // a selection up to the start of a line does not mean that line
	}
	cursor, mark, top := d.cursor, d.mark, d.top
	d.text.Begin(cursor)
	for at := d.text.LineStart(from); ; {
		drop, put := change(d.text.Bytes(at, d.lineEnd(at)))
		if drop > 0 || put != "" {
			d.replace(at, drop, []byte(put))
			by := len(put) - drop
			if cursor > at {
				cursor = max(cursor+by, at)
			}
			if mark > at {
				mark = max(mark+by, at)
			}
			to += by
		}
		end := d.text.LineEnd(at)
		if end >= to || end >= d.text.Len() {
			break
		}
		at = end + 1
	}
	d.text.End(cursor)
	d.mark, d.top = mark, min(top, d.text.Len())
	d.moveTo(cursor)
}

const indentWith = "    "

// indent moves lines right or left.
func (m *model) indent(right bool) {
	m.eachLine(func(line []byte) (int, string) {
		switch {
		case right && len(line) == 0:
			return 0, ""
		case right:
			return 0, indentWith
		case len(line) > 0 && line[0] == '\t':
			return 1, ""
		}
		return min(blanks(line), len(indentWith)), ""
	})
}

// comment puts "# " before lines, or takes it away when all of them have it.
func (m *model) comment() {
	all, some := true, false
	look := func(line []byte) (int, string) {
		if rest := line[blanks(line):]; len(rest) > 0 {
			some = true
			all = all && rest[0] == '#'
		}
		return 0, ""
	}
	m.eachLine(look)
	m.eachLine(func(line []byte) (int, string) {
		n := blanks(line)
		rest := line[n:]
		switch {
		case len(rest) == 0:
			return 0, ""
		case !all || !some:
			return 0, "# "
		case bytes.HasPrefix(rest, []byte("# ")):
			return n + 2, string(line[:n])
		}
		return n + 1, string(line[:n])
	})
}
