package editor

import (
	"fmt"
	"unicode"
	"unicode/utf8"
)

// Picture is what the terminal should show: rows of cells and the cursor, from 0.
// A cell is the text of one column; a wide character fills its first column and
// leaves the second empty. Cells beyond the end of a row are blank.
type Picture struct {
	Rows     [][]string
	Row, Col int
	Region   int // the first so many rows scroll together
}

const tabWidth = 8

// cells lays out a line: tabs to stops, control bytes as ^X, invalid bytes as
// <ff>. at[i] is the column of byte i, at[len(line)] the width.
func cells(line []byte) (row []string, at []int) {
	at = make([]int, len(line)+1)
	for i := 0; i < len(line); {
		r, n := utf8.DecodeRune(line[i:])
		for j := range n {
			at[i+j] = len(row)
		}
		switch {
		case r == '\t':
			row = append(row, " ")
			for len(row)%tabWidth != 0 {
				row = append(row, " ")
			}
		case r == utf8.RuneError && n == 1:
			row = append(row, split(fmt.Sprintf("<%02x>", line[i]))...)
		case r < 0x20 || r == 0x7f:
			row = append(row, "^", string(r^0x40))
		case unicode.Is(unicode.Mn, r) && len(row) > 0 && row[len(row)-1] != "":
			row[len(row)-1] += string(r) // on top of the character before
		case !unicode.IsGraphic(r) || unicode.Is(unicode.M, r):
			row = append(row, split(fmt.Sprintf("<%04x>", r))...)
		case wide(r):
			row = append(row, string(r), "")
		default:
			row = append(row, string(r))
		}
		i += n
	}
	at[len(line)] = len(row)
	return row, at
}

func split(s string) []string {
	out := make([]string, len(s))
	for i := range s {
		out[i] = s[i : i+1]
	}
	return out
}

// wide tells whether terminals give r two columns (East Asian Width W and F).
func wide(r rune) bool {
	return r >= 0x1100 && (r <= 0x115f || r >= 0x2e80 && r <= 0x303e || r >= 0x3041 && r <= 0xa4cf ||
		r >= 0xac00 && r <= 0xd7a3 || r >= 0xf900 && r <= 0xfaff || r >= 0xfe30 && r <= 0xfe6f ||
		r >= 0xff00 && r <= 0xff60 || r >= 0xffe0 && r <= 0xffe6 || r >= 0x1f300 && r <= 0x1f64f ||
		r >= 0x1f900 && r <= 0x1f9ff || r >= 0x20000 && r <= 0x3fffd)
}

func columnOf(line []byte, col int) int {
	_, at := cells(line)
	return at[col]
}

// byteAt is the byte of the character at a column, or the end of the line.
func byteAt(line []byte, column int) int {
	_, at := cells(line)
	for i := 0; i < len(line); {
		_, n := utf8.DecodeRune(line[i:])
		if at[i+n] > column {
			return i
		}
		i += n
	}
	return len(line)
}

// textRows is the height of the text; small terminals go without the help row,
// tiny ones without the status row.
func (m *model) textRows() int {
	switch {
	case m.rows >= 6:
		return m.rows - 2
	case m.rows >= 2:
		return m.rows - 1
	}
	return 1
}

// picture draws the model. Only a full one brings the status row up to date.
func (m *model) picture(full bool) Picture {
	height, width := m.textRows(), max(m.cols-1, 1) // the last column would leave a wrap pending
	line, col := m.text.Position(m.cursor)
	switch { // scroll by one line where the cursor walks off, by half a screen where it jumps
	case line < m.top-1 || line > m.top+height:
		m.top = line - height/2
	case line < m.top:
		m.top = line
	case line >= m.top+height:
		m.top = line - height + 1
	}
	m.top = max(min(m.top, m.text.Lines()-1), 0)

	p := Picture{Rows: make([][]string, m.rows), Region: height}
	for i := range height {
		n := m.top + i
		if n >= m.text.Lines() {
			p.Rows[i] = []string{"~"}
			continue
		}
		row, at := cells(m.text.Line(n))
		shift := 0
		if n == line {
			p.Row = i
			if at[col] >= width { // the line of the cursor moves sideways by half screens
				half := max(width/2, 1)
				shift = (at[col] - width + half) / half * half
			}
			p.Col = at[col] - shift
		}
		p.Rows[i] = cut(row, shift, width)
	}
	if m.rows < 2 {
		return p
	}
	if m.prompt != nil || m.message != "" || full {
		m.status = m.statusText(full)
	}
	row, _ := cells([]byte(m.status))
	last := split(help)
	if m.prompt != nil { // the end of the answer stays in sight
		shift := max(len(row)-width+1, 0)
		if m.prompt.single {
			shift, row = 0, row[:min(len(row), width-1)]
		}
		p.Rows[height] = cut(row, shift, width)
		p.Row, p.Col = height, len(row)-shift
	} else {
		if m.rows >= 6 && len(row) > width { // the end of a fault says what to do: it takes the help's place
			at := width
			if row[at] == "" {
				at-- // not through a wide character
			}
			row, last = row[:at], row[at:]
		}
		p.Rows[height] = cut(row, 0, width)
	}
	if m.rows >= 6 {
		p.Rows[height+1] = cut(last, 0, width)
	}
	return p
}

// cut shows width columns of a row from shift on; < and > tell that there is more.
func cut(row []string, shift, width int) []string {
	shift = min(shift, len(row))
	more := len(row)-shift > width
	out := append([]string(nil), row[shift:min(len(row), shift+width)]...)
	if len(out) == 0 {
		return out
	}
	if shift > 0 || out[0] == "" { // the second half of a wide character
		out[0] = "<"
		if len(out) > 1 && out[1] == "" {
			out[1] = " "
		}
	}
	if more {
		last := len(out) - 1
		if out[last] == "" && last > 0 {
			out[last-1] = " "
		}
		out[last] = ">"
	} else if last := len(out) - 1; wideCell(out[last]) {
		out[last] = ">"
	}
	return out
}

// wideCell tells whether a cell needs a second column.
func wideCell(c string) bool {
	r, _ := utf8.DecodeRuneInString(c)
	return c != "" && wide(r)
}

func (m *model) statusText(full bool) string {
	if m.prompt != nil {
		return m.prompt.question + string(m.prompt.answer)
	}
	if m.message != "" {
		return m.message
	}
	if full {
		m.recheck()
	}
	line, col := m.text.Position(m.cursor)
	s := fmt.Sprintf("%s  %d:%d", m.file.name(), line+1, columnOf(m.text.Line(line), col)+1)
	if m.text.Modified() {
		s += "  modified"
	}
	f, ok := m.faultAt(line + 1)
	if !ok && len(m.faults) > 0 {
		f, ok = m.faults[0], true
	}
	if ok {
		return fmt.Sprintf("%d:%d  line %d: %s", line+1, columnOf(m.text.Line(line), col)+1, f.Line, f.Text)
	}
	return s
}
