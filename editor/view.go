package editor

import (
	"fmt"
	"strings"

	"bantam/editor/screen"
)

// view is how the texts are shown; every document is shown the same way.
type view struct {
	rows, cols int
	width      int // columns for text
	gutter     int // columns for line numbers
	wrap       bool
	numbers    bool
	colors     bool
}

// height is the number of rows for text; small terminals go without the help
// row, tiny ones without the status row.
func (v *view) height() int {
	switch {
	case v.rows >= 6:
		return v.rows - 2
	case v.rows >= 2:
		return v.rows - 1
	}
	return 1
}

// fit makes room for the line numbers of a document. The last column stays
// empty: what is written there leaves a wrap pending, and terminals disagree
// about that.
func (v *view) fit(d *document) {
	v.gutter = 0
	if v.numbers && v.cols >= 30 {
		v.gutter = 5
		for n, _ := d.text.Lines(); n >= 10000 && v.gutter < 12; n /= 10 {
			v.gutter++
		}
	}
	v.width = max(v.cols-1-v.gutter, 1)
}

// sideways moves the cursor's line until the cursor is in sight, and not under the
// signs that tell of more.
func (v *view) sideways(d *document) {
	line := d.text.LineStart(d.cursor)
	whole := v.rowAt(d, line)
	if v.wrap || !whole.cutOff {
		d.left = 0
		return
	}
	room := max(v.width-2, 1) // a wide character and the sign
	seen := func() bool {
		r := v.rowAt(d, line+d.left)
		return r.from <= d.cursor && d.cursor <= r.end && r.column(d.cursor) < max(room, 2) && (d.left == 0 || r.column(d.cursor) > 0)
	}
	if d.cursor-line <= exactColumns { // by half widths, so that typing on moves it seldom
		column, half := v.columnOf(d, line, d.cursor), max(room/2, 1)
		d.left = 0
		if column >= room {
			d.left = v.offsetAt(d, line, (column-room+half)/half*half) - line
		}
	} else if !seen() {
		d.left = d.aligned(max(d.cursor-v.width/2, line)) - line
	}
	for d.left < d.cursor-line && !seen() { // a tab may reach over the edge, and bytes take several columns
		d.left = min(d.after(line+d.left), d.cursor) - line
	}
}

// walked is how many rows off the screen a cursor may be that walked there, with keys
// that came while the line was behind; farther it jumped.
const walked = 3

// reveal scrolls until the cursor's row is on the screen: by the rows that it
// walked off, or, where it jumped, to one of the tops that choose is given, the
// middle without it.
func (v *view) reveal(d *document, choose func(tops []int) int) {
	height := v.height()
	if d.top > d.text.Len() {
		d.top = d.text.Len()
	}
	d.top = v.rowStart(d, d.top) // the text above may have changed, or the width
	at := v.rowStart(d, d.cursor)
	if at >= d.top {
		from, seen := d.top, 0
		for ; from < at && seen < height-1+walked; seen++ {
			from, _ = v.below(d, from, 1)
		}
		if from == at {
			if seen >= height {
				d.top, _ = v.below(d, d.top, seen-height+1)
			}
			return
		}
	} else if from, _ := v.above(d, d.top, walked); from <= at {
		d.top = at
		return
	}
	if choose == nil {
		d.top, _ = v.above(d, at, height/2)
		return
	}
	margin := min(2, height/3) // not near the edges: what is around is wanted too
	top, gone := v.above(d, at, height-1-margin)
	tops := []int{top}
	for n := gone; n > margin; n-- {
		top, _ = v.below(d, top, 1)
		tops = append(tops, top)
	}
	d.top = choose(tops)
}

// body draws the rows of text of a picture.
func (m *model) body(p *screen.Picture, d *document) {
	v := &m.view
	height := v.height()
	p.Region = height
	number, numbered := d.text.LineNumber(d.top)
	paint := d.paint.from(d, d.top, v.colors)
	from, to, selected := d.selection()
	moved := -1 // the line that moves sideways
	if d.left > 0 && !v.wrap {
		moved = d.text.LineStart(d.cursor)
	}
	start := d.top
	for i := range height {
		at := start
		if start == moved {
			at += d.left
		}
		r := v.rowAt(d, at)
		paint.row(d, &r)
		if selected {
			r.mark(from, to)
		}
		if m.find.to > m.find.from {
			r.mark(m.find.from, m.find.to)
		}
		if start <= d.cursor && (d.cursor < r.next || r.next < 0) {
			p.Row, p.Col = i, v.gutter+r.column(d.cursor)
		}
		cells := r.shown(v.width, !v.wrap)
		if r.cutOff || r.from > r.line && !v.wrap {
		} else if f, ok := d.faultOf(&r); ok {
			cells = beside(cells, f.Text, v.width)
		}
		if v.gutter > 0 {
			cells = append(m.number(start == r.line, number, numbered), cells...)
		}
		p.Rows[i] = cells
		if r.next < 0 {
			break
		}
		if d.text.LineStart(r.next) == r.next {
			number++
		}
		start = r.next
	}
}

// shown is what of a row fits; < and > tell that there is more of the line.
func (r *row) shown(width int, sideways bool) []screen.Cell {
	out := r.cells
	if !sideways {
		return out
	}
	if r.from > r.line && len(out) > 0 {
		out[0] = screen.Cell{Text: "<"}
		if len(out) > 1 && out[1].Text == "" {
			out[1] = screen.Cell{Text: " "}
		}
	}
	if !r.cutOff {
		return out
	}
	for len(out) < width { // what takes several columns did not fit: the sign stands at the edge, not on the cursor
		out = append(out, screen.Cell{Text: " "})
	}
	n := min(len(out), width)
	if n < len(out) && out[n].Text == "" && n > 0 {
		n-- // not through a wide character
	}
	out = out[:n]
	if n > 0 {
		if out[n-1].Text == "" && n > 1 {
			out[n-2] = screen.Cell{Text: " "}
		}
		out[n-1] = screen.Cell{Text: ">"}
	}
	return out
}

// mark shows the selected part of a row.
func (r *row) mark(from, to int) {
	for off := max(from, r.from); off < min(to, r.end); off++ {
		i := off - r.from
		for c := r.at[i]; c < r.at[i+1]; c++ {
			r.cells[c-r.column0].Style = screen.Selected
		}
	}
}

// number is what stands in the gutter before a row.
func (m *model) number(first bool, n int, known bool) []screen.Cell {
	s := ""
	if first && known {
		s = fmt.Sprint(n + 1)
	} else if first {
		s = "?"
	}
	return styled(fmt.Sprintf("%*s ", m.view.gutter-1, s), screen.Comment)
}

// beside says a fault behind the text of its row, where there is room for some of it.
func beside(cells []screen.Cell, text string, width int) []screen.Cell {
	const least = 16
	room := width - len(cells) - 2
	if room < least {
		return cells
	}
	note := styled("  <- "+text, screen.Note)
	if len(note) > room {
		note = append(cut(note, room-1), screen.Cell{Text: ">", Style: screen.Note})
	}
	return append(cells, note...)
}

// tells says whether a fault of the cursor's line stands whole beside it.
func (v *view) tells(d *document, f fault, line int) bool {
	if d.left > 0 && !v.wrap {
		return false
	}
	r := v.rowAt(d, v.rowStart(d, d.lineEnd(line)))
	if r.cutOff {
		return false
	}
	cells := r.shown(v.width, !v.wrap)
	return len(beside(cells, f.Text, v.width)) == len(cells)+len(styled("  <- "+f.Text, screen.Note))
}

// styled is a text of the editor's own as cells.
func styled(s string, style screen.Style) []screen.Cell {
	cells, _ := screen.Layout([]byte(s), 0, 1<<16, func(int) screen.Style { return style })
	return cells
}

// cut is at most n cells, not through a wide character.
func cut(cells []screen.Cell, n int) []screen.Cell {
	n = min(n, len(cells))
	if n < len(cells) && n > 0 && cells[n].Text == "" {
		n--
	}
	return cells[:n]
}

// oneLine makes the text of an answer from elsewhere fit for the status row.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
