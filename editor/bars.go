package editor

import (
	"fmt"

	"bantam/editor/screen"
)

// bars draws the status row and the help row, and puts the cursor into a prompt.
// The help row follows when the keyboard rests: who types on does not read it.
func (m *model) bars(p *screen.Picture, full bool) {
	v := &m.view
	if v.rows < 2 {
		return
	}
	width, at := max(v.cols-1, 1), v.height()
	if full || m.completed != nil {
		m.last = m.lastRow()
	}
	last := styled(m.last, screen.Plain)
	if q := m.prompt; q != nil {
		line := styled(q.question+q.whole(), screen.Bar)
		cursor := len(styled(q.question+string(q.answer), screen.Bar))
		room := width - 1
		if v.rows >= 6 {
			room += width
		}
		if q.choices != "" && len(line) > room {
			keys := styled(" ["+q.choices+"]", screen.Bar)
			line = append(cut(line, max(room-len(keys), 0)), keys...)
		}
		shift := 0
		if q.choices == "" { // the cursor stays in sight
			shift = max(cursor-width+1, 0)
			if shift > 0 && shift < len(line) && line[shift].Text == "" {
				shift++
			}
		} else if len(line) >= width && v.rows >= 6 { // a long question goes on below
			head := cut(line, width-1)
			line, last = head, line[len(head):]
		}
		p.Rows[at] = cut(line[shift:], width)
		p.Row, p.Col = at, max(min(cursor-shift, len(p.Rows[at])), 0)
	} else {
		if m.message != "" {
			m.status = m.message
		} else if full || m.asked { // the row has to be written anyway after a question
			m.status = m.statusText()
		}
		line := styled(m.status, screen.Bar)
		if v.rows >= 6 && len(line) > width && m.completed == nil { // its end says what to do: it takes the help's place
			head := cut(line, width)
			line, last = head, line[len(head):]
		}
		p.Rows[at] = cut(line, width)
	}
	if v.rows >= 6 {
		p.Rows[at+1] = cut(last, width)
	}
}

// lastRow is what stands below the status row.
func (m *model) lastRow() string {
	switch {
	case m.completed != nil:
		return m.completed.names()
	case m.prompt != nil && m.prompt.choices != "":
		return "^C Back"
	case m.prompt != nil && m.prompt.hint != "":
		return m.prompt.hint
	case m.prompt != nil:
		return "Enter Accept ^C Back " + m.prompt.keys + "^U Empty"
	case m.menu:
		return "^C Back"
	case m.doc().readOnly != "":
		return "q Leave Space Page b Back / Find n Next g Begin G End ? Menu"
	}
	return helpRow(len(m.doc().faults) > 0)
}

// statusText is the status row when there is nothing to say: where we are, and
// what is wrong here.
func (m *model) statusText() string {
	d := m.doc()
	line := d.text.LineStart(d.cursor)
	n := "?"
	if number, known := d.text.LineNumber(d.cursor); known {
		n = fmt.Sprint(number + 1)
	}
	s := fmt.Sprintf("%s:%d", n, m.view.columnOf(d, line, d.cursor)+1)
	if f, ok := d.faultAt(line); ok {
		return s + " " + f.Text
	}
	s = d.name + " " + s
	if d.readOnly == "" && d.text.Modified() {
		s += " *"
	}
	if d.crlf {
		s += " CRLF"
	}
	if d.keepErr != nil {
		s += " no recovery file"
	}
	if n := len(d.faults); n > 0 {
		s += ", " + plural(n, "fault")
	}
	return s
}
