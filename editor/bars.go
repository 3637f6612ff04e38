package editor

import (
	"fmt"

	"bantam/editor/screen"
)

// bars draws the status row and the help row, and puts the cursor into a prompt.
// The help row follows when the keyboard rests: who types on does not read it.
// What is too long for the status row takes the help row as well, and then rows of
// the text: a question or a reason that cannot be read is none.
func (m *model) bars(p *screen.Picture, full bool) {
	v := &m.view
	if v.rows < 2 {
		return
	}
	width, at := max(v.cols-1, 1), v.height()
	m.covered = false
	if full || m.completed != nil {
		m.last = m.lastRow()
	}
	if at+1 < v.rows {
		p.Rows[at+1] = cut(styled(m.last, screen.Plain), width)
	}
	switch q := m.prompt; {
	case q != nil && q.choices != "":
		m.overlay(p, wrapped(styled(q.question, screen.Bar), width), styled(" ["+q.choices+"]", screen.Bar))
	case q != nil:
		q.draw(p, at, width)
	case m.message != "" && m.completed == nil:
		m.status = m.message
		row, col := p.Row, p.Col
		first := m.overlay(p, wrapped(styled(m.status, screen.Bar), width), styled(">", screen.Bar))
		if m.covered = first <= row; !m.covered {
			p.Row, p.Col = row, col
		}
	default:
		if m.message != "" {
			m.status = m.message
		} else if full || m.asked { // the row has to be written anyway after a question
			m.status = m.statusText()
		}
		line := styled(m.status, screen.Bar)
		if at+1 < v.rows && len(line) > width && m.completed == nil { // its end says what to do
			head := cut(line, width)
			line, p.Rows[at+1] = head, cut(line[len(head):], width)
		}
		p.Rows[at] = cut(line, width)
	}
}

// overlay puts rows where the bars are, and over the text what is more. more ends
// the last one if there is no room for all. The cursor comes behind it. It returns
// the first row that it takes.
func (m *model) overlay(p *screen.Picture, rows [][]screen.Cell, more []screen.Cell) int {
	at, width := m.view.height(), max(m.view.cols-1, 1)
	below := m.view.rows - at - 1
	first := max(at-max(len(rows)-1-below, 0), 0)
	if room := m.view.rows - first; len(rows) > room {
		rows = rows[:room:room]
		last := append([]screen.Cell(nil), cut(rows[room-1], max(width-len(more), 0))...)
		rows[room-1] = cut(append(last, more...), width)
	}
	copy(p.Rows[first:], rows)
	p.Row = first + len(rows) - 1
	p.Col = min(len(rows[len(rows)-1]), width-1)
	return first
}

// draw shows a question with its answer, over as many rows as it takes, or the part
// around the cursor.
func (q *prompt) draw(p *screen.Picture, at, width int) {
	line := append(styled(q.question+q.whole(), screen.Bar), screen.Cell{Text: " ", Style: screen.Bar}) // for the cursor
	cursor := len(styled(q.question+string(q.answer), screen.Bar))
	var rows [][]screen.Cell
	for rest := line; len(rest) > 0 && len(rows) <= at+1; {
		row := cut(rest, width)
		if len(row) == 0 {
			row = rest[:1] // wider than the screen
		}
		rows, rest = append(rows, row), rest[len(row):]
	}
	if len(rows) > at+1 {
		shift := max(cursor-width+1, 0)
		if shift > 0 && shift < len(line) && line[shift].Text == "" {
			shift++
		}
		p.Rows[at] = cut(line[shift:], width)
		p.Row, p.Col = at, max(min(cursor-shift, len(p.Rows[at])), 0)
		return
	}
	first := at + 1 - len(rows)
	for i, row := range rows {
		p.Rows[first+i] = row
		if cursor >= 0 && cursor < len(row) {
			p.Row, p.Col = first+i, cursor
		}
		cursor -= len(row)
	}
}

// wrapped is cells in rows of a width, broken behind a blank where there is one.
func wrapped(cells []screen.Cell, width int) (rows [][]screen.Cell) {
	for len(cells) > width {
		n := len(cut(cells, width))
		for i := n; i > n/2; i-- {
			if cells[i].Text == " " || cells[i-1].Text == " " {
				n = i
				break
			}
		}
		n = max(n, 1)
		rows = append(rows, cells[:n:n])
		if cells = cells[n:]; cells[0].Text == " " && len(cells) > 1 {
			cells = cells[1:]
		}
	}
	return append(rows, cells)
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
	if f, ok := d.faultAt(line); ok && !m.view.tells(d, f, line) {
		return s + " " + f.Text
	}
	s = d.name + " " + s
	if d.readOnly == "" && d.text.Modified() {
		s += " *"
	}
	if d.crlf {
		s += " CRLF"
	}
	if d.unended && d.lacksEnd() {
		s += " last line without end"
	}
	if d.keepErr != nil {
		s += " no recovery file"
	}
	if n := len(d.faults); n > 0 {
		s += ", " + plural(n, "fault")
	}
	return s
}
