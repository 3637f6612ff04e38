package editor

import (
	"math"

	"bantam/editor/screen"
)

// A line that is wrapped over several rows breaks at every so many bytes in any
// case, so that in a line of a megabyte rows can be found without reading it all.
const segment = 16 << 10

// A line whose part before the cursor is longer has no exact columns: they would
// cost too much. Offsets stand for them.
const exactColumns = 4 << 10

// row is one row of the text on the screen.
type row struct {
	line    int // offset where its line begins
	from    int // offset of its first byte
	end     int // offset behind its last byte that is shown
	next    int // offset where the next row begins, -1: this is the last
	cells   []screen.Cell
	at      []int // column in the line of each byte from from on
	column0 int   // at[0]
	cutOff  bool  // more of the line follows on the right
}

// holds tells whether the cursor at off is shown in this row.
func (r *row) holds(off int) bool {
	return off >= r.from && (off < r.next || r.next < 0)
}

// column on the screen of an offset that the row holds.
func (r *row) column(off int) int {
	return r.at[min(max(off-r.from, 0), len(r.at)-1)] - r.column0
}

// rowAt lays out the row that begins at from, which rowStart gave.
func (v *view) rowAt(d *document, from int) row {
	end := d.text.LineEnd(from)
	r := row{line: d.text.LineStart(from), from: from, next: -1}
	if end < d.text.Len() {
		r.next = end + 1
	}
	end = max(d.lineEnd(from), from)
	limit := min(end, from+8*v.width+64) // marks that combine take bytes without columns
	if v.wrap {
		limit = min(limit, v.segmentEnd(d, r.line, from))
		b := d.text.Bytes(from, limit)
		r.cells, r.at = screen.Layout(b, 0, v.width, nil)
		r.end = from + len(r.at) - 1
		if r.end < end {
			r.next = r.end
			if r.end == from { // nothing fits: a character must, or there is no end
				r.next = d.after(from)
			}
		}
		return r
	}
	r.column0 = v.columnOf(d, r.line, from) // tabs keep their stops
	r.cells, r.at = screen.Layout(d.text.Bytes(from, limit), r.column0, v.width+1, nil)
	r.end = from + len(r.at) - 1
	r.cutOff = len(r.cells) > v.width || r.end < end
	return r
}

// columnOf is the column of an offset in its line.
func (v *view) columnOf(d *document, line, off int) int {
	if off-line > exactColumns {
		return off - line
	}
	_, column := screen.Skip(d.text.Bytes(line, off), 0, math.MaxInt)
	return column
}

// offsetAt is the character at a column of the line that begins at line.
func (v *view) offsetAt(d *document, line, column int) int {
	end := d.lineEnd(line)
	b := d.text.Bytes(line, min(end, line+exactColumns))
	n, _ := screen.Skip(b, 0, column)
	if n == len(b) && column > n {
		return d.aligned(min(line+column, end))
	}
	return line + n
}

// segmentEnd is where a wrapped line breaks in any case after from.
func (v *view) segmentEnd(d *document, line, from int) int {
	k := (from - line) / segment
	end := d.aligned(line + (k+1)*segment)
	if end <= from { // from is just before the boundary's character
		end = d.aligned(line + (k+2)*segment)
	}
	return end
}

// rowStart is where the row that holds off begins.
func (v *view) rowStart(d *document, off int) int {
	line := d.text.LineStart(off)
	if !v.wrap {
		return line
	}
	from := line
	if k := (off - line) / segment; k > 0 {
		if from = d.aligned(line + k*segment); from > off {
			from = d.aligned(line + (k-1)*segment)
		}
	}
	for {
		r := v.rowAt(d, from)
		if r.holds(off) || r.next <= from {
			return from
		}
		from = r.next
	}
}

// below and above are where the row n rows further begins, or the last that
// there is, with the number of rows really gone.
func (v *view) below(d *document, from, n int) (at, gone int) {
	for gone < n {
		next := v.nextRow(d, from)
		if next < 0 {
			break
		}
		from = next
		gone++
	}
	return from, gone
}

// nextRow is where the row behind the one at from begins, -1: that is the last.
func (v *view) nextRow(d *document, from int) int {
	if v.wrap {
		return v.rowAt(d, from).next
	}
	if end := d.text.LineEnd(from); end < d.text.Len() {
		return end + 1
	}
	return -1
}

func (v *view) above(d *document, from, n int) (at, gone int) {
	for gone < n && from > 0 {
		from = v.rowStart(d, from-1)
		gone++
	}
	return from, gone
}

// offset of the character at a column on the screen, or of the row's end.
func (r *row) offset(column int) int {
	for i := 0; i+1 < len(r.at); i++ {
		if r.at[i+1]-r.column0 > column {
			return r.from + i
		}
	}
	return r.from + len(r.at) - 1
}
