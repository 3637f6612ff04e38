package line

import (
	"strconv"
	"strings"
)

// cell is one column of the screen row. A wide character's second column is an
// empty cell.
type cell string

// row is the one row of the terminal that the editor owns: what it shows and
// where the cursor is. The last column is never written, because terminals
// disagree on where the cursor is afterwards.
type row struct {
	cells  []cell
	column int
	// insert says that the terminal can insert and delete characters (VT102).
	insert bool
}

// update sends what turns the row into cells with the cursor at column.
func (r *row) update(out *strings.Builder, cells []cell, column int) {
	first := 0
	for first < len(cells) && first < len(r.cells) && cells[first] == r.cells[first] {
		first++
	}
	for first > 0 && (first < len(cells) && cells[first] == "" || first < len(r.cells) && r.cells[first] == "") {
		first-- // never begin in the middle of a wide character
	}
	if first < len(cells) || first < len(r.cells) {
		if !r.shift(out, cells, first) {
			r.rewrite(out, cells, first)
		}
	}
	r.move(out, column)
}

// rewrite prints from column first to the last difference.
func (r *row) rewrite(out *strings.Builder, cells []cell, first int) {
	r.move(out, first)
	last := len(cells)
	if len(cells) == len(r.cells) {
		for last > first && cells[last-1] == r.cells[last-1] {
			last--
		}
		for last < len(cells) && cells[last] == "" {
			last++
		}
	}
	for _, c := range cells[first:last] {
		out.WriteString(string(c))
	}
	r.column = last
	if len(cells) < len(r.cells) {
		out.WriteString("\x1b[K")
	}
	r.cells = append(r.cells[:0], cells...)
}

// shift inserts or deletes columns at first when the rest of the row only
// moves and that is cheaper than printing it.
func (r *row) shift(out *strings.Builder, cells []cell, first int) bool {
	n := len(cells) - len(r.cells)
	if !r.insert || n == 0 {
		return false
	}
	count, final := n, "@"
	if n < 0 {
		count, final = -n, "P"
		if first+count >= len(r.cells) || !same(r.cells[first+count:], cells[first:]) {
			return false
		}
	} else if first >= len(r.cells) || !same(r.cells[first:], cells[first+count:]) {
		return false
	}
	if len(cells)-first <= 4 {
		return false
	}
	r.move(out, first)
	out.WriteString("\x1b[")
	if count > 1 {
		out.WriteString(strconv.Itoa(count))
	}
	out.WriteString(final)
	if n > 0 {
		for _, c := range cells[first : first+n] {
			out.WriteString(string(c))
		}
		r.column = first + n
	}
	r.cells = append(r.cells[:0], cells...)
	return true
}

// move takes the cheapest way to a column of the row as it is shown.
func (r *row) move(out *strings.Builder, column int) {
	switch distance := column - r.column; {
	case distance == 0:
		return
	case column == 0:
		out.WriteByte('\r')
	case distance < 0:
		best := strings.Repeat("\b", min(-distance, 8))
		if -distance > 3 {
			best = "\x1b[" + strconv.Itoa(-distance) + "D"
		}
		if again := r.text(0, column); len(again)+1 < len(best) {
			best = "\r" + again
		}
		out.WriteString(best)
	default:
		best := "\x1b[C"
		if distance > 1 {
			best = "\x1b[" + strconv.Itoa(distance) + "C"
		}
		if column <= len(r.cells) {
			if again := r.text(r.column, column); len(again) <= len(best) {
				best = again
			}
		}
		out.WriteString(best)
	}
	r.column = column
}

func (r *row) text(from, to int) string {
	var text strings.Builder
	for _, c := range r.cells[from:to] {
		text.WriteString(string(c))
	}
	return text.String()
}

func same(a, b []cell) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}
