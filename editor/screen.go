package editor

import (
	"slices"
	"strconv"
)

// Screen knows what a terminal shows and finds the few bytes that turn it into
// the next Picture. It uses what every VT100 has (cursor motion, scroll region,
// erase) and, where canInsert says so, insert and delete character.
type Screen struct {
	rows, cols int
	canInsert  bool
	shown      [][]string
	row, col   int // the terminal's cursor
	region     int // rows of the scroll region, 0: nothing was drawn yet
	out        []byte
}

// NewScreen is for a terminal of which nothing is known but its size.
func NewScreen(rows, cols int, canInsert bool) *Screen {
	return &Screen{rows: rows, cols: cols, canInsert: canInsert, shown: make([][]string, rows)}
}

// Draw returns what to send so that the terminal shows p.
func (s *Screen) Draw(p Picture) []byte {
	s.out = nil
	if s.region == 0 {
		s.put("\x1b[r\x1b[H\x1b[J")
		s.setRegion(0, p.Region)
		s.region = p.Region
	}
	s.scroll(p)
	for i := range s.shown {
		s.drawRow(i, trim(p.Rows[i]))
	}
	s.moveTo(p.Row, p.Col)
	return s.out
}

// Leave returns what to send at the end: the whole screen scrolls again, the
// cursor stands below the text, where status and help were.
func (s *Screen) Leave() []byte {
	s.out = nil
	s.put("\x1b[r\x1b[?7h") // firmware leaves autowrap off; what follows wants it
	s.row, s.col = -1, -1
	s.moveTo(min(s.region, s.rows-1), 0)
	s.put("\x1b[J")
	return s.out
}

func (s *Screen) put(b string) { s.out = append(s.out, b...) }

// setRegion makes the rows from..to-1 scroll; terminals put the cursor home.
func (s *Screen) setRegion(from, to int) {
	s.put("\x1b[")
	if from > 0 {
		s.put(strconv.Itoa(from + 1))
	}
	s.put(";" + strconv.Itoa(to) + "r")
	s.row, s.col = -1, -1
}

func trim(row []string) []string {
	n := len(row)
	for n > 0 && row[n-1] == " " {
		n--
	}
	return row[:n]
}

// scroll moves what is shown already to where it is wanted, from the first row
// that differs to the end of the text, if that is cheaper than drawing.
func (s *Screen) scroll(p Picture) {
	first := 0
	for first < s.region && slices.Equal(s.shown[first], trim(p.Rows[first])) {
		first++
	}
	best, gain := 0, 0
	for k := 1; k < s.region-first; k++ {
		up, down := 0, 0
		for i := first; i+k < s.region; i++ {
			if want := trim(p.Rows[i]); !slices.Equal(s.shown[i], want) && slices.Equal(s.shown[i+k], want) {
				up += len(want) + 4
			}
			if want := trim(p.Rows[i+k]); !slices.Equal(s.shown[i+k], want) && slices.Equal(s.shown[i], want) {
				down += len(want) + 4
			}
		}
		if up-k > gain {
			best, gain = k, up-k
		}
		if down-2*k > gain {
			best, gain = -k, down-2*k
		}
	}
	cost := 8
	if first > 0 {
		cost += 12
	}
	if gain <= cost {
		return
	}
	if first > 0 {
		s.setRegion(first, s.region)
	}
	if best > 0 {
		s.moveTo(s.region-1, max(s.col, 0))
		for range best {
			s.put("\n")
		}
		copy(s.shown[first:s.region], s.shown[first+best:s.region])
		for i := s.region - best; i < s.region; i++ {
			s.shown[i] = nil
		}
	} else {
		s.moveTo(first, max(s.col, 0))
		for range -best {
			s.put("\x1bM")
		}
		copy(s.shown[first-best:s.region], s.shown[first:s.region+best])
		for i := first; i < first-best; i++ {
			s.shown[i] = nil
		}
	}
	if first > 0 {
		s.setRegion(0, s.region)
	}
}

func (s *Screen) drawRow(i int, want []string) {
	have := s.shown[i]
	from := 0
	for from < len(have) && from < len(want) && have[from] == want[from] {
		from++
	}
	if from == len(have) && from == len(want) {
		return
	}
	for from > 0 && (from < len(want) && want[from] == "" || from < len(have) && have[from] == "") {
		from-- // never begin in the second half of a wide character
	}
	defer func() { s.shown[i] = want }()
	if s.shift(i, from, have, want) {
		return
	}
	to := len(want)
	if len(have) == len(want) { // the same end need not be sent
		for to > from && have[to-1] == want[to-1] {
			to--
		}
		for to < len(want) && want[to] == "" {
			to++
		}
	}
	s.moveTo(i, from)
	for c := from; c < to; c++ {
		s.put(want[c])
	}
	s.col = to
	if len(have) > len(want) {
		s.put("\x1b[K")
	}
}

// shift draws a row by inserting or deleting characters at from, if that is all
// the difference. Text that leaves the terminal on the right was cut from want too.
func (s *Screen) shift(i, from int, have, want []string) bool {
	if !s.canInsert {
		return false
	}
	const most = 16 // beyond, drawing costs the same
	for n := 1; n <= most; n++ {
		if from+n < len(want) && len(have) == len(want)-n && slices.Equal(want[from+n:], have[from:]) {
			s.moveTo(i, from)
			s.csi(n, "@")
			for _, c := range want[from : from+n] {
				s.put(c)
			}
			s.col = from + n
			return true
		}
		if from+n < len(have) && len(have) == len(want)+n && slices.Equal(want[from:], have[from+n:]) {
			s.moveTo(i, from)
			s.csi(n, "P")
			return true
		}
	}
	return false
}

func (s *Screen) csi(n int, final string) {
	s.put("\x1b[")
	if n > 1 {
		s.put(strconv.Itoa(n))
	}
	s.put(final)
}

// moveTo takes the cheapest way to a place.
func (s *Screen) moveTo(row, col int) {
	switch {
	case s.row == row && s.col == col:
	case s.row < 0: // unknown
		s.absolute(row, col)
	case s.row == row && col == 0:
		s.put("\r")
	case s.row == row && col < s.col && s.col-col <= 4:
		for range s.col - col {
			s.put("\b")
		}
	case s.row == row && col > s.col:
		s.csi(col-s.col, "C")
	case s.row == row:
		s.csi(s.col-col, "D")
	case row == s.row+1 && (col == s.col || col == 0) && s.row != s.region-1:
		if col != s.col {
			s.put("\r")
		}
		s.put("\n")
	case row == s.row-1 && col == s.col && s.row != 0 && s.row != s.region:
		s.put("\x1bM")
	default:
		s.absolute(row, col)
	}
	s.row, s.col = row, col
}

func (s *Screen) absolute(row, col int) {
	s.put("\x1b[")
	if row > 0 {
		s.put(strconv.Itoa(row + 1))
	}
	if col > 0 {
		s.put(";" + strconv.Itoa(col+1))
	}
	s.put("H")
}
