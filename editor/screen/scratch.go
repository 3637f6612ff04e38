package screen

// scratch is what drawing needs beside the state of the terminal, kept from one
// picture to the next. All pens of a Screen share it.
type scratch struct {
	clusters clusters
	empty    *row // the only one without text
	want     []*row
	made     row
	work     int // cells looked at, see Screen.Work
	most     int // of work, for this picture

	states    [5]pen // of update
	estimates estimates
	tries     [mostShifts + 1]try // of a row
	shifts    [mostShifts + 1][triedShifts]shift
}

func newScratch(t Terminal) *scratch {
	r := row{cells: make([]cell, t.Cols)}
	fill(r.cells)
	r.finish()
	return &scratch{empty: &r}
}

// spent tells whether no more ways to draw are to be tried.
func (s *scratch) spent() bool { return s.work > s.most }

// A try is a row being drawn in one way, and what the best way so far sent.
type try struct {
	pen       pen
	row       row
	out, best []byte
}
