package editor

import "testing"

func TestEveryMotionWithoutShiftLetsGoOfWhatShiftSelected(t *testing.T) {
	for _, c := range []struct{ keys, after string }{
		{"<sright><^E>X", "ab\ncd efX|"},
		{"<sright><^A>X", "ab\nX|cd ef"},
		{"<sright><^F>f<enter>X", "ab\ncd eX|f"},
		{"<sright><^T>1<enter>X", "X|ab\ncd ef"},
		{"<^^><^E><^K>", "ab\n|"},
		{"<^^><^F>f<enter><^K>", "ab\n|f"},
	} {
		m := editing("ab\ncd ef")
		m.press("<down>" + c.keys)
		if got := m.shown(); got != c.after {
			t.Errorf("%s gives %q, want %q", c.keys, got, c.after)
		}
	}
}

func TestTheCursorAfterReplacingInASelectionIsBehindIt(t *testing.T) {
	m := editing("aaä.ä")
	m.press("<^^><right><right><right><^R>a<enter>long<enter>")
	if got := m.shown(); got != "longlongä|.ä" {
		t.Errorf("it is %q", got)
	}
}
