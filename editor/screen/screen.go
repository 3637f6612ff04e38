// Package screen keeps a terminal showing a picture with as few bytes as it can:
// people edit over serial lines that carry 960 bytes a second.
//
// It compares what the terminal shows with what it should show, tries the ways
// from one to the other (scroll, shift within a row, erase, overwrite) on a copy
// of the terminal's state and sends the shortest. How far it looks is bounded by
// counted work and not by a clock: the same pictures send the same bytes on every
// machine. It uses what every VT100 has, and what Terminal says besides. The last
// column is never written, since terminals disagree about the wrap that is then
// pending; it stays blank. There are no tabs (stops may have been moved), no
// padding, no cursor hiding, no alternate screen. The line must be raw: a LF moves
// down and nothing else.
package screen

import (
	"bytes"
	"math"
)

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
	return &Screen{pen: pen{t: t, scratch: newScratch(t)}}
}

// LineFeedKeeps says that the terminal turned out to keep the column.
func (s *Screen) LineFeedKeeps() { s.pen.t.LineFeed = true }

// Draw returns what to send so that the terminal shows p.
func (s *Screen) Draw(p Picture) []byte {
	out, _ := s.DrawSome(p, math.MaxInt)
	return out
}

// DrawSome returns a part of that where it is more than most bytes: what scrolls,
// and rows from above until they are most. Who calls again with the same picture
// gets the others, and who has another one meanwhile is not kept from it.
func (s *Screen) DrawSome(p Picture, most int) (out []byte, whole bool) {
	drawn, whole := s.next(p), true
	if len(drawn.out) > most {
		q := s.begin(p)
		whole = q.follow(drawn.plan, q.want, q.goal(p), most)
		drawn = q
	}
	s.pen.set(drawn)
	s.pen.out, s.pen.plan = s.pen.out[:0], s.pen.plan[:0]
	s.known = true
	s.region = p.Region
	out = bytes.Clone(drawn.out)
	if len(s.pen.clusters.texts) > mostClusters {
		t := s.pen.t
		t.Clean = false
		*s = *New(t)
	}
	return out, whole
}

// Cost is the number of bytes that Draw would return; nothing changes.
func (s *Screen) Cost(p Picture) int { return len(s.next(p).out) }

// Estimate is about what Cost is, a little more as a rule, and found with a tenth
// of the work.
func (s *Screen) Estimate(p Picture) int {
	q := s.begin(p)
	return q.findScrolls(q.wanted(p.Rows), p.Region, true)[0].estimate
}

// mostWork is how many cells are looked at for one picture before the best way
// found so far is good enough; 24 rows of 80 columns hardly ever need as many.
const mostWork = 1 << 19

// Work is how many cells of the terminal were looked at since New, in all the ways
// to draw that were tried. It measures what they cost where a clock would tell of
// the machine.
func (s *Screen) Work() int { return s.pen.work }

// begin is the state of the terminal before p is drawn, until the next call.
func (s *Screen) begin(p Picture) *pen {
	q := &s.pen.states[0]
	q.set(&s.pen)
	if !s.known {
		q.begin(p.Region)
	}
	q.most = q.work + mostWork
	return q
}

// next is the state of the terminal after p was drawn, until the next call.
func (s *Screen) next(p Picture) *pen {
	q := s.begin(p)
	return q.update(q.wanted(p.Rows), q.goal(p), p.Region)
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
