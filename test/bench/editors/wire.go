package editors

import (
	"context"
	"fmt"
	"os"
	"slices"
)

// Wire is what an editor sends, in bytes. Figures of a key are the median of
// several; of scrolling the mean, because some jump half a screen now and then.
type Wire struct {
	Start      int     `json:"start"`       // until the screen rests
	Type       int     `json:"type"`        // a letter within a line, 60 columns before its end
	TypeRest   int     `json:"type_rest"`   // the same, with what comes when the keyboard rests
	Down       int     `json:"down"`        // within the screen
	DownRest   int     `json:"down_rest"`   //
	Scroll     float64 `json:"scroll"`      // down on the last row
	ScrollCPU  float64 `json:"scroll_cpu"`  // processor time of that, ms
	PageDown   int     `json:"page_down"`   //
	Enter      int     `json:"enter"`       // splits the line
	DeleteLine int     `json:"delete_line"` //
	Search     int     `json:"search"`      // another page, typed letter by letter
}

// Where the letters go: line 15, column 8.
const (
	longLine = 15
	rightOf  = 8
)

// MeasureWire writes file, opens it in e and counts bytes.
func MeasureWire(ctx context.Context, e Editor, file string, t Terminal) (w Wire, err error) {
	if err := os.WriteFile(file, []byte(original), 0o644); err != nil {
		return w, err
	}
	s, err := start(ctx, e, file, t, 0)
	if err != nil {
		return w, err
	}
	defer s.close()
	if _, err := s.opened(firstWords); err != nil {
		return w, err
	}
	s.settle()
	w.Start, _ = s.count()

	const few, many = 4, longLine - 1 - 4
	w.Down = median(s.each(quiet, times(many, e.Down)...))
	s.settle()
	w.DownRest = median(s.each(rest, times(few, e.Down)...))

	s.jump(times(rightOf, e.Right)...)
	s.jump(e.Insert...)
	w.Type = median(s.each(quiet, letters("abcdef")...))
	s.settle()
	w.TypeRest = median(s.each(rest, letters("xyz")...))
	w.Enter = s.press(quiet, enter)
	s.jump(e.Command...)
	w.DeleteLine = s.press(quiet, e.DeleteLine...)
	s.settle()

	third := s.row(2) // above it some have a title
	for n := 0; s.row(2) == third; n++ {
		if n > rows {
			return w, fmt.Errorf("%s: Down does not scroll; its screen:\n%s", e.Name, s.text())
		}
		s.press(quiet, e.Down)
	}
	const lines = 30
	before, err := cpuTime(s.cmd.Process.Pid)
	if err != nil {
		return w, err
	}
	w.Scroll = float64(s.press(quiet, times(lines, e.Down)...)) / lines
	after, err := cpuTime(s.cmd.Process.Pid)
	if err != nil {
		return w, err
	}
	w.ScrollCPU = milliseconds(after-before) / lines
	s.settle()
	s.jump(e.PageDown) // for some the first goes to the last row
	w.PageDown = s.press(quiet, e.PageDown)
	s.settle()
	w.Search = s.press(quiet, e.search()...)
	if s.ended(0) {
		err = fmt.Errorf("%s: ended in the middle of the script", e.Name)
	}
	return w, err
}

func (e Editor) search() (keys []string) {
	keys = append(keys, e.Find...)
	keys = append(keys, letters(wanted)...)
	return append(keys, e.FindEnd...)
}

func times(n int, key string) []string {
	keys := make([]string, n)
	for i := range keys {
		keys[i] = key
	}
	return keys
}

// median is not moved by the one key whose bytes came late and were taken for the next's.
func median(bytes []int) int {
	slices.Sort(bytes)
	return bytes[len(bytes)/2]
}
