// Package screen keeps a terminal showing a picture with as few bytes as it can:
// people edit over serial lines that carry 960 bytes a second.
//
// It compares what the terminal shows with what it should show, tries the ways
// from one to the other (scroll, shift within a row, erase, overwrite) on a copy
// of the terminal's state and sends the shortest. It uses what every VT100 has,
// and what Terminal says besides. The last column is never written, since
// terminals disagree about the wrap that is then pending; it stays blank. There
// are no tabs (stops may have been moved), no padding, no cursor hiding, no
// alternate screen. The line must be raw: a LF moves down and nothing else.
package screen

// A Picture is what the terminal should show. Cells beyond the end of a row, and
// rows beyond the last, are blank; what does not fit is cut off.
type Picture struct {
	Rows     [][]Cell
	Row, Col int // the cursor, from 0
	Region   int // the first rows scroll together
}

// A Cell is one column. A wide character is its first cell, the second has no
// Text; marks follow the character they stand on. See Layout.
type Cell struct {
	Text  string
	Style Style
}

// A Terminal is what we know of one.
type Terminal struct {
	Rows, Cols int
	Insert     bool // inserts and deletes characters: ICH, DCH
	Lines      bool // inserts and deletes lines: IL, DL
	Colors     bool
	Clean      bool // it writes plain letters when the Screen begins

	// A line feed keeps the column. What is between us and the terminal may add a
	// carriage return to it, as QEMU does on the terminal that it is started from.
	LineFeed bool
}

// Screen knows what a terminal shows.
type Screen struct {
	known  bool // something was drawn
	region int  // of the last picture
	pen    pen
}

// New is for a terminal of which nothing is known but its kind and size. When the
// size changes, or something else wrote to the terminal, take a new Screen.
func New(t Terminal) *Screen {
	t.Rows, t.Cols = max(t.Rows, 1), max(t.Cols, 1)
	return &Screen{pen: pen{t: t}}
}

// LineFeedKeeps says that the terminal turned out to keep the column.
func (s *Screen) LineFeedKeeps() { s.pen.t.LineFeed = true }

// Draw returns what to send so that the terminal shows p.
func (s *Screen) Draw(p Picture) []byte {
	s.pen = s.next(p)
	s.known = true
	s.region = p.Region
	out := s.pen.out
	s.pen.out = nil
	return out
}

// Cost is the number of bytes that Draw would return; nothing changes.
func (s *Screen) Cost(p Picture) int {
	q := s.next(p)
	return len(q.out)
}

// next is the state of the terminal after p was drawn.
func (s *Screen) next(p Picture) pen {
	t := s.pen.t
	q := s.pen.clone()
	if !s.known {
		q.begin(p.Region)
	}
	want := make([]*row, t.Rows)
	for i := range want {
		if i < len(p.Rows) {
			want[i] = newRow(p.Rows[i], t)
		} else {
			want[i] = newRow(nil, t)
		}
	}
	goal := place{min(max(p.Row, 0), t.Rows-1), min(max(p.Col, 0), t.Cols-1)}
	return q.update(want, goal, p.Region)
}

// Leave returns what to send at the end: the whole screen scrolls again, the
// cursor stands below the text, where status and help were.
func (s *Screen) Leave() []byte {
	if !s.known {
		return nil
	}
	q := &s.pen
	q.setLook(0)
	q.setRegion(0, q.t.Rows)
	q.moveTo(place{min(q.home(s.region), q.t.Rows-1), 0})
	q.put("\x1b[J")
	out := q.out
	*s = *New(q.t)
	return out
}
