package editor

import (
	"os"
	"testing"
	"time"
)

// The answers to measure come in the order of its questions: the size, then where a line feed led to.
func TestWhatTheTerminalAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		answers  [][2]int
		size     [2]int // told by the first answer; 0, 0: it is not taken
		lineFeed bool
	}{
		"a terminal":                        {[][2]int{{30, 100}, {2, 3}}, [2]int{30, 100}, true},
		"behind what adds carriage returns": {[][2]int{{30, 100}, {2, 1}}, [2]int{30, 100}, false},
		"of one row":                        {[][2]int{{1, 100}, {1, 3}}, [2]int{1, 100}, false},
		"the size is nonsense":              {[][2]int{{9999, 9999}, {2, 3}}, [2]int{}, true},
		"it answers once":                   {[][2]int{{30, 100}}, [2]int{30, 100}, false},
	} {
		out, err := os.Open(os.DevNull)
		if err != nil {
			t.Fatal(err)
		}
		defer out.Close()
		term := &terminal{out: out, uart: true, asked: time.Now()}
		var size [2]int
		for _, a := range c.answers {
			if !term.keepsColumn(a[0], a[1]) && term.reported(a[0], a[1]) {
				size = a
			}
		}
		if size != c.size || term.lineFeed != c.lineFeed {
			t.Errorf("%s: size %v, line feed %v; want %v, %v", name, size, term.lineFeed, c.size, c.lineFeed)
		}
	}
}
