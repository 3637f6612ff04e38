package plain

import (
	"fmt"
	"strconv"
	"strings"

	"bantam/editor/screen"
)

// How many columns are shown of a line (more are counted), and of what the
// person typed.
const (
	lineMost  = 1000
	quoteMost = 40
)

// Without a known terminal a page has so many rows, of so many columns.
const usualRows, usualCols = 22, 80

// visible is a text as it can be shown on any terminal: control bytes as ^X,
// invalid ones as <ff>, tabs as blanks.
func visible(b []byte, most int) string {
	var text strings.Builder
	row, at := screen.Layout(b, 0, most, nil)
	for _, c := range row {
		text.WriteString(c.Text)
	}
	if shown := len(at) - 1; shown < len(b) {
		fmt.Fprintf(&text, "... (%s more)", plural(len(b)-shown, "byte"))
	}
	return text.String()
}

// number stands before a line, aligned with those around it.
func (s *session) number(n int) string {
	return fmt.Sprintf("%*d  ", max(4, len(strconv.Itoa(s.last()))), n)
}

// content is what is shown of line n: without its end, and of a long line only
// the beginning. A carriage return is shown where the other lines have none.
func (s *session) content(n int) string {
	start := s.start(n)
	end := s.t.LineEnd(start)
	b := s.t.Bytes(start, min(end, start+4*lineMost))
	if start+len(b) == end && s.ending == "\r\n" && end < s.t.Len() {
		b = withoutEnd(append(b, '\n'))
	}
	text := visible(b, lineMost)
	if rest := end - start - len(b); rest > 4 {
		text += fmt.Sprintf(" and %d", rest)
	}
	return text
}

// show prints line n, and how many rows that took.
func (s *session) show(n int, note string) (rows int) {
	if s.cur == n {
		s.shown = true
	}
	return s.row(s.number(n) + s.content(n) + note)
}

// row says text and how many rows it takes.
func (s *session) row(text string) (rows int) {
	s.out.WriteString(text + "\n")
	cols := s.opt.Cols
	if cols < 1 {
		cols = usualCols
	}
	return max(1, (len(text)+cols-1)/cols)
}

// goTo is a number, or Enter alone: the next line.
func (s *session) goTo(r request) {
	n := r.to
	if r.given == 0 && s.shown {
		n++
	}
	if r.given == 0 && s.shown && n > s.last() {
		s.fail("that was the last line")
		return
	}
	if r.given < 2 {
		r.from, r.to = n, n
	}
	if err := r.check(1, s.last()); err != nil {
		s.fail("%v", err)
		return
	}
	s.list(r.from, r.to)
}

func (s *session) print(r request) { s.list(r.from, r.to) }

// page shows a page from the given line on, or from the first one not seen.
func (s *session) page(r request) {
	from := r.to
	if r.given == 0 && s.shown {
		if from == s.last() {
			s.fail("that was the last line")
			return
		}
		from++
	}
	s.moveTo(from)
	for rows := s.rows(); s.cur <= s.last(); s.cur++ {
		rows -= s.show(s.cur, "")
		if rows <= 0 || s.cur == s.last() {
			return
		}
	}
}

// rows of a page; the last is for the prompt.
func (s *session) rows() int {
	if s.opt.Rows > 1 {
		return s.opt.Rows - 1
	}
	return usualRows
}

// list shows lines of the text.
func (s *session) list(from, to int) {
	s.pages(from, to, func(n int) int {
		s.moveTo(n)
		return s.show(n, "")
	})
}

// pages shows things of some rows each, page by page if somebody reads them.
func (s *session) pages(from, to int, show func(n int) (rows int)) {
	left := s.rows()
	for n := from; n <= to; n++ {
		if left -= show(n); left <= 0 && s.opt.Person && n < to {
			s.more(func() { s.pages(n+1, to, show) })
			return
		}
	}
}

// more waits for Enter before the next page. Anything but q is a command.
func (s *session) more(next func()) {
	end := func() { s.answer = nil }
	s.answer = &question{
		prompt: func() string { return "-- Enter: more, q: enough " },
		line: func(line []byte) {
			s.answer = nil
			switch text := strings.TrimSpace(string(line)); text {
			case "":
				next()
			case "q":
			default:
				s.command(text)
			}
		},
		broken: end,
		ended:  end,
	}
}
