package editors

import (
	"context"
	"fmt"
	"os"
	"time"
)

// An Edit is the typical one from the first byte to the last: open, search, go to the
// end of the line, append a comment, save, quit.
type Edit struct {
	Bytes  int      `json:"bytes"`
	Wrong  string   `json:"wrong,omitempty"`  // how the screen or the file differ from what they should be
	Faults []string `json:"faults,omitempty"` // what was sent that the terminal does not know
}

// MeasureEdit makes the typical edit. It overwrites file. Keys are pressed as slowly as
// the screen follows, and the person looks up where people do: what an editor
// shows only then is in the figure.
func MeasureEdit(ctx context.Context, e Editor, file string, t Terminal) (r Edit, err error) {
	if err := os.WriteFile(file, []byte(original), 0o644); err != nil {
		return r, err
	}
	s, err := start(ctx, e, file, t, 0)
	if err != nil {
		return r, err
	}
	defer s.close()
	if _, err := s.opened(firstWords); err != nil {
		return r, err
	}
	s.settle()
	s.press(quiet, e.search()...)
	s.settle()
	s.press(quiet, e.Append...)
	s.press(quiet, letters(comment)...)
	s.settle()
	if !s.shows(editedLine) {
		r.Wrong = fmt.Sprintf("the screen does not show %q", editedLine)
	}
	s.press(quiet, e.SaveQuit...)
	if !s.ended(5 * time.Second) {
		return r, fmt.Errorf("%s does not quit; its screen:\n%s", e.Name, s.text())
	}
	s.settle()
	r.Bytes, _ = s.count()
	r.Faults = s.faults()
	saved, err := os.ReadFile(file)
	if err != nil {
		return r, err
	}
	if string(saved) != edited() {
		r.Wrong = fmt.Sprintf("the saved file is wrong, %d bytes for %d", len(saved), len(edited()))
	}
	return r, nil
}
